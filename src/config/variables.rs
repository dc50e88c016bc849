//! The one table of environment variables: parsing, the typo check and `docs/configuration.md` use it.

/// Heading under which a variable is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Nextcloud and the authentication mode.
    Nextcloud,
    /// Listening and the public face.
    Server,
    /// OAuth client and secrets at rest.
    Authentication,
    /// `PostgreSQL` and files.
    Storage,
    /// Background sync.
    Sync,
    /// Dense vectors.
    Embedding,
    /// Reranking of results.
    Reranking,
    /// Logs and metrics.
    Telemetry,
}

impl Section {
    /// All sections, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Nextcloud,
        Self::Server,
        Self::Authentication,
        Self::Storage,
        Self::Sync,
        Self::Embedding,
        Self::Reranking,
        Self::Telemetry,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nextcloud => "Nextcloud and mode",
            Self::Server => "Server",
            Self::Authentication => "OAuth and secrets at rest",
            Self::Storage => "Storage",
            Self::Sync => "Background sync",
            Self::Embedding => "Embedding",
            Self::Reranking => "Reranking",
            Self::Telemetry => "Logs and metrics",
        }
    }
}

/// One environment variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Other names that mean the same; setting two of them differently is a problem.
    pub aliases: &'static [&'static str],
    /// Where it is documented.
    pub section: Section,
    /// The default as documented; empty: none.
    pub default: &'static str,
    /// Whether the value is a secret: never shown, and readable from the file that `<NAME>_FILE` names.
    pub secret: bool,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! variables {
    ($($(#[doc = $doc:literal])+ $name:ident: $section:ident, $default:literal, $aliases:expr, $secret:literal;)*) => {
        $(
            $(#[doc = $doc])+
            pub(super) const $name: &Variable = &Variable {
                name: stringify!($name),
                aliases: &$aliases,
                section: Section::$section,
                default: $default,
                secret: $secret,
                doc: concat!($($doc),+),
            };
        )*

        /// Every variable that the server reads.
        pub const VARIABLES: &[&Variable] = &[$($name),*];
    };
}

variables! {
    /// Base URL of Nextcloud as this server reaches it. Required.
    NEXTCLOUD_HOST: Nextcloud, "", [], false;
    /// Login name of the one user (single-user mode).
    NEXTCLOUD_USERNAME: Nextcloud, "", [], false;
    /// App password of the one user (single-user mode).
    NEXTCLOUD_PASSWORD: Nextcloud, "", [], true;
    /// Names the mode: `single_user_basic`, `multi_user_basic` or `oauth`. Unset: both credentials make it
    /// single-user, `ENABLE_MULTI_USER_BASIC_AUTH` multi-user, neither OAuth. `--oauth` and `--no-oauth` force.
    MCP_DEPLOYMENT_MODE: Nextcloud, "", [], false;
    /// Every MCP request brings its own Nextcloud credentials.
    ENABLE_MULTI_USER_BASIC_AUTH: Nextcloud, "false", [], false;
    /// Users may hand over a background credential, which is stored encrypted; with multi-user Basic this is the
    /// hybrid mode.
    ENABLE_OFFLINE_ACCESS: Nextcloud, "false", ["ENABLE_BACKGROUND_OPERATIONS"], false;
    /// Base URL of Nextcloud as a browser reaches it, for links. Unset: `NEXTCLOUD_HOST`.
    NEXTCLOUD_PUBLIC_URL: Nextcloud, "", [], false;
    /// Whether Nextcloud's TLS certificate is checked.
    NEXTCLOUD_VERIFY_SSL: Nextcloud, "true", [], false;
    /// PEM file with further root certificates.
    NEXTCLOUD_CA_BUNDLE: Nextcloud, "", [], false;
    /// Requests to Nextcloud at one time.
    NEXTCLOUD_MAX_CONCURRENCY: Nextcloud, "8", [], false;
    /// Seconds until a request to Nextcloud is given up.
    NEXTCLOUD_TIMEOUT_SECONDS: Nextcloud, "30", [], false;

    /// Address to listen on.
    HOST: Server, "127.0.0.1", [], false;
    /// Port to listen on.
    PORT: Server, "8000", [], false;
    /// Parts that this process runs: `all`, `api` or `worker`.
    MCP_ROLE: Server, "all", [], false;
    /// URL of this server as its clients reach it. Unset: `http://localhost` with the port.
    NEXTCLOUD_MCP_SERVER_URL: Server, "http://localhost:8000", [], false;
    /// URL of this server as Nextcloud's background jobs reach it: webhooks are delivered there. Unset:
    /// `NEXTCLOUD_MCP_SERVER_URL`.
    WEBHOOK_INTERNAL_URL: Server, "", [], false;
    /// Further host names allowed on `/mcp`, separated by commas.
    MCP_ALLOWED_HOSTS: Server, "", [], false;
    /// Further browser origins allowed on `/mcp`, separated by commas.
    MCP_ALLOWED_ORIGINS: Server, "", [], false;
    /// Addresses of proxies whose `X-Forwarded-*` headers count, separated by commas.
    TRUSTED_PROXIES: Server, "", [], false;
    /// Bearer token asked of MCP clients in single-user mode.
    MCP_ACCESS_TOKEN: Server, "", [], true;
    /// Lets a single-user server without `MCP_ACCESS_TOKEN` listen beyond loopback: whoever reaches the port acts as
    /// the configured user.
    ALLOW_UNAUTHENTICATED_REMOTE: Server, "false", [], false;
    /// Seconds that running work gets at SIGTERM.
    SHUTDOWN_GRACE_SECONDS: Server, "20", [], false;

    /// OAuth client id at the identity provider.
    NEXTCLOUD_OIDC_CLIENT_ID: Authentication, "", ["MCP_SERVER_CLIENT_ID"], false;
    /// Secret of the OAuth client.
    NEXTCLOUD_OIDC_CLIENT_SECRET: Authentication, "", ["MCP_SERVER_CLIENT_SECRET"], true;
    /// Discovery document of the identity provider. Unset: Nextcloud's own.
    OIDC_DISCOVERY_URL: Authentication, "", [], false;
    /// URL of the identity provider as a browser reaches it.
    NEXTCLOUD_PUBLIC_ISSUER_URL: Authentication, "", [], false;
    /// Further issuers (`iss`) that tokens may carry, separated by commas. The discovery document's and
    /// `NEXTCLOUD_PUBLIC_ISSUER_URL` always count; Astrolabe's tokens say `http://localhost`.
    OIDC_ACCEPTED_ISSUERS: Authentication, "", ["OIDC_ISSUER"], false;
    /// OAuth clients whose tokens may use the management API although they were not made for this server, separated by
    /// commas: Astrolabe's client id.
    ALLOWED_MGMT_CLIENT: Authentication, "", [], false;
    /// Whether a caller's access token may be sent on to Nextcloud (OAuth mode, tokens of Nextcloud's own `oidc` app).
    /// Off: tools work with the stored consent.
    ALLOW_BEARER_PASSTHROUGH: Authentication, "true", [], false;
    /// How access tokens are checked: `auto` (signature, else introspection, else userinfo) or `userinfo`.
    TOKEN_VALIDATION: Authentication, "auto", [], false;
    /// What a consent stores: `refresh_token`, or `app_password` (made at Nextcloud with the consent; does not expire
    /// and costs Nextcloud less per request).
    BACKGROUND_CREDENTIAL: Authentication, "refresh_token", [], false;
    /// Key for secrets at rest: 32 bytes as base64, base64url (also a Fernet key) or hexadecimal. Required when
    /// credentials are stored; `openssl rand -base64 32` makes one.
    TOKEN_ENCRYPTION_KEY: Authentication, "", [], true;
    /// The key before the current one; decrypts only.
    TOKEN_ENCRYPTION_KEY_PREVIOUS: Authentication, "", [], true;

    /// `PostgreSQL` to use. Unset: a private cluster in `DATA_DIR`.
    DATABASE_URL: Storage, "", [], true;
    /// Connections of the API; the worker has as many of its own.
    DATABASE_POOL_SIZE: Storage, "10", [], false;
    /// Directory of the private cluster and the embedded index. Unset: `/var/lib/nextcloud-mcp-server` for root, else
    /// `$XDG_DATA_HOME/nextcloud-mcp-server` or `~/.local/share/nextcloud-mcp-server`.
    DATA_DIR: Storage, "", [], false;
    /// Directory of `initdb` and `postgres`. Unset: `PATH`, then the newest of `/usr/lib/postgresql/*/bin`.
    POSTGRES_BIN_DIR: Storage, "", [], false;
    /// gRPC address of a Qdrant server for the vector index, such as `http://qdrant:6334`. Unset: the embedded index in
    /// `DATA_DIR`. Required by the roles `api` and `worker`.
    QDRANT_URL: Storage, "", [], false;
    /// API key of the Qdrant server.
    QDRANT_API_KEY: Storage, "", [], true;
    /// How the names of this installation's collections begin. Installations that share a Qdrant server need different
    /// ones.
    QDRANT_COLLECTION_PREFIX: Storage, "nextcloud-mcp", [], false;

    /// Index the documents of every user with a background credential.
    VECTOR_SYNC_ENABLED: Sync, "false", ["ENABLE_SEMANTIC_SEARCH"], false;
    /// Seconds between two scans of one user.
    VECTOR_SYNC_SCAN_INTERVAL: Sync, "300", [], false;
    /// Seconds between two walks that trust no folder `ETag`.
    VECTOR_SYNC_FULL_WALK_INTERVAL: Sync, "86400", [], false;
    /// Documents fetched and extracted at one time.
    VECTOR_SYNC_PROCESSOR_WORKERS: Sync, "4", [], false;
    /// Attempts before a document is listed as a dead letter.
    VECTOR_SYNC_MAX_INDEX_FAILURES: Sync, "5", [], false;
    /// Larger files are skipped, in MiB.
    VECTOR_SYNC_MAX_FILE_SIZE_MB: Sync, "10", [], false;
    /// Base address of a service that speaks docling-serve's protocol, such as `http://docling:5001`: it reads scanned
    /// PDFs and pictures, which are sent there. Unset: scans are skipped, pictures are found by their names.
    OCR_URL: Sync, "", [], false;
    /// Key that the OCR service wants in `X-Api-Key`.
    OCR_API_KEY: Sync, "", [], true;
    /// Seconds that the OCR service may take for one file.
    OCR_TIMEOUT_SECONDS: Sync, "180", [], false;
    /// Files that are indexed: `all`, or `tagged`: those with the system tag `vector-index`, and for keyword search only
    /// those with `keyword-index`. A tag on a folder counts for everything below it.
    VECTOR_SYNC_FILES: Sync, "all", [], false;
    /// System tags, separated by commas: files with one of them, and everything below such folders, are never indexed
    /// and leave the index, for everybody who reads them. Users must be able to see these tags; a scan that cannot read
    /// them fails.
    EXCLUDED_TAGS: Sync, "", [], false;

    /// Who makes dense vectors: `embedded`, `ollama`, `openai` (any service that speaks its protocol), or `none` for
    /// keyword search only. Another model or provider embeds all documents anew.
    EMBEDDING_PROVIDER: Embedding, "embedded", [], false;
    /// Directory of a BERT-family model: `model.onnx` (or `onnx/model.onnx`), `tokenizer.json` and `config.json`, as
    /// sentence-transformers lays it out. Unset: the built-in model.
    EMBEDDING_MODEL_DIR: Embedding, "", [], false;
    /// CPU threads for inference while indexing. Unset: one less than the machine's cores.
    EMBEDDING_THREADS: Embedding, "", [], false;
    /// Requests to an embedding service at one time while indexing; searches have places of their own.
    EMBEDDING_CONCURRENCY: Embedding, "2", [], false;
    /// Put before each query, such as `query: ` for E5 models (quotes keep the space). Unset: what the model's
    /// `config_sentence_transformers.json` says.
    EMBEDDING_QUERY_PREFIX: Embedding, "", [], false;
    /// Put before each passage, such as `passage: `. Unset: as above. Another prefix embeds all documents anew.
    EMBEDDING_PASSAGE_PREFIX: Embedding, "", [], false;
    /// Ollama's address (`EMBEDDING_PROVIDER=ollama`).
    OLLAMA_BASE_URL: Embedding, "http://localhost:11434", [], false;
    /// Ollama's embedding model; `ollama pull` fetches it.
    OLLAMA_EMBEDDING_MODEL: Embedding, "nomic-embed-text", [], false;
    /// Bearer token for a proxy before Ollama.
    OLLAMA_API_KEY: Embedding, "", [], true;
    /// Base URL of the service, with its `/v1` (`EMBEDDING_PROVIDER=openai`).
    OPENAI_BASE_URL: Embedding, "https://api.openai.com/v1", [], false;
    /// Its embedding model.
    OPENAI_EMBEDDING_MODEL: Embedding, "text-embedding-3-small", [], false;
    /// Its API key.
    OPENAI_API_KEY: Embedding, "", [], true;

    /// Reranking service that speaks Cohere's protocol (also Jina, vLLM, llama.cpp, Infinity): the base
    /// URL, `…/v1`, or the address that ends in `/rerank`. It is sent queries and passages that the asker may read.
    /// Unset: no reranking.
    RERANK_URL: Reranking, "", ["SEARCH_RERANK_URL"], false;
    /// API key of the reranking service.
    RERANK_API_KEY: Reranking, "", ["SEARCH_RERANK_API_KEY"], true;
    /// Model that the reranking service is asked for.
    RERANK_MODEL: Reranking, "", ["SEARCH_RERANK_MODEL"], false;
    /// Directory of a cross-encoder that is run in this process instead: `model.onnx`, `tokenizer.json`, `config.json`.
    RERANK_MODEL_DIR: Reranking, "", [], false;
    /// How many of the best results are reranked.
    RERANK_CANDIDATES: Reranking, "50", [], false;
    /// Seconds after which the order stays as it was.
    RERANK_TIMEOUT_SECONDS: Reranking, "5", ["SEARCH_RERANK_TIMEOUT_SECONDS"], false;

    /// `text` or `json`.
    LOG_FORMAT: Telemetry, "text", [], false;
    /// Log filter, such as `info` or `info,nextcloud_mcp_server=debug`.
    LOG_LEVEL: Telemetry, "info", [], false;
    /// Whether Prometheus metrics are served on a port of their own.
    METRICS_ENABLED: Telemetry, "true", [], false;
    /// Address of the metrics port.
    METRICS_HOST: Telemetry, "127.0.0.1", [], false;
    /// Port of the metrics.
    METRICS_PORT: Telemetry, "9090", [], false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_stands_once() {
        let names: Vec<_> = VARIABLES
            .iter()
            .flat_map(|variable| {
                [variable.name]
                    .into_iter()
                    .chain(variable.aliases.iter().copied())
            })
            .collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
