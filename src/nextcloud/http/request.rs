//! One request: authentication, redirects, failures.

use super::answer::Answer;
use super::circuit::HostFault;
use super::gate::Ticket;
use super::{Credential, Nextcloud, Priority};
use crate::nextcloud::NextcloudError;
use crate::nextcloud::failure::{self, Failure};
use crate::telemetry::record;
use base64::Engine as _;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

/// Redirects that a GET follows.
const MAX_REDIRECTS: usize = 5;
/// A streamed answer may last this many times longer than a buffered one, as long as bytes keep coming.
const STREAM_FACTOR: u32 = 20;

/// How long a request with an access token may wait for its turn, redirects included. Whoever hands a token on leaves it
/// 30 s or more; Nextcloud destroys the whole grant of a token that reaches it after its end (facts §0 row 1).
pub(super) const BEARER_WAIT: Duration = Duration::from_secs(20);

/// A request before it has a credential.
#[derive(Debug)]
pub(in crate::nextcloud) struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Bytes>,
    streamed: bool,
}

impl Call {
    /// `path` is percent-encoded and starts with `/`; the prefix of `NEXTCLOUD_HOST` is put before it.
    pub(in crate::nextcloud) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: None,
            streamed: false,
        }
    }

    /// A GET.
    pub(in crate::nextcloud) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Adds a header; a value that no header can hold (line breaks) is refused before anything is sent.
    pub(in crate::nextcloud) fn header(
        mut self,
        name: &'static str,
        value: &str,
    ) -> Result<Self, NextcloudError> {
        let value = HeaderValue::from_str(value).map_err(|_invalid| NextcloudError::Rejected {
            status: 400,
            message: format!("the value for the header {name} is not allowed"),
        })?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Sets the body.
    pub(in crate::nextcloud) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The answer is read piece by piece: the time limit counts silence, not the whole.
    pub(in crate::nextcloud) fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }
}

impl Nextcloud {
    /// Absolute URL of a percent-encoded path.
    pub(in crate::nextcloud) fn url(&self, path: &str) -> Result<Url, NextcloudError> {
        let base = self.inner.base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}")).map_err(|error| NextcloudError::Rejected {
            status: 400,
            message: format!("not an address: {error}"),
        })
    }

    /// Sends `call` through the gate. Only a 2xx comes back as an [`Answer`], and a 304 to a GET that asked for it.
    pub(in crate::nextcloud) async fn dispatch(
        &self,
        call: Call,
        credential: Option<&Credential>,
        priority: Priority,
    ) -> Result<Answer, NextcloudError> {
        let (path, began) = (call.path.clone(), std::time::Instant::now());
        let result = self.exchange(call, credential, priority).await;
        record::nextcloud_request(&path, result.is_ok(), began.elapsed());
        result
    }

    async fn exchange(
        &self,
        call: Call,
        credential: Option<&Credential>,
        priority: Priority,
    ) -> Result<Answer, NextcloudError> {
        let mut url = self.url(&call.path)?;
        let mut headers = call.headers;
        if let Some(credential) = credential {
            headers.insert(AUTHORIZATION, authorization(credential)?);
        }
        let timeout = if call.streamed {
            self.inner.timeout * STREAM_FACTOR
        } else {
            self.inner.timeout
        };
        let latest = matches!(credential, Some(Credential::Bearer(_)))
            .then(|| Instant::now() + self.inner.bearer_wait);
        let mut ticket = in_time(latest, self.inner.gate.enter(priority)).await?;
        let mut redirects = 0;
        loop {
            if latest.is_some_and(|latest| latest < Instant::now()) {
                return Err(waited_too_long());
            }
            let mut request = self
                .inner
                .client
                .request(call.method.clone(), url.clone())
                .headers(headers.clone())
                .timeout(timeout);
            if let Some(body) = &call.body {
                request = request.body(body.clone());
            }
            self.inner.sent.fetch_add(1, Ordering::Relaxed);
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Err(no_answer(&error, &mut ticket)),
            };
            // 304 answers nothing but this question.
            let unchanged = response.status() == StatusCode::NOT_MODIFIED
                && call.method == Method::GET
                && headers.contains_key(IF_NONE_MATCH);
            if response.status().is_redirection() && !unchanged {
                ticket.alive();
                redirects += 1;
                url = next_hop(
                    &call.method,
                    &url,
                    response.status(),
                    response.headers(),
                    redirects,
                )?;
                continue;
            }
            let answer = Answer::new(response, ticket);
            return if answer.status().is_success() || unchanged {
                Ok(answer.healthy())
            } else {
                Err(self.refused(answer).await)
            };
        }
    }

    /// Reads the answer's reason and tells the gate what it means for the host.
    async fn refused(&self, mut answer: Answer) -> NextcloudError {
        let status = answer.status();
        let body = answer.error_body(failure::body_limit(status)).await;
        let Failure {
            error,
            fault,
            retry_after,
        } = failure::classify(status, answer.headers(), &body, self.inner.clock.now());
        match fault {
            Some(fault) => answer.ticket().failed(fault, retry_after),
            None => answer.ticket().alive(),
        }
        error
    }
}

