//! A collection behind the real search: `PostgreSQL`, index and embedder as the server has them, and a Nextcloud
//! (simulated) that confirms every document to its only reader.

use crate::collection::{Collection, Document};
use crate::embeddings::KeptEmbedder;
use nextcloud_mcp_server::auth::Principal;
use nextcloud_mcp_server::clock::SystemClock;
use nextcloud_mcp_server::config::{DatabaseConfig, NextcloudConfig};
use nextcloud_mcp_server::db::{Database, migrate};
use nextcloud_mcp_server::entropy::{SharedEntropy, SystemEntropy};
use nextcloud_mcp_server::ids::{LoginName, UserId};
use nextcloud_mcp_server::index::{
    Chunker, EdgeIndex, Embedder, Language, Priority, SparseEncoder, half, language, rebuild,
};
use nextcloud_mcp_server::nextcloud::{Credential, Nextcloud, UserSession};
use nextcloud_mcp_server::search::{IndexReadiness, SearchRequest, SearchService};
use nextcloud_sim::Simulator;
use secrecy::SecretString;
use sqlx::PgPool;
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use url::Url;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

const READER: &str = "alice";
const PASSWORD: &str = "alice-pass-1";

/// The terms of a passage, as they were indexed.
pub(crate) struct PassageTerms {
    pub(crate) document: String,
    pub(crate) terms: Vec<u32>,
}

/// What can be searched.
pub(crate) struct World {
    database: Database,
    embedder: Arc<KeptEmbedder>,
    service: SearchService,
    session: UserSession,
    principal: Principal,
    encoder: Arc<SparseEncoder>,
    /// Native id → id in the collection.
    ids: HashMap<String, String>,
    /// Every passage's terms.
    pub(crate) passages: Vec<PassageTerms>,
    languages: Vec<Language>,
    _simulator: Simulator,
}

impl World {
    /// Indexes the documents below `dir`.
    pub(crate) async fn start(collection: &Collection, dir: &Path) -> Outcome<Self> {
        let simulator = Simulator::start().await;
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        let database = Database::open(
            &DatabaseConfig {
                url: None,
                data_dir: dir.to_owned(),
                postgres_bin_dir: std::env::var_os("POSTGRES_BIN_DIR").map(Into::into),
                pool_size: 4,
            },
            &entropy,
        )
        .await?;
        migrate(&database.pool).await?;
        let embedder = Arc::new(KeptEmbedder::open(2)?);
        let dimension = embedder.dimension();
        let encoder = Arc::new(SparseEncoder::new()?);
        let index = EdgeIndex::open(&dir.join("eval-index"), "eval", Some(dimension))?.index;
        let mut filling = Filling::new(&database.pool, &simulator, &embedder, &encoder).await?;
        for document in &collection.documents {
            filling.add(document).await?;
        }
        let Filling {
            ids,
            passages,
            languages,
            ..
        } = filling;
        embedder.keep()?;
        rebuild(&database.pool, &index, Some(dimension), &encoder, &|_, _| {}).await?;
        let url: Url = simulator.url().parse()?;
        let nextcloud = Nextcloud::new(
            &NextcloudConfig {
                host: url.clone(),
                public_url: url.clone(),
                verify_tls: true,
                ca_bundle: None,
                max_concurrency: 8,
                timeout_seconds: 30,
            },
            Arc::new(SystemClock),
        )?;
        let session = nextcloud.session(
            UserId::new(READER),
            Credential::Basic {
                login_name: LoginName::new(READER),
                password: SecretString::from(PASSWORD),
            },
        );
        let principal = Principal::verified(&session.current_user().await?);
        let service = SearchService::new(
            database.pool.clone(),
            Arc::new(index),
            Some(Arc::clone(&embedder) as Arc<dyn Embedder>),
            Arc::clone(&encoder),
            url,
            IndexReadiness::default(),
        );
        Ok(Self {
            database,
            embedder,
            service,
            session,
            principal,
            encoder,
            ids,
            passages,
            languages,
            _simulator: simulator,
        })
    }

    /// Ids of the documents found, best first.
    pub(crate) async fn search(&self, request: SearchRequest) -> Outcome<Vec<&str>> {
        let query = request.query.clone();
        let response = self
            .service
            .search(&self.principal, &self.session, request)
            .await
            .map_err(|error| format!("{query}: {error}"))?;
        if let Some(reason) = response.degraded {
            return Err(format!("{query}: degraded: {reason}").into());
        }
        let ids = response.hits.iter().filter_map(|hit| self.ids.get(&hit.id));
        Ok(ids.map(String::as_str).collect())
    }

    /// The terms that a query is searched by.
    pub(crate) fn query_terms(&self, query: &str) -> Vec<u32> {
        self.encoder.query(query, &self.languages).indices
    }

    /// Stops the database and keeps the embeddings.
    pub(crate) async fn stop(self) -> Outcome<()> {
        self.embedder.keep()?;
        self.database.shutdown().await?;
        Ok(())
    }
}

