//! The client: time-outs, repeated requests, bounded answers.

use super::ModelApiError;
use crate::clock::SharedClock;
use crate::nextcloud::{USER_AGENT, retry_after, transport_text, unbuilt};
use bytes::BytesMut;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

/// Limit for TCP and TLS set-up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer: a batch of vectors needs a tenth of it.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;

/// How long an answer is waited for, and how often the request is repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    /// For one attempt.
    pub(crate) timeout: Duration,
    /// Attempts in all.
    pub(crate) attempts: u32,
    /// Wait before the second attempt; it doubles.
    pub(crate) first_wait: Duration,
    /// A service that asks for a longer wait (`Retry-After`) is given up.
    pub(crate) longest_wait: Duration,
}

/// A service at its base URL. Clones share connections.
#[derive(Clone)]
pub(crate) struct ModelApi {
    client: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    clock: SharedClock,
}

impl std::fmt::Debug for ModelApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelApi")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl ModelApi {
    /// Sends nothing yet. Redirects are not followed: they would carry passages to another host.
    #[expect(
        clippy::disallowed_methods,
        reason = "the factory for hosts that are neither Nextcloud nor its identity provider"
    )]
    pub(crate) fn new(
        base: &Url,
        api_key: Option<&SecretString>,
        clock: SharedClock,
    ) -> Result<Self, ModelApiError> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ModelApiError::Unusable(unbuilt(&error)))?;
        let mut headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        if let Some(key) = api_key {
            let bearer = Zeroizing::new(format!("Bearer {}", key.expose_secret()));
            let mut value = HeaderValue::from_str(&bearer).map_err(|_holds_the_key| {
                ModelApiError::Unusable("the API key holds characters that no header can".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            client,
            base: base.clone(),
            headers,
            clock,
        })
    }

    /// Where the service is, for messages.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The JSON at `path`, which is put behind the base URL's own.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        retries: Retries,
    ) -> Result<T, ModelApiError> {
        self.request(Method::GET, path, None, retries).await
    }

    /// The answer to `body`.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        retries: Retries,
    ) -> Result<T, ModelApiError> {
        self.request(Method::POST, path, Some(body.to_string()), retries)
            .await
    }

    async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        retries: Retries,
    ) -> Result<T, ModelApiError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let mut wait = retries.first_wait;
        let mut attempt = 1;
        loop {
            let (error, asked) = match self.once(&method, &url, body.clone(), retries.timeout).await {
                Ok(answer) => {
                    return serde_json::from_slice(&answer)
                        .map_err(|_quotes_the_answer| ModelApiError::Answer("unexpected JSON".to_owned()));
                }
                Err(failed) => failed,
            };
            let pause = asked.unwrap_or(wait);
            if !error.is_transient() || attempt >= retries.attempts || pause > retries.longest_wait {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "a model service is asked again");
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(retries.longest_wait);
            attempt += 1;
        }
    }

    /// One attempt; with an error comes the wait that the service asks for.
    async fn once(
        &self,
        method: &Method,
        url: &Url,
        body: Option<String>,
        timeout: Duration,
    ) -> Result<bytes::Bytes, (ModelApiError, Option<Duration>)> {
        let lost = |error: &reqwest::Error| {
            let error = if error.is_timeout() {
                ModelApiError::Timeout
            } else {
                ModelApiError::Unreachable(transport_text(error))
            };
            (error, None)
        };
        let mut request = reqwest::Request::new(method.clone(), url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = body.map(Into::into);
        *request.timeout_mut() = Some(timeout);
        let mut response = self.client.execute(request).await.map_err(|error| lost(&error))?;
        let status = response.status();
        let asked = retry_after(response.headers(), self.clock.now());
        let mut answer = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(|error| lost(&error))? {
            if answer.len() + piece.len() > ANSWER_LIMIT {
                return Err((ModelApiError::Answer("too large".to_owned()), None));
            }
            answer.extend_from_slice(&piece);
        }
        if status == StatusCode::OK {
            Ok(answer.freeze())
        } else {
            Err((ModelApiError::of(status, &answer), asked))
        }
    }
}
