//! A judged collection: documents, queries, and how well each document answers a query.

use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs;
use std::path::Path;

/// One line of `documents.jsonl`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Document {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) doc_type: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) mime_type: Option<String>,
    pub(crate) text: String,
}

/// One line of `queries.jsonl`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Query {
    pub(crate) id: String,
    pub(crate) kind: String,
    #[serde(default = "english")]
    pub(crate) language: String,
    #[serde(rename = "query")]
    pub(crate) text: String,
    /// Document → 1 (touches it), 2 (answers in part), 3 (answers it); 0 or absent: does not.
    pub(crate) judgements: HashMap<String, u32>,
}

fn english() -> String {
    "en".to_owned()
}

/// Documents and queries.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) documents: Vec<Document>,
    pub(crate) queries: Vec<Query>,
}

impl Collection {
    /// Reads `documents.jsonl` and `queries.jsonl`.
    pub(crate) fn read(dir: &Path) -> Result<Self, Box<dyn Error>> {
        let documents: Vec<Document> = lines(&dir.join("documents.jsonl"))?;
        let queries: Vec<Query> = lines(&dir.join("queries.jsonl"))?;
        let known: HashSet<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        if known.len() != documents.len() {
            return Err("two documents have the same id".into());
        }
        for query in &queries {
            if let Some(unknown) = query.judgements.keys().find(|id| !known.contains(id.as_str())) {
                return Err(format!("query {} judges {unknown}, which is no document", query.id).into());
            }
        }
        Ok(Self { documents, queries })
    }
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("{}:{}: {error}", path.display(), number + 1).into())
        })
        .collect()
}
