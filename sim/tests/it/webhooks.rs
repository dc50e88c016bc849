//! `webhook_listeners` in the shape that a real Nextcloud was recorded with: registrations over HTTP, and what is
//! delivered of files and of apps.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nextcloud_sim::{AppEvent, Simulator, World};
use serde_json::Value;

use crate::client::send;
use crate::replay::Step::{Do, Play};
use crate::replay::{load, replay};
use crate::shape::json_shape;

#[tokio::test]
async fn registrations() {
    replay(&[
        Play("webhooks/list_anon_401"),
        Play("webhooks/list_as_alice_403"),
        Play("webhooks/list_admin_without_ocs_header"),
        Play("webhooks/list_empty"),
        // The recorded ids begin with 2.
        Do(|world| {
            let first = world.add_webhook("admin", "http://127.0.0.1:9911/first", "OCP\\A");
            world.remove_webhook(first);
        }),
        Play("webhooks/create_full"),
        Play("webhooks/create_minimal"),
        Play("webhooks/create_duplicate"),
        Play("webhooks/create_leading_backslash"),
        Play("webhooks/create_bad_uri"),
        Play("webhooks/create_bad_httpmethod"),
        Play("webhooks/create_form_encoded"),
        Play("webhooks/create_as_alice"),
        Play("webhooks/create_bad_authmethod"),
        Play("webhooks/create_bad_event"),
        Play("webhooks/create_incompatible_event"),
        Play("webhooks/create_missing_event"),
        Play("webhooks/list"),
        Play("webhooks/list_by_uri"),
        Play("webhooks/show"),
        Play("webhooks/show_404"),
        Play("webhooks/update_post"),
        Play("webhooks/update_put_405"),
        Play("webhooks/update_404"),
        Play("webhooks/delete"),
        Play("webhooks/delete_again"),
        Do(|world| {
            world.add_user("bob", "bob", "bob-pass-1", &["staff"]);
            world.delegate_webhooks("staff");
        }),
        Play("webhooks/create_as_delegated_bob"),
        Play("webhooks/list_as_delegated_bob"),
    ])
    .await;
}

/// The payload that was delivered for `name`.
fn recorded(name: &str) -> Value {
    let recording = load(&format!("webhook-deliveries/{name}"));
    serde_json::from_str(recording["request"]["body"].as_str().unwrap()).unwrap()
}

fn listen(world: &World, class: &str) {
    world.add_webhook("admin", "http://127.0.0.1:9/", class);
}

/// What apps tell, event by event.
#[tokio::test]
async fn events_of_apps_are_told_as_recorded() {
    const TEXT: &str = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    let events = [
        ("TagAssignedEvent_1", AppEvent::tag_assigned(150, 1)),
        ("TagUnassignedEvent_1", AppEvent::tag_unassigned(150, 1)),
        (
            "CalendarObjectCreatedEvent_1",
            AppEvent::calendar_object_created("hk1.ics", TEXT),
        ),
        (
            "CalendarObjectUpdatedEvent_1",
            AppEvent::calendar_object_updated("hk1.ics", TEXT),
        ),
        (
            "CalendarObjectMovedToTrashEvent_1",
            AppEvent::calendar_object_moved_to_trash("hk1.ics", TEXT),
        ),
        ("CardCreatedEvent_1", AppEvent::card_created(6, "Card")),
        ("CardUpdatedEvent_1", AppEvent::card_updated(6, "Card2")),
        ("CardDeletedEvent_1", AppEvent::card_deleted(6, "Card2")),
        ("BoardUpdatedEvent_1", AppEvent::board_updated(3)),
        ("AclCreatedEvent_1", AppEvent::board_shared(3, "bob")),
        ("RowAddedEvent_1", AppEvent::row_added(1, 1, "hello")),
        (
            "RowUpdatedEvent_1",
            AppEvent::row_updated(1, 1, "hello", "hello2"),
        ),
        ("RowDeletedEvent_1", AppEvent::row_deleted(1, 1, "hello2")),
    ];
    let simulator = Simulator::start().await;
    let world = simulator.world();
    for (name, event) in events {
        let theirs = recorded(name);
        listen(world, theirs["event"]["class"].as_str().unwrap());
        let before = world.queued_payloads().len();
        world.happen("alice", &event);
        let queued = world.queued_payloads();
        assert_eq!(queued.len(), before + 1, "{name}");
        let ours = &queued[before];
        assert_eq!(json_shape(ours), json_shape(&theirs), "{name}");
        assert_eq!(ours["event"]["class"], theirs["event"]["class"]);
        assert_eq!(ours["user"], theirs["user"], "{name}");
    }
}

/// What files tell, in the shapes of all recordings of the class.
#[tokio::test]
async fn events_of_files_are_told_as_recorded() {
    let mut shapes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings/webhook-deliveries");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry
            .unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let is_of_files = name.contains("Node");
        if is_of_files {
            let payload = recorded(&name);
            let class = payload["event"]["class"].as_str().unwrap().to_owned();
            shapes.entry(class).or_default().push(payload);
        }
    }
    let simulator = Simulator::start().await;
    let world = simulator.world();
    for class in shapes.keys() {
        listen(world, class);
    }
    world.put_file("alice", "/a.txt", "1");
    world.put_file("alice", "/a.txt", "2");
    let destination = format!("{}/remote.php/dav/files/alice/b.txt", simulator.url());
    let credentials = format!("Basic {}", STANDARD.encode("alice:alice-pass-1"));
    let headers = [
        ("destination".to_owned(), destination),
        ("authorization".to_owned(), credentials),
    ];
    let copied = send(
        simulator.address(),
        "COPY",
        "/remote.php/dav/files/alice/a.txt",
        &headers,
        b"",
    )
    .await;
    assert_eq!(copied.status, 201);
    world.move_path("alice", "/a.txt", "/c.txt");
    world.delete_path("alice", "/b.txt");
    world.restore_path("alice", "/b.txt");
    for ours in world.queued_payloads() {
        let class = ours["event"]["class"].as_str().unwrap();
        let theirs = &shapes[class];
        assert!(
            theirs
                .iter()
                .any(|theirs| json_shape(theirs) == json_shape(&ours)),
            "{ours} is none of {theirs:?}"
        );
    }
    let told: Vec<Value> = world.queued_payloads();
    for class in shapes.keys() {
        assert!(
            told.iter().any(|payload| payload["event"]["class"] == *class),
            "nothing told {class}"
        );
    }
}
