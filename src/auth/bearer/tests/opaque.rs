//! Opaque tokens: introspection and userinfo.

use super::*;

const OPAQUE: &str = "l9NC5mtjH5cyJLdvbHEUcwd6qcJ0Dg85EYWAl5EuNdoH8jm3DHiNnHUwR30YTkKg9tA35fnO";

#[tokio::test]
async fn the_provider_is_asked_as_our_client() {
    let world = World::new().await;
    world.idp.set(Reply::Json(world.active()));
    let answer = world.mcp(OPAQUE).await;
    assert_eq!(uid(&answer), "alice");
    let (authorization, form) = world.idp.requests.lock().unwrap()[0].clone();
    assert_eq!(authorization, "Basic b3duLWNsaWVudDpvd24tc2VjcmV0");
    assert_eq!(form, format!("token={OPAQUE}&token_type_hint=access_token"));
}

#[tokio::test]
async fn the_client_proves_itself_as_the_introspection_endpoint_wants_it() {
    let world = World::with(Setup {
        auth_method: ClientAuthMethod::Post,
        ..Setup::default()
    })
    .await;
    world.idp.set(Reply::Json(world.active()));
    assert_eq!(uid(&world.mcp(OPAQUE).await), "alice");
    let (authorization, form) = world.idp.requests.lock().unwrap()[0].clone();
    assert_eq!(authorization, "");
    assert!(
        form.contains("client_id=own-client") && form.contains("client_secret=own-secret"),
        "{form}"
    );
}

#[tokio::test]
async fn the_recorded_answer_of_the_oidc_app_is_understood() {
    let exchange: Value = serde_json::from_str(include_str!(
        "../../../../tests/recordings/oidc/introspect_opaque_active.json"
    ))
    .unwrap();
    let recorded: Value = serde_json::from_str(exchange["response"]["body"].as_str().unwrap()).unwrap();
    let issued = recorded["iat"].as_i64().unwrap();
    let world = World::new().await;
    world
        .clock
        .advance(Duration::from_secs(u64::try_from(issued - world.now()).unwrap()));
    world.idp.set(Reply::Json(recorded));
    let bearer = world.mcp(OPAQUE).await.unwrap();
    assert_eq!(bearer.principal.user().as_str(), "alice");
    assert_eq!(
        bearer.client_id.as_deref(),
        Some("confOpaque00000000000000000000000000")
    );
    assert_eq!(bearer.expires_at.unwrap().timestamp(), issued + 900);
    world.clock.advance(Duration::from_mins(15));
    assert!(
        is_refused(&world.mcp(OPAQUE).await),
        "twice as long is not believed"
    );
}

#[tokio::test]
async fn a_token_of_the_oidc_app_lives_half_as_long_as_introspection_says() {
    let world = World::new().await;
    world.idp.set(Reply::Json(world.active()));
    let bearer = world.mcp(OPAQUE).await.unwrap();
    assert_eq!(bearer.expires_at.unwrap().timestamp(), world.now() + 900);
    let mut old = world.active();
    old["iat"] = json!(world.now() - 900);
    old["exp"] = json!(world.now() + 900);
    world.idp.set(Reply::Json(old));
    assert!(is_refused(&world.mcp("another-token").await));
}

#[tokio::test]
async fn a_token_that_names_no_scopes_allows_nothing_whoever_vouches_for_it() {
    let world = World::new().await;
    let mut silent = world.active();
    silent.as_object_mut().unwrap().remove("scope");
    world.idp.set(Reply::Json(silent));
    let none = Some(std::collections::BTreeSet::new());
    assert_eq!(world.mcp(OPAQUE).await.unwrap().scopes, none);
    let jwt = world.token(&json!({"scope": null}));
    assert_eq!(world.mcp(&jwt).await.unwrap().scopes, none);
    // Userinfo has no place for scopes: who chose it goes without.
    let world = by_userinfo().await;
    world.idp.set(Reply::Json(json!({"sub": "alice"})));
    assert_eq!(world.mcp(OPAQUE).await.unwrap().scopes, None);
}

