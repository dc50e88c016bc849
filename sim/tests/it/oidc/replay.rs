//! Replays the identity provider's recordings: secrets differ, so each recorded one is mapped to ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nextcloud_sim::{BrowserSession, INSTANCE_ID, OidcClient, Simulator, TokenType, World};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, header, send};
use crate::replay::{body_text, compare, load, recorded_header};

use super::secrets::{encoded, our_cookies, parts, pieces, recorded_cookies, request_token, session_of};

/// Where the recorded clients took their codes.
const CALLBACK: &str = "http://127.0.0.1:9911/cb";

/// The recorded Nextcloud.
const ORIGIN: &str = "http://127.0.0.1:8080";

/// Its session cookie.
const COOKIE: &str = "ocno1i5gzrr1";

pub const OPAQUE: &str = "confOpaque00000000000000000000000000";
pub const JWT: &str = "confJwt000000000000000000000000000000";
pub const REMOVED: &str = "tmpClient00000000000000000000000000000";

/// Fields whose value must be equal, not only their type.
const EQUAL: [&str; 11] = [
    "error",
    "error_description",
    "token_type",
    "expires_in",
    "refresh_expires_in",
    "active",
    "scope",
    "username",
    "sub",
    "client_id",
    "aud",
];

pub struct Replay {
    simulator: Simulator,
    mapped: Vec<(String, String)>,
    differences: Vec<String>,
}

impl Replay {
    /// A simulator with the recorded clients.
    pub async fn start() -> Self {
        let simulator = Simulator::start().await;
        let oidc = simulator.world().oidc();
        oidc.set_bearer_validation(true);
        oidc.create_client(
            OidcClient::new(CALLBACK)
                .credentials(OPAQUE, "confOpaqueSecret00000000000000000000")
                .name("Conf opaque"),
        );
        oidc.create_client(
            OidcClient::new(CALLBACK)
                .credentials(JWT, "confJwtSecret000000000000000000000000")
                .name("Conf jwt")
                .token_type(TokenType::Jwt)
                .resource_url("http://127.0.0.1:8000")
                .allowed_scopes("openid profile email offline_access notes.read"),
        );
        oidc.create_client(
            OidcClient::new(CALLBACK)
                .credentials("pubJwt0000000000000000000000000000000", "")
                .token_type(TokenType::Jwt)
                .public(),
        );
        oidc.create_client(
            OidcClient::new(CALLBACK).credentials(REMOVED, "tmpClientSecret00000000000000000000000"),
        );
        let mapped = vec![
            (ORIGIN.to_owned(), simulator.url()),
            (COOKIE.to_owned(), INSTANCE_ID.to_owned()),
        ];
        Self {
            simulator,
            mapped,
            differences: Vec::new(),
        }
    }

    pub fn world(&self) -> &World {
        self.simulator.world()
    }

    /// The recordings say `theirs` for what is `ours` here.
    pub fn same(&mut self, theirs: &str, ours: &str) {
        self.mapped.push((theirs.to_owned(), ours.to_owned()));
    }

    /// A recording's form token belongs to the same session as another's.
    pub fn same_session(&mut self, name: &str, other: &str) {
        let token = |name: &str| load(&qualified(name))["request"]["headers"]["requesttoken"].clone();
        let ours = self.translate(token(other).as_str().unwrap());
        self.same(token(name).as_str().unwrap(), &ours);
    }

    /// Replays recordings of `oidc/` (or `area/name`) in this order.
    pub async fn play(&mut self, names: &[&str]) {
        for name in names {
            let recording = load(&qualified(name));
            let answer = self.ask(&recording["request"]).await;
            self.learn(&recording["response"], &answer);
            self.check(name, &recording["response"], &answer);
        }
    }

    /// Panics with all differences found.
    pub fn finish(self) {
        assert!(self.differences.is_empty(), "\n{}", self.differences.join("\n"));
    }

