//! Tiny model directories for tests: an ONNX graph of one or two nodes, written by hand in protobuf's wire format, with a
//! word-level tokenizer.
//!
//! The graph looks every token up in a table: no attention, but the same inputs, outputs and files as a real model.

use std::path::Path;

/// The words that the tokenizer knows, by their ids; `[CLS]` and `[SEP]` stand around a text.
pub(crate) const WORDS: [&str; 8] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "ferry",
];

/// A tokenizer of [`WORDS`].
fn tokenizer() -> String {
    let vocabulary: serde_json::Map<String, serde_json::Value> = WORDS
        .iter()
        .enumerate()
        .map(|(id, word)| ((*word).to_owned(), id.into()))
        .collect();
    special_tokens(&serde_json::json!({
        "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"
    }))
}

/// A tokenizer of the kind that multilingual models have (`SentencePiece`'s unigrams), with the same ids.
fn unigram_tokenizer() -> String {
    let pieces: Vec<serde_json::Value> = WORDS
        .iter()
        .map(|word| {
            let piece = if word.starts_with('[') {
                (*word).to_owned()
            } else {
                format!("▁{word}")
            };
            serde_json::json!([piece, -1.0])
        })
        .collect();
    special_tokens(&serde_json::json!({ "type": "Unigram", "vocab": pieces, "unk_id": 1 }))
}

fn special_tokens(model: &serde_json::Value) -> String {
    let special = |id: usize| {
        serde_json::json!({"id": id, "content": WORDS[id], "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true})
    };
    let token = |name: &str, kind: usize| serde_json::json!({"SpecialToken": {"id": name, "type_id": kind}});
    let text = |name: &str, kind: usize| serde_json::json!({"Sequence": {"id": name, "type_id": kind}});
    let entry = |id: usize| serde_json::json!({"id": WORDS[id], "ids": [id], "tokens": [WORDS[id]]});
    let pre_tokenizer = if model["type"] == "Unigram" {
        serde_json::json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true})
    } else {
        serde_json::json!({"type": "Whitespace"})
    };
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [special(0), special(1), special(2), special(3)],
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)],
            "pair": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0), text("B", 1), token("[SEP]", 1)],
            "special_tokens": {"[CLS]": entry(2), "[SEP]": entry(3)}
        },
        "model": model
    })
    .to_string()
}

/// What a synthetic model is like.
pub(crate) struct Synthetic<'m> {
    /// Inputs of the graph; `input_ids` must be among them.
    pub(crate) inputs: &'m [&'m str],
    /// One row per token.
    pub(crate) table: Vec<Vec<f32>>,
    /// Sums up each text's numbers into `logits`, as a cross-encoder answers, instead of `last_hidden_state`.
    pub(crate) logits: bool,
    /// `SentencePiece` instead of whole words.
    pub(crate) unigram: bool,
}

impl Synthetic<'_> {
    /// Writes `model.onnx`, `tokenizer.json` and `config.json`.
    pub(crate) fn write(&self, directory: &Path) {
        std::fs::write(directory.join("model.onnx"), self.onnx()).unwrap();
        let tokenizer = if self.unigram {
            unigram_tokenizer()
        } else {
            tokenizer()
        };
        std::fs::write(directory.join("tokenizer.json"), tokenizer).unwrap();
        let config = serde_json::json!({
            "hidden_size": self.table[0].len(), "model_type": "bert", "max_position_embeddings": 32
        });
        std::fs::write(directory.join("config.json"), config.to_string()).unwrap();
    }

    /// `ModelProto` of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
    fn onnx(&self) -> Vec<u8> {
        let width = self.table[0].len();
        let mut graph = Vec::new();
        let found = if self.logits { "found" } else { "last_hidden_state" };
        graph.extend(bytes(1, &node("Gather", &["table", "input_ids"], found, &[])));
        if self.logits {
            // Over tokens and dimensions; one number per text is left.
            let axes = [ints("axes", &[1, 2]), int("keepdims", 0)];
            graph.extend(bytes(1, &node("ReduceSum", &["found"], "logits", &axes)));
        }
        graph.extend(bytes(2, b"synthetic"));
        let mut table = [number(1, self.table.len()), number(1, width), number(2, 1)].concat();
        let values: Vec<u8> = self
            .table
            .iter()
            .flatten()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        table.extend(bytes(8, b"table"));
        table.extend(bytes(9, &values));
        graph.extend(bytes(5, &table));
        for input in self.inputs {
            graph.extend(bytes(11, &value(input, 7, &["batch", "sequence"])));
        }
        let output = if self.logits {
            value("logits", 1, &["batch"])
        } else {
            value("last_hidden_state", 1, &["batch", "sequence", "hidden"])
        };
        graph.extend(bytes(12, &output));
        // ReduceSum takes its axes as an attribute up to version 12.
        [number(1, 7), bytes(7, &graph), bytes(8, &number(2, 12))].concat()
    }
}

fn node(kind: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut node = Vec::new();
    for input in inputs {
        node.extend(bytes(1, input.as_bytes()));
    }
    node.extend(bytes(2, output.as_bytes()));
    node.extend(bytes(3, output.as_bytes()));
    node.extend(bytes(4, kind.as_bytes()));
    for attribute in attributes {
        node.extend(bytes(5, attribute));
    }
    node
}

fn int(name: &str, value: usize) -> Vec<u8> {
    [bytes(1, name.as_bytes()), number(3, value), number(20, 2)].concat()
}

fn ints(name: &str, values: &[usize]) -> Vec<u8> {
    let mut attribute = bytes(1, name.as_bytes());
    for value in values {
        attribute.extend(number(8, *value));
    }
    attribute.extend(number(20, 7));
    attribute
}

/// `ValueInfoProto` of a tensor with named axes.
fn value(name: &str, kind: usize, axes: &[&str]) -> Vec<u8> {
    let axes: Vec<u8> = axes
        .iter()
        .flat_map(|axis| bytes(1, &bytes(2, axis.as_bytes())))
        .collect();
    let tensor = [number(1, kind), bytes(2, &axes)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn number(field: usize, value: usize) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: usize, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len()), value.to_vec()].concat()
}