#[tokio::test]
async fn j08_inactive_is_401_and_every_trouble_of_the_provider_is_503() {
    let world = World::new().await;
    let hanging = World::with(Setup {
        deadline: SHORT,
        ..Setup::default()
    })
    .await;
    hanging.idp.set(Reply::Hang);
    assert!(is_unavailable(&hanging.mcp("token").await));
    world.idp.set(Reply::Json(json!({"active": false})));
    assert!(is_refused(&world.mcp("inactive").await));
    for (name, reply) in [
        ("a", Reply::Status(500)),
        ("b", Reply::Status(503)),
        ("c", Reply::Status(404)),
        ("d", Reply::Status(302)),
        ("e", Reply::Huge),
        // Our client is refused: that says nothing about the token.
        ("g", Reply::Status(401)),
        ("h", Reply::Status(400)),
        ("i", Reply::Json(json!("active"))),
        ("j", Reply::Json(json!({"active": "true"}))),
        ("k", Reply::Json(json!({}))),
    ] {
        world.idp.set(reply);
        let answer = world.mcp(name).await;
        assert!(is_unavailable(&answer), "{name} {answer:?}");
    }
}

#[tokio::test]
async fn j08_an_outage_is_not_remembered_and_shows_no_token() {
    let world = World::new().await;
    let answer = world.mcp(OPAQUE).await;
    assert!(!format!("{answer:?}").contains(OPAQUE));
    world.idp.set(Reply::Json(world.active()));
    assert_eq!(uid(&world.mcp(OPAQUE).await), "alice");
}

#[tokio::test]
async fn what_is_active_must_still_be_a_bearer_token_of_an_accepted_issuer_and_not_over() {
    let world = World::new().await;
    let now = world.now();
    for (name, field, value) in [
        ("a", "iss", json!("https://evil.example")),
        ("b", "token_type", json!("DPoP")),
        ("c", "token_type", json!("refresh_token")),
        ("d", "cnf", json!({"jkt": "x"})),
        ("e", "exp", json!(now)),
        ("f", "nbf", json!(now + 60)),
        ("g", "exp", json!(i64::MAX)),
    ] {
        let mut answer = world.active();
        answer[field] = value;
        world.idp.set(Reply::Json(answer));
        assert!(is_refused(&world.mcp(name).await), "{name} {field}");
    }
    let mut nobody = world.active();
    nobody.as_object_mut().unwrap().remove("sub");
    world.idp.set(Reply::Json(nobody));
    assert_eq!(world.mcp("h").await.unwrap_err(), BearerError::UnknownUser);
}

#[sqlx::test(migrations = "./migrations")]
async fn j02_another_provider_calls_tokens_of_anybody_active_so_the_audience_decides(pool: PgPool) {
    use crate::nextcloud::CurrentUser;
    let identities = Identities::new(pool.clone());
    let world = World::with(Setup {
        is_own_nextcloud: false,
        management_clients: vec!["astrolabe".into()],
        pool: Some(pool),
        ..Setup::default()
    })
    .await;
    identities
        .confirm(&world.issuer, "alice", &CurrentUser::for_test("alice"))
        .await
        .unwrap();
    let ask = async |name: &str, aud: Value, client: &str, audience| {
        let mut answer = world.active();
        answer["aud"] = aud;
        answer["client_id"] = json!(client);
        world.idp.set(Reply::Json(answer));
        world.verify(name, audience).await
    };
    for (name, aud) in [
        ("a", json!("someClient")),
        ("b", json!(null)),
        ("c", json!(["https://other.example"])),
    ] {
        assert!(is_refused(
            &ask(name, aud.clone(), "someClient", Audience::Mcp).await
        ));
        assert!(is_refused(
            &ask(name, aud, "someClient", Audience::Management).await
        ));
    }
    let ours = ask("d", json!([SERVER]), "someClient", Audience::Mcp).await;
    assert_eq!(uid(&ours), "alice");
    let full_life = ours.unwrap().expires_at.unwrap().timestamp();
    assert_eq!(full_life, world.now() + 1800, "only the oidc app doubles it");
    let own = ask("e", json!("own-client"), "own-client", Audience::Mcp).await;
    assert_eq!(uid(&own), "alice");
    let allowed = ask("f", json!("astrolabe"), "astrolabe", Audience::Management).await;
    assert_eq!(uid(&allowed), "alice");
    assert!(is_refused(
        &ask("f", json!("astrolabe"), "astrolabe", Audience::Mcp).await
    ));
}

