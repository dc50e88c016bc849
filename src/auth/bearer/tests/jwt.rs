//! Tokens that carry their claims.

use super::*;
use crate::auth::oidc::LEEWAY;
use crate::auth::oidc::testing::unsigned;

#[tokio::test]
async fn an_access_token_is_believed_without_asking_anybody() {
    let world = World::new().await;
    let answer = world.mcp(&world.token(&json!({}))).await;
    assert_eq!(uid(&answer), "alice");
    let bearer = answer.unwrap();
    let scopes: Vec<String> = bearer.scopes.unwrap().into_iter().collect();
    assert_eq!(scopes, ["notes.read", "openid", "profile"]);
    assert_eq!(bearer.client_id.as_deref(), Some("someClient"));
    assert_eq!(bearer.expires_at.unwrap().timestamp(), world.now() + 900);
    assert!(bearer.is_own_nextcloud);
    assert_eq!(world.idp.asked(), 0);
}

/// The answer of a recorded exchange with the `oidc` app.
fn recorded(text: &str) -> Value {
    let exchange: Value = serde_json::from_str(text).unwrap();
    serde_json::from_str(exchange["response"]["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_recorded_access_token_of_the_oidc_app_is_believed_and_its_id_token_is_not() {
    const ISSUER: &str = "http://127.0.0.1:8080";
    let keys = recorded(include_str!("../../../../tests/recordings/oidc/jwks.json"));
    let tokens = recorded(include_str!(
        "../../../../tests/recordings/oidc/token_jwt_resource_mcp.json"
    ));
    let provider = FixedProvider::new(own_nextcloud(ISSUER), keys["keys"].as_array().unwrap().clone());
    let metadata = provider.metadata().unwrap();
    let rules = AudienceRules::of(
        ["http://127.0.0.1:8000".into(), "http://127.0.0.1:8000/mcp".into()],
        vec!["confJwt000000000000000000000000000000".into()],
    );
    let issued = chrono::DateTime::from_timestamp(1_795_408_548, 0).unwrap();
    let verify = async |token: &str, now| {
        super::super::jwt::verify(tokens[token].as_str().unwrap(), &provider, &metadata, &rules, now).await
    };
    let evidence = verify("access_token", issued).await.unwrap();
    assert_eq!((&*evidence.issuer, &*evidence.subject), (ISSUER, "alice"));
    assert!(rules.admit(Audience::Mcp, &evidence));
    assert_eq!(
        evidence.expires_at,
        Some(issued + chrono::TimeDelta::seconds(900))
    );
    assert!(
        evidence
            .scopes
            .unwrap()
            .satisfies(&crate::auth::scopes::Scope::NOTES_READ)
    );
    let id_token = verify("id_token", issued).await.unwrap_err();
    assert_eq!(id_token, BearerError::Refused("it is no access token"));
    let late = issued + chrono::TimeDelta::seconds(900) + LEEWAY;
    assert_eq!(
        verify("access_token", late).await.unwrap_err(),
        BearerError::Refused("it has expired")
    );
}

#[tokio::test]
async fn j01_unsigned_and_forged_tokens_are_refused_and_nothing_is_asked() {
    let world = World::new().await;
    let claims = world.claims();
    let header_url = |name: &str| {
        let mut header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "elsewhere"});
        header[name] = json!(format!("{}/apps/oidc/userinfo", world.issuer));
        unsigned(&header, &claims)
    };
    let hmac = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &claims,
        &jsonwebtoken::EncodingKey::from_secret(&SigningKey::first().public_text()),
    )
    .unwrap();
    let mut critical = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    critical.kid = Some("one".into());
    critical.crit = Some(vec!["b64".into()]);
    for forged in [
        unsigned(&json!({"alg": "none"}), &claims),
        format!(
            "{}.",
            unsigned(&json!({"alg": "none", "typ": "at+jwt"}), &claims)
                .rsplit_once('.')
                .unwrap()
                .0
        ),
        unsigned(&json!({"alg": "RS256", "kid": "one"}), &claims),
        hmac,
        SigningKey::first().sign_with(&critical, &claims),
        SigningKey::second().sign("one", &claims),
        SigningKey::second().sign("two", &claims),
        header_url("jku"),
        header_url("x5u"),
    ] {
        for audience in [Audience::Mcp, Audience::Management] {
            assert!(is_refused(&world.verify(&forged, audience).await), "{forged}");
        }
    }
    assert_eq!(world.idp.asked(), 0);
}

