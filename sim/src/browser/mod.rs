//! A user in front of a browser, for tests: follows redirects with cookies, passes the simulator's login form
//! and decides on its consent page.
//!
//! ```no_run
//! # async fn example() -> Result<(), nextcloud_sim::BrowserError> {
//! use nextcloud_sim::BrowserSession;
//!
//! let mut browser = BrowserSession::signing_in_as("alice", "alice-pass-1");
//! let page = browser.visit("http://127.0.0.1:8080/apps/oidc/authorize?…", Some("http://127.0.0.1:9911/cb")).await?;
//! let code = page.query_value("code");
//! # Ok(()) }
//! ```

mod cookies;
mod page;

use std::collections::BTreeSet;

use reqwest::Method;
use url::Url;

use cookies::CookieJar;
pub use page::Page;

/// More redirects than this are a loop.
const MOST_STEPS: usize = 30;

/// What the user decides on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Everything that is asked for.
    Grant,
    /// Everything but these scopes.
    GrantWithout(Vec<String>),
    /// Nothing.
    Deny,
}

/// Why a visit came to no end.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Not a URL.
    #[error("not a URL: {0}")]
    Url(#[from] url::ParseError),
    /// No answer.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// The login form came again after the password, or there is no user to log in.
    #[error("the login form asks for a user")]
    NotSignedIn,
    /// Too many redirects.
    #[error("redirected in circles, last to {0}")]
    Loop(Url),
}

/// One browser: its cookies, and who sits in front of it.
#[derive(Debug)]
pub struct BrowserSession {
    client: reqwest::Client,
    cookies: CookieJar,
    user: Option<(String, String)>,
    consent: Consent,
    /// Origins beyond the first that redirects may lead to; empty: all.
    only: BTreeSet<String>,
}

impl Default for BrowserSession {
    fn default() -> Self {
        Self::new()
    }
}