    /// Makes the code that a recording redeems, for alice; `verifier` is the recording's own unless given.
    pub async fn code(&mut self, name: &str, scopes: &str, resource: Option<&str>, verifier: Option<&str>) {
        let recording = load(&qualified(name));
        let sent = form(&recording);
        let verifier = verifier
            .map(str::to_owned)
            .or_else(|| value(&sent, "code_verifier"));
        let client = self.translate(&value(&sent, "client_id").unwrap());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &client),
            ("redirect_uri", CALLBACK),
            ("scope", scopes),
        ]);
        if let Some(resource) = resource {
            query.append_pair("resource", resource);
        }
        if let Some(verifier) = verifier {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
            query.append_pair("code_challenge", &challenge);
            query.append_pair("code_challenge_method", "S256");
        }
        let url = format!("{}/apps/oidc/authorize?{}", self.simulator.url(), query.finish());
        let mut browser = BrowserSession::signing_in_as("alice", "alice-pass-1");
        let end = browser.visit(&url, Some(CALLBACK)).await.unwrap();
        let ours = end.query_value("code").unwrap();
        self.mapped.push((value(&sent, "code").unwrap(), ours));
    }

    /// Makes the refresh token that a recording presents, for alice at `client`.
    /// Gives the access token that came with it.
    pub fn refresh_token(&mut self, name: &str, client: &str, scopes: &str) -> String {
        let recording = load(&qualified(name));
        let tokens = self.world().oidc().issue("alice", client, scopes, None);
        let recorded = presented(&recording, "refresh_token").unwrap();
        self.mapped.push((recorded, tokens.refresh_token.unwrap()));
        tokens.access_token
    }

    /// Redeems the code that a recording redeems a second time.
    pub async fn redeem_first(&mut self, name: &str) {
        let answer = self.ask(&load(&qualified(name))["request"]).await;
        assert_eq!(answer.status, 200);
    }

    /// Uses an access token at one of the places that the recordings name.
    pub async fn present(&self, place: &str, client: &str, token: &str) {
        let secret = client
            .replace("Opaque", "OpaqueSecret")
            .replace("Jwt", "JwtSecret");
        let form = format!(
            "token={token}&client_id={client}&client_secret={}",
            &secret[..client.len() + usize::from(client == JWT)]
        );
        let (method, path) = match place {
            "introspect" => ("POST", "/apps/oidc/introspect"),
            "userinfo" => ("GET", "/apps/oidc/userinfo"),
            "ocs_bearer" => ("GET", "/ocs/v2.php/cloud/user"),
            "dav_bearer" => ("PROPFIND", "/remote.php/dav/files/alice/"),
            _ => return,
        };
        let mut headers = vec![header("content-type", "application/x-www-form-urlencoded")];
        if method != "POST" {
            headers.push(header("authorization", &format!("Bearer {token}")));
        }
        send(self.simulator.address(), method, path, &headers, form.as_bytes()).await;
    }

    /// Makes the access token that a recording presents as bearer or introspects, for alice at `client`.
    pub fn access_token(&mut self, name: &str, client: &str, scopes: &str, resource: Option<&str>) {
        let recording = load(&qualified(name));
        let tokens = self.world().oidc().issue("alice", client, scopes, resource);
        let bearer = recording["request"]["headers"]["Authorization"]
            .as_str()
            .and_then(|header| header.strip_prefix("Bearer "))
            .map(str::to_owned);
        let recorded = bearer.or_else(|| presented(&recording, "token")).unwrap();
        self.mapped.push((recorded, tokens.access_token));
    }

    /// Registers the client that a recording manages, and gives our `client_id`.
    pub async fn registered(&mut self, name: &str) -> String {
        let recording = load(&qualified(name));
        let body = serde_json::json!({
            "client_name": "MCP",
            "redirect_uris": [CALLBACK],
            "scope": "openid profile email offline_access notes.read",
            "token_type": "jwt",
        });
        let headers = [header("content-type", "application/json")];
        let address = self.simulator.address();
        let ours = send(
            address,
            "POST",
            "/apps/oidc/register",
            &headers,
            body.to_string().as_bytes(),
        )
        .await;
        let ours = ours.json();
        let field = |name: &str| ours[name].as_str().unwrap().to_owned();
        let path = recording["request"]["path"].as_str().unwrap();
        let bearer = recording["request"]["headers"]["Authorization"].as_str().unwrap();
        let described: Value = body_text(&recording["response"]).parse().unwrap_or_default();
        let client = field("client_id");
        self.mapped
            .push((path.rsplit('/').next().unwrap().to_owned(), client.clone()));
        self.mapped
            .push((bearer.replace("Bearer ", ""), field("registration_access_token")));
        if let Some(secret) = described["client_secret"].as_str() {
            self.mapped.push((secret.to_owned(), field("client_secret")));
        }
        client
    }

    /// Signs in the browser whose session a recording brings, with the token of its forms.
    pub async fn session(&mut self, name: &str, login: &str, password: &str) {
        let headers = &load(&qualified(name))["request"]["headers"];
        let recorded = headers["Cookie"].as_str().unwrap();
        let recorded = recorded.split("; ").find_map(|pair| pair.strip_prefix(COOKIE));
        let mut browser = BrowserSession::signing_in_as(login, password);
        let url = self.simulator.url();
        browser.visit(&format!("{url}/login"), None).await.unwrap();
        let page = browser.get(&format!("{url}/apps/oidc/redirect")).await.unwrap();
        let cookies = browser.cookies_for(&url);
        let ours = cookies.iter().find_map(|pair| pair.strip_prefix(INSTANCE_ID));
        self.mapped.push((
            recorded.unwrap().trim_start_matches('=').to_owned(),
            ours.unwrap().trim_start_matches('=').to_owned(),
        ));
        if let Some(token) = headers["requesttoken"].as_str() {
            self.mapped
                .push((token.to_owned(), request_token(&page.body).unwrap()));
        }
    }

    async fn ask(&self, request: &Value) -> Answer {
        let skipped = ["host", "connection", "content-length", "accept-encoding"];
        let headers: Vec<(String, String)> = request["headers"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| !skipped.contains(&name.to_lowercase().as_str()))
            .map(|(name, value)| (name.clone(), self.translate(value.as_str().unwrap())))
            .collect();
        let path = self.translate(request["path"].as_str().unwrap());
        let body = self.translate(request["body"].as_str().unwrap_or_default());
        let method = request["method"].as_str().unwrap();
        send(self.simulator.address(), method, &path, &headers, body.as_bytes()).await
    }

    fn translate(&self, text: &str) -> String {
        self.mapped
            .iter()
            .fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
    }

    /// Remembers the secrets of an answer.
    fn learn(&mut self, recorded: &Value, answer: &Answer) {
        let mut pairs = Vec::new();
        let theirs: Value = body_text(recorded).parse().unwrap_or_default();
        let ours: Value = answer.text().parse().unwrap_or_default();
        for name in [
            "access_token",
            "refresh_token",
            "client_id",
            "client_secret",
            "registration_access_token",
        ] {
            if let (Some(theirs), Some(ours)) = (theirs[name].as_str(), ours[name].as_str()) {
                pairs.push((theirs.to_owned(), ours.to_owned()));
            }
        }
        let theirs = recorded_header(recorded, "location").unwrap_or_default();
        let ours = answer.header("location").unwrap_or_default();
        if let (Some((_, theirs)), Some((_, ours))) = (theirs.split_once("code="), ours.split_once("code=")) {
            pairs.push((theirs.to_owned(), ours.to_owned()));
        }
        if let (Some(theirs), Some(ours)) = (
            session_of(&recorded_cookies(recorded), COOKIE),
            session_of(&our_cookies(answer), INSTANCE_ID),
        ) {
            pairs.push((theirs, ours));
        }
        let (theirs, ours) = (request_token(&body_text(recorded)), request_token(&answer.text()));
        if let (Some(theirs), Some(ours)) = (theirs, ours) {
            pairs.push((encoded(&theirs), encoded(&ours)));
            pairs.push((theirs, ours));
        }
        self.mapped.extend(
            pairs
                .into_iter()
                .filter(|(theirs, ours)| theirs != ours && !theirs.is_empty()),
        );
    }

    fn check(&mut self, name: &str, recorded: &Value, answer: &Answer) {
        let mut found = compare(name, recorded, answer, true);
        for header in ["access-control-allow-origin", "access-control-allow-methods"] {
            let (theirs, ours) = (recorded_header(recorded, header), answer.header(header));
            if theirs.as_deref() != ours {
                found.push(format!("{name}: header {header} {ours:?} instead of {theirs:?}"));
            }
        }
        let theirs = recorded_header(recorded, "location").map(|text| pieces(&self.translate(&text)));
        let ours = answer.header("location").map(pieces);
        if theirs != ours {
            found.push(format!("{name}: location {ours:?} instead of {theirs:?}"));
        }
        let theirs: Value = self.translate(&body_text(recorded)).parse().unwrap_or_default();
        let ours: Value = answer.text().parse().unwrap_or_default();
        for field in EQUAL {
            if theirs[field] != ours[field] {
                found.push(format!(
                    "{name}: {field} {} instead of {}",
                    ours[field], theirs[field]
                ));
            }
        }
        // Untranslated: a mapped JWT would be ours.
        let theirs: Value = body_text(recorded).parse().unwrap_or_default();
        for field in ["access_token", "id_token"] {
            let (theirs, ours) = (parts(&theirs[field]), parts(&ours[field]));
            if theirs != ours {
                found.push(format!("{name}: {field} {ours:?} instead of {theirs:?}"));
            }
        }
        self.differences.append(&mut found);
    }
}

fn qualified(name: &str) -> String {
    if name.contains('/') {
        name.to_owned()
    } else {
        format!("oidc/{name}")
    }
}

fn form(recording: &Value) -> Vec<(String, String)> {
    let body = recording["request"]["body"].as_str().unwrap();
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

fn value(form: &[(String, String)], name: &str) -> Option<String> {
    form.iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
}

/// A field of a recorded form or JSON body.
fn presented(recording: &Value, name: &str) -> Option<String> {
    let body: Value = recording["request"]["body"].as_str()?.parse().unwrap_or_default();
    body[name]
        .as_str()
        .map(str::to_owned)
        .or_else(|| value(&form(recording), name))
}
