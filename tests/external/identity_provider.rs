//! A running `oidc-provider`, and what its other clients ask of it.

use crate::harness::PATIENCE;
use crate::{person, software};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The client that this server is.
pub const SERVER_CLIENT: (&str, &str) = ("nextcloud-mcp-server", "the-secret-of-the-mcp-server-0001");
/// Somebody's MCP client: public, with PKCE.
pub const MCP_CLIENT: &str = "an-mcp-client";
/// Where the MCP client takes its codes.
pub const MCP_CLIENT_CALLBACK: &str = "http://127.0.0.1:1/callback";
/// Scopes of this server's tools, as far as the tests use them.
pub const TOOL_SCOPES: &str = "notes.read files.read semantic.read";

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";

/// What it has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Refreshes answered with 200.
    pub refreshes: u64,
    /// Refresh tokens that came twice; the grant is dead then.
    pub reuses: u64,
    /// Requests to the revocation endpoint.
    pub revocations: u64,
    /// Requests to the introspection endpoint.
    pub introspections: u64,
    /// Clients that registered themselves.
    pub registrations: u64,
}

/// Tokens of the MCP client.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
}

/// Node closes idle connections after 5 seconds, maybe while a request is under way: each gets its own.
#[expect(clippy::disallowed_methods, reason = "a plain client, not the server's")]
fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().timeout(PATIENCE);
    builder.pool_max_idle_per_host(0).build().unwrap()
}

/// The identity provider; ends with this value.
pub struct IdentityProvider {
    process: Child,
    pub issuer: String,
    http: reqwest::Client,
}

impl IdentityProvider {
    /// Starts one whose only client for a start is [`MCP_CLIENT`], unless `settings` names more.
    pub async fn start(settings: Value) -> Self {
        let mut process = Command::new(software::node())
            .arg(software::script("oidc-provider/server.mjs"))
            .arg(settings.to_string())
            .env("EXTERNAL_NODE_MODULES", software::node_modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let stdout = process.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let first = first.expect("oidc-provider is ready in time").unwrap();
        let ready: Value =
            serde_json::from_str(&first.expect("oidc-provider says that it is ready")).unwrap();
        Self {
            process,
            issuer: ready["issuer"].as_str().unwrap().to_owned(),
            http: http(),
        }
    }

    /// Its settings for a server at `server` with a Nextcloud at `nextcloud`: JWTs for `/mcp`, opaque tokens for the
    /// server's own URL, and JWTs for Nextcloud where a request names no resource.
    pub fn settings(server: &str, nextcloud: &str) -> Value {
        let (id, secret) = SERVER_CLIENT;
        let grants = ["authorization_code", "refresh_token"];
        json!({
            "clients": [{
                "client_id": id,
                "client_secret": secret,
                "redirect_uris": [format!("{server}/oauth/callback")],
                "grant_types": grants,
            }, {
                "client_id": MCP_CLIENT,
                "token_endpoint_auth_method": "none",
                "redirect_uris": [MCP_CLIENT_CALLBACK],
                "grant_types": grants,
            }],
            "resources": {format!("{server}/mcp"): "jwt", server: "opaque", nextcloud: "jwt"},
            "default_resource": nextcloud,
            "scopes": TOOL_SCOPES.split(' ').collect::<Vec<_>>(),
        })
    }

    /// Ends it, as a crash would.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// What it has done so far.
    pub async fn counts(&self) -> Counts {
        let answer = self.http.get(format!("{}/test/counts", self.issuer)).send().await;
        answer.unwrap().json().await.unwrap()
    }

    /// The next refresh happens, and its answer is lost.
    pub async fn lose_next_refresh(&self) {
        self.control("lose-refresh").await;
    }

    /// Answers everything with 503 until [`Self::recover`].
    pub async fn fail(&self) {
        self.control("fail").await;
    }

    /// Works again.
    pub async fn recover(&self) {
        self.control("recover").await;
    }

    async fn control(&self, knob: &str) {
        let address = format!("{}/test/{knob}", self.issuer);
        self.http.get(address).send().await.unwrap();
    }

    /// `login` signs in at the MCP client, which asks for a token for `resource`.
    pub async fn tokens(&self, login: &str, resource: &str, scopes: &str) -> Tokens {
        let mut address = url::Url::parse(&format!("{}/auth", self.issuer)).unwrap();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", MCP_CLIENT),
            ("redirect_uri", MCP_CLIENT_CALLBACK),
            ("scope", &format!("openid {scopes}")),
            ("resource", resource),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let page = person::sign_in(login, address.as_str(), Some(MCP_CLIENT_CALLBACK)).await;
        let code = page.query_value("code").expect("a code");
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", MCP_CLIENT),
            ("redirect_uri", MCP_CLIENT_CALLBACK),
            ("code_verifier", VERIFIER),
            ("code", &code),
            ("resource", resource),
        ];
        let answer = self.form("/token", &fields).send().await.unwrap();
        answer.json().await.expect("tokens")
    }

    /// What it says of a token when this server's client asks (RFC 7662).
    pub async fn introspect(&self, token: &str) -> Value {
        self.post_as_server("/token/introspection", &[("token", token)])
            .await
    }

    /// Refreshes with a token of this server's client.
    pub async fn refresh(&self, refresh_token: &str) -> Value {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.post_as_server("/token", &fields).await
    }

    async fn post_as_server(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let (id, secret) = SERVER_CLIENT;
        let request = self.form(path, fields).basic_auth(id, Some(secret));
        request.send().await.unwrap().json().await.unwrap()
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.http
            .post(format!("{}{path}", self.issuer))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }
}