#[tokio::test]
async fn without_introspection_userinfo_is_not_asked_unless_it_was_chosen() {
    let world = World::with(Setup {
        introspection: false,
        ..Setup::default()
    })
    .await;
    world.idp.set(Reply::Json(json!({"sub": "alice"})));
    for audience in [Audience::Mcp, Audience::Management] {
        assert!(is_refused(&world.verify(OPAQUE, audience).await));
    }
    assert_eq!(world.idp.asked(), 0);
}

async fn by_userinfo() -> World {
    World::with(Setup {
        validation: TokenValidation::Userinfo,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn where_it_was_chosen_userinfo_says_whose_a_token_is() {
    let world = by_userinfo().await;
    world
        .idp
        .set(Reply::Json(json!({"sub": "alice", "scope": "openid notes:read"})));
    let bearer = world.verify(OPAQUE, Audience::Management).await.unwrap();
    assert_eq!(bearer.principal.user().as_str(), "alice");
    assert!(bearer.scopes.unwrap().contains("notes.read"));
    assert_eq!((bearer.client_id, bearer.expires_at), (None, None));
    let (authorization, _) = world.idp.requests.lock().unwrap()[0].clone();
    assert_eq!(authorization, format!("Bearer {OPAQUE}"));
}

#[tokio::test]
async fn userinfo_says_400_to_a_bad_token_and_trouble_is_503() {
    let world = by_userinfo().await;
    for (name, status) in [("a", 400), ("b", 401), ("c", 403)] {
        world.idp.set(Reply::Status(status));
        assert!(is_refused(&world.mcp(name).await), "{status}");
    }
    for (name, reply) in [
        ("d", Reply::Status(500)),
        ("e", Reply::Status(429)),
        ("f", Reply::Huge),
        ("g", Reply::Json(json!({"name": "Alice"}))),
    ] {
        world.idp.set(reply);
        assert!(is_unavailable(&world.mcp(name).await), "{name}");
    }
}

#[tokio::test]
async fn an_ended_jwt_is_never_presented_since_that_would_destroy_its_grant() {
    let world = by_userinfo().await;
    world.idp.set(Reply::Json(json!({"sub": "alice"})));
    let ended = world.token(&json!({"exp": world.now()}));
    assert_eq!(
        world.mcp(&ended).await.unwrap_err(),
        BearerError::Refused("it has expired, or ends within seconds")
    );
    // It could end on its way.
    let ending = world.token(&json!({"exp": world.now() + 15}));
    assert!(is_refused(&world.mcp(&ending).await));
    assert_eq!(world.idp.asked(), 0);
    let end = world.now() + 50;
    let fresh = world.token(&json!({"exp": end}));
    let answer = world.mcp(&fresh).await;
    assert_eq!(uid(&answer), "alice");
    assert_eq!(
        answer.unwrap().expires_at.unwrap().timestamp(),
        end,
        "who passes it on must know its end"
    );
    // Neither is it once it has ended, though it was good before.
    world.clock.advance(Duration::from_secs(61));
    assert!(is_refused(&world.mcp(&fresh).await));
    assert_eq!(world.idp.asked(), 1);
}
