//! `/mcp` in OAuth mode over HTTP, and the documents of RFC 9728.

use super::*;
use crate::auth::bearer::BearerError;
use crate::auth::testing::bearers::{FakeBearers, RecordedSessions};
use crate::auth::testing::provider::{FakeProvider, oauth_urls};
use crate::auth::{OAuthGate, OpenSession};
use crate::mcp::testing::{FakeAccess, provisioning};

const DOCUMENT: &str = "https://mcp.example.org/.well-known/oauth-protected-resource/mcp";
const ALL_SCOPES: &str = "files.read files.write notes.read notes.write openid";
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

struct World {
    server: Server,
    bearers: Arc<FakeBearers>,
    sessions: Arc<RecordedSessions>,
    access: Arc<FakeAccess>,
}

impl World {
    fn new(provider: FakeProvider) -> Self {
        let (bearers, sessions) = (
            Arc::new(FakeBearers::default()),
            Arc::new(RecordedSessions::default()),
        );
        let access = Arc::new(FakeAccess::default());
        let services = provisioning(&access, FakeProvider::at("https://cloud.example.org", true));
        let urls = oauth_urls(
            "https://mcp.example.org",
            "http://nextcloud",
            "https://cloud.example.org",
        );
        let server = Server::with(Some(services), |mcp, _| {
            let resource = ProtectedResource::new(urls, Arc::new(provider), mcp.scopes());
            let gate = McpGate::oauth(OAuthGate {
                verifier: bearers.clone(),
                passthrough: Some(sessions.clone() as Arc<dyn OpenSession>),
                stored: None,
                allowed: None,
                challenge: resource.challenge(),
                clock: manual_clock(),
            });
            (gate, Some(resource))
        });
        Self {
            server,
            bearers,
            sessions,
            access,
        }
    }

    fn own() -> Self {
        Self::new(FakeProvider::at("http://nextcloud", true))
    }

    async fn post(&self, authorization: Option<&str>, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method("POST")
            .uri("/mcp")
            .extension(axum::extract::ConnectInfo(
                "192.0.2.7:1000".parse::<std::net::SocketAddr>().unwrap(),
            ))
            .header("host", "mcp.example.org")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.server
            .send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.server.call("GET", path, None, "").await
    }
}

fn call(name: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
        .to_string()
}

#[tokio::test]
async fn j14_a_401_leads_to_a_document_whose_resource_is_the_url_used() {
    let world = World::own();
    let answer = world.post(None, LIST, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header("www-authenticate"),
        format!(r#"Bearer scope="{ALL_SCOPES}", resource_metadata="{DOCUMENT}""#)
    );
    let path = DOCUMENT.strip_prefix("https://mcp.example.org").unwrap();
    let document = world.get(path).await;
    assert_eq!(
        (document.status, document.header("content-type")),
        (StatusCode::OK, "application/json")
    );
    assert_eq!(
        document.body,
        json!({
            "resource": "https://mcp.example.org/mcp",
            "authorization_servers": ["https://cloud.example.org"],
            "scopes_supported": ALL_SCOPES.split(' ').collect::<Vec<_>>(),
            "bearer_methods_supported": ["header"],
        })
    );
    let document = world.get("/.well-known/oauth-protected-resource").await;
    assert_eq!(document.body["resource"], "https://mcp.example.org");
    let other = world.get("/.well-known/oauth-protected-resource/api").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn j10_an_unknown_provider_makes_the_documents_503_with_the_reason() {
    let world = World::new(FakeProvider::away("connection refused"));
    for path in ["", "/mcp"] {
        let answer = world
            .get(&format!("/.well-known/oauth-protected-resource{path}"))
            .await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            answer.body["message"]
                .as_str()
                .unwrap()
                .contains("connection refused")
        );
        assert_eq!(answer.header("retry-after"), "10");
    }
}

#[tokio::test]
async fn other_modes_have_no_such_documents() {
    let server = Server::hybrid();
    for path in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        assert_eq!(
            server.call("GET", &path, None, "").await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn b09_a_password_is_answered_with_a_bearer_challenge_only() {
    let world = World::own();
    let answer = world
        .post(Some(&basic_header("alice", APP_PASSWORD)), LIST, &[])
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges.len(), 1);
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
    assert_eq!((world.server.nextcloud.asked(), world.bearers.asked()), (0, 0));
}

#[tokio::test]
async fn a_bad_token_is_401_a_stranger_403_and_an_outage_503() {
    let world = World::own();
    world
        .bearers
        .refuse("old", BearerError::Refused("it has expired"));
    world.bearers.refuse("stranger", BearerError::UnknownUser);
    let away = BearerError::Unavailable {
        reason: "the identity provider does not answer".into(),
        retry_after: Duration::from_secs(7),
    };
    world.bearers.refuse("later", away);
    let answer = world.post(Some("Bearer old"), LIST, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.contains(r#"error="invalid_token""#) && challenge.contains(DOCUMENT),
        "{challenge}"
    );
    let answer = world.post(Some("Bearer stranger"), LIST, &[]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "J12");
    let answer = world.post(Some("Bearer later"), LIST, &[]).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "7")
    );
}

#[tokio::test]
async fn j13_a_call_without_the_scope_is_403_with_a_step_up_challenge() {
    let world = World::own();
    world
        .bearers
        .accept("t", "alice", Some("openid notes:read custom"), true);
    let write = call(
        "nc_notes_create_note",
        &json!({"title": "a", "content": "b", "category": ""}),
    );
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"nc://Notes/1"}}"#;
    // A header that names a harmless tool changes nothing: the body is the truth.
    let lies = [("mcp-method", "tools/call"), ("mcp-name", "nc_notes_get_note")];
    for headers in [[].as_slice(), &lies] {
        let answer = world.post(Some("Bearer t"), &write, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(
            answer.header("www-authenticate"),
            format!(
                r#"Bearer error="insufficient_scope", scope="notes.read notes.write openid", resource_metadata="{DOCUMENT}""#
            )
        );
        assert_eq!(
            (&answer.body["error"], &answer.body["scopes_required"]),
            (&json!("insufficient_scope"), &json!(["notes.write"]))
        );
    }
    world.bearers.accept("narrow", "alice", Some("openid"), true);
    let answer = world.post(Some("Bearer narrow"), read, &[]).await;
    assert_eq!(answer.body["scopes_required"], json!(["notes.read"]));
    assert!(world.sessions.opened().is_empty(), "Nextcloud is not asked");
}