/// `turn`, unless it comes after `latest`.
async fn in_time(
    latest: Option<Instant>,
    turn: impl Future<Output = Result<Ticket, NextcloudError>>,
) -> Result<Ticket, NextcloudError> {
    match latest {
        Some(latest) => tokio::time::timeout_at(latest, turn)
            .await
            .unwrap_or_else(|_elapsed| Err(waited_too_long())),
        None => turn.await,
    }
}

/// Nothing was sent, and the host is not to blame.
fn waited_too_long() -> NextcloudError {
    NextcloudError::Unreachable("too many requests wait for it; the access token might have ended".to_owned())
}

/// The `Authorization` header, marked as a secret.
fn authorization(credential: &Credential) -> Result<HeaderValue, NextcloudError> {
    let text = Zeroizing::new(match credential {
        Credential::Basic { login_name, password } => {
            // RFC 7617: everything before the first colon is the user, so such a name could only be misread.
            if login_name.as_str().contains(':') {
                return Err(NextcloudError::Unauthorized);
            }
            let pair = Zeroizing::new(format!("{login_name}:{}", password.expose_secret()));
            format!(
                "Basic {}",
                base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())
            )
        }
        Credential::Bearer(token) => format!("Bearer {}", token.expose_secret()),
    });
    let mut value = HeaderValue::from_str(&text).map_err(|_invalid| NextcloudError::Unauthorized)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where a redirect may lead: only a GET follows, only inside the same origin, only a few times. Anything else would
/// carry the credential or a write to a place that nobody configured.
fn next_hop(
    method: &Method,
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    redirects: usize,
) -> Result<Url, NextcloudError> {
    let refuse = |why: &str| NextcloudError::Rejected {
        status: status.as_u16(),
        message: why.to_owned(),
    };
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(target) = location.and_then(|location| from.join(location).ok()) else {
        return Err(refuse("an answer that was not asked for"));
    };
    if target.origin() != from.origin() {
        return Err(refuse(&format!(
            "redirected to {}, which is not followed; check NEXTCLOUD_HOST",
            target.origin().ascii_serialization()
        )));
    }
    if method != Method::GET {
        return Err(refuse(
            "redirected, which only a GET follows; check NEXTCLOUD_HOST",
        ));
    }
    if redirects > MAX_REDIRECTS {
        return Err(refuse("redirected too often"));
    }
    Ok(target)
}

/// No answer at all: the host's fault.
fn no_answer(error: &reqwest::Error, ticket: &mut Ticket) -> NextcloudError {
    let text = transport_text(error);
    let fault = if error.is_timeout() && !error.is_connect() {
        HostFault::TimedOut(text.clone())
    } else {
        HostFault::Unreachable(text.clone())
    };
    ticket.failed(fault, None::<Duration>);
    NextcloudError::Unreachable(text)
}