/// Puts documents into the database as indexing does.
struct Filling<'a> {
    pool: &'a PgPool,
    simulator: &'a Simulator,
    embedder: &'a KeptEmbedder,
    encoder: &'a SparseEncoder,
    chunker: Chunker,
    access_set: i64,
    ids: HashMap<String, String>,
    passages: Vec<PassageTerms>,
    languages: Vec<Language>,
}

impl<'a> Filling<'a> {
    async fn new(
        pool: &'a PgPool,
        simulator: &'a Simulator,
        embedder: &'a KeptEmbedder,
        encoder: &'a SparseEncoder,
    ) -> Outcome<Self> {
        sqlx::query("insert into users (uid, notes_path) values ($1, 'Notes')")
            .bind(READER)
            .execute(pool)
            .await?;
        let access_set: i64 = sqlx::query_scalar(
            "with made as (insert into access_sets (members) values (array[$1]) returning id)
             insert into access_set_members (uid, access_set_id) select $1, id from made returning access_set_id",
        )
        .bind(READER)
        .fetch_one(pool)
        .await?;
        Ok(Self {
            pool,
            simulator,
            embedder,
            encoder,
            chunker: Chunker::built_in()?,
            access_set,
            ids: HashMap::new(),
            passages: Vec::new(),
            languages: Vec::new(),
        })
    }

    async fn add(&mut self, document: &Document) -> Outcome<()> {
        // Whatever its type, Nextcloud is asked about it as a file.
        let file = format!("/eval/{}.md", self.ids.len());
        if self.ids.is_empty() {
            self.simulator.world().mkdir(READER, "/eval");
        }
        let native_id = self
            .simulator
            .world()
            .put_file(READER, &file, document.id.as_bytes())
            .to_string();
        let language = language::detect(&document.text);
        if let Some(language) = language
            && !self.languages.contains(&language)
        {
            self.languages.push(language);
        }
        let markdown = document
            .mime_type
            .as_deref()
            .is_none_or(|mime| mime.contains("markdown"));
        let chunks = self.chunker.chunk(&document.text, markdown);
        let chars: Vec<char> = document.text.chars().collect();
        let passages: Vec<String> = chunks
            .iter()
            .map(|chunk| chars[chunk.start..chunk.end].iter().collect())
            .collect();
        let texts = chunks
            .iter()
            .zip(&passages)
            .map(|(chunk, passage)| {
                self.chunker
                    .embedding_text(&document.title, &chunk.heading_path, passage)
            })
            .collect();
        let vectors = self.embedder.embed(texts, Priority::Background).await?;
        let row = self.store(document, &native_id, chunks.len(), language).await?;
        for (ordinal, ((chunk, passage), vector)) in chunks.iter().zip(&passages).zip(&vectors).enumerate() {
            sqlx::query(
                "insert into chunks (document_id, generation, ordinal, start_offset, end_offset, heading_path,
                                     text_hash, dense)
                 values ($1, 1, $2, $3, $4, $5, '', $6)",
            )
            .bind(row)
            .bind(i32::try_from(ordinal)?)
            .bind(i32::try_from(chunk.start)?)
            .bind(i32::try_from(chunk.end)?)
            .bind(&chunk.heading_path)
            .bind(half::encode(vector))
            .execute(self.pool)
            .await?;
            self.passages.push(PassageTerms {
                document: document.id.clone(),
                terms: self
                    .encoder
                    .document_terms(&document.title, &chunk.heading_path, passage, language),
            });
        }
        self.ids.insert(native_id, document.id.clone());
        Ok(())
    }

    async fn store(
        &self,
        document: &Document,
        native_id: &str,
        chunks: usize,
        language: Option<Language>,
    ) -> Outcome<i64> {
        let row: i64 = sqlx::query_scalar(
            "insert into documents (family, native_id, etag, mime_type, modified_at, state, visible_generation,
                                    access_set_id, indexed_access_set_id, chunk_count, dense_chunk_count, language)
             values ('file', $1, 'e', $2, now(), 'indexed', 1, $3, $3, $4, $4, $5) returning id",
        )
        .bind(native_id)
        .bind(&document.mime_type)
        .bind(self.access_set)
        .bind(i32::try_from(chunks)?)
        .bind(language.map(Language::code))
        .fetch_one(self.pool)
        .await?;
        let path = format!("/{}", document.path.trim_start_matches('/'));
        sqlx::query(
            "insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
             values ($1, $2, $3, $4, $5, 1)",
        )
        .bind(row)
        .bind(READER)
        .bind(&document.doc_type)
        .bind(path)
        .bind(&document.title)
        .execute(self.pool)
        .await?;
        sqlx::query("insert into document_texts (document_id, generation, text) values ($1, 1, $2)")
            .bind(row)
            .bind(&document.text)
            .execute(self.pool)
            .await?;
        Ok(row)
    }
}
