//! first scan of 1,000 notes; listing and rescans of 10,000 files in 500 folders; `/health/live` meanwhile.

use crate::support::{Connection, Goal, figure, median, percentile};
use crate::world::{Outcome, World};
use nextcloud_sim::Simulator;
use std::fmt::Write;
use std::time::Duration;

/// Runs this part.
pub async fn run() -> Outcome<()> {
    first_scan_of_notes().await?;
    file_listing().await?;
    liveness_under_load().await
}

/// Text of `words` words that differ from note to note.
fn words(seed: usize, words: usize) -> String {
    const STEMS: [&str; 16] = [
        "river", "window", "garden", "letter", "market", "winter", "copper", "signal", "harbour", "orange",
        "paper", "silver", "thunder", "valley", "wagon", "yellow",
    ];
    let mut text = String::new();
    for position in 0..words {
        let number = (seed * 31 + position * 7) % 997;
        let _ = write!(text, "{}{} ", STEMS[(seed + position * 5) % STEMS.len()], number);
    }
    text
}

async fn first_scan_of_notes() -> Outcome<()> {
    let mut seconds = Vec::new();
    for run in 0..3 {
        let simulator = Simulator::start().await;
        for note in 0..1_000 {
            simulator.world().put_note(
                "alice",
                &format!("Note {note}"),
                "",
                &words(run * 1_000 + note, 300),
            );
        }
        let world = World::start(simulator, &[]).await?;
        world.provision("alice").await?;
        let (_, elapsed) = world.until(|status| status["indexed_documents"] == 1_000).await?;
        seconds.push(elapsed);
        world.server.stop().await;
    }
    figure(
        "first scan of 1,000 notes of 300 words, searchable",
        median(seconds),
        "s",
        Goal::AtMost(20.0),
    );
    Ok(())
}

async fn file_listing() -> Outcome<()> {
    let simulator = Simulator::start().await;
    for folder in 0..500 {
        for file in 0..20 {
            // Films: listed and compared, never downloaded, so that only the scan is measured.
            simulator.world().put_file(
                "alice",
                &format!("/Area {}/Box {folder}/{file}.mp4", folder % 20),
                b"film",
            );
        }
    }
    let world = World::start(simulator, &[("VECTOR_SYNC_SCAN_INTERVAL", "1")]).await?;
    let sim = world.simulator.world();
    sim.clear_requests();
    world.provision("alice").await?;
    file_scan_after(&world, 0).await?;
    let elapsed = world.last_scan_seconds().await?;
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let requests = |count: usize| count as f64;
    figure(
        "10,000 files in 500 folders: first listing",
        elapsed,
        "s",
        Goal::AtMost(3.0),
    );
    figure(
        "10,000 files: requests of the first listing",
        requests(sim.count_where(of_files)),
        "",
        Goal::AtMost(20.0),
    );

    let (unchanged_requests, unchanged_seconds) = next_scan(&world).await?;
    figure(
        "10,000 files: requests of an unchanged rescan",
        unchanged_requests,
        "",
        Goal::AtMost(1.0),
    );
    figure(
        "10,000 files: unchanged rescan",
        unchanged_seconds,
        "s",
        Goal::AtMost(1.0),
    );
    sim.put_file("alice", "/Area 7/Box 7/3.mp4", b"another film");
    let (changed_requests, _) = next_scan(&world).await?;
    // The file's depth is 3: root, area, box, each asked once.
    figure(
        "10,000 files: requests of a rescan after one change",
        changed_requests,
        "",
        Goal::AtMost(4.0),
    );
    world.server.stop().await;
    Ok(())
}

/// Requests that list files; other sources ask for theirs meanwhile.
fn of_files(request: &nextcloud_sim::RecordedRequest) -> bool {
    request.path.contains("/dav/files/")
}

/// Waits for a complete scan of files with a higher number; returns its number.
async fn file_scan_after(world: &World, number: i64) -> Outcome<i64> {
    loop {
        let last = "select coalesce(max(scan_number), 0) from scans
                    where source = 'files' and completed_at >= started_at and lease_until is null";
        let last = world.number(last).await?;
        if last > number {
            return Ok(last);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for the next whole scan of files: its requests, and the seconds that it took.
async fn next_scan(world: &World) -> Outcome<(f64, f64)> {
    let before = file_scan_after(world, 0).await?;
    world.simulator.world().clear_requests();
    file_scan_after(world, before).await?;
    let count = world.simulator.world().count_where(of_files);
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    Ok((count as f64, world.last_scan_seconds().await?))
}

async fn liveness_under_load() -> Outcome<()> {
    let simulator = Simulator::start().await;
    for file in 0..1_500 {
        simulator
            .world()
            .put_file("alice", &format!("/text/{file}.md"), words(file, 400).as_bytes());
    }
    let world = World::start(simulator, &[("EMBEDDING_PROVIDER", "embedded")]).await?;
    world.provision("alice").await?;
    world
        .until(|status| status["indexed_documents"].as_i64() > Some(20))
        .await?;
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let mut connection = Connection::open(world.server.address(), request).await?;
    let mut times = Vec::new();
    for _ in 0..2_000 {
        let (status, elapsed) = connection.exchange().await?;
        assert_eq!(status, 200);
        times.push(elapsed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    figure(
        "/health/live while indexing, p99",
        percentile(&mut times, 0.99),
        "ms",
        Goal::AtMost(10.0),
    );
    world.server.stop().await;
    Ok(())
}
