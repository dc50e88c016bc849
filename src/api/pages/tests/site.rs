//! A site with its pages, and browsers that visit it.

use crate::api::pages::{PagesParts, PagesState, assets, routes};
use crate::api::{AuditRows, ClientAddress};
use crate::audit::{AuditError, AuditEvent, AuditOrigin};
use crate::auth::Principal;
use crate::auth::access::{AccessError, AccessStatus, CredentialKind, CredentialState, UserAccess};
use crate::auth::browser::{BrowserSessions, BrowserToken, Form, form_token};
use crate::auth::consent::tests::{World, urls};
use crate::auth::testing::client;
use crate::db::DbError;
use crate::entropy::SystemEntropy;
use crate::ids::UserId;
use crate::mcp::{StatusCache, StatusSource};
use crate::sync::{DeadLetter, PhaseProgress, SyncStatus};
use crate::webhooks::Webhooks;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;
use url::Url;

/// Alice and everybody else have given access until they revoke it.
#[derive(Debug, Default)]
pub(super) struct Accesses {
    pub(super) revoked: Mutex<Vec<String>>,
}

#[async_trait]
impl UserAccess for Accesses {
    async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError> {
        let revoked = self.revoked.lock().unwrap();
        let is_revoked = revoked.iter().any(|uid| uid == user.as_str());
        Ok(AccessStatus {
            state: if is_revoked {
                CredentialState::Revoked
            } else {
                CredentialState::Active
            },
            kind: (!is_revoked).then_some(CredentialKind::RefreshToken),
            ..AccessStatus::not_provisioned()
        })
    }

    async fn revoke(&self, principal: &Principal, _origin: &AuditOrigin) -> Result<bool, AccessError> {
        self.revoked.lock().unwrap().push(principal.user().to_string());
        Ok(true)
    }

    async fn set_scopes(
        &self,
        _principal: &Principal,
        _scopes: &[String],
        _origin: &AuditOrigin,
    ) -> Result<(), AccessError> {
        unreachable!("no page changes scopes")
    }
}

#[derive(Debug)]
struct Events(Arc<crate::auth::consent::tests::StandIns>);

#[async_trait]
impl AuditRows for Events {
    async fn own(&self, user: &UserId, _limit: i64) -> Result<Vec<AuditEvent>, AuditError> {
        let events = self.0.events.lock().unwrap();
        let own = events.iter().filter(|event| event.subject.as_ref() == Some(user));
        Ok(own.cloned().collect())
    }
}

/// Everybody has twelve documents, one of which was given up.
struct Progress;

#[async_trait]
impl StatusSource for Progress {
    async fn status(&self, user: Option<&UserId>) -> Result<SyncStatus, DbError> {
        assert!(user.is_some(), "a page shows one's own documents only");
        Ok(SyncStatus {
            status: "syncing".into(),
            indexed_documents: 1_204,
            pending_documents: 37,
            dense: PhaseProgress {
                done: 980,
                waiting: 224,
                ..PhaseProgress::default()
            },
            skipped: vec![("no_text".into(), 8), ("too_large".into(), 1)],
            dead_letter_count: 1,
            ..SyncStatus::default()
        })
    }

    async fn dead_letters(&self, _user: &UserId, _limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        Ok(vec![DeadLetter {
            doc_type: "file".into(),
            id: "7".into(),
            path: "/Scans/<b>contract</b> of 2019.pdf".into(),
            reason: "the PDF is damaged".into(),
            attempts: 8,
            since: chrono::DateTime::from_timestamp(1_780_000_000, 0).unwrap(),
        }])
    }
}

/// A server with its pages at `https://mcp.example.org`.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) access: Arc<Accesses>,
    router: Router,
}

impl Site {
    pub(super) fn new(pool: &PgPool) -> Self {
        Self::with(pool, None)
    }

