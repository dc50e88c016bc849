//! Changes in Nextcloud reach the index; the index never holds what is gone.

use crate::harness::{ALICE, BOB, Setup};
use nextcloud_sim::Simulator;

/// A note and a file become searchable; a changed text replaces the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_document_replaces_its_old_chunks() {
    let sim = Simulator::start().await;
    sim.world()
        .put_note("alice", "Garden", "Plans", "Plant the zucchini in May.");
    sim.world().put_file(
        "alice",
        "/Reports/ferry.md",
        b"# Ferry\n\nThe ferry leaves at noon.",
    );
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;

    world
        .until_titles(Some(ALICE), "zucchini", "the note is found", |t| t == ["Garden"])
        .await;
    world
        .until_titles(Some(ALICE), "ferry", "the file is found", |t| t == ["ferry.md"])
        .await;

    world.sim.world().put_file(
        "alice",
        "/Reports/ferry.md",
        b"# Ferry\n\nThe hovercraft leaves at dawn.",
    );
    world
        .until_titles(Some(ALICE), "hovercraft", "the new text is found", |t| {
            t == ["ferry.md"]
        })
        .await;
    assert_eq!(world.titles(Some(ALICE), "noon").await, Vec::<String>::new());
}

/// N05, S08: moves keep the document, deletes remove it, restores bring it back.
#[tokio::test(flavor = "multi_thread")]
async fn moved_deleted_and_restored_documents_leave_no_ghost() {
    let sim = Simulator::start().await;
    sim.world()
        .put_file("alice", "/A/walrus.txt", b"The walrus sleeps.");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "walrus", "indexed", |t| t == ["walrus.txt"])
        .await;

    world.sim.world().mkdir("alice", "/B");
    world
        .sim
        .world()
        .move_path("alice", "/A/walrus.txt", "/B/seal.txt");
    world
        .until_titles(Some(ALICE), "walrus", "renamed", |t| t == ["seal.txt"])
        .await;

    world.sim.world().delete_path("alice", "/B/seal.txt");
    // Deleted, before the scan has noticed: verification leaves it out at once.
    assert_eq!(world.titles(Some(ALICE), "walrus").await, Vec::<String>::new());
    world
        .until_status("the document is gone", |s| s["indexed_documents"] == 0)
        .await;

    world.sim.world().restore_path("alice", "/B/seal.txt");
    world
        .until_titles(Some(ALICE), "walrus", "back again", |t| t == ["seal.txt"])
        .await;
}

/// A shared document is one document with two readers; a share taken back hides it at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_adds_a_reader_and_its_end_removes_one() {
    let sim = Simulator::start().await;
    sim.world()
        .put_file("alice", "/Team/otter.md", b"Otters hold hands.");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world.provision(BOB).await;
    world
        .until_titles(Some(ALICE), "otters", "alice finds it", |t| t == ["otter.md"])
        .await;
    assert_eq!(world.titles(Some(BOB), "otters").await, Vec::<String>::new());

    let share = world.sim.world().share(
        "alice",
        "/Team",
        "bob",
        nextcloud_sim::SharePermissions::read_only(),
    );
    world
        .until_titles(Some(BOB), "otters", "bob finds it too", |t| t == ["otter.md"])
        .await;
    let status = world.sync_status().await;
    assert_eq!(status["indexed_documents"], 1, "one document whoever reads it");

    // S04: revoked a moment ago, the index does not know yet.
    world.sim.world().unshare(share);
    assert_eq!(world.titles(Some(BOB), "otters").await, Vec::<String>::new());
    world
        .until_titles(Some(ALICE), "otters", "alice still finds it", |t| {
            t == ["otter.md"]
        })
        .await;
}

/// N01: what has no text is skipped with a reason, and counted.
#[tokio::test(flavor = "multi_thread")]
async fn files_without_text_are_skipped_with_a_reason() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/empty.txt", b"");
    sim.world().put_file(
        "alice",
        "/binary.md",
        [0, 159, 146, 150, 0, 0, 1, 2, 3, 0, 255, 254, 7, 0],
    );
    sim.world()
        .put_file("alice", "/big.txt", vec![b'x'; 3 * 1024 * 1024]);
    sim.world().put_file(
        "alice",
        "/latin1.txt",
        b"Gr\xfc\xdfe aus K\xf6ln, der Kapit\xe4n gr\xfc\xdft.",
    );
    let world = Setup::hybrid()
        .set("VECTOR_SYNC_MAX_FILE_SIZE_MB", "1")
        .start_with(sim)
        .await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "Köln", "the Latin-1 file is decoded", |t| {
            t == ["latin1.txt"]
        })
        .await;
    let status = world
        .until_status("the rest is skipped", |s| {
            s["pending_documents"] == 0 && s["skipped"].as_object().is_some_and(|reasons| reasons.len() >= 3)
        })
        .await;
    assert!(status["skipped"]["too_large"].as_i64() >= Some(1), "{status}");
    assert!(status["skipped"]["empty"].as_i64() >= Some(1), "{status}");
    assert!(status["skipped"]["binary"].as_i64() >= Some(1), "{status}");
}

/// Deletion is concluded from complete scans only (N06).
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_listing_deletes_nothing() {
    use nextcloud_sim::{Effect, FaultRule};
    let sim = Simulator::start().await;
    for number in 0..30 {
        sim.world()
            .put_file("alice", &format!("/many/{number}.txt"), b"penguin colony");
    }
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_status("all indexed", |s| s["indexed_documents"] == 30)
        .await;

    for effect in [
        Effect::CutBody(900),
        Effect::InnerStatus(500),
        Effect::EmptyMultistatus,
    ] {
        let rule = FaultRule::new(effect)
            .method("PROPFIND")
            .path("/remote.php/dav/files/alice/many");
        let fault = world.sim.world().faults().set(rule);
        world
            .sim
            .world()
            .put_file("alice", "/many/0.txt", b"penguin colony, again");
        let before = world
            .sim
            .world()
            .count_where(|r| r.method == "PROPFIND" && r.path.contains("/many"));
        let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
        while world
            .sim
            .world()
            .count_where(|r| r.method == "PROPFIND" && r.path.contains("/many"))
            < before + 2
        {
            assert!(std::time::Instant::now() < deadline, "no scan came");
            crate::harness::pause().await;
        }
        assert_eq!(world.sync_status().await["indexed_documents"], 30);
        world.sim.world().faults().clear(fault);
    }
}
