//! The built-in embedding model, part of the binary.

/// Hugging Face tokenizer file.
pub(super) const TOKENIZER: &[u8] = include_bytes!("../../models/all-MiniLM-L6-v2-int8/tokenizer.json");

/// ONNX graph with int8 weights.
pub(super) const ONNX: &[u8] = include_bytes!("../../models/all-MiniLM-L6-v2-int8/model.onnx");

/// Word pieces that the model was trained to read, special tokens included.
pub(super) const MAX_TOKENS: usize = 256;

/// Length of its vectors.
pub(super) const DIMENSION: usize = 384;

/// Names model and dimension.
pub(super) const IDENTITY: &str = "all-MiniLM-L6-v2-int8@384";
