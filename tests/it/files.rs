//! The WebDAV tools against the simulated files.

use crate::harness::{ALICE, Setup};
use nextcloud_sim::Simulator;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_read_moved_found_and_deleted() {
    let world = Setup::hybrid().start().await;
    let who = Some(ALICE);
    world
        .call_ok(who, "nc_webdav_create_directory", json!({"path": "Täst #1"}))
        .await;
    let written = world
        .call_ok(
            who,
            "nc_webdav_write_file",
            json!({"path": "Täst #1/a & b.txt", "content": "Grüße"}),
        )
        .await;
    assert_eq!(written["created"], true);

    let listing = world
        .call_ok(who, "nc_webdav_list_directory", json!({"path": "Täst #1"}))
        .await;
    assert_eq!(listing["files_count"], 1);
    assert_eq!(listing["files"][0]["name"], "a & b.txt");

    let read = world
        .call_ok(who, "nc_webdav_read_file", json!({"path": "Täst #1/a & b.txt"}))
        .await;
    assert_eq!(read["content"], "Grüße");

    world
        .call_ok(
            who,
            "nc_webdav_move_resource",
            json!({"source_path": "Täst #1/a & b.txt", "destination_path": "moved.txt"}),
        )
        .await;
    world
        .call_ok(
            who,
            "nc_webdav_copy_resource",
            json!({"source_path": "moved.txt", "destination_path": "Täst #1/copy.txt"}),
        )
        .await;
    let refused = world
        .call(
            who,
            "nc_webdav_copy_resource",
            json!({"source_path": "moved.txt", "destination_path": "Täst #1/copy.txt"}),
        )
        .await;
    assert_eq!(refused["isError"], true, "overwrite is off by default");

    let found = world
        .call_ok(who, "nc_webdav_find_by_name", json!({"pattern": "copy%"}))
        .await;
    assert_eq!(found["total_found"], 1, "{found}");
    let by_type = world
        .call_ok(who, "nc_webdav_find_by_type", json!({"mime_type": "text/plain"}))
        .await;
    assert!(by_type["total_found"].as_i64() >= Some(2), "{by_type}");

    let deleted = world
        .call(who, "nc_webdav_delete_resource", json!({"path": "Täst #1"}))
        .await;
    assert_ne!(deleted["isError"], true);
    let gone = world
        .call(who, "nc_webdav_read_file", json!({"path": "Täst #1/copy.txt"}))
        .await;
    assert_eq!(gone["isError"], true);
}

/// A condition that does not hold changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_etag_writes_nothing() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/plan.txt", b"one");
    let world = Setup::hybrid().start_with(sim).await;
    let result = world
        .call(
            Some(ALICE),
            "nc_webdav_write_file",
            json!({"path": "plan.txt", "content": "two", "if_match": "not-the-etag"}),
        )
        .await;
    assert_eq!(result["isError"], true);
    let read = world
        .call_ok(Some(ALICE), "nc_webdav_read_file", json!({"path": "plan.txt"}))
        .await;
    assert_eq!(read["content"], "one");
}
