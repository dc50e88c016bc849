//! One forward pass: texts → tokens → model → numbers.

use super::{ModelDirectory, OnnxError};
use crate::index::model as built_in;
use ::rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::{AsView, Layout, NdTensor, Tensor};
use std::sync::Arc;
use tokenizers::{Encoding, Tokenizer, TruncationParams};

/// Where a model's files are.
#[derive(Debug, Clone)]
pub(crate) enum ModelSource {
    /// In the binary.
    BuiltIn,
    /// In a directory.
    Directory(ModelDirectory),
}

/// A loaded model with its tokenizer.
pub(crate) struct BertModel {
    model: Model,
    tokenizer: Tokenizer,
    input_ids: NodeId,
    attention_mask: Option<NodeId>,
    token_type_ids: Option<NodeId>,
    output: NodeId,
    pad_token: i32,
}

/// What a pass gives: row by row, the first axis is the text.
pub(crate) struct Output {
    /// Lengths of the axes.
    pub(crate) shape: Vec<usize>,
    /// The numbers.
    pub(crate) values: Vec<f32>,
}

impl BertModel {
    /// Loads model and tokenizer. `outputs`: names of the output wanted, best first; without any of them the first is
    /// taken.
    pub(crate) fn load(source: &ModelSource, outputs: &[&str]) -> Result<Self, OnnxError> {
        let unusable = |error: &dyn std::fmt::Display| OnnxError::Model(error.to_string());
        let (model, tokenizer, max_tokens, pad_token) = match source {
            ModelSource::BuiltIn => (
                Model::load_static_slice(built_in::ONNX),
                Tokenizer::from_bytes(built_in::TOKENIZER),
                built_in::MAX_TOKENS,
                0,
            ),
            ModelSource::Directory(directory) => (
                Model::load_file(directory.onnx_file()),
                Tokenizer::from_file(directory.tokenizer_file()),
                directory.max_tokens(),
                directory.pad_token(),
            ),
        };
        let model = model.map_err(|error| unusable(&error))?;
        let mut tokenizer = tokenizer.map_err(|error| unusable(&error))?;
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| unusable(&error))?;
        tokenizer.with_padding(None);
        let input_ids = model.node_id("input_ids").map_err(|error| unusable(&error))?;
        let output = output_of(&model, outputs)?;
        Ok(Self {
            input_ids,
            attention_mask: input_of(&model, "attention_mask"),
            token_type_ids: input_of(&model, "token_type_ids"),
            output,
            model,
            tokenizer,
            pad_token,
        })
    }

    /// Tokens of a text, cut to what the model reads.
    pub(crate) fn encode(&self, text: &str) -> Result<Encoding, OnnxError> {
        let encoded = self.tokenizer.encode_fast(text, true);
        encoded.map_err(|error| OnnxError::Inference(error.to_string()))
    }

    /// Tokens of a pair; the longer of the two is cut.
    pub(crate) fn encode_pair(&self, first: &str, second: &str) -> Result<Encoding, OnnxError> {
        let encoded = self.tokenizer.encode_fast((first, second), true);
        encoded.map_err(|error| OnnxError::Inference(error.to_string()))
    }

    /// A small batch in one pass; the shorter texts are padded to the longest.
    pub(crate) fn run(&self, encodings: &[Encoding], pool: &Arc<ThreadPool>) -> Result<Output, OnnxError> {
        let failed = |error: &dyn std::fmt::Display| OnnxError::Inference(error.to_string());
        let width = encodings.iter().map(Encoding::len).max().unwrap_or(0);
        let size = [encodings.len(), width];
        let mut ids = NdTensor::<i32, 2>::full(size, self.pad_token);
        let mut mask = NdTensor::<i32, 2>::zeros(size);
        let mut types = NdTensor::<i32, 2>::zeros(size);
        for (row, encoding) in encodings.iter().enumerate() {
            let tokens = encoding.get_ids().iter().zip(encoding.get_type_ids());
            for (column, (id, kind)) in tokens.enumerate() {
                ids[[row, column]] = i32::try_from(*id).map_err(|error| failed(&error))?;
                types[[row, column]] = i32::try_from(*kind).map_err(|error| failed(&error))?;
                mask[[row, column]] = 1;
            }
        }
        let mut inputs = vec![(self.input_ids, ids.view().into())];
        if let Some(node) = self.attention_mask {
            inputs.push((node, mask.view().into()));
        }
        if let Some(node) = self.token_type_ids {
            inputs.push((node, types.view().into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [output] = self
            .model
            .run_n(inputs, [self.output], Some(options))
            .map_err(|error| failed(&error))?;
        let output: Tensor<f32> = output
            .try_into()
            .map_err(|_| OnnxError::Model("the model's output holds no numbers of 32 bits".to_owned()))?;
        Ok(Output {
            shape: output.shape().to_vec(),
            values: output.to_vec(),
        })
    }
}

/// An input of this name, if the model has it: `RoBERTa`'s know no token types.
fn input_of(model: &Model, name: &str) -> Option<NodeId> {
    let node = model.find_node(name)?;
    model.input_ids().contains(&node).then_some(node)
}

fn output_of(model: &Model, wanted: &[&str]) -> Result<NodeId, OnnxError> {
    let outputs = model.output_ids();
    wanted
        .iter()
        .filter_map(|name| model.find_node(name))
        .find(|node| outputs.contains(node))
        .or_else(|| outputs.first().copied())
        .ok_or_else(|| OnnxError::Model("the model has no output".to_owned()))
}
