//! Talking to the service.

use super::answer;
use super::form::Form;
use crate::config::{NextcloudConfig, OcrConfig};
use crate::documents::extractor::{ByteStream, Content, ExtractError};
use crate::documents::{ExtractedText, SkipReason};
use crate::entropy::SharedEntropy;
use crate::nextcloud::{USER_AGENT, transport_text, unbuilt, with_trust};
use bytes::BytesMut;
use futures::{StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::Url;

/// Limit for TCP and TLS set-up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer: more text than this no scan has.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The service cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OcrUnusable(String);

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum OcrError {
    /// The service says that there is none.
    #[error("{}", SkipReason::NothingRecognised)]
    Nothing,
    /// It does not answer, or is not configured well: the file is not to blame.
    #[error("{0}")]
    Away(String),
    /// It failed with this file.
    #[error("{0}")]
    Failed(String),
    /// The file itself did not arrive.
    #[error("{0}")]
    Content(String),
}

impl From<OcrError> for ExtractError {
    fn from(error: OcrError) -> Self {
        match error {
            OcrError::Nothing => Self::Skipped(SkipReason::NothingRecognised),
            OcrError::Away(reason) | OcrError::Content(reason) => Self::Later(reason),
            OcrError::Failed(reason) => Self::Failed(reason),
        }
    }
}

/// The configured service. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct OcrService {
    client: reqwest::Client,
    base: Url,
    api_key: Option<HeaderValue>,
    entropy: SharedEntropy,
}

impl OcrService {
    /// Trusts the certificates that Nextcloud's client trusts.
    ///
    /// # Errors
    /// [`OcrUnusable`] when the key cannot stand in a header, or the CA bundle cannot be read.
    #[expect(
        clippy::disallowed_methods,
        reason = "the factory of another host's client: no cookie jar, no redirects, its own time limit"
    )]
    pub fn new(
        config: &OcrConfig,
        nextcloud: &NextcloudConfig,
        entropy: SharedEntropy,
    ) -> Result<Self, OcrUnusable> {
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout);
        let client = with_trust(builder, nextcloud)
            .and_then(|builder| builder.build().map_err(|error| unbuilt(&error)))
            .map_err(OcrUnusable)?;
        let api_key = config
            .api_key
            .as_ref()
            .map(|key| {
                let mut value = HeaderValue::from_str(key.expose_secret())
                    .map_err(|_unprintable| OcrUnusable("OCR_API_KEY cannot stand in a header".to_owned()))?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()?;
        Ok(Self {
            client,
            base: config.url.clone(),
            api_key,
            entropy,
        })
    }

    /// A question about the service; `path` is below `OCR_URL`.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// With the key.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let request = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/json");
        match &self.api_key {
            Some(key) => request.header(API_KEY, key.clone()),
            None => request,
        }
    }

    /// Sends the file and waits for its text.
    pub(super) async fn recognise(
        &self,
        content: &dyn Content,
        name: &str,
    ) -> Result<ExtractedText, OcrError> {
        let file = content
            .open(None)
            .await
            .map_err(|error| OcrError::Content(error.to_string()))?;
        let broke_off = Arc::new(AtomicBool::default());
        let form = Form::new(watched(file, broke_off.clone()), name, &self.entropy);
        let request = self
            .request(Method::POST, "v1/convert/file")
            .header(CONTENT_TYPE, form.content_type)
            .body(reqwest::Body::wrap_stream(form.body));
        let sent = request.send().await;
        if broke_off.load(Ordering::SeqCst) {
            return Err(OcrError::Content("the file did not arrive whole".to_owned()));
        }
        let mut response = sent.map_err(|error| unanswered(&error))?;
        if !response.status().is_success() {
            return Err(answer::refusal(response.status()));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(|error| unanswered(&error))? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(OcrError::Failed("the OCR service answered too much".to_owned()));
            }
            body.extend_from_slice(&piece);
        }
        answer::text(&body)
    }
}

/// The same stream; `broke_off` is set when it fails.
fn watched(stream: ByteStream, broke_off: Arc<AtomicBool>) -> ByteStream {
    stream
        .inspect_err(move |_error| broke_off.store(true, Ordering::SeqCst))
        .boxed()
}

/// A service that is slow with this file may be as slow with it the next time.
fn unanswered(error: &reqwest::Error) -> OcrError {
    if error.is_timeout() && !error.is_connect() {
        OcrError::Failed("the OCR service took too long".to_owned())
    } else {
        OcrError::Away(format!(
            "the OCR service cannot be reached: {}",
            transport_text(error)
        ))
    }
}
