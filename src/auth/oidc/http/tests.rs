use super::super::testing::{http_client, serve};
use super::*;
use axum::Router;
use axum::http::HeaderMap as Headers;
use axum::response::Redirect;
use axum::routing::{any, get, post};

fn url(base: &str, path: &str) -> Url {
    Url::parse(&format!("{base}{path}")).unwrap()
}

#[tokio::test]
async fn a_get_follows_redirects_within_the_origin_only() {
    let elsewhere = serve(Router::new().route("/", get(|| async { "{}" }))).await;
    let target = elsewhere.clone();
    let base = serve(
        Router::new()
            .route(
                "/near",
                get(|| async { Redirect::permanent("/index.php/document") }),
            )
            .route("/index.php/document", get(|| async { r#"{"issuer":"here"}"# }))
            .route("/far", get(move || async move { Redirect::permanent(&target) }))
            .route("/loop", get(|| async { Redirect::permanent("/loop") })),
    )
    .await;
    let http = http_client();
    let near: serde_json::Value = http.get_json(&url(&base, "/near")).await.unwrap();
    assert_eq!(near["issuer"], "here");
    assert_eq!(
        http.get(&url(&base, "/far")).await.unwrap_err(),
        IdpHttpError::Redirected(elsewhere)
    );
    let lost = http.get(&url(&base, "/loop")).await.unwrap_err();
    assert!(matches!(lost, IdpHttpError::Redirected(_)));
}

#[tokio::test]
async fn a_form_is_posted_once_and_carries_the_client_where_it_was_told() {
    async fn echo(headers: Headers, body: String) -> String {
        let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap());
        format!("{} {body}", authorization.unwrap_or("-"))
    }
    let base = serve(
        Router::new()
            .route("/token", post(echo))
            .route("/moved", any(|| async { Redirect::temporary("/token") })),
    )
    .await;
    let http = http_client();
    let secret = SecretString::from("s:e+c/r");
    let id = "a client".to_owned();
    let basic = ClientAuthentication::Basic {
        id: id.clone(),
        secret: secret.clone(),
    };
    let post = ClientAuthentication::Post {
        id: id.clone(),
        secret,
    };
    let public = ClientAuthentication::Public { id };
    let ask = async |path: &str, authentication: &ClientAuthentication| {
        http.post_form(&url(&base, path), &[("token", "a&b")], authentication)
            .await
            .unwrap()
    };
    // base64 of `a+client:s%3Ae%2Bc%2Fr`
    assert_eq!(
        ask("/token", &basic).await.body,
        "Basic YStjbGllbnQ6cyUzQWUlMkJjJTJGcg== token=a%26b"
    );
    assert_eq!(
        ask("/token", &post).await.body,
        "- token=a%26b&client_id=a+client&client_secret=s%3Ae%2Bc%2Fr"
    );
    assert_eq!(
        ask("/token", &public).await.body,
        "- token=a%26b&client_id=a+client"
    );
    assert_eq!(
        ask("/moved", &public).await.status,
        StatusCode::TEMPORARY_REDIRECT
    );
}

#[tokio::test]
async fn an_endless_body_and_a_closed_port_are_told_apart() {
    let base = serve(Router::new().route("/big", get(|| async { vec![b' '; BODY_LIMIT + 1] }))).await;
    let http = http_client();
    assert_eq!(
        http.get(&url(&base, "/big")).await.unwrap_err(),
        IdpHttpError::TooLarge
    );
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let error = http
        .get(&url(&format!("http://{address}"), "/secret-path"))
        .await
        .unwrap_err();
    assert!(matches!(error, IdpHttpError::NotSent(_)), "{error:?}");
    assert!(!error.to_string().contains("secret-path"), "{error}");
}

#[tokio::test]
async fn an_answer_that_never_comes_was_sent() {
    let base = serve(Router::new().route("/", get(std::future::pending::<String>))).await;
    let request = request(Method::GET, &url(&base, "/")).unwrap();
    let error = http_client()
        .send(request, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(error, IdpHttpError::NoAnswer("no answer in time".to_owned()));
}

#[test]
fn an_answer_does_not_show_its_body() {
    let answer = IdpAnswer {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"a-token"),
    };
    assert!(!format!("{answer:?}").contains("a-token"));
}
