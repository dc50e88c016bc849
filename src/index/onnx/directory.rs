//! A model's directory as sentence-transformers lays it out: which files, how many tokens, which pooling, which words
//! before the texts.

use super::OnnxError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Word pieces that models read when their files do not say so.
const DEFAULT_MAX_TOKENS: usize = 256;
/// Longest passage in word pieces: longer ones make coarse vectors, and their cost grows with the square.
const MOST_TOKENS: usize = 512;
/// Models whose positions begin behind the padding token's (`RobertaEmbeddings` in transformers).
const ROBERTA: [&str; 5] = ["roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl"];

/// How the tokens' vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Their mean.
    Mean,
    /// The first one's.
    Cls,
    /// The largest value of each dimension.
    Max,
}

/// A model's directory, read once.
#[derive(Debug, Clone)]
pub(crate) struct ModelDirectory {
    path: PathBuf,
    onnx: PathBuf,
    hidden_size: usize,
    max_tokens: usize,
    pad_token: i32,
    pooling: Pooling,
    prompts: HashMap<String, String>,
}

/// `config.json` of transformers.
#[derive(Deserialize)]
struct ModelConfig {
    #[serde(alias = "dim", alias = "d_model")]
    hidden_size: usize,
    #[serde(default)]
    model_type: String,
    max_position_embeddings: Option<usize>,
    pad_token_id: Option<i32>,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

/// `tokenizer_config.json`. The length may be a number beyond all bounds, which means none.
#[derive(Deserialize)]
struct TokenizerConfig {
    model_max_length: Option<f64>,
}

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

/// `config_sentence_transformers.json`.
#[derive(Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: HashMap<String, Option<String>>,
}

impl ModelDirectory {
    /// Reads the configuration; the model itself is not opened.
    pub(crate) fn read(path: &Path) -> Result<Self, OnnxError> {
        let config: ModelConfig = parse(path, "config.json")?
            .ok_or_else(|| OnnxError::Model(format!("{} has no config.json", path.display())))?;
        let pad_token = config.pad_token_id.unwrap_or(0);
        let prompts: Option<Prompts> = parse(path, "config_sentence_transformers.json")?;
        let prompts = prompts.into_iter().flat_map(|prompts| prompts.prompts);
        Ok(Self {
            onnx: onnx_file(path)?,
            hidden_size: config.hidden_size,
            max_tokens: max_tokens(path, &config, pad_token)?,
            pad_token,
            pooling: pooling(path)?,
            prompts: prompts
                .filter_map(|(name, prompt)| Some((name, prompt?)))
                .collect(),
            path: path.to_owned(),
        })
    }

    /// The ONNX file.
    pub(crate) fn onnx_file(&self) -> &Path {
        &self.onnx
    }

    /// The tokenizer's file.
    pub(crate) fn tokenizer_file(&self) -> PathBuf {
        self.path.join("tokenizer.json")
    }

    /// The directory's own name.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name();
        name.map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Length of a token's vector.
    pub(crate) fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    /// Word pieces that the model reads, special tokens included.
    pub(crate) fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The padding token.
    pub(crate) fn pad_token(&self) -> i32 {
        self.pad_token
    }

    /// How the tokens' vectors become one.
    pub(crate) fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// What the model's makers put before texts, under the first of these names that they use.
    pub(crate) fn prompt(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .find_map(|name| self.prompts.get(*name))
            .map(String::as_str)
    }
}

/// A JSON file, if it is there.
fn parse<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<Option<T>, OnnxError> {
    let file = directory.join(name);
    let unusable = |error: &dyn std::fmt::Display| OnnxError::Model(format!("{}: {error}", file.display()));
    match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| unusable(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(&error)),
    }
}

fn onnx_file(directory: &Path) -> Result<PathBuf, OnnxError> {
    ["model.onnx", "onnx/model.onnx"]
        .iter()
        .map(|name| directory.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| OnnxError::Model(format!("{} has no model.onnx", directory.display())))
}

fn max_tokens(directory: &Path, config: &ModelConfig, pad_token: i32) -> Result<usize, OnnxError> {
    let sentence: Option<SentenceConfig> = parse(directory, "sentence_bert_config.json")?;
    let tokenizer: Option<TokenizerConfig> = parse(directory, "tokenizer_config.json")?;
    let told = sentence.and_then(|config| config.max_seq_length).or_else(|| {
        let length = tokenizer?.model_max_length?;
        // A text of the number is the way from a float to an integer without a cast.
        (length < 1e6)
            .then(|| format!("{length:.0}").parse().ok())
            .flatten()
    });
    let mut positions = config.max_position_embeddings.unwrap_or(usize::MAX);
    if ROBERTA.contains(&config.model_type.as_str()) {
        positions = positions.saturating_sub(usize::try_from(pad_token).unwrap_or(0) + 1);
    }
    Ok(told.unwrap_or(DEFAULT_MAX_TOKENS).min(positions).min(MOST_TOKENS))
}

