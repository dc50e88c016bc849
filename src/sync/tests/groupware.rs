//! Calendars and address books as sources.

use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::nextcloud::groupware::CollectionKind::{AddressBook, Calendar};
use crate::sync::ScanReport;
use crate::sync::sources::{GroupwareSource, Source, WantedItem};
use crate::sync::test_support::{Simulated, World, event};
use sqlx::PgPool;

/// Alice and Bob, each with a file, and their calendars.
async fn world(pool: PgPool) -> World {
    let world = World::reading(pool, &["files", "calendar", "contacts"], Vec::new());
    for user in ["alice", "bob"] {
        world.cloud.put(user, "/x.md", "file text");
        world.enqueue(user).await;
    }
    world
}

/// What each reader sees of events: user, native id, path.
async fn seen(world: &World) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "select r.uid, d.native_id, r.path from document_readers r join documents d on d.id = r.document_id
         where d.family <> 'file' order by 1, 2",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

async fn texts(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "select t.text from documents d join document_texts t on t.document_id = d.id
         and t.generation = d.visible_generation where d.family <> 'file' order by d.native_id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

async fn rescan(world: &World) -> Vec<ScanReport> {
    let reports = world.rescan().await;
    world.settle().await;
    world.assert_index_true().await;
    reports
}

fn row(user: &str, id: &str, path: &str) -> (String, String, String) {
    (user.to_owned(), id.to_owned(), path.to_owned())
}

/// Puts an event into one of Alice's calendars; `path` is `calendar/object`, `lines` are further properties.
fn put(world: &World, path: &str, summary: &str, lines: &str) {
    let (calendar, object) = path.split_once('/').unwrap();
    world
        .cloud
        .put_object(Calendar, "alice", calendar, object, &event(summary, lines));
}

/// The [`world`] after Alice put two events into a calendar, and a scan.
async fn with_ferry_and_crew(pool: PgPool) -> World {
    let world = world(pool).await;
    put(&world, "personal/e1.ics", "Ferry", "");
    put(&world, "personal/e2.ics", "Crew", "");
    rescan(&world).await;
    world
}

#[sqlx::test]
async fn events_come_change_and_go_by_their_tokens(pool: PgPool) {
    let world = with_ferry_and_crew(pool).await;
    assert_eq!(
        seen(&world).await,
        [
            row("alice", "alice/personal/e1.ics", "/personal/Ferry"),
            row("alice", "alice/personal/e2.ics", "/personal/Crew")
        ]
    );
    assert!(texts(&world).await[0].contains("- When: Friday, 2 January 2026"));
    world.cloud.requests();

    let reports = rescan(&world).await;
    assert!(reports.iter().all(|report| report.unchanged));
    assert_eq!(
        world
            .cloud
            .requests()
            .iter()
            .filter(|line| line.starts_with("alice"))
            .count(),
        3,
        "one request for each source"
    );

    put(&world, "personal/e1.ics", "Ferry at noon", "");
    world.cloud.delete_object(Calendar, "alice", "personal", "e2.ics");
    rescan(&world).await;
    assert_eq!(
        seen(&world).await,
        [row("alice", "alice/personal/e1.ics", "/personal/Ferry at noon")]
    );
    assert!(texts(&world).await[0].starts_with("Ferry at noon"));
    assert!(
        !world
            .cloud
            .requests()
            .contains(&"alice query personal".to_owned())
    );
}

#[sqlx::test]
async fn a_shared_calendar_is_indexed_once_and_lost_with_its_share(pool: PgPool) {
    let world = world(pool).await;
    put(&world, "team/e1.ics", "Standup", "");
    world.cloud.share_collection(Calendar, "alice", "team", &["bob"]);
    rescan(&world).await;
    assert_eq!(
        seen(&world).await,
        [
            row("alice", "alice/team/e1.ics", "/team/Standup"),
            row("bob", "alice/team/e1.ics", "/team (alice)/Standup")
        ]
    );
    assert_eq!(texts(&world).await.len(), 1, "one document whoever reads it");

    world.cloud.share_collection(Calendar, "alice", "team", &[]);
    rescan(&world).await;
    assert_eq!(
        seen(&world).await,
        [row("alice", "alice/team/e1.ics", "/team/Standup")]
    );
}

/// Bob makes a calendar that is called as one of Alice's would be if she shared it: its texts never become hers.
#[sqlx::test]
async fn a_self_made_calendar_gives_no_text_to_somebody_elses(pool: PgPool) {
    let world = Simulated::new(pool, &["calendar"]).await;
    let cloud = world.sim.world();
    cloud
        .calendar("alice", "personal")
        .put_event("e1.ics", "Salaries", &[]);
    cloud
        .calendar("bob", "personal_shared_by_alice")
        .put_event("e1.ics", "Forged", &[]);
    let item = WantedItem {
        etag: String::new(),
        native_id: "alice/personal/e1.ics".into(),
        path: "/personal/Salaries".into(),
        part: "alice/personal".into(),
    };
    let source = GroupwareSource::calendars();
    let bob = world.engine.remotes.open(&UserId::new("bob")).await.unwrap();
    let alice = world.engine.remotes.open(&UserId::new("alice")).await.unwrap();
    let fetched = source.fetch(&*bob, &item).await;
    assert!(matches!(fetched, Err(NextcloudError::NotFound(_))), "{fetched:?}");
    assert!(source.fetch(&*alice, &item).await.is_ok());

    world.begin(&["alice", "bob"]).await;
    assert_eq!(
        world.seen_by("bob").await,
        ["/personal_shared_by_alice/Forged"],
        "a document of his own"
    );
    // Shared beside it, nobody knows which of the two answers: it is not taken for Alice's.
    cloud.calendar("alice", "personal").share_with("bob");
    world.later().await;
    assert_eq!(world.seen_by("alice").await, ["/Personal/Salaries"]);
    assert!(world.text("Salaries").await.contains("Salaries"));
    assert_eq!(world.seen_by("bob").await, ["/personal_shared_by_alice/Forged"]);
}

/// Nextcloud shows it to Bob as "Busy", under the `ETag` of the whole event.
#[sqlx::test]
async fn what_the_owner_declared_confidential_is_no_document_of_other_readers(pool: PgPool) {
    let world = world(pool).await;
    put(&world, "team/open.ics", "Standup", "");
    put(&world, "team/secret.ics", "Dismissal", "CLASS:CONFIDENTIAL\r\n");
    put(&world, "team/hidden.ics", "Doctor", "CLASS:PRIVATE\r\n");
    world.cloud.share_collection(Calendar, "alice", "team", &["bob"]);
    rescan(&world).await;
    let of_bob: Vec<_> = seen(&world)
        .await
        .into_iter()
        .filter(|row| row.0 == "bob")
        .collect();
    assert_eq!(
        of_bob,
        [row("bob", "alice/team/open.ics", "/team (alice)/Standup")]
    );
    assert_eq!(seen(&world).await.len(), 4);

    // Made confidential later: Bob loses it, and the text stays Alice's.
    put(
        &world,
        "team/open.ics",
        "Standup of the lawyers",
        "CLASS:CONFIDENTIAL\r\n",
    );
    rescan(&world).await;
    assert_eq!(seen(&world).await.iter().filter(|row| row.0 == "bob").count(), 0);
    let texts = texts(&world).await;
    assert_eq!(texts.len(), 3);
    assert!(!texts.iter().any(|text| text.contains("Busy")), "{texts:?}");
}

/// Facts §8: Nextcloud answers an unknown token with no changes.
#[sqlx::test]
async fn a_token_that_is_silently_unknown_is_noticed(pool: PgPool) {
    let world = with_ferry_and_crew(pool).await;
    assert_eq!(seen(&world).await.len(), 2);

    // Restored from a backup in which one event was not there yet, with a token below the stored one.
    world
        .cloud
        .restore_collection(Calendar, "alice", "personal", "e2.ics", 1);
    rescan(&world).await;
    assert_eq!(
        seen(&world).await,
        [row("alice", "alice/personal/e1.ics", "/personal/Ferry")]
    );
    assert!(
        world
            .cloud
            .requests()
            .contains(&"alice query personal".to_owned())
    );
}

/// A restored token that grew to the stored number looks unchanged: the daily listing of everything sees it.
#[sqlx::test]
async fn what_no_token_tells_is_found_by_the_full_listing(pool: PgPool) {
    let world = with_ferry_and_crew(pool).await;
    world
        .cloud
        .restore_collection(Calendar, "alice", "personal", "e2.ics", 2);
    rescan(&world).await;
    assert_eq!(seen(&world).await.len(), 2, "nothing tells yet");
    world.clock.advance(std::time::Duration::from_hours(25));
    rescan(&world).await;
    assert_eq!(seen(&world).await.len(), 1);
}

#[sqlx::test]
async fn contacts_are_a_source_of_their_own(pool: PgPool) {
    let world = world(pool).await;
    let card =
        "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:c1\r\nFN:Ann Lee\r\nEMAIL:ann@example.test\r\nEND:VCARD\r\n";
    world
        .cloud
        .put_object(AddressBook, "alice", "contacts", "c1.vcf", card);
    world.cloud.put_object(
        AddressBook,
        "alice",
        "z-server-generated--system",
        "Database:bob.vcf",
        card,
    );
    world
        .cloud
        .fail("alice", "Calendar", || NextcloudError::ServerError {
            status: 500,
        });
    world.clock.advance(std::time::Duration::from_secs(301));
    let outcomes = world.engine.scan_due(9).await.unwrap();
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.result.is_err())
        .map(|outcome| (outcome.source, outcome.user.as_str()))
        .collect();
    assert_eq!(
        failed,
        [("calendar", "alice")],
        "a source that fails stops no other"
    );
    world.settle().await;
    assert_eq!(
        seen(&world).await,
        [row("alice", "alice/contacts/c1.vcf", "/contacts/Ann Lee")]
    );
    assert!(texts(&world).await[0].contains("- Email: ann@example.test"));
    let types: String = world
        .one("select doc_type from document_readers where path = '/contacts/Ann Lee'")
        .await;
    assert_eq!(types, "contact");
}
