//! Events and contacts in Nextcloud reach the search, and leave it.

use crate::harness::{ALICE, BOB, Setup};
use nextcloud_sim::{Effect, FaultRule, Simulator};

/// Put, found, changed, deleted, gone; and the same of a contact.
#[tokio::test(flavor = "multi_thread")]
async fn events_and_contacts_are_found_while_they_are_there() {
    let sim = Simulator::start().await;
    sim.world().calendar("alice", "personal").put_event(
        "e1.ics",
        "Harbour briefing",
        &["LOCATION:Pier 4", "DESCRIPTION:Bring the zodiac keys."],
    );
    sim.world().address_book("alice", "contacts").put_contact(
        "c1.vcf",
        "Ann Lee",
        &["ORG:Kelpie Ferries", "EMAIL:ann@example.test"],
    );
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "zodiac", "the event is found", |t| {
            t == ["Harbour briefing"]
        })
        .await;
    world
        .until_titles(Some(ALICE), "kelpie", "the contact is found", |t| {
            t == ["Ann Lee"]
        })
        .await;
    let answer = world.search(Some(ALICE), "zodiac").await;
    let found = &answer["results"][0];
    assert_eq!(found["doc_type"], "calendar");
    assert_eq!(found["path"], "/Personal/Harbour briefing");

    let calendar = world.sim.world().calendar("alice", "personal");
    calendar.put_event(
        "e1.ics",
        "Harbour briefing",
        &["DESCRIPTION:Bring the dinghy keys."],
    );
    world
        .until_titles(Some(ALICE), "dinghy", "the new text is found", |t| {
            t == ["Harbour briefing"]
        })
        .await;
    assert_eq!(world.titles(Some(ALICE), "zodiac").await, Vec::<String>::new());

    world.sim.world().calendar("alice", "personal").delete("e1.ics");
    // Before the scan has noticed: verification leaves it out at once.
    assert_eq!(world.titles(Some(ALICE), "dinghy").await, Vec::<String>::new());
    world
        .until_status("the event is gone", |s| s["indexed_documents"] == 1)
        .await;
}

/// A shared calendar is one document with two readers; what is confidential in it stays its owner's.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_calendar_is_found_by_its_readers_and_its_secrets_are_not() {
    let sim = Simulator::start().await;
    sim.world()
        .calendar("alice", "team")
        .put_event("open.ics", "Walrus feeding", &[])
        .put_event("secret.ics", "Walrus sale", &["CLASS:CONFIDENTIAL"])
        .share_with("bob");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world.provision(BOB).await;
    world
        .until_titles(Some(ALICE), "walrus", "alice finds both", |t| t.len() == 2)
        .await;
    world
        .until_titles(Some(BOB), "walrus", "bob finds the open one", |t| {
            t == ["Walrus feeding"]
        })
        .await;
    assert_eq!(
        world.sync_status().await["indexed_documents"],
        2,
        "one document whoever reads it"
    );

    // Confidential from now on: not found by Bob although no scan knows of it yet.
    let calendar = world.sim.world().calendar("alice", "team");
    calendar.put_event("open.ics", "Walrus feeding", &["CLASS:CONFIDENTIAL"]);
    assert_eq!(world.titles(Some(BOB), "walrus").await, Vec::<String>::new());
    calendar.put_event("open.ics", "Walrus feeding", &[]);
    world
        .until_titles(Some(BOB), "walrus", "and found again", |t| {
            t == ["Walrus feeding"]
        })
        .await;

    // The share is lost.
    world.sim.world().calendar("alice", "team").unshare("bob");
    assert_eq!(world.titles(Some(BOB), "walrus").await, Vec::<String>::new());
    world
        .until_titles(Some(ALICE), "walrus", "alice keeps both", |t| t.len() == 2)
        .await;
}

/// The calendars answer nothing but errors: files and contacts go on.
#[tokio::test(flavor = "multi_thread")]
async fn calendars_that_fail_stop_no_other_source() {
    let sim = Simulator::start().await;
    sim.world()
        .put_file("alice", "/Reports/ferry.md", b"The ferry leaves at noon.");
    sim.world()
        .calendar("alice", "personal")
        .put_event("e1.ics", "Ferry inspection", &[]);
    let broken = sim
        .world()
        .faults()
        .set(FaultRule::new(Effect::Status(404)).path("/remote.php/dav/calendars/"));
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "ferry", "the file is found", |t| t == ["ferry.md"])
        .await;
    world.sim.world().faults().clear(broken);
    world
        .until_titles(Some(ALICE), "ferry", "the event too, once they answer", |t| {
            t.len() == 2
        })
        .await;
}

/// Facts §8: a restored Nextcloud answers a token from its lost future with no changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_token_that_nextcloud_no_longer_knows_is_noticed() {
    let sim = Simulator::start().await;
    let calendar = sim.world().calendar("alice", "personal");
    calendar
        .put_event("old.ics", "Otter census", &[])
        .put_event("new.ics", "Otter gala", &[]);
    let restored = calendar.sync_token() - 1;
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "otter", "both are found", |t| t.len() == 2)
        .await;
    world
        .sim
        .world()
        .calendar("alice", "personal")
        .restore_without("new.ics", restored);
    world
        .until_status("the event of the lost future is gone", |s| {
            s["indexed_documents"] == 1
        })
        .await;
    assert_eq!(world.titles(Some(ALICE), "otter").await, ["Otter census"]);
}
