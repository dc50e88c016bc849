//! The Nextcloud behind this server.

use super::reader::Reader;
use super::variables;
use std::path::PathBuf;
use url::Url;

/// Where Nextcloud is and how to talk to it.
#[derive(Debug, Clone)]
pub struct NextcloudConfig {
    /// `NEXTCLOUD_HOST`: base URL as this server reaches it, without trailing slash in its path.
    pub host: Url,
    /// `NEXTCLOUD_PUBLIC_URL`: base URL as a browser reaches it, for deep links; else `host`.
    pub public_url: Url,
    /// `NEXTCLOUD_VERIFY_SSL`.
    pub verify_tls: bool,
    /// `NEXTCLOUD_CA_BUNDLE`: PEM file with further roots.
    pub ca_bundle: Option<PathBuf>,
    /// `NEXTCLOUD_MAX_CONCURRENCY`: requests to Nextcloud at one time.
    pub max_concurrency: usize,
    /// Time limit of one request, in seconds.
    pub timeout_seconds: u64,
}

impl NextcloudConfig {
    pub(super) fn load(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.is_set(variables::NEXTCLOUD_HOST) {
            reader.problem(
                variables::NEXTCLOUD_HOST,
                "required",
                "Write it like https://cloud.example.com.",
            );
        }
        let host = reader.url(variables::NEXTCLOUD_HOST);
        let public_url = reader
            .url(variables::NEXTCLOUD_PUBLIC_URL)
            .or_else(|| host.clone());
        let verify_tls = reader.flag(variables::NEXTCLOUD_VERIFY_SSL, true);
        if !verify_tls {
            reader.warn("NEXTCLOUD_VERIFY_SSL is off: whoever stands between can read every password");
        }
        let ca_bundle = reader.path(variables::NEXTCLOUD_CA_BUNDLE);
        if let Some(path) = ca_bundle.as_ref().filter(|path| !path.is_file()) {
            let problem = format!("there is no file {}", path.display());
            reader.problem(
                variables::NEXTCLOUD_CA_BUNDLE,
                problem,
                "Name a PEM file with root certificates.",
            );
        }
        let max_concurrency = reader.number(variables::NEXTCLOUD_MAX_CONCURRENCY, 8, 1..=256);
        let timeout_seconds = reader.number(variables::NEXTCLOUD_TIMEOUT_SECONDS, 30, 1..=600);
        Some(Self {
            host: host?,
            public_url: public_url?,
            verify_tls,
            ca_bundle,
            max_concurrency,
            timeout_seconds,
        })
    }
}