/// What went wrong on the way, without the URL.
pub(crate) fn transport_text(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        root_cause(error)
    }
}

/// The innermost cause. The outermost layer is the one of `reqwest`, which names the URL: an error must not carry
/// that on.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut inner = std::error::Error::source(error);
    let mut text = "the request failed".to_owned();
    while let Some(cause) = inner {
        text = failure::plain_text(&cause.to_string());
        inner = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::manual_clock;
    use crate::config::NextcloudConfig;
    use crate::ids::{LoginName, UserId};
    use std::sync::Arc;
    use tokio::time::timeout;

    /// How long access tokens wait in these tests.
    const SHORT: Duration = Duration::from_millis(20);

    /// Nobody listens there; nothing is sent in these tests.
    fn one_place() -> Nextcloud {
        let host: Url = "http://127.0.0.1:9/".parse().unwrap();
        let config = NextcloudConfig {
            public_url: host.clone(),
            host,
            verify_tls: true,
            ca_bundle: None,
            max_concurrency: 1,
            timeout_seconds: 1,
        };
        let mut nextcloud = Nextcloud::new(&config, manual_clock()).unwrap();
        Arc::get_mut(&mut nextcloud.inner).unwrap().bearer_wait = SHORT;
        nextcloud
    }

    #[tokio::test]
    async fn an_access_token_that_waited_too_long_is_not_sent() {
        let nextcloud = one_place();
        let bearer = nextcloud.session(UserId::new("alice"), Credential::Bearer("token".into()));
        let busy = nextcloud.inner.gate.enter(Priority::Interactive).await.unwrap();
        let refused = timeout(SHORT * 100, bearer.send(Call::get("/")))
            .await
            .expect("it does not wait on");
        assert!(
            matches!(&refused, Err(NextcloudError::Unreachable(why)) if why.contains("access token")),
            "{refused:?}"
        );
        assert_eq!(nextcloud.requests_sent(), 0);
        drop(busy);
        // The host is not held for broken by it.
        assert!(nextcloud.inner.gate.enter(Priority::Interactive).await.is_ok());
    }

    #[tokio::test]
    async fn a_password_may_wait_longer() {
        let nextcloud = one_place();
        let basic = Credential::Basic {
            login_name: LoginName::new("alice"),
            password: "pw".into(),
        };
        let session = nextcloud.session(UserId::new("alice"), basic);
        let _busy = nextcloud.inner.gate.enter(Priority::Interactive).await.unwrap();
        let waiting = timeout(SHORT * 3, session.send(Call::get("/"))).await;
        assert!(waiting.is_err(), "it still waits");
    }

    #[test]
    fn basic_keeps_a_colon_in_the_password_and_is_secret() {
        let basic = |login: &str| {
            authorization(&Credential::Basic {
                login_name: LoginName::new(login),
                password: "p:ä".into(),
            })
        };
        let value = basic("alice").unwrap();
        assert_eq!(value.to_str().unwrap(), "Basic YWxpY2U6cDrDpA==");
        assert!(value.is_sensitive() && !format!("{value:?}").contains("YWxp"));
        assert!(matches!(basic("a:b"), Err(NextcloudError::Unauthorized)));
    }

    #[test]
    fn a_bearer_with_a_line_break_is_no_header() {
        let split = Credential::Bearer("abc\r\nX-Evil: 1".into());
        assert!(matches!(authorization(&split), Err(NextcloudError::Unauthorized)));
    }

    #[test]
    fn a_header_value_with_a_line_break_is_refused() {
        let refused = Call::get("/").header("if-match", "\"a\"\r\nX-Evil: 1");
        assert!(matches!(
            refused,
            Err(NextcloudError::Rejected { status: 400, .. })
        ));
    }
}
