//! Words that some models want before queries and passages.

use super::{Embedder, EmbeddingError, Priority};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What is put before texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// Before a query.
    pub query: String,
    /// Before a passage.
    pub passage: String,
}

impl Prefixes {
    /// What the cards of widely used models ask for, by the model's name; empty for the others.
    pub fn of_model(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is = |part: &str| name.contains(part);
        let (query, passage) = if is("nomic-embed-text") {
            ("search_query: ", "search_document: ")
        } else if is("-e5-") || name.starts_with("e5-") {
            ("query: ", "passage: ")
        } else if is("mxbai-embed-large") || is("snowflake-arctic-embed") {
            ("Represent this sentence for searching relevant passages: ", "")
        } else {
            ("", "")
        };
        Self {
            query: query.to_owned(),
            passage: passage.to_owned(),
        }
    }
}

/// An embedder whose texts get prefixes: what is embedded interactively is a query, in the background a passage.
pub struct Prefixed {
    embedder: Arc<dyn Embedder>,
    prefixes: Prefixes,
    identity: String,
}

impl Prefixed {
    /// `embedder` itself where both prefixes are empty. Another passage prefix makes other vectors, so the identity tells
    /// it; queries are not stored.
    pub fn wrap(embedder: Arc<dyn Embedder>, prefixes: Prefixes) -> Arc<dyn Embedder> {
        if prefixes == Prefixes::default() {
            return embedder;
        }
        let identity = if prefixes.passage.is_empty() {
            embedder.identity().to_owned()
        } else {
            let hash = hex::encode(&Sha256::digest(&prefixes.passage)[..4]);
            format!("{}+{hash}", embedder.identity())
        };
        Arc::new(Self {
            embedder,
            prefixes,
            identity,
        })
    }
}

#[async_trait]
impl Embedder for Prefixed {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimension(&self) -> usize {
        self.embedder.dimension()
    }

    async fn embed(&self, texts: Vec<String>, priority: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let prefix = match priority {
            Priority::Interactive => &self.prefixes.query,
            Priority::Background => &self.prefixes.passage,
        };
        let texts = texts.into_iter().map(|text| format!("{prefix}{text}")).collect();
        self.embedder.embed(texts, priority).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    #[async_trait]
    impl Embedder for Recorder {
        fn identity(&self) -> &'static str {
            "model@1"
        }

        fn dimension(&self) -> usize {
            1
        }

        async fn embed(&self, texts: Vec<String>, _: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
            let vectors = vec![vec![1.0]; texts.len()];
            self.0.lock().unwrap().extend(texts);
            Ok(vectors)
        }
    }

    #[tokio::test]
    async fn queries_and_passages_get_their_own() {
        let recorder = Arc::new(Recorder::default());
        let embedder = Prefixed::wrap(
            recorder.clone(),
            Prefixes::of_model("intfloat/multilingual-e5-small"),
        );
        embedder
            .embed(vec!["a".into()], Priority::Interactive)
            .await
            .unwrap();
        embedder
            .embed(vec!["b".into()], Priority::Background)
            .await
            .unwrap();
        assert_eq!(*recorder.0.lock().unwrap(), ["query: a", "passage: b"]);
    }

    #[test]
    fn a_passage_prefix_is_part_of_the_identity() {
        let wrapped = |query: &str, passage: &str| {
            let prefixes = Prefixes {
                query: query.into(),
                passage: passage.into(),
            };
            Prefixed::wrap(Arc::new(Recorder::default()), prefixes)
                .identity()
                .to_owned()
        };
        assert_eq!(wrapped("", ""), "model@1");
        assert_eq!(wrapped("q: ", ""), "model@1");
        assert_ne!(wrapped("", "p: "), "model@1");
        assert_eq!(wrapped("", "p: "), wrapped("q: ", "p: "));
        assert_ne!(wrapped("", "p: "), wrapped("", "passage: "));
    }
}
