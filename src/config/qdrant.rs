//! The Qdrant server, where one is used.

use super::reader::Reader;
use super::{Role, variables};
use secrecy::SecretString;
use url::{Host, Url};

/// Port of Qdrant's gRPC interface.
const GRPC_PORT: u16 = 6334;
/// Port of Qdrant's REST interface, which this server does not speak.
const REST_PORT: u16 = 6333;

/// How the names of collections begin unless told otherwise.
const DEFAULT_PREFIX: &str = "nextcloud-mcp";
/// Longest such beginning.
const LONGEST_PREFIX: usize = 64;

/// A Qdrant server that holds the vector index.
#[derive(Debug, Clone)]
pub struct QdrantConfig {
    /// `QDRANT_URL`: its gRPC interface.
    pub url: Url,
    /// `QDRANT_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `QDRANT_COLLECTION_PREFIX`: how the names of this installation's collections begin.
    pub collection_prefix: String,
}

impl QdrantConfig {
    pub(super) fn load(reader: &mut Reader<'_>, role: Role) -> Option<Self> {
        let api_key = reader.secret(variables::QDRANT_API_KEY);
        let url = reader.url(variables::QDRANT_URL);
        if !reader.is_set(variables::QDRANT_URL) {
            if api_key.is_some() {
                reader.warn("QDRANT_API_KEY is set without QDRANT_URL: the embedded index is used");
            }
            if role != Role::All {
                let problem = format!(
                    "required by the role {}: several processes cannot share the embedded index",
                    role.name()
                );
                let fix = "Write it like http://qdrant:6334, or use the role all.";
                reader.problem(variables::QDRANT_URL, problem, fix);
            }
        }
        let mut url = url?;
        let fixed = match url.port() {
            Some(REST_PORT) => {
                reader.warn(format!(
                    "QDRANT_URL names the REST port {REST_PORT}; the gRPC port {GRPC_PORT} is used"
                ));
                url.set_port(Some(GRPC_PORT))
            }
            Some(_) => Ok(()),
            None => url.set_port(Some(GRPC_PORT)),
        };
        if fixed.is_err() {
            reader.problem(
                variables::QDRANT_URL,
                "cannot have a port",
                "Write it like http://qdrant:6334.",
            );
            return None;
        }
        if api_key.is_some() && url.scheme() == "http" && !is_local(&url) {
            reader.warn("QDRANT_API_KEY goes unencrypted to QDRANT_URL: use https or a private network");
        }
        Some(Self {
            url,
            api_key,
            collection_prefix: prefix(reader),
        })
    }
}

/// Letters, digits, hyphens and underscores: the server makes files of the name.
fn prefix(reader: &mut Reader<'_>) -> String {
    let prefix = reader
        .text(variables::QDRANT_COLLECTION_PREFIX)
        .unwrap_or(DEFAULT_PREFIX);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if prefix.len() > LONGEST_PREFIX || !prefix.chars().all(is_plain) {
        reader.problem(
            variables::QDRANT_COLLECTION_PREFIX,
            "not a plain name",
            "Use up to 64 letters, digits, hyphens and underscores.",
        );
    }
    prefix.to_owned()
}

/// Names without a dot are those of a container network.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => !name.contains('.'),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => true,
    }
}
