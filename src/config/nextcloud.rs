//! The Nextcloud behind this server.

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
