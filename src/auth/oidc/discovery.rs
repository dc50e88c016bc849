//! The discovery document, fetched, and checked before anything in it is used (case J10).

use super::{ClientAuthMethod, IdpHttp, IdpHttpError, OAuthUrls, ProviderMetadata, ProviderProblem};
use crate::config::Config;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use url::{Host, Origin, Url};

/// A document that answered, and where.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) document: Value,
    pub(super) at: Url,
}

/// A document that may be used.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) metadata: Arc<ProviderMetadata>,
    pub(super) client_auth_method: ClientAuthMethod,
    pub(super) introspection_auth_method: ClientAuthMethod,
    pub(super) found: Found,
}

/// Why there is none. The kinds differ in how soon asking again makes sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DiscoveryError {
    /// Nobody answered, or not now.
    #[error("{0}")]
    Away(String),
    /// Somebody answered, but not with a discovery document.
    #[error("{0}")]
    NotThere(String),
    /// The document cannot be used.
    #[error("{0}")]
    Refused(String),
}

impl From<DiscoveryError> for ProviderProblem {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Away(text) | DiscoveryError::NotThere(text) => Self::Unreachable(text),
            DiscoveryError::Refused(text) => Self::Refused(text),
        }
    }
}

/// What is used of the document (Discovery 1.0 §3, RFC 8414 §2).
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// What the configuration says of the identity provider.
#[derive(Debug, Clone)]
pub(super) struct DiscoveryRules {
    urls: OAuthUrls,
    /// `OIDC_ACCEPTED_ISSUERS`.
    listed: Vec<String>,
}

impl DiscoveryRules {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            urls: OAuthUrls::new(config),
            listed: config.oidc.accepted_issuers.clone(),
        }
    }

    /// Where the document is looked for.
    pub(super) fn candidates(&self) -> Vec<Url> {
        self.urls.discovery_candidates()
    }

    /// Asks one candidate after the other, as long as the host answers something else than a document.
    pub(super) async fn fetch(&self, http: &IdpHttp) -> Result<Found, DiscoveryError> {
        let mut told = Vec::new();
        for at in self.candidates() {
            match http.get_json::<Value>(&at).await {
                Ok(document) if document.is_object() => return Ok(Found { document, at }),
                Err(error) if is_away(&error) => {
                    return Err(DiscoveryError::Away(format!("{at}: {error}")));
                }
                Ok(_) => told.push(format!("{at}: {}", IdpHttpError::NotJson)),
                Err(error) => told.push(format!("{at}: {error}")),
            }
        }
        Err(DiscoveryError::NotThere(format!(
            "there is no discovery document ({}); is the app `oidc` enabled at Nextcloud, or OIDC_DISCOVERY_URL right?",
            told.join("; ")
        )))
    }

    /// The metadata of `found`, if everything in it is as it must be.
    pub(super) fn check(&self, found: Found) -> Result<Checked, DiscoveryError> {
        self.checked(found).map_err(DiscoveryError::Refused)
    }

    fn checked(&self, found: Found) -> Result<Checked, String> {
        let document = Document::deserialize(&found.document)
            .map_err(|error| format!("something is missing in it: {error}"))?;
        let issuer = parsed("issuer", &document.issuer)?;
        let is_own_nextcloud = self.is_own_nextcloud(&document, &found.at);
        self.check_issuer(&document.issuer, &issuer, &found.at, is_own_nextcloud)?;
        if !document
            .code_challenge_methods_supported
            .iter()
            .any(|method| method == "S256")
        {
            return Err(
                "it does not advertise PKCE with S256 (code_challenge_methods_supported), without which a stolen code \
                 could be used; turn PKCE on at the identity provider, or update Nextcloud's app `oidc`"
                    .to_owned(),
            );
        }
        let trusted = self.trusted_origins(&issuer, &found.at);
        let endpoint = |name: &str, text: &str| endpoint(name, text, &trusted);
        let optional = |name: &str, text: &Option<String>| {
            let checked = text.as_deref().map(|text| endpoint(name, text)).transpose();
            checked.map(|url| url.map(|url| self.urls.for_server(&url)))
        };
        let metadata = ProviderMetadata {
            accepted_issuers: self.accepted_issuers(&document.issuer, is_own_nextcloud),
            authorization_endpoint: self.urls.for_browser(&endpoint(
                "authorization_endpoint",
                &document.authorization_endpoint,
            )?),
            token_endpoint: self
                .urls
                .for_server(&endpoint("token_endpoint", &document.token_endpoint)?),
            jwks_uri: self.urls.for_server(&endpoint("jwks_uri", &document.jwks_uri)?),
            introspection_endpoint: optional("introspection_endpoint", &document.introspection_endpoint)?,
            userinfo_endpoint: optional("userinfo_endpoint", &document.userinfo_endpoint)?,
            revocation_endpoint: optional("revocation_endpoint", &document.revocation_endpoint)?,
            registration_endpoint: optional("registration_endpoint", &document.registration_endpoint)?,
            issuer: document.issuer,
            is_own_nextcloud,
        };
        let client_auth_method = auth_method(document.token_endpoint_auth_methods_supported.as_deref());
        Ok(Checked {
            metadata: Arc::new(metadata),
            client_auth_method,
            introspection_auth_method: introspection_auth_method(
                client_auth_method,
                document.introspection_endpoint_auth_methods_supported.as_deref(),
            ),
            found,
        })
    }

    /// Nextcloud's `oidc` app itself: another provider under Nextcloud's host name has subjects that are no UIDs.
    fn is_own_nextcloud(&self, document: &Document, at: &Url) -> bool {
        self.urls.is_at_nextcloud(at)
            && Url::parse(&document.token_endpoint)
                .is_ok_and(|token| token.path().ends_with("/apps/oidc/token"))
    }

    fn check_issuer(&self, text: &str, issuer: &Url, at: &Url, own: bool) -> Result<(), String> {
        let is_listed = self.configured_issuers().any(|listed| same(listed, text));
        let at_nextcloud = self.urls.is_at_nextcloud(issuer);
        if issuer.scheme() == "http" && !is_listed && !is_loopback(issuer) && !self.is_internal(issuer) {
            return Err(format!(
                "its issuer {text} is plain http, which anybody on the way can change; use https, or list it in \
                 OIDC_ACCEPTED_ISSUERS"
            ));
        }
        if is_listed || (own && at_nextcloud) || (!own && is_document_of(at, text)) {
            return Ok(());
        }
        Err(format!(
            "{at} names the issuer {text}, which is not the one configured; if it is right, set \
             NEXTCLOUD_PUBLIC_ISSUER_URL={text} or list it in OIDC_ACCEPTED_ISSUERS"
        ))
    }

    fn configured_issuers(&self) -> impl Iterator<Item = &str> {
        let public = self.urls.public_issuer().map(Url::as_str);
        public.into_iter().chain(self.listed.iter().map(String::as_str))
    }

    /// Whether `url` is at `NEXTCLOUD_HOST`.
    fn is_internal(&self, url: &Url) -> bool {
        let [internal, _public] = self.urls.nextcloud_bases();
        Url::parse(internal).is_ok_and(|internal| internal.origin() == url.origin())
    }

    /// Where endpoints may be: with the issuer, with the document, or where the configuration points.
    fn trusted_origins(&self, issuer: &Url, at: &Url) -> Vec<Origin> {
        let configured = self
            .urls
            .nextcloud_bases()
            .into_iter()
            .chain(self.configured_issuers());
        configured
            .filter_map(|text| Url::parse(text).ok())
            .chain([issuer.clone(), at.clone()])
            .map(|url| url.origin())
            .collect()
    }

    /// Tokens of the `oidc` app name the host that the token request went to (facts §0 row 6).
    fn accepted_issuers(&self, issuer: &str, own: bool) -> Vec<String> {
        let bases = own.then(|| self.urls.nextcloud_bases()).into_iter().flatten();
        let mut accepted: Vec<String> = Vec::new();
        for text in std::iter::once(issuer)
            .chain(self.configured_issuers())
            .chain(bases)
        {
            if !accepted.iter().any(|known| same(known, text)) {
                accepted.push(text.to_owned());
            }
        }
        accepted
    }
}