    /// With webhooks for their administrators.
    pub(super) fn with(pool: &PgPool, webhooks: Option<Webhooks>) -> Self {
        let world = World::new(pool);
        let access = Arc::new(Accesses::default());
        let entropy = Arc::new(SystemEntropy);
        let state = PagesState::new(PagesParts {
            consents: world.service.clone(),
            sessions: BrowserSessions::new(pool.clone(), world.clock.clone(), entropy.clone()),
            access: access.clone(),
            audit_rows: Arc::new(Events(world.parts.clone())),
            webhooks,
            documents: None,
            sync_status: Some(StatusCache::new(Arc::new(Progress), world.clock.clone())),
            takes_app_passwords: true,
            urls: urls(),
            clock: world.clock.clone(),
            entropy,
        });
        let router = routes(state)
            .merge(assets())
            .layer(axum::Extension(ClientAddress(client(1))));
        Self {
            world,
            access,
            router,
        }
    }

    pub(super) fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            cookies: BTreeMap::new(),
        }
    }
}

/// A browser with its cookies; it follows no redirects by itself.
pub(super) struct Browser<'a> {
    site: &'a Site,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub(super) async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Sends a form as a page of this server does.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.post_with(path, fields, &[("sec-fetch-site", "same-origin")])
            .await
    }

    pub(super) async fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn send(&mut self, mut request: Request<Body>) -> Page {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            let line = cookies.join("; ").parse().unwrap();
            request.headers_mut().insert(header::COOKIE, line);
        }
        let response = self.site.router.clone().oneshot(request).await.unwrap();
        for line in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie::Cookie::parse(line.to_str().unwrap().to_owned()).unwrap();
            if cookie.max_age() == Some(cookie::time::Duration::ZERO) {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Page {
            status: head.status,
            headers: head.headers,
            html: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Reads the consent page at `path` and presses its button; the address at the provider.
    pub(super) async fn allow(&mut self, path: &str) -> Url {
        let page = self.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.html);
        let fields: Vec<(String, String)> = page.fields_of("/oauth/authorize-nextcloud");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let started = self.post("/oauth/authorize-nextcloud", &fields).await;
        assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.html);
        started.location().parse().unwrap()
    }

    /// Comes back from the provider as `uid`.
    pub(super) async fn come_back(&mut self, from: &Url, uid: &str) -> Page {
        let path = format!("/oauth/callback?code={uid}&state={}", state_of(from));
        self.get(&path).await
    }

    /// The hidden field of a form that no page shows to this browser.
    pub(super) fn form_token(&self, form: Form) -> String {
        let cookie = &self.cookies["__Host-mcp_session"];
        form_token(&BrowserToken::parse(cookie).unwrap(), form)
    }

    pub(super) async fn log_in(&mut self, uid: &str) {
        let page = self.get("/oauth/login?next=/app").await;
        let from = page.location().parse().unwrap();
        let back = self.come_back(&from, uid).await;
        assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/app"));
    }
}

pub(super) fn state_of(authorization: &Url) -> String {
    let mut query = authorization.query_pairs();
    query.find(|(name, _)| name == "state").unwrap().1.into_owned()
}

/// What the browser got.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) html: String,
}

impl Page {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn location(&self) -> &str {
        self.header("location")
    }

    /// Whether a link of the page leads to `path` of this server.
    pub(super) fn links_to(&self, path: &str) -> bool {
        self.html.contains(&format!("<a href=\"{path}\">"))
    }

    /// The hidden fields of the form that leads to `action`.
    pub(super) fn fields_of(&self, action: &str) -> Vec<(String, String)> {
        fields_of(&self.html, action)
    }

    pub(super) fn csrf(&self, action: &str) -> String {
        let fields = self.fields_of(action);
        fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1
    }
}

/// The hidden fields of the form in `html` that leads to `action`.
pub(super) fn fields_of(html: &str, action: &str) -> Vec<(String, String)> {
    let form = html.split("<form").skip(1).find(|form| {
        form.split_once('>')
            .is_some_and(|(tag, _)| tag.contains(&format!("action=\"{action}\"")))
    });
    let form = form.unwrap_or_else(|| panic!("no form to {action}: {html}"));
    let form = form.split_once("</form>").unwrap().0;
    form.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            let value = rest.split_once('"').unwrap().0;
            let value = value.replace("&#38;", "&").replace("&#60;", "<");
            (name.to_owned(), value)
        })
        .collect()
}
