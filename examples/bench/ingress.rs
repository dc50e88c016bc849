//! Deliveries of Nextcloud's webhooks over HTTP: 1,000 a second for ten seconds, each until it is acknowledged.

use crate::support::{Connection, Goal, count, figure, percentile};
use crate::world::{Outcome, World};
use nextcloud_mcp_server::clock::{Clock, SystemClock};
use nextcloud_mcp_server::config::EncryptionConfig;
use nextcloud_mcp_server::crypto::Keyring;
use nextcloud_mcp_server::entropy::SystemEntropy;
use nextcloud_mcp_server::ids::UserId;
use nextcloud_mcp_server::telemetry::memory::rss_anon_bytes;
use nextcloud_mcp_server::webhooks::{EventSelector, RegistrationStore, WantedBy};
use nextcloud_sim::Simulator;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use zeroize::Zeroizing;

/// Each delivers what happens to one document.
const CONNECTIONS: usize = 100;
/// Deliveries of each, so that it makes 1,000 a second of all for ten seconds.
const EACH: u32 = 100;
const EVERY: Duration = Duration::from_millis(100);
const WRITTEN: &str = "OCP\\Files\\Events\\Node\\NodeWrittenEvent";

/// Runs this part.
pub async fn run() -> Outcome<()> {
    let simulator = Simulator::start().await;
    for document in 0..CONNECTIONS {
        let path = format!("/Boats/{document}.md");
        simulator
            .world()
            .put_file("alice", &path, b"A boat in the harbour.");
    }
    let world = World::start(simulator, &[("VECTOR_SYNC_SCAN_INTERVAL", "3600")]).await?;
    world.provision("alice").await?;
    world
        .until(|status| status["indexed_documents"] == CONNECTIONS)
        .await?;
    let header = registered(&world).await?;

    let mut connections = Vec::with_capacity(CONNECTIONS);
    for document in 0..CONNECTIONS {
        let request = request(&header, document);
        let mut connection = Connection::open(world.server.address(), request).await?;
        // Not measured: whatever is made at the first request.
        connection.exchange().await?;
        connections.push(connection);
    }
    let before = memory()?;
    let begun = Instant::now() + EVERY;
    let mut tasks = Vec::with_capacity(CONNECTIONS);
    for (number, connection) in connections.into_iter().enumerate() {
        let first = begun + EVERY.mul_f64(count(number) / count(CONNECTIONS));
        tasks.push(tokio::spawn(deliver(connection, first)));
    }
    let watched = tokio::spawn(most_pending(world.database().to_owned(), begun + EVERY * EACH));
    let mut times = Vec::with_capacity(CONNECTIONS * EACH as usize);
    for task in tasks {
        times.extend(task.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = memory()?;
    let (hints, jobs) = watched.await??;
    figure(
        "deliveries acknowledged",
        count(times.len()) / seconds,
        "per s",
        Goal::AtLeast(950.0),
    );
    figure(
        "delivery until its acknowledgement, p50",
        percentile(&mut times, 0.5),
        "ms",
        Goal::AtMost(50.0),
    );
    figure(
        "delivery until its acknowledgement, p99",
        percentile(&mut times, 0.99),
        "ms",
        Goal::AtMost(50.0),
    );
    figure(
        "deliveries: pending hints per document, at most",
        count(hints) / count(CONNECTIONS),
        "",
        Goal::AtMost(1.0),
    );
    figure(
        "deliveries: pending jobs, at most",
        count(jobs),
        "",
        Goal::AtMost(count(CONNECTIONS)),
    );
    figure(
        "deliveries: RssAnon growth over 10,000, with client and simulator",
        after - before,
        "MB",
        Goal::AtMost(20.0),
    );
    world.server.stop().await;
    Ok(())
}

/// A webhook on record; the header that Nextcloud sends with each delivery.
async fn registered(world: &World) -> Outcome<String> {
    let pool = sqlx::PgPool::connect(world.database()).await?;
    let entropy = Arc::new(SystemEntropy);
    let encryption = EncryptionConfig {
        current: Zeroizing::new(*crate::world::ENCRYPTION_KEY),
        previous: None,
    };
    let store = RegistrationStore::new(pool, Keyring::new(&encryption, entropy.clone()), entropy);
    let selector = EventSelector::new(WRITTEN, None)?;
    let admin = UserId::new("admin");
    let row = store
        .want(&admin, &selector, WantedBy::User, SystemClock.now())
        .await?;
    let secret = store.secret(&row.id).await?.ok_or("no secret")?;
    Ok(secret.header(&row.id).expose_secret().to_owned())
}

fn request(header: &str, document: usize) -> Vec<u8> {
    let body = json!({
        "event": {"node": {"path": format!("/alice/files/Boats/{document}.md")}, "class": WRITTEN},
        "user": {"uid": "alice", "displayName": "Alice"}, "time": 1, "authentication": [],
    })
    .to_string();
    format!(
        "POST /webhooks/nextcloud HTTP/1.1\r\nhost: localhost\r\nauthorization: {header}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Delivers at fixed times, whatever became of the deliveries before: lateness counts.
async fn deliver(mut connection: Connection, first: Instant) -> std::io::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(EACH as usize);
    for number in 0..EACH {
        let due = first + EVERY * number;
        sleep_until(due).await;
        let (status, _) = connection.exchange().await?;
        if status != 202 {
            return Err(std::io::Error::other(format!("HTTP {status}")));
        }
        times.push(due.elapsed());
    }
    Ok(times)
}

/// The most hints and jobs that ever waited.
async fn most_pending(database: String, until: Instant) -> Outcome<(usize, usize)> {
    let pool = sqlx::PgPool::connect(&database).await?;
    let (mut hints, mut jobs) = (0_i64, 0_i64);
    while Instant::now() < until {
        let waiting: i64 = sqlx::query_scalar("select count(*) from webhook_hints")
            .fetch_one(&pool)
            .await?;
        let queued: i64 = sqlx::query_scalar("select count(*) from apalis.jobs where status = 'Pending'")
            .fetch_one(&pool)
            .await?;
        (hints, jobs) = (hints.max(waiting), jobs.max(queued));
        sleep(Duration::from_millis(50)).await;
    }
    Ok((usize::try_from(hints)?, usize::try_from(jobs)?))
}

fn memory() -> Outcome<f64> {
    let bytes = rss_anon_bytes().ok_or("no RssAnon")?;
    Ok(f64::from(u32::try_from(bytes / 1_024)?) / 1_024.0)
}