/// Whether nobody can be expected to answer better at another path of the host.
fn is_away(error: &IdpHttpError) -> bool {
    match error {
        IdpHttpError::NotSent(_) | IdpHttpError::NoAnswer(_) => true,
        IdpHttpError::Status(status) => *status == 429 || *status >= 500,
        _ => false,
    }
}

fn auth_method(supported: Option<&[String]>) -> ClientAuthMethod {
    if lists(supported, ClientAuthMethod::Post) && !lists(supported, ClientAuthMethod::Basic) {
        ClientAuthMethod::Post
    } else {
        ClientAuthMethod::Basic
    }
}

/// As at the token endpoint, which a client is registered for, unless the introspection endpoint knows the other way
/// only (`introspection_endpoint_auth_methods_supported`, RFC 8414 §2).
fn introspection_auth_method(
    at_token_endpoint: ClientAuthMethod,
    supported: Option<&[String]>,
) -> ClientAuthMethod {
    let other = match at_token_endpoint {
        ClientAuthMethod::Basic => ClientAuthMethod::Post,
        ClientAuthMethod::Post => ClientAuthMethod::Basic,
    };
    if lists(supported, other) && !lists(supported, at_token_endpoint) {
        other
    } else {
        at_token_endpoint
    }
}

fn lists(supported: Option<&[String]>, method: ClientAuthMethod) -> bool {
    supported.is_some_and(|methods| methods.iter().any(|listed| listed == method.name()))
}

/// Two forms of one issuer, with and without a slash at the end.
fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// Discovery 1.0 §4 appends the well-known path to the issuer, RFC 8414 §3.1 puts it between host and path.
fn is_document_of(at: &Url, issuer: &str) -> bool {
    let Ok(issuer) = Url::parse(issuer) else {
        return false;
    };
    let path = issuer.path().trim_end_matches('/');
    let expected = [
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/openid-configuration{path}"),
        format!("/.well-known/oauth-authorization-server{path}"),
    ];
    issuer.origin() == at.origin() && expected.iter().any(|expected| expected == at.path())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn parsed(name: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("its {name} is no URL: {error}"))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_plain || (name == "issuer" && url.query().is_some()) {
        return Err(format!("its {name} is not a plain http or https URL"));
    }
    Ok(url)
}

fn endpoint(name: &str, text: &str, trusted: &[Origin]) -> Result<Url, String> {
    let url = parsed(name, text)?;
    if trusted.contains(&url.origin()) {
        return Ok(url);
    }
    Err(format!(
        "its {name} is at {}, which is neither the issuer's host nor a configured one; if that is right, list it in \
         OIDC_ACCEPTED_ISSUERS",
        url.origin().ascii_serialization()
    ))
}

#[cfg(test)]
mod tests;
