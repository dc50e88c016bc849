//! The authenticated part of the management API.

use super::*;
use crate::audit::AuditOrigin;
use crate::auth::access::{AccessError, AccessStatus, CredentialKind, CredentialState, UserAccess};
use crate::auth::bearer::{Audience, BearerError, BearerVerifier, VerifiedBearer};
use crate::auth::oidc::testing::serve;
use crate::auth::{CredentialProvider, Principal, Rejection};
use crate::nextcloud::{CurrentUser, Nextcloud, UserSession};
use axum::routing::get;
use chrono::DateTime;
use secrecy::SecretString;

const REFUSED: BearerError = BearerError::Refused("it has expired");

/// Knows the access tokens of the management API.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Token → UID.
    known: Mutex<HashMap<String, String>>,
    down: AtomicBool,
    forgotten: Mutex<Vec<String>>,
}

impl Tokens {
    fn add(&self, token: &str, uid: &str) {
        self.known.lock().unwrap().insert(token.into(), uid.into());
    }

    fn bearer(&self, token: &SecretString) -> Option<VerifiedBearer> {
        let known = self.known.lock().unwrap();
        Some(VerifiedBearer {
            principal: Principal::verified(&CurrentUser::for_test(known.get(token.expose_secret())?)),
            scopes: None,
            client_id: None,
            expires_at: None,
            is_own_nextcloud: true,
        })
    }
}

#[async_trait]
impl BearerVerifier for Tokens {
    async fn verify(&self, token: &SecretString, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        assert_eq!(audience, Audience::Management);
        if self.down.load(Ordering::SeqCst) {
            return Err(BearerError::Unavailable {
                reason: "the identity provider is away".into(),
                retry_after: Duration::from_secs(7),
            });
        }
        match token.expose_secret() {
            "of-nobody" => Err(BearerError::UnknownUser),
            _ => self.bearer(token).ok_or(REFUSED),
        }
    }

    async fn last_known(&self, token: &SecretString, _audience: Audience) -> Option<VerifiedBearer> {
        self.bearer(token)
    }

    async fn forget(&self, principal: &Principal) {
        self.forgotten.lock().unwrap().push(principal.user().to_string());
    }
}

/// What users granted, in memory.
#[derive(Debug, Default)]
pub(super) struct Grants {
    granted: Mutex<HashMap<UserId, AccessStatus>>,
    revoked_from: Mutex<Vec<(String, AuditOrigin)>>,
    down: AtomicBool,
}

impl Grants {
    fn grant(&self, uid: &str) {
        let status = AccessStatus {
            state: CredentialState::Active,
            kind: Some(CredentialKind::RefreshToken),
            provisioned_at: DateTime::from_timestamp(1_770_000_000, 0),
            scopes: Some(vec!["openid".into(), "offline_access".into()]),
            client_id: Some("own-client".into()),
            ..AccessStatus::not_provisioned()
        };
        self.granted.lock().unwrap().insert(UserId::new(uid), status);
    }

