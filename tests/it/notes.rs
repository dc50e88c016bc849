//! The notes tools and resources against the simulated Notes app.

use crate::harness::{ALICE, BOB, Setup};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_note_lives_through_all_tools() {
    let world = Setup::hybrid().start().await;
    let created = world
        .call_ok(
            Some(ALICE),
            "nc_notes_create_note",
            json!({"title": "Ideas", "content": "First idea.", "category": "Work"}),
        )
        .await;
    let id = created["id"].as_i64().expect("id");
    assert_eq!(created["title"], "Ideas");

    let appended = world
        .call_ok(
            Some(ALICE),
            "nc_notes_append_content",
            json!({"note_id": id, "content": "Second idea."}),
        )
        .await;
    let note = world
        .call_ok(Some(ALICE), "nc_notes_get_note", json!({"note_id": id}))
        .await;
    assert!(note["content"].as_str().unwrap().starts_with("First idea."));
    assert!(note["content"].as_str().unwrap().ends_with("Second idea."));

    let stale = world
        .call(
            Some(ALICE),
            "nc_notes_update_note",
            json!({"note_id": id, "etag": created["etag"], "title": "Never"}),
        )
        .await;
    assert_eq!(stale["isError"], true);
    assert!(
        stale.to_string().contains("Read it again"),
        "the next step is named: {stale}"
    );

    let updated = world
        .call_ok(
            Some(ALICE),
            "nc_notes_update_note",
            json!({"note_id": id, "etag": appended["etag"], "title": "Better ideas"}),
        )
        .await;
    assert_eq!(updated["title"], "Better ideas");

    let found = world
        .call_ok(Some(ALICE), "nc_notes_search_notes", json!({"query": "second"}))
        .await;
    assert_eq!(found["total_found"], 1);

    let (status, resource) = world
        .mcp(
            Some(ALICE),
            "resources/read",
            json!({"uri": format!("nc://Notes/{id}")}),
        )
        .await;
    assert_eq!(status, 200);
    assert!(resource.to_string().contains("Second idea"), "{resource}");

    // Another's note is as unknown as one that does not exist.
    let foreign = world
        .call(Some(BOB), "nc_notes_get_note", json!({"note_id": id}))
        .await;
    assert_eq!(foreign["isError"], true);

    let deleted = world
        .call_ok(Some(ALICE), "nc_notes_delete_note", json!({"note_id": id}))
        .await;
    assert_eq!(deleted["deleted_id"], id);
    let gone = world
        .call(Some(ALICE), "nc_notes_get_note", json!({"note_id": id}))
        .await;
    assert_eq!(gone["isError"], true);
    assert!(gone.to_string().contains("404"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_are_a_resource() {
    let world = Setup::hybrid().start().await;
    let (_, list) = world.mcp(Some(ALICE), "resources/list", json!({})).await;
    assert!(list.to_string().contains("nc://capabilities"), "{list}");
    let (_, answer) = world
        .mcp(Some(ALICE), "resources/read", json!({"uri": "nc://capabilities"}))
        .await;
    assert!(answer.to_string().contains("capabilities"), "{answer}");
    let (_, unknown) = world
        .mcp(Some(ALICE), "resources/read", json!({"uri": "nc://nothing"}))
        .await;
    assert!(unknown.get("error").is_some(), "{unknown}");
}