impl BrowserSession {
    /// A browser with nobody who could log in; grants every consent.
    ///
    /// # Panics
    /// If no HTTP client can be made.
    #[expect(
        clippy::expect_used,
        reason = "a test without a client cannot go on; the message says why"
    )]
    #[expect(
        clippy::disallowed_methods,
        reason = "a browser of its own, not the server's client; cookies and redirects are kept here"
    )]
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self {
            client,
            cookies: CookieJar::default(),
            user: None,
            consent: Consent::Grant,
            only: BTreeSet::new(),
        }
    }

    /// A browser whose user passes the login form when it comes.
    pub fn signing_in_as(login: &str, password: &str) -> Self {
        Self {
            user: Some((login.to_owned(), password.to_owned())),
            ..Self::new()
        }
    }

    /// Changes what the user decides on the consent page.
    #[must_use]
    pub fn deciding(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }

    /// Follows redirects only to the origin that a visit starts at and the ones given here.
    #[must_use]
    pub fn staying_at(mut self, origin: &str) -> Self {
        self.only.insert(origin.trim_end_matches('/').to_owned());
        self
    }

    /// One `GET`; a redirect is returned, not followed.
    pub async fn get(&mut self, url: &str) -> Result<Page, BrowserError> {
        self.send(Method::GET, Url::parse(url)?, None).await
    }

    /// One form sent with `POST`; a redirect is returned, not followed. `Origin` is the target's own.
    pub async fn post_form(&mut self, url: &str, fields: &[(&str, &str)]) -> Result<Page, BrowserError> {
        self.send(Method::POST, Url::parse(url)?, Some(encoded(fields)))
            .await
    }

    /// [`Self::get`] and [`Self::follow`].
    pub async fn visit(&mut self, url: &str, stop: Option<&str>) -> Result<Page, BrowserError> {
        if stop.is_some_and(|stop| url.starts_with(stop)) {
            return Ok(Page::not_visited(Url::parse(url)?));
        }
        let page = self.get(url).await?;
        self.follow(page, stop).await
    }

    /// [`Self::post_form`] and [`Self::follow`].
    pub async fn submit(
        &mut self,
        url: &str,
        fields: &[(&str, &str)],
        stop: Option<&str>,
    ) -> Result<Page, BrowserError> {
        let page = self.post_form(url, fields).await?;
        self.follow(page, stop).await
    }

    /// Goes on from a page: redirects, Nextcloud's login form and consent page. Ends at the first other page, or
    /// before the first request to a URL that starts with `stop` or lies outside of [`Self::staying_at`]: such a
    /// page has status 0 and only its URL.
    pub async fn follow(&mut self, page: Page, stop: Option<&str>) -> Result<Page, BrowserError> {
        let start = page.url.origin().ascii_serialization();
        let mut page = page;
        let mut signed_in = false;
        for _ in 0..MOST_STEPS {
            if let Some(next) = page.next_url() {
                let origin = next.origin().ascii_serialization();
                let outside = !self.only.is_empty() && origin != start && !self.only.contains(&origin);
                if outside || stop.is_some_and(|stop| next.as_str().starts_with(stop)) {
                    return Ok(Page::not_visited(next));
                }
                page = self.send(Method::GET, next, None).await?;
            } else if page.is_nextcloud_login() {
                if signed_in {
                    return Err(BrowserError::NotSignedIn);
                }
                signed_in = true;
                page = self.log_in(&page).await?;
            } else if page.is_nextcloud_consent() {
                page = self.decide(&page).await?;
            } else {
                return Ok(page);
            }
        }
        Err(BrowserError::Loop(page.url))
    }

    /// The cookies that a request to this URL would send, as `name=value`.
    pub fn cookies_for(&self, url: &str) -> Vec<String> {
        Url::parse(url).map_or_else(|_| Vec::new(), |url| self.cookies.for_url(&url))
    }

    /// Forgets all cookies: the browser of somebody else.
    pub fn clear_cookies(&mut self) {
        self.cookies = CookieJar::default();
    }

    async fn log_in(&mut self, form: &Page) -> Result<Page, BrowserError> {
        let Some((user, password)) = self.user.clone() else {
            return Err(BrowserError::NotSignedIn);
        };
        let token = form.field("requesttoken").unwrap_or_default();
        let target = form.field("redirect_url").unwrap_or_default();
        let fields = [
            ("user", user.as_str()),
            ("password", &password),
            ("requesttoken", &token),
            ("redirect_url", &target),
        ];
        let url = form.url.join("/login")?;
        self.send(Method::POST, url, Some(encoded(&fields))).await
    }

    async fn decide(&mut self, form: &Page) -> Result<Page, BrowserError> {
        let token = form.field("requesttoken").unwrap_or_default();
        let scopes = form.field("scopes").unwrap_or_default();
        let left_out = match &self.consent {
            Consent::Grant => Vec::new(),
            Consent::GrantWithout(left_out) => left_out.clone(),
            Consent::Deny => {
                let fields = encoded(&[("requesttoken", &token)]);
                let url = form.url.join("/apps/oidc/consent/deny")?;
                return self.send(Method::POST, url, Some(fields)).await;
            }
        };
        let kept: Vec<&str> = scopes
            .split_whitespace()
            .filter(|scope| !left_out.iter().any(|other| other == scope))
            .collect();
        let fields = encoded(&[("scopes", &kept.join(" ")), ("requesttoken", &token)]);
        let url = form.url.join("/apps/oidc/consent/grant")?;
        self.send(Method::POST, url, Some(fields)).await
    }

    async fn send(&mut self, method: Method, url: Url, form: Option<String>) -> Result<Page, BrowserError> {
        let mut request = self.client.request(method, url.clone());
        let cookies = self.cookies.for_url(&url);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(form) = form {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", url.origin().ascii_serialization())
                .body(form);
        }
        let response = request.send().await?;
        for cookie in response.headers().get_all("set-cookie") {
            if let Ok(text) = cookie.to_str() {
                self.cookies.store(&url, text);
            }
        }
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.text().await?;
        Ok(Page {
            url,
            status,
            headers,
            body,
        })
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
