//! BM25 sparse vectors.

/// Term weights; the IDF factor is applied by the index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    /// Term ids, ascending.
    pub indices: Vec<u32>,
    /// Weights, one per index.
    pub values: Vec<f32>,
}

/// Turns passages and queries into term weights.
pub struct SparseEncoder {}

impl SparseEncoder {
    /// Term weights of a passage with its title and headings.
    pub fn document(&self, title: &str, heading_path: &[String], passage: &str) -> SparseVector {
        let _ = (title, heading_path, passage);
        todo!()
    }

    /// Terms of a query, each with weight 1.
    pub fn query(&self, query: &str) -> SparseVector {
        let _ = query;
        todo!()
    }
}
