//! HTTP to the identity provider: no cookie jar, short time-outs, small bodies, nothing of a body in logs or errors.

use crate::config::NextcloudConfig;
use crate::nextcloud::{USER_AGENT, transport_text, unbuilt, with_trust};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::ClientAuthentication;

/// Limit for one request with its answer.
pub const IDP_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for TCP and TLS set-up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection waits for its next request: less than servers wait (Node: 5 s). A refresh that meets a server
/// just closing the connection would leave its grant uncertain for nothing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// Largest body: a key set or a token answer needs a hundredth of it.
const BODY_LIMIT: usize = 1024 * 1024;
/// Redirects that a GET follows.
const MAX_REDIRECTS: usize = 5;
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdpHttpError {
    /// The connection was never made: nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// The request went out; what became of it is unknown.
    #[error("{0}")]
    NoAnswer(String),
    /// The body is larger than 1 MiB.
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
    /// A redirect that is not followed.
    #[error("redirected to {0}, which is not followed")]
    Redirected(String),
    /// Not the status that was hoped for.
    #[error("HTTP {0}")]
    Status(u16),
    /// Not the JSON that was hoped for.
    #[error("the answer is not the JSON that it should be")]
    NotJson,
    /// The request or the client cannot be built.
    #[error("{0}")]
    Unusable(String),
}

/// A whole answer, whatever its status.
#[derive(Clone)]
pub struct IdpAnswer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, at most 1 MiB. May hold tokens.
    pub body: Bytes,
}

impl std::fmt::Debug for IdpAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdpAnswer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl IdpAnswer {
    /// The body as JSON, whatever the status.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, IdpHttpError> {
        serde_json::from_slice(&self.body).map_err(|_text_could_hold_a_token| IdpHttpError::NotJson)
    }
}

/// The client for requests to the identity provider. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct IdpHttp {
    client: reqwest::Client,
}

impl IdpHttp {
    /// Trusts what `config` trusts (`NEXTCLOUD_VERIFY_SSL`, `NEXTCLOUD_CA_BUNDLE`); fails when the bundle is
    /// unreadable.
    #[expect(
        clippy::disallowed_methods,
        reason = "the factory of the other host that this server talks to; the provider needs no OCS header"
    )]
    pub fn new(config: &NextcloudConfig) -> Result<Self, IdpHttpError> {
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true);
        with_trust(builder, config)
            .and_then(|builder| builder.build().map_err(|error| unbuilt(&error)))
            .map(|client| Self { client })
            .map_err(IdpHttpError::Unusable)
    }

    /// A GET without credentials. Follows redirects within the origin: nginx's recipe for Nextcloud has one on
    /// `/.well-known` (facts §3).
    pub async fn get(&self, url: &Url) -> Result<IdpAnswer, IdpHttpError> {
        let mut at = url.clone();
        for _hop in 0..=MAX_REDIRECTS {
            let answer = self.send(request(Method::GET, &at)?, IDP_TIMEOUT).await?;
            if !answer.status.is_redirection() {
                return Ok(answer);
            }
            at = next_hop(&at, &answer.headers)?;
        }
        Err(IdpHttpError::Redirected("one address after the other".to_owned()))
    }

    /// The JSON at `url`, which must answer 200.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, IdpHttpError> {
        let answer = self.get(url).await?;
        if answer.status != StatusCode::OK {
            return Err(IdpHttpError::Status(answer.status.as_u16()));
        }
        answer.json()
    }

    /// A GET with an access token, which is never carried over a redirect.
    pub async fn get_with_bearer(&self, url: &Url, token: &SecretString) -> Result<IdpAnswer, IdpHttpError> {
        let mut request = request(Method::GET, url)?;
        let value = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        request
            .headers_mut()
            .insert(AUTHORIZATION, secret_header(&value)?);
        self.send(request, IDP_TIMEOUT).await
    }

    /// POSTs a form as the client `authentication`; redirects are not followed.
    pub async fn post_form(
        &self,
        url: &Url,
        fields: &[(&str, &str)],
        authentication: &ClientAuthentication,
    ) -> Result<IdpAnswer, IdpHttpError> {
        let request = form_request(url, fields, authentication)?;
        self.send(request, IDP_TIMEOUT).await
    }

    /// POSTs JSON without credentials (RFC 7591 §3.1); redirects are not followed.
    pub async fn post_json(&self, url: &Url, body: &serde_json::Value) -> Result<IdpAnswer, IdpHttpError> {
        let mut request = request(Method::POST, url)?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        *request.body_mut() = body.to_string().into_bytes();
        self.send(request, IDP_TIMEOUT).await
    }

    /// Sends `request` as it is and reads the whole answer within `limit`.
    pub(super) async fn send(
        &self,
        request: Request<Vec<u8>>,
        limit: Duration,
    ) -> Result<IdpAnswer, IdpHttpError> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|_invalid| IdpHttpError::Unusable("the request cannot be built".to_owned()))?;
        *request.timeout_mut() = Some(limit);
        let mut response = self.client.execute(request).await.map_err(|error| {
            let text = transport_text(&error);
            if error.is_connect() || error.is_builder() {
                IdpHttpError::NotSent(text)
            } else {
                IdpHttpError::NoAnswer(text)
            }
        })?;
        let mut body = BytesMut::new();
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| IdpHttpError::NoAnswer(transport_text(&error)))?
        {
            if body.len() + piece.len() > BODY_LIMIT {
                return Err(IdpHttpError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(IdpAnswer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
        })
    }
}

fn request(method: Method, url: &Url) -> Result<Request<Vec<u8>>, IdpHttpError> {
    Request::builder()
        .method(method)
        .uri(url.as_str())
        .header(ACCEPT, JSON)
        .body(Vec::new())
        .map_err(|_invalid| IdpHttpError::Unusable("the address cannot be asked".to_owned()))
}

/// A form is no value to hold over an await: its serializer is not `Send`.
fn form_request(
    url: &Url,
    fields: &[(&str, &str)],
    authentication: &ClientAuthentication,
) -> Result<Request<Vec<u8>>, IdpHttpError> {
    let mut request = request(Method::POST, url)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    match authentication {
        ClientAuthentication::Basic { id, secret } => {
            let value = basic(id, secret);
            request
                .headers_mut()
                .insert(AUTHORIZATION, secret_header(&value)?);
        }
        ClientAuthentication::Post { id, secret } => {
            form.append_pair("client_id", id)
                .append_pair("client_secret", secret.expose_secret());
        }
        ClientAuthentication::Public { id } => {
            form.append_pair("client_id", id);
        }
    }
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    *request.body_mut() = form.finish().into_bytes();
    Ok(request)
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they become Basic credentials.
fn basic(id: &str, secret: &SecretString) -> Zeroizing<String> {
    use base64::Engine as _;
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(id), encoded(secret.expose_secret())));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
    Zeroizing::new(format!("Basic {encoded}"))
}

fn secret_header(text: &str) -> Result<HeaderValue, IdpHttpError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_invalid| IdpHttpError::Unusable("no header can hold the credential".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where a redirect leads, when that is within the origin.
fn next_hop(from: &Url, headers: &HeaderMap) -> Result<Url, IdpHttpError> {
    let target = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| IdpHttpError::Redirected("nowhere".to_owned()))?;
    if target.origin() == from.origin() {
        Ok(target)
    } else {
        Err(IdpHttpError::Redirected(target.origin().ascii_serialization()))
    }
}

#[cfg(test)]
mod tests;
