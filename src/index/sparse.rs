//! BM25 sparse vectors.

use super::IndexError;
use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};
use qdrant_edge::external::ordered_float::NotNan;

/// Saturation of repeated terms, the usual value.
const K1: f64 = 1.2;
/// How far length counts, the usual value.
const B: f64 = 0.75;
/// Terms of an average passage with its title and headings, stop words gone: a full chunk of 222 word pieces has about
/// 170 words, of which 90 remain, and many chunks are shorter.
const AVERAGE_TERMS: f64 = 90.0;
/// How often the title's terms count beside the passage's.
const TITLE_WEIGHT: usize = 2;

/// Term weights; the IDF factor is applied by the index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    /// Term ids, ascending.
    pub indices: Vec<u32>,
    /// Weights, one per index.
    pub values: Vec<f32>,
}

/// Turns passages and queries into term weights: BM25 with k1 = 1.2 and b = 0.75 over stemmed English without stop
/// words, by the engine's own tokenizer, so that every back end ranks alike.
#[derive(Debug)]
pub struct SparseEncoder {
    model: EdgeBm25,
}

impl SparseEncoder {
    /// The encoder for English.
    ///
    /// # Errors
    /// [`IndexError::Backend`] when the engine refuses its constants, which tests exclude.
    pub fn new() -> Result<Self, IndexError> {
        let constant = |value| {
            NotNan::new(value).map_err(|error| IndexError::Backend(format!("BM25 parameter: {error}")))
        };
        let config = EdgeBm25Config {
            k: constant(K1)?,
            b: constant(B)?,
            avg_len: constant(AVERAGE_TERMS)?,
            ..Default::default()
        };
        let model = EdgeBm25::new(config).map_err(|error| IndexError::Backend(error.to_string()))?;
        Ok(Self { model })
    }

    /// Term weights of a passage with its title and headings.
    pub fn document(&self, title: &str, heading_path: &[String], passage: &str) -> SparseVector {
        let mut text = String::with_capacity(TITLE_WEIGHT * title.len() + passage.len() + 64);
        for part in std::iter::repeat_n(title, TITLE_WEIGHT).chain(heading_path.iter().map(String::as_str)) {
            text.push_str(part);
            text.push('\n');
        }
        text.push_str(passage);
        sorted(self.model.embed_document(&text))
    }

    /// Terms of a query, each with weight 1.
    pub fn query(&self, query: &str) -> SparseVector {
        sorted(self.model.embed_query(query))
    }
}

fn sorted(vector: qdrant_edge::SparseVector) -> SparseVector {
    let mut terms: Vec<(u32, f32)> = vector.indices.into_iter().zip(vector.values).collect();
    terms.sort_unstable_by_key(|(index, _)| *index);
    terms.dedup_by_key(|(index, _)| *index);
    let (indices, values) = terms.into_iter().unzip();
    SparseVector { indices, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(vector: &SparseVector, encoder: &SparseEncoder, term: &str) -> f32 {
        let id = encoder.query(term).indices[0];
        vector
            .indices
            .iter()
            .position(|index| *index == id)
            .map_or(0.0, |at| vector.values[at])
    }

    #[test]
    fn words_are_stemmed_and_stop_words_dropped() {
        let encoder = SparseEncoder::new().unwrap();
        assert_eq!(encoder.query("running"), encoder.query("runs"));
        assert!(encoder.query("the and of").indices.is_empty());
        let query = encoder.query("budget meeting notes");
        assert_eq!(query.values, [1.0; 3]);
        assert!(query.indices.is_sorted());
    }

    #[test]
    fn titles_weigh_more_than_passages() {
        let encoder = SparseEncoder::new().unwrap();
        let titled = encoder.document("Budget", &[], "The plan of the year.");
        let passage = encoder.document("Plan", &[], "The budget of the year.");
        let headed = encoder.document("Plan", &["Budget".to_owned()], "The words of the year.");
        assert!(weight(&titled, &encoder, "budget") > weight(&passage, &encoder, "budget"));
        assert!(weight(&headed, &encoder, "budget") > 0.0);
        assert!(titled.indices.is_sorted());
    }
}
