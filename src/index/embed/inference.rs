//! One vector per text: the model's output pooled and scaled to length 1.

use super::{EmbeddingError, unit_length};
use crate::index::onnx::{BertModel, ModelSource, OnnxError, Output, Pooling};
use ::rten::ThreadPool;
use std::sync::Arc;
use tokenizers::Encoding;

/// Outputs with a vector per token, then one that the model has pooled itself.
const OUTPUTS: [&str; 3] = ["last_hidden_state", "token_embeddings", "sentence_embedding"];

/// A loaded model.
pub(super) struct Inference {
    model: BertModel,
    pooling: Pooling,
    dimension: usize,
}

impl From<OnnxError> for EmbeddingError {
    fn from(error: OnnxError) -> Self {
        match error {
            OnnxError::Model(text) => Self::Model(text),
            OnnxError::Inference(text) => Self::Inference(text),
        }
    }
}

impl Inference {
    /// Loads model and tokenizer.
    pub(super) fn load(source: &ModelSource, dimension: usize) -> Result<Self, EmbeddingError> {
        let pooling = match source {
            ModelSource::BuiltIn => Pooling::Mean,
            ModelSource::Directory(directory) => directory.pooling(),
        };
        Ok(Self {
            model: BertModel::load(source, &OUTPUTS)?,
            pooling,
            dimension,
        })
    }

    /// Vectors of a small batch, in order.
    pub(super) fn run(
        &self,
        texts: &[String],
        pool: &Arc<ThreadPool>,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let encodings = texts
            .iter()
            .map(|text| self.model.encode(text))
            .collect::<Result<Vec<_>, _>>()?;
        let output = self.model.run(&encodings, pool)?;
        let mut vectors = self.pooled(&output, &encodings)?;
        for vector in &mut vectors {
            unit_length(vector);
        }
        Ok(vectors)
    }

    fn pooled(&self, output: &Output, encodings: &[Encoding]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let unexpected =
            || EmbeddingError::Model(format!("the model's output has the shape {:?}", output.shape));
        match output.shape[..] {
            [texts, dimension] if texts == encodings.len() && dimension == self.dimension => Ok(output
                .values
                .chunks_exact(dimension)
                .map(<[f32]>::to_vec)
                .collect()),
            [texts, width, dimension] if texts == encodings.len() && dimension == self.dimension => {
                let rows = output.values.chunks_exact((width * dimension).max(1));
                Ok(rows
                    .zip(encodings)
                    .map(|(row, encoding)| {
                        let tokens = row.chunks_exact(dimension).take(encoding.len());
                        pool(self.pooling, tokens, dimension)
                    })
                    .collect())
            }
            _ => Err(unexpected()),
        }
    }
}

/// The tokens' vectors as one, not scaled yet.
fn pool<'v>(pooling: Pooling, tokens: impl Iterator<Item = &'v [f32]>, dimension: usize) -> Vec<f32> {
    let combine = |start: f32, combine: fn(f32, f32) -> f32, tokens: &mut dyn Iterator<Item = &'v [f32]>| {
        let mut all = vec![start; dimension];
        for vector in tokens {
            for (total, value) in all.iter_mut().zip(vector) {
                *total = combine(*total, *value);
            }
        }
        all
    };
    let mut tokens = tokens;
    match pooling {
        // The sum points where the mean does.
        Pooling::Mean => combine(0.0, |a, b| a + b, &mut tokens),
        Pooling::Max => combine(f32::MIN, f32::max, &mut tokens),
        Pooling::Cls => tokens
            .next()
            .map_or_else(|| vec![0.0; dimension], <[f32]>::to_vec),
    }
}
