//! Measures how soon a webhook's delivery is acknowledged at 1,000 events a second for 10 seconds, and what that costs in
//! memory; one JSON line per figure.
//!
//! `DATABASE_URL=<an empty database> cargo run --release --example bench_ingress`

use async_trait::async_trait;
use nextcloud_mcp_server::clock::{Clock, SharedClock, SystemClock};
use nextcloud_mcp_server::config::EncryptionConfig;
use nextcloud_mcp_server::crypto::Keyring;
use nextcloud_mcp_server::db::migrate;
use nextcloud_mcp_server::entropy::SystemEntropy;
use nextcloud_mcp_server::ids::UserId;
use nextcloud_mcp_server::telemetry::memory::rss_anon_bytes;
use nextcloud_mcp_server::webhooks::{
    EventSelector, HintEffect, HintWaker, Ingress, IngressParts, Receipt, RegistrationStore, WantedBy,
};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::PgPool;
use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

const EVENTS: usize = 10_000;
/// Each is touched by a hundred events.
const DOCUMENTS: usize = 100;
const WRITTEN: &str = "OCP\\Files\\Events\\Node\\NodeWrittenEvent";

/// Follows hints as the worker does.
struct Following(HintEffect);

#[async_trait]
impl HintWaker for Following {
    async fn wake(&self) {
        while self.0.follow().await.is_ok_and(|followed| followed > 0) {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = PgPool::connect(&dotenvy::var("DATABASE_URL")?).await?;
    migrate(&pool).await?;
    sqlx::raw_sql(
        "insert into users (uid) values ('alice');
         insert into scans (uid, source, due_at) values ('alice', 'files', 'infinity')",
    )
    .execute(&pool)
    .await?;
    let clock: SharedClock = Arc::new(SystemClock);
    let entropy = Arc::new(SystemEntropy);
    let encryption = EncryptionConfig {
        current: Zeroizing::new([7; 32]),
        previous: None,
    };
    let keyring = Keyring::new(&encryption, entropy.clone());
    let store = RegistrationStore::new(pool.clone(), keyring, entropy);
    let selector = EventSelector::new(WRITTEN, None)?;
    let registration = store
        .want(
            &UserId::new("admin"),
            &selector,
            WantedBy::User,
            SystemClock.now(),
        )
        .await?;
    let secret = store.secret(&registration.id).await?.ok_or("no secret")?;
    let header = secret.header(&registration.id).expose_secret().to_owned();
    let (ingress, writer) = Ingress::new(IngressParts {
        registrations: store,
        pool: pool.clone(),
        waker: Arc::new(Following(HintEffect::new(pool.clone(), clock.clone()))),
        clock,
    });
    tokio::spawn(writer.run());

    let before = rss_anon_bytes().unwrap_or_default();
    let mut pace = interval(Duration::from_millis(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    // Answers are taken as they come: ended tasks that nobody takes would count as the ingress's memory.
    let mut answers = Vec::with_capacity(EVENTS);
    let began = Instant::now();
    for number in 0..EVENTS {
        pace.tick().await;
        while let Some(answer) = running.try_join_next() {
            answers.push(answer?);
        }
        let (ingress, header) = (ingress.clone(), header.clone());
        running.spawn(async move {
            let arrived = Instant::now();
            let path = format!("/alice/files/Notes/{}.md", number % DOCUMENTS);
            let body = json!({"event": {"node": {"path": path}, "class": WRITTEN}, "user": null}).to_string();
            let caller = ingress.caller(&header).await.ok().flatten();
            let receipt = match &caller {
                Some(caller) => ingress.receive(caller, body.as_bytes()).await.ok(),
                None => None,
            };
            (receipt == Some(Receipt::Accepted), arrived.elapsed())
        });
    }
    let rate = 1_000.0 * f64::from(u32::try_from(EVENTS)?) / (began.elapsed().as_secs_f64() * 1_000.0);
    answers.extend(running.join_all().await);
    let refused = answers.iter().filter(|(accepted, _)| !accepted).count();
    let mut times: Vec<Duration> = answers.into_iter().map(|(_, time)| time).collect();
    times.sort_unstable();
    let after = rss_anon_bytes().unwrap_or_default();
    let grown = u32::try_from(after.saturating_sub(before) / 1_024)?;
    report("ingress_rate", rate, "1/s", None)?;
    report(
        "ingress_ack_p99",
        times[times.len() * 99 / 100].as_secs_f64() * 1e3,
        "ms",
        Some(50.0),
    )?;
    report(
        "ingress_refused",
        f64::from(u32::try_from(refused)?),
        "events",
        Some(0.0),
    )?;
    report(
        "ingress_memory_growth",
        f64::from(grown) / 1_024.0,
        "MiB",
        Some(20.0),
    )
}

fn report(name: &str, value: f64, unit: &str, goal: Option<f64>) -> Result<(), Box<dyn Error>> {
    let met = goal.map(|goal| value <= goal);
    let line = json!({"name": name, "value": value, "unit": unit, "goal": goal, "met": met});
    Ok(writeln!(stdout(), "{line}")?)
}
