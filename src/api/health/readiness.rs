//! The last known state of each dependency, refreshed in the background so that asking costs nothing.

use super::probes::Probe;
use crate::clock::SharedClock;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time between refreshes.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// A probe that takes longer has failed; with the interval, no answer is older than 15 seconds.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of one dependency.
#[derive(Debug, Clone, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub(crate) struct Check {
    /// `ok`, `failed` or `unknown` before the first probe.
    status: &'static str,
    /// Whether a failure makes this server not ready.
    gating: bool,
    /// When it was last probed.
    checked_at: Option<DateTime<Utc>>,
}

/// The last known state of each dependency. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    inner: Arc<Inner>,
}

struct Inner {
    probes: Vec<Arc<dyn Probe>>,
    clock: SharedClock,
    checks: Mutex<BTreeMap<&'static str, Check>>,
    draining: AtomicBool,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness")
            .field("checks", &self.checks())
            .finish_non_exhaustive()
    }
}

impl Readiness {
    /// A state in which nothing is known yet.
    pub fn new(probes: Vec<Arc<dyn Probe>>, clock: SharedClock) -> Self {
        let unknown = |probe: &Arc<dyn Probe>| Check {
            status: "unknown",
            gating: probe.gates(),
            checked_at: None,
        };
        let checks = probes
            .iter()
            .map(|probe| (probe.name(), unknown(probe)))
            .collect();
        Self {
            inner: Arc::new(Inner {
                probes,
                clock,
                checks: Mutex::new(checks),
                draining: AtomicBool::new(false),
            }),
        }
    }

    /// Refreshes until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => self.refresh().await,
            }
        }
    }

    /// Probes everything once, at the same time.
    pub async fn refresh(&self) {
        let results = join_all(self.inner.probes.iter().map(|probe| async move {
            let result = tokio::time::timeout(PROBE_TIMEOUT, probe.check()).await;
            (
                probe,
                result.unwrap_or_else(|_| Err("the probe timed out".into())),
            )
        }))
        .await;
        let checked_at = Some(self.inner.clock.now());
        let mut checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        for (probe, result) in results {
            let status = if result.is_ok() { "ok" } else { "failed" };
            let check = Check {
                status,
                gating: probe.gates(),
                checked_at,
            };
            let before = checks.insert(probe.name(), check).map(|check| check.status);
            match (before, result) {
                (Some("ok" | "unknown") | None, Err(error)) => {
                    tracing::warn!(dependency = probe.name(), error, "dependency is away");
                }
                (Some("failed"), Ok(())) => tracing::info!(dependency = probe.name(), "dependency is back"),
                _ => {}
            }
        }
    }

    /// From now on not ready: the process is shutting down.
    pub fn start_draining(&self) {
        self.inner.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Relaxed)
    }

    /// Every gating dependency answered at its last probe, and the process is not shutting down.
    pub fn is_ready(&self) -> bool {
        let checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        !self.is_draining() && checks.values().all(|check| !check.gating || check.status == "ok")
    }

    pub(crate) fn checks(&self) -> BTreeMap<&'static str, Check> {
        self.inner
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
