use super::super::testing::{FixedProvider, http_client, own_nextcloud, serve};
use super::super::{ClientError, ClientSource};
use super::*;
use crate::auth::testing::manual_clock;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The one client that is known.
#[derive(Debug)]
struct OneClient;

#[async_trait]
impl OAuthClient for OneClient {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        Ok(ClientCredentials {
            id: "the-client".to_owned(),
            secret: Some("the-secret".into()),
            source: ClientSource::Configured,
        })
    }

    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        Ok(Some(self.current().await?).filter(|client| client.id == id))
    }
}

/// What was asked, and what is answered next.
#[derive(Default)]
struct Script {
    asked: Mutex<Vec<(String, HashMap<String, String>)>>,
    answers: Mutex<Vec<Response>>,
}

impl Script {
    fn then(self: &Arc<Self>, answer: impl IntoResponse) -> &Arc<Self> {
        self.answers.lock().unwrap().push(answer.into_response());
        self
    }

    fn asked(&self) -> Vec<(String, HashMap<String, String>)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut fields: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    if let Some(authorization) = headers.get("authorization") {
        fields.insert(
            "authorization".to_owned(),
            authorization.to_str().unwrap().to_owned(),
        );
    }
    script.asked.lock().unwrap().push((uri.path().to_owned(), fields));
    let mut answers = script.answers.lock().unwrap();
    if answers.is_empty() {
        return StatusCode::IM_A_TEAPOT.into_response();
    }
    answers.remove(0)
}

async fn endpoint(with_revocation: bool) -> (HttpTokenEndpoint, Arc<Script>) {
    let script = Arc::new(Script::default());
    let base = serve(Router::new().fallback(answer).with_state(Arc::clone(&script))).await;
    let mut metadata = own_nextcloud(&base);
    if with_revocation {
        metadata.revocation_endpoint = Some(Url::parse(&format!("{base}/revoke")).unwrap());
    }
    let provider = Arc::new(FixedProvider::new(metadata, vec![]));
    let endpoint = HttpTokenEndpoint::new(http_client(), provider, Arc::new(OneClient), manual_clock());
    (endpoint, script)
}

fn tokens() -> axum::Json<Value> {
    axum::Json(json!({
        "access_token": "access-2", "token_type": "Bearer", "expires_in": 900, "refresh_token": "refresh-2",
        "refresh_expires_in": 1800,
    }))
}

fn error(status: u16, error: &str) -> (StatusCode, axum::Json<Value>) {
    let body = json!({"error": error, "error_description": "As it is."});
    (StatusCode::from_u16(status).unwrap(), axum::Json(body))
}

fn old() -> SecretString {
    SecretString::from("refresh-1")
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier_and_redirect_uri() {
    let (endpoint, script) = endpoint(false).await;
    script.then(tokens());
    let exchange = CodeExchange {
        client_id: "the-client".to_owned(),
        code: "the-code".into(),
        code_verifier: "the-verifier".into(),
        redirect_uri: Url::parse("https://mcp.example.test/oauth/callback").unwrap(),
    };
    let answer = endpoint.exchange_code(&exchange).await.unwrap();
    assert_eq!(answer.access_token.expose_secret(), "access-2");
    assert_eq!(answer.refresh_expires_in, Some(Duration::from_mins(30)));
    let (path, sent) = script.asked().remove(0);
    assert_eq!(path, "/apps/oidc/token");
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("code_verifier", "the-verifier"),
        ("redirect_uri", "https://mcp.example.test/oauth/callback"),
        ("authorization", "Basic dGhlLWNsaWVudDp0aGUtc2VjcmV0"),
    ] {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!sent.contains_key("client_secret"));
}

#[tokio::test]
async fn a_refresh_sends_the_token_once_and_gives_the_new_one() {
    let (endpoint, script) = endpoint(false).await;
    script.then(tokens());
    let answer = endpoint.refresh("the-client", &old()).await.unwrap();
    assert_eq!(answer.refresh_token.unwrap().expose_secret(), "refresh-2");
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1["grant_type"], "refresh_token");
    assert_eq!(asked[0].1["refresh_token"], "refresh-1");
}

/// Fault case T11: the rest of the answer may be missing or nonsense.
#[tokio::test]
async fn t11_an_answer_with_nothing_but_an_access_token_is_good() {
    let (endpoint, script) = endpoint(false).await;
    script.then(axum::Json(
        json!({"access_token": "access-2", "expires_in": "soon"}),
    ));
    let answer = endpoint.refresh("the-client", &old()).await.unwrap();
    assert!(answer.refresh_token.is_none() && answer.expires_in.is_none());
}

