//! A vector index in memory.

use crate::ids::{AccessSetId, ChunkId, DocumentId};
use crate::index::{Hit, IndexError, IndexStats, Point, SparseVector, TenantFilter, VectorIndex};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Keeps points; ranks nothing.
#[derive(Default)]
pub struct MemoryIndex {
    points: Mutex<BTreeMap<i64, Point>>,
    /// Every write fails.
    pub down: AtomicBool,
    /// Points and vectors written so far.
    pub written: AtomicUsize,
}

impl MemoryIndex {
    /// Chunk, access set, and whether a dense vector is there.
    pub fn contents(&self) -> Vec<(i64, i64, bool)> {
        let points = self.points.lock().unwrap();
        points
            .values()
            .map(|point| (point.chunk.0, point.access_set.0, point.dense.is_some()))
            .collect()
    }

    fn writable(&self) -> Result<(), IndexError> {
        if self.down.load(Ordering::SeqCst) {
            Err(IndexError::Unavailable("down".into()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl VectorIndex for MemoryIndex {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError> {
        self.writable()?;
        self.written.fetch_add(points.len(), Ordering::SeqCst);
        self.points
            .lock()
            .unwrap()
            .extend(points.into_iter().map(|point| (point.chunk.0, point)));
        Ok(())
    }

    async fn set_dense(&self, vectors: Vec<(ChunkId, Vec<f32>)>) -> Result<(), IndexError> {
        self.writable()?;
        self.written.fetch_add(vectors.len(), Ordering::SeqCst);
        let mut points = self.points.lock().unwrap();
        for (chunk, vector) in vectors {
            if let Some(point) = points.get_mut(&chunk.0) {
                point.dense = Some(vector);
            }
        }
        Ok(())
    }

    async fn set_access(&self, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError> {
        self.writable()?;
        let mut points = self.points.lock().unwrap();
        for (document, access_set) in changes {
            for point in points.values_mut().filter(|point| point.document == *document) {
                point.access_set = *access_set;
            }
        }
        Ok(())
    }

    async fn delete(&self, chunks: &[ChunkId]) -> Result<(), IndexError> {
        self.writable()?;
        self.points
            .lock()
            .unwrap()
            .retain(|id, _| !chunks.contains(&ChunkId(*id)));
        Ok(())
    }

    async fn query_dense(&self, _: Vec<f32>, _: &TenantFilter, _: usize) -> Result<Vec<Hit>, IndexError> {
        Ok(Vec::new())
    }

    async fn query_sparse(
        &self,
        _: SparseVector,
        _: &TenantFilter,
        _: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        Ok(Vec::new())
    }

    async fn stats(&self) -> Result<IndexStats, IndexError> {
        Ok(IndexStats {
            points: self.points.lock().unwrap().len() as u64,
        })
    }

    async fn clear(&self) -> Result<(), IndexError> {
        self.points.lock().unwrap().clear();
        Ok(())
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        Ok(())
    }
}
