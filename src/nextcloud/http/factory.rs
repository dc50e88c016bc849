//! Builds the one HTTP client and the base URL.

use crate::config::NextcloudConfig;
use crate::nextcloud::NextcloudError;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use url::Url;

/// Limit for TCP and TLS set-up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// As this server names itself to others.
pub(crate) const USER_AGENT: &str = concat!("nextcloud-mcp-server/", env!("CARGO_PKG_VERSION"));

/// The client: no cookie jar (a session cookie would outlive its credential, facts §0 row 17), no redirects of its
/// own (see [`super::request`]), `OCS-APIRequest: true` on every request (row 7).
#[expect(
    clippy::disallowed_methods,
    reason = "this is the factory that the lint points to"
)]
pub(super) fn client(config: &NextcloudConfig) -> Result<reqwest::Client, NextcloudError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        HeaderName::from_static("ocs-apirequest"),
        HeaderValue::from_static("true"),
    );
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(Duration::from_secs(config.timeout_seconds.max(1)))
        .tcp_nodelay(true);
    with_trust(builder, config)
        .and_then(|builder| builder.build().map_err(|error| unbuilt(&error)))
        .map_err(NextcloudError::Unreachable)
}

/// `builder` with `NEXTCLOUD_VERIFY_SSL` and the roots of `NEXTCLOUD_CA_BUNDLE`; the text says what is wrong with the
/// bundle.
pub(crate) fn with_trust(
    builder: reqwest::ClientBuilder,
    config: &NextcloudConfig,
) -> Result<reqwest::ClientBuilder, String> {
    let builder = builder.tls_danger_accept_invalid_certs(!config.verify_tls);
    let Some(path) = &config.ca_bundle else {
        return Ok(builder);
    };
    let named = |what: String| format!("NEXTCLOUD_CA_BUNDLE {}: {what}", path.display());
    let pem = std::fs::read(path).map_err(|error| named(error.to_string()))?;
    let roots = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| named(super::request::root_cause(&error)))?;
    if roots.is_empty() {
        return Err(named("holds no certificate".to_owned()));
    }
    Ok(builder.tls_certs_merge(roots))
}

/// Why a client could not be built.
pub(crate) fn unbuilt(error: &reqwest::Error) -> String {
    format!(
        "the HTTP client cannot be built: {}",
        super::request::root_cause(error)
    )
}

/// The base URL without trailing slash, query, fragment and credentials.
pub(super) fn base_url(host: &Url) -> Result<Url, NextcloudError> {
    if !matches!(host.scheme(), "http" | "https") || !host.has_host() {
        return Err(NextcloudError::Unreachable(
            "NEXTCLOUD_HOST is not an http or https URL".to_owned(),
        ));
    }
    let origin = host.origin().ascii_serialization();
    let path = host.path().trim_end_matches('/');
    Url::parse(&format!("{origin}{path}"))
        .map_err(|error| NextcloudError::Unreachable(format!("NEXTCLOUD_HOST: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_keeps_the_prefix_and_drops_the_rest() {
        let base = |text: &str| base_url(&Url::parse(text).unwrap()).map(|url| url.to_string());
        assert_eq!(
            base("https://cloud.example.test/nextcloud/").unwrap(),
            "https://cloud.example.test/nextcloud"
        );
        assert_eq!(
            base("http://u:p@cloud.example.test:8080/?q#f").unwrap(),
            "http://cloud.example.test:8080/"
        );
        assert!(base("ftp://cloud.example.test").is_err());
    }

    #[test]
    fn an_unreadable_ca_bundle_is_named() {
        let config = |path: &std::path::Path| NextcloudConfig {
            host: Url::parse("https://cloud.example.test").unwrap(),
            public_url: Url::parse("https://cloud.example.test").unwrap(),
            verify_tls: true,
            ca_bundle: Some(path.to_owned()),
            max_concurrency: 4,
            timeout_seconds: 5,
        };
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.pem");
        let error = client(&config(&missing)).unwrap_err().to_string();
        assert!(
            error.contains("NEXTCLOUD_CA_BUNDLE") && error.contains("none.pem"),
            "{error}"
        );
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "nothing here").unwrap();
        let error = client(&config(&empty)).unwrap_err().to_string();
        assert!(error.contains("holds no certificate"), "{error}");
    }
}
