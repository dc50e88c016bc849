//! The bodies that Nextcloud 34 sent (recordings `webhook-deliveries`), all of them.

use super::*;
use std::path::Path;

/// Names and bodies; the redirected GET has none.
fn recordings() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/webhook-deliveries");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let request = &recording["request"];
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if request["method"] == "POST" {
            all.push((name, request["body"].as_str().unwrap().to_owned()));
        } else {
            assert_eq!(name, "redirected_1", "a redirect is followed without a body");
        }
    }
    assert_eq!(all.len(), 82);
    all
}

/// Whom a node event concerns, and the file ids and paths that it names, as `<uid> <id>:<path>`.
fn named(event: &Value) -> Vec<String> {
    let mut hints: Vec<String> = ["node", "source", "target"]
        .iter()
        .filter_map(|node| {
            let path = event[node]["path"].as_str()?;
            let (user, path) = path.strip_prefix('/')?.split_once('/')?;
            let id = event[node]["id"]
                .as_i64()
                .map_or_else(String::new, |id| id.to_string());
            let path = path
                .strip_prefix("files/")
                .map_or_else(String::new, |path| format!("/{path}"));
            Some(format!("{user} {id}:{path}"))
        })
        .collect();
    hints.sort();
    hints.dedup();
    hints
}

/// Files wake the user in whose view they stand, by id and path; tags the actor, by id; everything else is counted and
/// dropped while its source is not synced.
#[sqlx::test(migrations = "./migrations")]
async fn recorded_deliveries_wake_whom_they_concern(pool: PgPool) {
    let desk = Desk::syncing(pool, &["files"]).await;
    let (mut accepted, mut ignored) = (0, 0);
    for (name, body) in recordings() {
        let payload: Value = serde_json::from_str(&body).unwrap();
        let class = payload["event"]["class"].as_str().unwrap();
        let (status, answer) = desk.deliver(&body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{name}");
        let expected = if class.contains("\\Node") || class.contains("BeforeNode") {
            named(&payload["event"])
        } else if class.contains("SystemTag") {
            vec!["alice 150:".to_owned()]
        } else {
            assert_eq!(answer, json!({"status": "ignored", "reason": "not_indexed"}));
            ignored += 1;
            assert!(desk.woken_scans().await.is_empty());
            continue;
        };
        accepted += 1;
        assert_eq!(answer, json!({"status": "accepted"}), "{name}");
        let hints: Vec<String> =
            sqlx::query_scalar("select uid || ' ' || subject from webhook_hints order by 1")
                .fetch_all(&desk.pool)
                .await
                .unwrap();
        assert_eq!(hints, expected, "{name}");
        let mut users: Vec<&str> = expected
            .iter()
            .filter_map(|hint| hint.split(' ').next())
            .collect();
        users.dedup();
        assert_eq!(desk.woken().await, users, "{name}");
    }
    assert_eq!((accepted, ignored), (71, 11));
    let counted = desk.count("select deliveries from webhook_registrations").await;
    assert_eq!(counted, accepted + ignored);
}

/// With its source synced, what an app tells wakes the scan of that source and no other.
#[sqlx::test(migrations = "./migrations")]
async fn recorded_deliveries_of_apps_wake_their_source(pool: PgPool) {
    let desk = Desk::syncing(pool, &["files", "calendar", "deck", "tables"]).await;
    let mut told = std::collections::BTreeMap::new();
    for (name, body) in recordings() {
        let source = match name.as_str() {
            name if name.starts_with("Calendar") => "calendar",
            name if name.starts_with("Card") || name.starts_with("Board") => "deck",
            name if name.starts_with("Acl") => "acl",
            name if name.starts_with("Row") => "tables",
            _ => continue,
        };
        *told.entry(source).or_insert(0) += 1;
        assert_eq!(
            desk.deliver(&body).await,
            (StatusCode::ACCEPTED, json!({"status": "accepted"})),
            "{name}"
        );
        let scan = |user: &str, source: &str| (user.to_owned(), source.to_owned());
        let expected = match source {
            // The board is shared with bob, who gains it.
            "acl" => vec![scan("alice", "deck"), scan("bob", "deck")],
            source => vec![scan("alice", source)],
        };
        assert_eq!(desk.woken_scans().await, expected, "{name}");
    }
    let told: Vec<(&str, i32)> = told.into_iter().collect();
    assert_eq!(told, [("acl", 1), ("calendar", 3), ("deck", 4), ("tables", 3)]);
}

/// Who has a card reads of its change, whoever acted.
#[sqlx::test(migrations = "./migrations")]
async fn readers_of_a_card_are_woken_by_its_id(pool: PgPool) {
    let desk = Desk::syncing(pool, &["files", "deck"]).await;
    desk.document("6", &[("carol", "/not-a-card.txt")]).await;
    let id: i64 = sqlx::query_scalar(
        "insert into documents (family, native_id, etag) values ('deck_card', '6', 'e') returning id",
    )
    .fetch_one(&desk.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
         values ($1, 'bob', 'deck_card', '', 't', 1)",
    )
    .bind(id)
    .execute(&desk.pool)
    .await
    .unwrap();
    let event =
        json!({"class": "OCA\\Deck\\Event\\CardUpdatedEvent", "card": {"id": 6, "owner": {"uid": "alice"}}});
    let body = json!({"event": event, "user": {"uid": "alice"}, "time": 1});
    desk.deliver(&body.to_string()).await;
    let deck = |user: &str| (user.to_owned(), "deck".to_owned());
    assert_eq!(desk.woken_scans().await, [deck("alice"), deck("bob")]);
}

/// What a delivery brings beside its hint: when the event happened, and that this source is not silent.
#[sqlx::test(migrations = "./migrations")]
async fn a_delivery_tells_its_lag_and_ends_silence(pool: PgPool) {
    let desk = Desk::new(pool).await;
    desk.run(
        "insert into unannounced_changes (doc_type, changes, first_found_at, last_found_at)
         values ('file', 1, now(), now()), ('note', 1, now(), now()), ('calendar', 1, now(), now())",
    )
    .await;
    let happened = desk.clock.now() - Duration::from_secs(3);
    let node = json!({"node": {"id": 1, "path": "/alice/files/a"}, "class": WRITTEN});
    let body = json!({"event": node, "user": null, "time": happened.timestamp(), "authentication": []});
    desk.deliver(&body.to_string()).await;
    assert_eq!(
        desk.count(
            "select extract(epoch from last_delivery_at - last_event_at)::bigint from webhook_registrations"
        )
        .await,
        3
    );
    let left: Vec<String> = sqlx::query_scalar("select doc_type from unannounced_changes")
        .fetch_all(&desk.pool)
        .await
        .unwrap();
    assert_eq!(left, ["calendar"]);
}
