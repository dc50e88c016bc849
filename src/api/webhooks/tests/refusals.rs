//! What is refused, and what is taken without effect.

use super::*;
use metrics_exporter_prometheus::PrometheusBuilder;

/// W01.
#[sqlx::test(migrations = "./migrations")]
async fn without_a_valid_secret_nothing_happens(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let guard = metrics::set_default_local_recorder(&recorder);
    let body = json!({"event": {"node": {"id": 1, "path": "/alice/files/a"}, "class": WRITTEN}}).to_string();
    let (id, good) = (desk.id.as_str(), desk.header.clone());
    let mut other = good.clone();
    other.replace_range(other.len() - 2.., "--");
    let headers = [
        None,
        Some(String::new()),
        Some(other),
        Some(format!("{good}x")),
        Some(good[..good.len() - 1].to_owned()),
        Some(format!("Bearer {id}.")),
        Some(format!("Bearer {id}")),
        Some(format!("Bearer {id}.{}", "x".repeat(20_000))),
        Some(good.replace(id, "another")),
        Some(good.replace("Bearer", "Basic")),
    ];
    for (number, header) in (1..).zip(&headers) {
        assert_eq!(
            desk.send(header.as_deref(), body.clone()).await,
            StatusCode::UNAUTHORIZED
        );
        let line = format!("ncmcp_webhook_deliveries_total{{outcome=\"rejected\"}} {number}");
        assert!(recorder.handle().render().contains(&line), "{line}");
    }
    drop(guard);
    assert_eq!(desk.count("select count(*) from webhook_hints").await, 0);
    assert_eq!(
        desk.count("select deliveries from webhook_registrations").await,
        0
    );
    assert_eq!(desk.send(Some(&good), body).await, StatusCode::ACCEPTED);
}

/// While a secret is replaced, the one before it counts too.
#[sqlx::test(migrations = "./migrations")]
async fn the_previous_secret_counts_during_the_overlap(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let now = desk.clock.now();
    desk.run("update webhook_registrations set state = 'active'")
        .await;
    assert_eq!(
        desk.store
            .rotate(now + Duration::from_secs(1), now)
            .await
            .unwrap(),
        1
    );
    let new = desk.current_header().await;
    assert_ne!(new, desk.header);
    for header in [&desk.header, &new] {
        assert_eq!(desk.send(Some(header), "{}").await, StatusCode::ACCEPTED);
    }
}

/// W04: a user without consent, an unknown class, an unknown source: taken, without effect.
#[sqlx::test(migrations = "./migrations")]
async fn what_concerns_nobody_is_ignored(pool: PgPool) {
    let desk = Desk::syncing(pool, &["files"]).await;
    let stranger = json!({"event": {"node": {"path": "/dave/files/a"}, "class": WRITTEN}});
    let class = json!({"event": {"class": "OCP\\Some\\NewEvent", "node": {"path": "/alice/files/a"}}});
    let deck = json!({"event": {"class": "OCA\\Deck\\Event\\CardCreatedEvent", "card": {"id": 1}}});
    let tag = json!({"event": {"class": "OCP\\SystemTag\\TagAssignedEvent", "objectType": "boats", "objectIds": ["1"]}});
    for (body, reason) in [
        (stranger, "not_synced"),
        (class, "unknown_event"),
        (deck, "not_indexed"),
        (tag, "not_indexed"),
    ] {
        let (status, answer) = desk.deliver(&body.to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(answer, json!({"status": "ignored", "reason": reason}));
    }
    assert_eq!(desk.count("select count(*) from webhook_hints").await, 0);
    assert!(desk.woken().await.is_empty());
}

/// W05.
#[sqlx::test(migrations = "./migrations")]
async fn bodies_that_are_no_deliveries_are_refused(pool: PgPool) {
    let desk = Desk::new(pool).await;
    let header = Some(desk.header.as_str());
    let deep = format!("{{\"event\":{}", "[".repeat(500_000));
    for (body, status) in [
        (" ".repeat(10 * 1024 * 1024), StatusCode::PAYLOAD_TOO_LARGE),
        (" ".repeat(1024 * 1024 + 1), StatusCode::PAYLOAD_TOO_LARGE),
        (deep, StatusCode::BAD_REQUEST),
        ("{".to_owned(), StatusCode::BAD_REQUEST),
        ("[]".to_owned(), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(desk.send(header, body).await, status);
    }
    for content_type in [
        None,
        Some("application/json"),
        Some("text/plain"),
        Some("nonsense"),
    ] {
        let mut request = Request::post("/webhooks/nextcloud").header(AUTHORIZATION, &desk.header);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = desk
            .router
            .clone()
            .oneshot(request.body(Body::from("{}")).unwrap());
        assert_eq!(answer.await.unwrap().status(), StatusCode::ACCEPTED);
    }
}

/// W08: a path can name a user whose scan runs, and nothing else.
#[sqlx::test(migrations = "./migrations")]
async fn forged_paths_are_harmless(pool: PgPool) {
    let desk = Desk::new(pool).await;
    desk.document("1", &[("bob", "/secret.md")]).await;
    for path in [
        "../../bob/secret.md",
        "/alice/files/../../bob/files/secret.md",
        "/alice/files/%2e%2e%2f%2e%2e%2fbob%2fsecret.md",
        "/alice/files/%'; drop table users; --",
        "/alice/files/\u{0}",
    ] {
        let body = json!({"event": {"node": {"path": path}, "class": WRITTEN}});
        let (status, _) = desk.deliver(&body.to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{path:?}");
        let woken = desk.woken().await;
        assert!(woken.iter().all(|user| user == "alice"), "{path:?}: {woken:?}");
    }
    assert_eq!(desk.count("select count(*) from documents").await, 1);
    assert_eq!(desk.count("select count(*) from users").await, 3);
}