/// Fault case T12: what a failure means, over HTTP.
#[tokio::test]
async fn t12_failures_of_a_refresh_are_told_apart_and_never_retried() {
    let (endpoint, script) = endpoint(false).await;
    let next = async |answer: Response| {
        script.then(answer);
        endpoint.refresh("the-client", &old()).await.unwrap_err()
    };
    let failure = next(error(400, "invalid_grant").into_response()).await;
    assert_eq!(
        failure,
        TokenFailure::InvalidGrant("invalid_grant: As it is.".to_owned())
    );
    for client in ["invalid_client", "expired_client"] {
        let failure = next(error(400, client).into_response()).await;
        assert!(matches!(failure, TokenFailure::InvalidClient(_)), "{failure}");
    }
    let throttled = (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "30")]).into_response();
    let retry_after = Some(Duration::from_secs(30));
    assert_eq!(next(throttled).await, TokenFailure::Throttled { retry_after });
    let maintenance = (
        StatusCode::SERVICE_UNAVAILABLE,
        [("x-nextcloud-maintenance-mode", "1")],
        Html("<html>"),
    );
    assert!(matches!(
        next(maintenance.into_response()).await,
        TokenFailure::Unreachable(_)
    ));
    let page = (StatusCode::INTERNAL_SERVER_ERROR, Html("<html>")).into_response();
    assert!(matches!(next(page).await, TokenFailure::InternalError(_)));
    for uncertain in [
        Html("<html>").into_response(),
        axum::Json(json!({"expires_in": 900})).into_response(),
        StatusCode::OK.into_response(),
        vec![b' '; 2 * 1024 * 1024].into_response(),
    ] {
        assert!(matches!(next(uncertain).await, TokenFailure::Uncertain(_)));
    }
    assert_eq!(script.asked().len(), 10, "one request each");
}

#[tokio::test]
async fn t12_a_provider_that_is_not_there_has_used_up_nothing() {
    let provider = Arc::new(FixedProvider::new(own_nextcloud("http://127.0.0.1:1"), vec![]));
    let endpoint = HttpTokenEndpoint::new(http_client(), provider, Arc::new(OneClient), manual_clock());
    let failure = endpoint.refresh("the-client", &old()).await.unwrap_err();
    assert!(matches!(failure, TokenFailure::Unreachable(_)), "{failure}");
}

/// Fault case O16: the client that a grant belongs to was replaced.
#[tokio::test]
async fn o16_a_grant_of_a_client_that_is_gone_is_not_sent_anywhere() {
    let (endpoint, script) = endpoint(true).await;
    let failure = endpoint.refresh("an-older-client", &old()).await.unwrap_err();
    assert!(matches!(failure, TokenFailure::InvalidClient(_)), "{failure}");
    assert!(endpoint.end("an-older-client", &old()).await.is_err());
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn a_token_is_ended_by_revocation_where_there_is_one() {
    let (endpoint, script) = endpoint(true).await;
    script.then(StatusCode::OK);
    let ended = endpoint.end("the-client", &old()).await.unwrap();
    assert_eq!(ended, RemoteRevocation::Revoked);
    let (path, sent) = script.asked().remove(0);
    assert_eq!(path, "/revoke");
    assert_eq!(sent["token"], "refresh-1");
    assert_eq!(sent["token_type_hint"], "refresh_token");
    script.then(error(400, "unsupported_token_type")).then(tokens());
    let ended = endpoint.end("the-client", &old()).await.unwrap();
    assert_eq!(ended, RemoteRevocation::RotatedAway);
    script.then(StatusCode::INTERNAL_SERVER_ERROR);
    assert!(endpoint.end("the-client", &old()).await.is_err());
}

#[tokio::test]
async fn without_a_revocation_endpoint_rotation_ends_a_token() {
    let (endpoint, script) = endpoint(false).await;
    script
        .then(tokens())
        .then(error(400, "invalid_grant"))
        .then(error(400, "invalid_client"));
    let ended = endpoint.end("the-client", &old()).await.unwrap();
    assert_eq!(ended, RemoteRevocation::RotatedAway);
    let ended = endpoint.end("the-client", &old()).await.unwrap();
    assert_eq!(ended, RemoteRevocation::AlreadyDead);
    assert!(endpoint.end("the-client", &old()).await.is_err());
    assert_eq!(script.asked().len(), 3, "thrown away after one refresh each");
}
