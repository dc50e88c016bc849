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
    /// Local stand-in.
    pub fn new() -> Result<Self, super::IndexError> {
        Ok(Self {})
    }

    /// Term weights of a passage with its title and headings.
    pub fn document(&self, title: &str, heading_path: &[String], passage: &str) -> SparseVector {
        let _ = heading_path;
        self.query(&format!("{title} {passage}"))
    }

    /// Terms of a query, each with weight 1.
    pub fn query(&self, query: &str) -> SparseVector {
        let mut indices: Vec<u32> = query
            .split_whitespace()
            .map(|word| word.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())))
            .collect();
        indices.sort_unstable();
        indices.dedup();
        let values = vec![1.0; indices.len()];
        SparseVector { indices, values }
    }
}
