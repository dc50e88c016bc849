//! Embeddings kept between runs: the texts of a collection are the same each time.

use async_trait::async_trait;
use nextcloud_mcp_server::index::{Embedder, EmbeddingError, Priority, RtenEmbedder};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The built-in model with a memory on the disk.
pub(crate) struct KeptEmbedder {
    model: RtenEmbedder,
    file: PathBuf,
    known: Mutex<HashMap<String, Vec<f32>>>,
}

impl KeptEmbedder {
    /// Reads what earlier runs kept; a file that cannot be read is begun anew.
    pub(crate) fn open(threads: usize) -> Result<Self, Box<dyn Error>> {
        let model = RtenEmbedder::built_in(threads)?;
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
            PathBuf::from,
        );
        let file = cache
            .join("nextcloud-mcp-server/eval")
            .join(format!("{}.json", model.identity()));
        let known = fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Ok(Self {
            model,
            file,
            known: Mutex::new(known),
        })
    }

    /// Writes what is known for the next run.
    pub(crate) fn keep(&self) -> Result<(), Box<dyn Error>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = self.file.parent() {
            fs::create_dir_all(dir)?;
        }
        let fresh = self.file.with_extension(std::process::id().to_string());
        fs::write(&fresh, serde_json::to_vec(&*known)?)?;
        fs::rename(fresh, &self.file)?;
        Ok(())
    }

    fn known(&self, key: &str) -> Option<Vec<f32>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    }
}

#[async_trait]
impl Embedder for KeptEmbedder {
    fn identity(&self) -> &str {
        self.model.identity()
    }

    fn dimension(&self) -> usize {
        self.model.dimension()
    }

    async fn embed(&self, texts: Vec<String>, priority: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let keys: Vec<String> = texts
            .iter()
            .map(|text| hex::encode(Sha256::digest(text.as_bytes())))
            .collect();
        let (new_keys, new): (Vec<&String>, Vec<String>) = keys
            .iter()
            .zip(texts)
            .filter(|(key, _)| self.known(key).is_none())
            .unzip();
        let vectors = self.model.embed(new, priority).await?;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(new_keys.into_iter().cloned().zip(vectors));
        }
        keys.iter()
            .map(|key| {
                self.known(key)
                    .ok_or_else(|| EmbeddingError::Inference("a vector is missing".to_owned()))
            })
            .collect()
    }
}