    fn is_up(&self) -> Result<(), AccessError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(AccessError::Failed("postgres://user:secret@db is away".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl UserAccess for Grants {
    async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError> {
        self.is_up()?;
        let granted = self.granted.lock().unwrap();
        Ok(granted
            .get(user)
            .cloned()
            .unwrap_or_else(AccessStatus::not_provisioned))
    }

    async fn revoke(&self, principal: &Principal, origin: &AuditOrigin) -> Result<bool, AccessError> {
        self.is_up()?;
        let user = principal.user();
        self.revoked_from
            .lock()
            .unwrap()
            .push((user.to_string(), origin.clone()));
        Ok(self.granted.lock().unwrap().remove(user).is_some())
    }

    async fn set_scopes(
        &self,
        principal: &Principal,
        scopes: &[String],
        _origin: &AuditOrigin,
    ) -> Result<(), AccessError> {
        self.is_up()?;
        let mut granted = self.granted.lock().unwrap();
        let status = granted
            .get_mut(principal.user())
            .ok_or(AccessError::NotProvisioned)?;
        status.scopes = Some(scopes.to_vec());
        Ok(())
    }
}

/// Nobody handed over anything.
pub(super) struct NoCredentials;

#[async_trait]
impl CredentialProvider for NoCredentials {
    async fn session_for(&self, _user: &UserId) -> Result<UserSession, CredentialError> {
        Err(CredentialError::NotProvisioned)
    }

    async fn rejected(&self, _user: &UserId) -> Result<Rejection, CredentialError> {
        Ok(Rejection::Dropped)
    }
}

const SESSION: &str = "/api/v1/users/alice/session";
const REVOKE: &str = "/api/v1/users/alice/revoke";
const ACCESS: &str = "/api/v1/users/alice/access";
const SCOPES: &str = "/api/v1/users/alice/scopes";
const ALICE: Option<&str> = Some("Bearer of-alice");

fn server() -> Server {
    let server = Server::hybrid();
    server.tokens.add("of-alice", "alice");
    server.tokens.add("of-bob", "bob");
    server
}

/// Method, path and body of each route behind an access token.
const ROUTES: [(&str, &str, &str); 4] = [
    ("GET", SESSION, ""),
    ("POST", REVOKE, ""),
    ("GET", ACCESS, ""),
    ("PATCH", SCOPES, r#"{"scopes": ["notes.read"]}"#),
];

#[tokio::test]
async fn a_session_tells_what_was_granted_under_both_names() {
    let server = server();
    let before = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(
        (before.status, before.body),
        (
            StatusCode::OK,
            json!({
                "session_id": "alice", "background_access_granted": false,
                "background_access_state": "not_provisioned",
            })
        )
    );
    server.access.grant("alice");
    let after = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(
        after.body,
        json!({
            "session_id": "alice", "background_access_granted": true, "background_access_state": "active",
            "background_access_details": {
                "granted_at": "2026-02-02T02:40:00Z", "provisioned_at": "2026-02-02T02:40:00Z",
                "scopes": ["offline_access", "openid"], "kind": "refresh_token", "expires_at": null,
            },
        })
    );
}

#[tokio::test]
async fn a_session_tells_no_restriction_from_nothing_allowed() {
    let server = server();
    server.access.grant("alice");
    for (scopes, told) in [(None, json!(null)), (Some(Vec::new()), json!([]))] {
        let alice = UserId::new("alice");
        server
            .access
            .granted
            .lock()
            .unwrap()
            .get_mut(&alice)
            .unwrap()
            .scopes = scopes;
        let answer = server.call("GET", SESSION, ALICE, "").await;
        assert_eq!(answer.body["background_access_details"]["scopes"], told);
    }
}

#[tokio::test]
async fn a_session_survives_what_is_away_behind_this_server() {
    let server = server();
    server.access.grant("alice");
    let known = server.call("GET", SESSION, ALICE, "").await.body;
    server.access.down.store(true, Ordering::SeqCst);
    server.tokens.down.store(true, Ordering::SeqCst);
    let told = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!((told.status, &told.body), (StatusCode::OK, &known));
    assert!(told.body.get("error").is_none());
    // A token that nobody has ever seen here stays unproved, and nothing is made up for a user without a session.
    let unknown = server.call("GET", SESSION, Some("Bearer never-seen"), "").await;
    assert_eq!(
        (unknown.status, unknown.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "7")
    );
    let bob = server
        .call("GET", "/api/v1/users/bob/session", Some("Bearer of-bob"), "")
        .await;
    assert_eq!(bob.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!bob.body.to_string().contains("secret"));
}

#[tokio::test]
async fn a_dead_grant_is_no_error_of_the_session() {
    let server = server();
    server.access.grant("alice");
    let mut status = server.access.granted.lock().unwrap()[&UserId::new("alice")].clone();
    status.state = CredentialState::ReauthRequired;
    status.reason = Some("consent again".into());
    server
        .access
        .granted
        .lock()
        .unwrap()
        .insert(UserId::new("alice"), status);
    let session = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(
        session.body,
        json!({
            "session_id": "alice", "background_access_granted": false,
            "background_access_state": "reauth_required", "background_access_reason": "consent again",
        })
    );
}

#[tokio::test]
async fn b01_without_a_good_token_nothing_is_told_or_done() {
    let server = server();
    server.access.grant("alice");
    for (method, path, body) in ROUTES {
        for header in [
            None,
            Some("Bearer forged"),
            Some("bearer forged"),
            Some("Digest x"),
        ] {
            let answer = server.call(method, path, header, body).await;
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{method} {path} {header:?}"
            );
            assert!(!answer.header("www-authenticate").is_empty());
            assert!(answer.body.get("scopes").is_none());
        }
        let forged = server.call(method, path, Some("Bearer forged"), body).await;
        assert_eq!(
            forged.header("www-authenticate"),
            r#"Bearer realm="Nextcloud", error="invalid_token""#
        );
        assert_eq!(forged.body["error"], "Unauthorized");
        assert_eq!(forged.body.get("message").is_some(), path != SESSION, "{path}");
        for malformed in ["Bearer", "Bearer a b"] {
            let answer = server.call(method, path, Some(malformed), body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {malformed}");
        }
    }
    assert_eq!(server.access.granted.lock().unwrap().len(), 1);
    assert!(server.access.revoked_from.lock().unwrap().is_empty());
}

#[tokio::test]
async fn b02_another_users_path_is_one_403_whether_that_user_exists_or_not() {
    let server = server();
    server.access.grant("bob");
    for (method, path, body) in ROUTES {
        let mut bodies = Vec::new();
        for other in ["bob", "nobody", "ALICE", "alice%20", "alice%2F..%2Fbob"] {
            let path = path.replace("alice", other);
            let mut answer = server.call(method, &path, ALICE, body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
            answer.body["request_id"] = json!(null);
            bodies.push(answer.body);
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    }
    assert_eq!(server.access.granted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn j12_a_token_of_nobody_known_is_403() {
    let server = server();
    for (method, path, body) in ROUTES {
        let answer = server.call(method, path, Some("Bearer of-nobody"), body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn when_nobody_can_tell_the_answer_is_503_and_not_401() {
    let server = server();
    server.tokens.down.store(true, Ordering::SeqCst);
    for (method, path, body) in &ROUTES[1..] {
        let answer = server.call(method, path, ALICE, body).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (StatusCode::SERVICE_UNAVAILABLE, "7"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn j09_a_revocation_is_done_at_once_told_from_where_and_may_be_repeated() {
    let server = server();
    server.access.grant("alice");
    for message in [
        "Background access revoked for alice",
        "No background access was granted by alice",
    ] {
        let answer = server.call("POST", REVOKE, ALICE, "").await;
        assert_eq!(
            (answer.status, answer.body),
            (StatusCode::OK, json!({"success": true, "message": message}))
        );
    }
    assert_eq!(*server.tokens.forgotten.lock().unwrap(), ["alice", "alice"]);
    let (user, origin) = server.access.revoked_from.lock().unwrap()[0].clone();
    assert_eq!(user, "alice");
    assert_eq!(origin.address.unwrap().to_string(), "192.0.2.1");
    assert!(origin.request_id.is_some());
    let session = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(session.body["background_access_granted"], false);
}

#[tokio::test]
async fn a_revocation_that_failed_says_so_and_leaves_no_remembered_session() {
    let server = server();
    server.access.grant("alice");
    server.call("GET", SESSION, ALICE, "").await;
    server.access.down.store(true, Ordering::SeqCst);
    let failed = server.call("POST", REVOKE, ALICE, "").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!failed.body.to_string().contains("secret"), "{}", failed.body);
    assert_eq!(*server.tokens.forgotten.lock().unwrap(), ["alice"]);
    let session = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(session.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn access_and_scopes_take_a_proved_password_as_well_as_a_token() {
    let server = server();
    server.access.grant("alice");
    let basic = basic_header("alice", APP_PASSWORD);
    for header in [ALICE, Some(basic.as_str())] {
        let shown = server.call("GET", ACCESS, header, "").await;
        assert_eq!(
            shown.body,
            json!({
                "success": true, "user_id": "alice", "provisioned": true,
                "scopes": ["openid", "offline_access"], "username": null, "state": "active",
                "kind": "refresh_token", "created_at": "2026-02-02T02:40:00Z",
            })
        );
    }
    let body = r#"{"scopes": ["notes:read", "notes.read", "files.read"]}"#;
    let set = server.call("PATCH", SCOPES, Some(&basic), body).await;
    assert_eq!(
        set.body,
        json!({
            "success": true, "user_id": "alice", "scopes": ["files.read", "notes.read"],
            "message": "Scopes updated for alice",
        })
    );
    let emptied = server.call("PATCH", SCOPES, ALICE, r#"{"scopes": []}"#).await;
    assert_eq!(emptied.body["scopes"], json!([]));
    let shown = server.call("GET", ACCESS, ALICE, "").await;
    assert_eq!(
        shown.body["scopes"],
        json!([]),
        "nothing is allowed, which is not `null`"
    );
}

#[tokio::test]
async fn b01_a_wrong_password_shows_and_changes_nothing_and_is_counted() {
    let server = server();
    server.access.grant("alice");
    let wrong = basic_header("alice", "wrong-password-wrong-password");
    let body = r#"{"scopes": []}"#;
    for (method, path, body) in [("GET", ACCESS, ""), ("PATCH", SCOPES, body)] {
        let answer = server.call(method, path, Some(&wrong), body).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("Invalid app password"))
        );
    }
    assert_eq!(server.nextcloud.asked(), 1, "a refusal is remembered");
    for _ in 0..3 {
        server.call("GET", ACCESS, Some(&wrong), "").await;
    }
    let limited = server.call("GET", ACCESS, Some(&wrong), "").await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    let elsewhere = basic_header("alice", APP_PASSWORD);
    let answer = server
        .call_from("198.51.100.9:1", "GET", ACCESS, Some(&elsewhere), "")
        .await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "nobody is locked out from elsewhere"
    );
    let scopes = server.access.granted.lock().unwrap()[&UserId::new("alice")]
        .scopes
        .clone();
    assert_eq!(scopes.unwrap().len(), 2);
}

#[tokio::test]
async fn wrong_passwords_are_counted_once_for_all_credential_routes() {
    let server = server();
    let wrong = basic_header("alice", "wrong-password-wrong-password");
    let stored = "/api/v1/users/alice/app-password";
    for path in [ACCESS, stored, ACCESS, stored, ACCESS] {
        let answer = server.call("GET", path, Some(&wrong), "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in [ACCESS, stored] {
        let answer = server.call("GET", path, Some(&wrong), "").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
}

#[tokio::test]
async fn b02_a_password_of_another_user_is_403_unasked() {
    let server = server();
    let alice = basic_header("alice", APP_PASSWORD);
    let mut bodies = Vec::new();
    for other in ["bob", "nobody"] {
        let mut answer = server
            .call("GET", &ACCESS.replace("alice", other), Some(&alice), "")
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        answer.body["request_id"] = json!(null);
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(server.nextcloud.asked(), 0);
}

#[tokio::test]
async fn scopes_must_be_known_ones_and_something_must_stand() {
    let server = server();
    let nothing = server.call("PATCH", SCOPES, ALICE, r#"{"scopes": []}"#).await;
    assert_eq!(
        (nothing.status, &nothing.body["error"]),
        (StatusCode::NOT_FOUND, &json!("Not provisioned"))
    );
    server.access.grant("alice");
    let body = r#"{"scopes": ["notes.read", "admin", "mail.send"]}"#;
    let unknown = server.call("PATCH", SCOPES, ALICE, body).await;
    assert_eq!(
        (unknown.status, &unknown.body["error"]),
        (
            StatusCode::BAD_REQUEST,
            &json!("Invalid scopes: admin, mail.send")
        )
    );
    let listed = server.call("GET", "/api/v1/scopes", None, "").await;
    assert_eq!(listed.body["success"], true);
    assert_eq!(unknown.body["valid_scopes"], listed.body["scopes"]);
    let names: Vec<&str> = listed.body["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(names.is_sorted() && names.contains(&"semantic.read"), "{names:?}");
    for malformed in [
        "",
        "[]",
        "{}",
        r#"{"scopes": "all"}"#,
        r#"{"scopes": [], "user_id": "bob"}"#,
    ] {
        let answer = server.call("PATCH", SCOPES, ALICE, malformed).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{malformed}");
    }
}

/// A Nextcloud that says who its user is, and keeps every header that it was sent.
#[derive(Default)]
struct Recording {
    groups: Mutex<Vec<String>>,
    sent: Mutex<Vec<http::HeaderMap>>,
}

async fn recorded(recording: &Arc<Recording>) -> String {
    let recording = Arc::clone(recording);
    let user = move |headers: http::HeaderMap| async move {
        recording.sent.lock().unwrap().push(headers);
        let groups = recording.groups.lock().unwrap().clone();
        axum::Json(json!({"ocs": {
            "meta": {"status": "ok", "statuscode": 200},
            "data": {"id": "alice", "displayname": "Alice", "groups": groups},
        }}))
    };
    serve(Router::new().route("/ocs/v2.php/cloud/user", get(user))).await
}

/// Alice's background credential at that Nextcloud.
struct Stored(Nextcloud);

#[async_trait]
impl CredentialProvider for Stored {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        match user.as_str() {
            "alice" => Ok(self
                .0
                .session(user.clone(), crate::auth::testing::basic("alice", APP_PASSWORD))),
            _ => Err(CredentialError::NotProvisioned),
        }
    }

    async fn rejected(&self, _user: &UserId) -> Result<Rejection, CredentialError> {
        Ok(Rejection::Dropped)
    }
}

#[tokio::test]
async fn o15_an_administrator_is_asked_for_with_the_stored_credential_and_the_token_goes_nowhere() {
    let recording = Arc::new(Recording::default());
    let base = recorded(&recording).await;
    let config = crate::auth::oidc::testing::config(&base, &[]);
    let tokens = Arc::new(Tokens::default());
    tokens.add("of-alice", "alice");
    tokens.add("of-bob", "bob");
    let clock = manual_clock();
    let state = ManagementState::new(ManagementParts {
        verifier: tokens,
        access: Arc::new(Grants::default()),
        app_passwords: None,
        credentials: Arc::new(Stored(Nextcloud::new(&config.nextcloud, clock.clone()).unwrap())),
        webhooks: None,
        consent_url: String::new(),
        clock,
    });
    let admin = |user: AdminUser| async move { user.0.principal().user().to_string() };
    let router = Router::new()
        .route("/admin", get(admin))
        .merge(super::super::management::routes(state.clone()))
        .with_state(state);
    let status = async |token: &str, path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await;
        response.unwrap().status()
    };
    assert_eq!(status("of-alice", "/admin").await, StatusCode::FORBIDDEN);
    *recording.groups.lock().unwrap() = vec!["staff".into(), "admin".into()];
    assert_eq!(
        status("of-alice", "/admin").await,
        StatusCode::OK,
        "asked anew each time"
    );
    assert_eq!(
        status("of-bob", "/admin").await,
        StatusCode::PRECONDITION_REQUIRED
    );
    assert_eq!(status("forged", "/admin").await, StatusCode::UNAUTHORIZED);
    for path in [SESSION, ACCESS] {
        assert_eq!(status("of-alice", path).await, StatusCode::OK);
    }
    let sent = recording.sent.lock().unwrap();
    assert_eq!(sent.len(), 2);
    for headers in sent.iter() {
        assert!(headers["authorization"].to_str().unwrap().starts_with("Basic "));
        assert!(!format!("{headers:?}").contains("of-alice"));
    }
}