#[tokio::test]
async fn m07_a_token_sees_its_tools_and_a_silent_one_sees_all() {
    let world = World::own();
    world.bearers.accept("narrow", "alice", Some("openid"), true);
    world.bearers.accept("none", "alice", Some(""), true);
    world.bearers.accept("silent", "alice", None, true);
    for (token, tools) in [("narrow", 4), ("none", 0), ("silent", 22)] {
        let answer = world.post(Some(&format!("Bearer {token}")), LIST, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(
            answer.body["result"]["tools"].as_array().unwrap().len(),
            tools,
            "{token}"
        );
    }
}

#[tokio::test]
async fn faults_of_the_body_are_told_as_before_behind_a_restricted_token() {
    let world = World::own();
    world.bearers.accept("t", "alice", Some("openid"), true);
    let unknown = world
        .post(Some("Bearer t"), &call("no_such_tool", &json!({})), &[])
        .await;
    assert_eq!(unknown.body["error"]["code"], -32602, "{}", unknown.body);
    for body in [
        "",
        "{",
        "[]",
        &format!("[{}]", call("nc_notes_create_note", &json!({}))),
    ] {
        let answer = world.post(Some("Bearer t"), body, &[]).await;
        assert!(answer.status.is_client_error(), "{body}: {}", answer.status);
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "{body}");
    }
    let large = call("nc_notes_get_note", &json!({"x": "x".repeat(4 * 1024 * 1024)}));
    let answer = world.post(Some("Bearer t"), &large, &[]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "M08");
}

#[tokio::test]
async fn a_revocation_by_tool_is_on_record_with_its_origin() {
    let world = World::own();
    world.bearers.accept("t", "alice", Some("openid"), true);
    let revoke = call("revoke_nextcloud_access", &json!({}));
    let answer = world
        .post(
            Some("Bearer t"),
            &revoke,
            &[("x-request-id", "01JXAMPLE0000000000000000A")],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let revocations = world.access.revocations.lock().unwrap();
    let (user, origin) = &revocations[0];
    assert_eq!(
        (user.as_str(), origin.address),
        ("alice", Some("192.0.2.7".parse().unwrap()))
    );
    assert_eq!(origin.request_id.as_deref(), Some(answer.header("x-request-id")));
}

#[tokio::test]
async fn b08_the_token_does_not_pass_the_verification_layer() {
    let world = World::own();
    world.bearers.accept("s3cret-t0ken", "alice", None, true);
    let answer = world
        .post(
            Some("Bearer s3cret-t0ken"),
            &call("nc_webdav_read_file", &json!({"path": "a"})),
            &[],
        )
        .await;
    assert_eq!(answer.body["result"]["isError"], true, "{}", answer.body);
    assert!(!answer.body.to_string().contains("s3cret"));
    assert_eq!(world.sessions.opened().len(), 1);
}

#[tokio::test]
async fn hybrid_mode_has_the_provisioning_tools_too() {
    let access = Arc::new(FakeAccess::default());
    let services = provisioning(&access, FakeProvider::at("https://cloud.example.org", true));
    let server = Server::with(Some(services), |_, verifier| {
        (McpGate::basic(verifier, Arc::new(NoSessions)), None)
    });
    let request = |body: &str| {
        Request::builder()
            .method("POST")
            .uri("/mcp")
            .header("host", "mcp.example.org")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("authorization", basic_header("alice", APP_PASSWORD))
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let listed = server.send(request(LIST)).await;
    assert_eq!(listed.body["result"]["tools"].as_array().unwrap().len(), 22);
    let given = server
        .send(request(&call("provision_nextcloud_access", &json!({}))))
        .await;
    let link = &given.body["result"]["structuredContent"]["provisioning_url"];
    assert_eq!(
        link,
        "https://mcp.example.org/oauth/authorize-nextcloud?link=alice-1"
    );
}