#[tokio::test]
async fn j02_issuer_and_audience_must_be_ours() {
    let world = World::new().await;
    for wrong in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"iss": 7}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"aud": "someClient"}),
        json!({"aud": "https://other.example/"}),
        json!({"aud": format!("{SERVER}/mcp/x")}),
        json!({"aud": {"mcp": SERVER}}),
    ] {
        for audience in [Audience::Mcp, Audience::Management] {
            let answer = world.verify(&world.token(&wrong), audience).await;
            assert!(is_refused(&answer), "{wrong} {answer:?}");
        }
    }
    for right in [
        json!({"aud": SERVER}),
        json!({"aud": ["https://other.example", format!("{SERVER}/mcp")]}),
        json!({"iss": "http://localhost", "aud": format!("{SERVER}/")}),
    ] {
        for audience in [Audience::Mcp, Audience::Management] {
            assert_eq!(
                uid(&world.verify(&world.token(&right), audience).await),
                "alice",
                "{right}"
            );
        }
    }
}

#[tokio::test]
async fn j02_an_allowed_client_may_use_the_management_api_only() {
    let world = World::with(Setup {
        management_clients: vec!["astrolabe".into()],
        ..Setup::default()
    })
    .await;
    for claims in [
        json!({"aud": "astrolabe", "client_id": "astrolabe", "azp": null}),
        json!({"aud": "astrolabe", "client_id": null, "azp": "astrolabe"}),
    ] {
        let token = world.token(&claims);
        assert_eq!(uid(&world.verify(&token, Audience::Management).await), "alice");
        assert!(is_refused(&world.mcp(&token).await));
    }
    let other = world.token(&json!({"aud": "astrolabe"}));
    assert!(is_refused(&world.verify(&other, Audience::Management).await));
}

#[tokio::test]
async fn j03_times_count_within_the_leeway() {
    let world = World::new().await;
    let (now, leeway) = (world.now(), LEEWAY.num_seconds());
    for wrong in [
        json!({"exp": now - leeway}),
        json!({"exp": now - leeway - 1}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"nbf": now + leeway + 1}),
    ] {
        assert!(is_refused(&world.mcp(&world.token(&wrong)).await), "{wrong}");
    }
    for right in [
        json!({"exp": now - leeway + 1}),
        json!({"nbf": now + leeway}),
        json!({"exp": now + 900, "nbf": now}),
    ] {
        assert_eq!(uid(&world.mcp(&world.token(&right)).await), "alice", "{right}");
    }
    // The clock turns: what was believed is not believed past its end.
    let token = world.token(&json!({"exp": now + 10}));
    assert_eq!(uid(&world.mcp(&token).await), "alice");
    world
        .clock
        .advance(Duration::from_secs(11) + LEEWAY.to_std().unwrap());
    assert!(is_refused(&world.mcp(&token).await));
}

#[tokio::test]
async fn an_id_token_is_no_access_token_even_of_an_allowed_client() {
    let world = World::with(Setup {
        management_clients: vec!["astrolabe".into()],
        ..Setup::default()
    })
    .await;
    // As recorded: no `client_id`, no `scope`, the client as audience and `azp`.
    let recorded = json!({
        "aud": "astrolabe", "azp": "astrolabe", "client_id": null, "scope": null, "preferred_username": null,
    });
    let with_nonce = json!({"nonce": "n-0S6_WzA2Mj"});
    for claims in [&recorded, &with_nonce] {
        let token = SigningKey::first().sign("one", &world.claims_with(claims));
        for audience in [Audience::Mcp, Audience::Management] {
            let answer = world.verify(&token, audience).await;
            assert_eq!(answer.unwrap_err(), BearerError::Refused("it is no access token"));
        }
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_refused() {
    let world = World::new().await;
    let bound = world.token(&json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}));
    assert!(is_refused(&world.mcp(&bound).await));
}

