use super::super::testing::{FixedProvider, SigningKey, claims, own_nextcloud, unsigned};
use super::*;
use jsonwebtoken::EncodingKey;
use serde_json::json;

fn provider() -> FixedProvider {
    FixedProvider::new(
        own_nextcloud("https://cloud.example.test"),
        vec![SigningKey::first().jwk("one")],
    )
}

async fn refusal(token: &str) -> &'static str {
    match verify_jws(token, &provider()).await.unwrap_err() {
        JwsError::Refused(reason) => reason,
        JwsError::Provider(problem) => panic!("{problem}"),
    }
}

#[tokio::test]
async fn a_token_of_the_provider_is_believed() {
    let token = SigningKey::first().sign("one", &json!({"sub": "alice"}));
    let (header, claims) = verify_jws(&token, &provider()).await.unwrap();
    assert_eq!(
        (header.kid.as_deref(), &claims["sub"]),
        (Some("one"), &json!("alice"))
    );
}

#[tokio::test]
async fn j01_tokens_without_a_signature_of_the_provider_are_refused() {
    let content = json!({"sub": "admin"});
    for algorithm in ["none", "None", "HS256", "HS512", "unheard-of"] {
        let token = unsigned(&json!({"alg": algorithm, "kid": "one"}), &content);
        refusal(&token).await;
    }
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some("one".to_owned());
    let key = EncodingKey::from_secret(&SigningKey::first().public_text());
    let forged = jsonwebtoken::encode(&hmac, &content, &key).unwrap();
    assert_eq!(refusal(&forged).await, "its algorithm is not allowed");
    let forged = SigningKey::second().sign("one", &content);
    assert_eq!(refusal(&forged).await, "its signature is wrong");
    for nonsense in ["", "a.b", "a.b.c.d", "..", &"a".repeat(MAX_LENGTH + 1)] {
        refusal(nonsense).await;
    }
}

#[tokio::test]
async fn j01_what_the_header_points_to_is_neither_fetched_nor_used() {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("mine".to_owned());
    header.jku = Some("http://127.0.0.1:1/keys".to_owned());
    header.x5u = Some("http://127.0.0.1:1/chain".to_owned());
    header.jwk = Some(serde_json::from_value(SigningKey::second().jwk("mine")).unwrap());
    let forged = SigningKey::second().sign_with(&header, &json!({"sub": "admin"}));
    assert_eq!(
        refusal(&forged).await,
        "no key of the identity provider signed it"
    );
    // The same pointers do not hurt a good token.
    header.kid = Some("one".to_owned());
    let good = SigningKey::first().sign_with(&header, &json!({"sub": "alice"}));
    assert!(verify_jws(&good, &provider()).await.is_ok());
}

#[tokio::test]
async fn j01_an_extension_that_must_be_understood_is_refused() {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("one".to_owned());
    header.crit = Some(vec!["exp".to_owned()]);
    let token = SigningKey::first().sign_with(&header, &json!({"sub": "alice"}));
    assert!(refusal(&token).await.contains("crit"));
}

#[tokio::test]
async fn j06_an_unknown_key_id_asks_for_the_keys_once() {
    let rotating = provider().rotating_to(vec![SigningKey::second().jwk("two")]);
    let token = SigningKey::second().sign("two", &json!({"sub": "alice"}));
    assert!(verify_jws(&token, &rotating).await.is_ok());
    assert_eq!(rotating.refetches(), 1);
    let old = SigningKey::first().sign("one", &json!({"sub": "alice"}));
    assert!(
        verify_jws(&old, &rotating).await.is_err(),
        "its key is no longer published"
    );
}

#[tokio::test]
async fn a_token_that_names_no_key_is_tried_with_those_that_fit() {
    let token = SigningKey::first().sign_with(&Header::new(Algorithm::RS256), &json!({"sub": "alice"}));
    assert!(verify_jws(&token, &provider()).await.is_ok());
    let mut encryption_only = SigningKey::first().jwk("one");
    encryption_only["use"] = json!("enc");
    let other = FixedProvider::new(own_nextcloud("https://cloud.example.test"), vec![encryption_only]);
    assert!(verify_jws(&token, &other).await.is_err());
}

#[test]
fn j03_times_count_by_the_injected_clock_within_half_a_minute() {
    let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
    let at = now.timestamp();
    let check = |value| check_times(&claims(value), now);
    assert!(check(json!({"exp": at + 1, "nbf": at, "iat": at})).is_ok());
    assert!(check(json!({"exp": at - 29})).is_ok());
    assert!(check(json!({"exp": 1_780_000_000.5, "nbf": at + 30})).is_ok());
    for refused in [
        json!({}),
        json!({"exp": at - 31}),
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"exp": -1}),
        json!({"exp": 1e300}),
        json!({"exp": at + 900, "nbf": at + 31}),
        json!({"exp": at + 900, "iat": at + 31}),
        json!({"exp": at + 900, "nbf": "now"}),
    ] {
        assert!(check(refused.clone()).is_err(), "{refused}");
    }
}

#[test]
fn an_audience_is_text_or_a_list() {
    assert_eq!(audiences(&claims(json!({"aud": "a"}))), ["a"]);
    assert_eq!(audiences(&claims(json!({"aud": ["a", 1, "b"]}))), ["a", "b"]);
    assert!(audiences(&claims(json!({"aud": {}}))).is_empty());
}