/// The pooling that the files ask for: the mean when they say nothing.
fn pooling(directory: &Path) -> Result<Pooling, OnnxError> {
    let modules: Option<Vec<Module>> = parse(directory, "modules.json")?;
    let mut path = "1_Pooling".to_owned();
    for module in modules.unwrap_or_default() {
        match module.kind.rsplit('.').next() {
            // Every vector is scaled to length 1 here.
            Some("Transformer" | "Normalize") => {}
            Some("Pooling") => path = module.path,
            other => {
                return Err(OnnxError::Model(format!(
                    "modules.json names a layer {}, which is not run here: use a model without it",
                    other.unwrap_or_default()
                )));
            }
        }
    }
    let Some(config) =
        parse::<HashMap<String, serde_json::Value>>(directory, &format!("{path}/config.json"))?
    else {
        return Ok(Pooling::Mean);
    };
    let chosen: Vec<&str> = config
        .iter()
        .filter(|(_, value)| value.as_bool() == Some(true))
        .filter_map(|(name, _)| name.strip_prefix("pooling_mode_"))
        .collect();
    match chosen.as_slice() {
        // The root's factor vanishes when the vector is scaled.
        ["mean_tokens" | "mean_sqrt_len_tokens"] => Ok(Pooling::Mean),
        ["cls_token"] => Ok(Pooling::Cls),
        ["max_tokens"] => Ok(Pooling::Max),
        _ => Err(OnnxError::Model(format!(
            "{path}/config.json asks for the pooling {}: mean, CLS and max are known",
            chosen.join(" with ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A directory with these files and an empty model.
    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("model.onnx", "")].iter().chain(files) {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        folder
    }

    fn read(files: &[(&str, &str)]) -> Result<ModelDirectory, OnnxError> {
        ModelDirectory::read(directory(files).path())
    }

    const BERT: (&str, &str) = (
        "config.json",
        r#"{"hidden_size": 384, "model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}"#,
    );

    #[test]
    fn a_bare_directory_has_the_usual_values() {
        let bare = read(&[BERT]).unwrap();
        assert_eq!(
            (bare.max_tokens(), bare.hidden_size(), bare.pooling()),
            (256, 384, Pooling::Mean)
        );
        assert_eq!(bare.prompt(&["query"]), None);
        assert!(read(&[]).unwrap_err().to_string().contains("config.json"));
        let distil = read(&[("config.json", r#"{"dim": 768}"#)]).unwrap();
        assert_eq!(distil.hidden_size(), 768);
    }

    #[test]
    fn lengths_stay_within_the_positions() {
        let told = |text| {
            read(&[BERT, ("sentence_bert_config.json", text)])
                .unwrap()
                .max_tokens()
        };
        assert_eq!(told(r#"{"max_seq_length": 128}"#), 128);
        assert_eq!(told(r#"{"max_seq_length": 8192}"#), 512);
        assert_eq!(told(r#"{"max_seq_length": null}"#), 256);
        let e5 = (
            "config.json",
            r#"{"hidden_size": 384, "model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}"#,
        );
        let length = ("tokenizer_config.json", r#"{"model_max_length": 512}"#);
        assert_eq!(read(&[e5, length]).unwrap().max_tokens(), 512);
        assert_eq!(read(&[e5, length]).unwrap().pad_token(), 1);
        let short = (
            "config.json",
            r#"{"hidden_size": 8, "model_type": "roberta", "max_position_embeddings": 130, "pad_token_id": 1}"#,
        );
        let endless = (
            "tokenizer_config.json",
            r#"{"model_max_length": 1000000000000000019884624838656}"#,
        );
        assert_eq!(read(&[short, endless]).unwrap().max_tokens(), 128);
    }

    #[test]
    fn pooling_is_as_the_files_say_or_refused() {
        let pooled = |config: &str| {
            let modules = r#"[
                {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;
            read(&[BERT, ("modules.json", modules), ("1_Pooling/config.json", config)])
                .map(|read| read.pooling())
        };
        let cls = r#"{"word_embedding_dimension": 384, "pooling_mode_cls_token": true,
                      "pooling_mode_mean_tokens": false, "include_prompt": true}"#;
        assert_eq!(pooled(cls).unwrap(), Pooling::Cls);
        assert_eq!(
            pooled(r#"{"pooling_mode_mean_tokens": true}"#).unwrap(),
            Pooling::Mean
        );
        assert_eq!(
            pooled(r#"{"pooling_mode_max_tokens": true}"#).unwrap(),
            Pooling::Max
        );
        let last = pooled(r#"{"pooling_mode_lasttoken": true}"#).unwrap_err();
        assert!(last.to_string().contains("lasttoken"), "{last}");
        let dense = r#"[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]"#;
        let dense = read(&[BERT, ("modules.json", dense)]).unwrap_err();
        assert!(dense.to_string().contains("layer Dense"), "{dense}");
    }

    #[test]
    fn prompts_are_found_by_either_name() {
        let prompts = r#"{"prompts": {"query": "query: ", "document": "passage: ", "none": null}}"#;
        let read = read(&[BERT, ("config_sentence_transformers.json", prompts)]).unwrap();
        assert_eq!(read.prompt(&["query"]), Some("query: "));
        assert_eq!(read.prompt(&["passage", "document"]), Some("passage: "));
        assert_eq!(read.prompt(&["none"]), None);
    }
}