#[tokio::test]
async fn j06_a_new_key_of_the_provider_is_taken_after_one_refetch() {
    let world = World::with(Setup {
        rotated: Some(vec![
            SigningKey::first().jwk("one"),
            SigningKey::second().jwk("two"),
        ]),
        ..Setup::default()
    })
    .await;
    let old = world.token(&json!({}));
    assert_eq!(uid(&world.mcp(&old).await), "alice");
    assert_eq!(world.provider.inner.refetches(), 0);
    let new = SigningKey::second().sign("two", &world.claims());
    assert_eq!(uid(&world.mcp(&new).await), "alice");
    assert_eq!(world.provider.inner.refetches(), 1);
    let old_again = world.token(&json!({"jti": "14"}));
    assert_eq!(uid(&world.mcp(&old_again).await), "alice");
    assert_eq!(world.provider.inner.refetches(), 1);
}

#[tokio::test]
async fn j06_a_key_that_was_taken_away_signs_nothing_any_more() {
    let world = World::with(Setup {
        rotated: Some(vec![SigningKey::second().jwk("two")]),
        ..Setup::default()
    })
    .await;
    let new = SigningKey::second().sign("two", &world.claims());
    assert_eq!(uid(&world.mcp(&new).await), "alice");
    assert!(is_refused(&world.mcp(&world.token(&json!({}))).await));
}

#[tokio::test]
async fn without_keys_nobody_can_tell() {
    let world = World::new().await;
    world.provider.down.store(true, Ordering::SeqCst);
    let token = world.token(&json!({}));
    assert!(is_unavailable(&world.mcp(&token).await));
    world.provider.down.store(false, Ordering::SeqCst);
    assert_eq!(
        uid(&world.mcp(&token).await),
        "alice",
        "an outage is not remembered"
    );
}

#[tokio::test]
async fn j12_the_subject_counts_to_the_letter_and_names_no_path() {
    let world = World::new().await;
    let named_otherwise = world.token(&json!({"preferred_username": "admin", "name": "admin"}));
    assert_eq!(uid(&world.mcp(&named_otherwise).await), "alice");
    assert_eq!(
        uid(&world.mcp(&world.token(&json!({"sub": "Alice"}))).await),
        "Alice"
    );
    for nobody in [
        json!({"sub": "../bob"}),
        json!({"sub": ".."}),
        json!({"sub": "bob/../alice"}),
        json!({"sub": "bob%2f"}),
        json!({"sub": "аlice"}),
        json!({"sub": ""}),
        json!({"sub": null}),
        json!({"sub": 7}),
    ] {
        let answer = world.mcp(&world.token(&nobody)).await;
        assert_eq!(answer.unwrap_err(), BearerError::UnknownUser, "{nobody}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn j12_another_providers_subject_is_known_after_a_consent_only(pool: PgPool) {
    use crate::nextcloud::CurrentUser;
    let world = World::with(Setup {
        is_own_nextcloud: false,
        pool: Some(pool.clone()),
        ..Setup::default()
    })
    .await;
    let token = world.token(&json!({"sub": "5b1c-subject"}));
    assert_eq!(world.mcp(&token).await.unwrap_err(), BearerError::UnknownUser);
    // A subject that looks like a UID is nobody either.
    assert_eq!(
        world.mcp(&world.token(&json!({}))).await.unwrap_err(),
        BearerError::UnknownUser
    );
    Identities::new(pool)
        .confirm(&world.issuer, "5b1c-subject", &CurrentUser::for_test("alice"))
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(11));
    let answer = world.mcp(&token).await;
    assert_eq!(uid(&answer), "alice");
    assert!(!answer.unwrap().is_own_nextcloud);
    // The same subject of another issuer is somebody else.
    let other = world.token(&json!({"iss": "http://localhost", "sub": "5b1c-subject"}));
    assert_eq!(world.mcp(&other).await.unwrap_err(), BearerError::UnknownUser);
}

#[tokio::test]
async fn what_is_no_token_is_refused_unread() {
    let world = World::new().await;
    for nonsense in ["", "a b", "tökën", "a\"b", "{}", &"a".repeat(16 * 1024 + 1)] {
        assert!(is_refused(&world.mcp(nonsense).await), "{nonsense:?}");
    }
    assert_eq!(world.idp.asked(), 0);
}
