//! One forward pass: texts → tokens → model → mean → unit length.

use super::EmbeddingError;
use crate::index::model as built_in;
use ::rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::{AsView, Layout, NdTensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokenizers::{Tokenizer, TruncationParams};

/// Where a model's files are.
#[derive(Debug, Clone)]
pub(super) enum ModelSource {
    /// In the binary.
    BuiltIn,
    /// `model.onnx` and `tokenizer.json` in a directory.
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Word pieces that the model reads.
        max_tokens: usize,
    },
}

/// A loaded model.
pub(super) struct Inference {
    model: Model,
    tokenizer: Tokenizer,
    input_ids: NodeId,
    attention_mask: NodeId,
    token_type_ids: Option<NodeId>,
    output: NodeId,
    dimension: usize,
}

impl Inference {
    /// Loads model and tokenizer.
    pub(super) fn load(source: &ModelSource, dimension: usize) -> Result<Self, EmbeddingError> {
        let (model, tokenizer, max_tokens) = match source {
            ModelSource::BuiltIn => (
                Model::load_static_slice(built_in::ONNX),
                Tokenizer::from_bytes(built_in::TOKENIZER),
                built_in::MAX_TOKENS,
            ),
            ModelSource::Directory { dir, max_tokens } => (
                Model::load_file(dir.join("model.onnx")),
                load_tokenizer(dir),
                *max_tokens,
            ),
        };
        let model = model.map_err(|error| EmbeddingError::Model(error.to_string()))?;
        let mut tokenizer = tokenizer.map_err(|error| EmbeddingError::Model(error.to_string()))?;
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| EmbeddingError::Model(error.to_string()))?;
        tokenizer.with_padding(None);
        let node = |name| {
            model
                .node_id(name)
                .map_err(|error| EmbeddingError::Model(error.to_string()))
        };
        let (input_ids, attention_mask) = (node("input_ids")?, node("attention_mask")?);
        let token_type_ids = model.find_node("token_type_ids");
        let output = *model
            .output_ids()
            .first()
            .ok_or_else(|| EmbeddingError::Model("the model has no output".to_owned()))?;
        Ok(Self {
            model,
            tokenizer,
            input_ids,
            attention_mask,
            token_type_ids,
            output,
            dimension,
        })
    }

    /// Vectors of a small batch, in order; the shorter texts are padded to the longest.
    pub(super) fn run(
        &self,
        texts: &[String],
        pool: &Arc<ThreadPool>,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let failed = |error: &dyn std::fmt::Display| EmbeddingError::Inference(error.to_string());
        let mut encodings = Vec::with_capacity(texts.len());
        for text in texts {
            encodings.push(
                self.tokenizer
                    .encode_fast(text.as_str(), true)
                    .map_err(|error| failed(&error))?,
            );
        }
        let width = encodings.iter().map(tokenizers::Encoding::len).max().unwrap_or(0);
        let mut ids = NdTensor::<i32, 2>::zeros([texts.len(), width]);
        let mut mask = NdTensor::<i32, 2>::zeros([texts.len(), width]);
        for (row, encoding) in encodings.iter().enumerate() {
            for (column, id) in encoding.get_ids().iter().enumerate() {
                ids[[row, column]] = i32::try_from(*id).map_err(|error| failed(&error))?;
                mask[[row, column]] = 1;
            }
        }
        let mut inputs = vec![
            (self.input_ids, ids.view().into()),
            (self.attention_mask, mask.view().into()),
        ];
        let types = NdTensor::<i32, 2>::zeros([texts.len(), width]);
        if let Some(node) = self.token_type_ids {
            inputs.push((node, types.view().into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [hidden] = self
            .model
            .run_n(inputs, [self.output], Some(options))
            .map_err(|error| failed(&error))?;
        let hidden: NdTensor<f32, 3> = hidden.try_into().map_err(|_| failed(&"unexpected output type"))?;
        if hidden.shape() != [texts.len(), width, self.dimension] {
            return Err(EmbeddingError::Model(format!(
                "unexpected output shape {:?}",
                hidden.shape()
            )));
        }
        let hidden = hidden.to_contiguous();
        let values = hidden.data();
        let rows = values.chunks_exact((width * self.dimension).max(1));
        Ok(rows
            .zip(&encodings)
            .map(|(row, encoding)| mean(row, encoding.len(), self.dimension))
            .collect())
    }
}

fn load_tokenizer(dir: &Path) -> tokenizers::Result<Tokenizer> {
    Tokenizer::from_file(dir.join("tokenizer.json"))
}

/// Mean of the first `tokens` vectors, scaled to length 1.
fn mean(row: &[f32], tokens: usize, dimension: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; dimension];
    for vector in row.chunks_exact(dimension).take(tokens) {
        for (total, value) in sum.iter_mut().zip(vector) {
            *total += value;
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut sum {
            *value /= length;
        }
    }
    sum
}
