//! The operations of the sync. Jobs call them; so can tests, without any queue.

use super::claim::{self, Phase};
use super::index_text;
use super::remote::{CredentialRemotes, Remotes};
use super::scan::{self, ScanLease, ScanReport};
use super::sources::{self, Source};
use super::sweep::Sweep;
use super::users::{self, PauseReason};
use super::{SyncError, access, embed, failure, pauses, removal, tombstones};
use crate::auth::{CredentialError, CredentialProvider, Rejection};
use crate::clock::SharedClock;
use crate::config::SyncConfig;
use crate::documents::{SkipReason, TextExtractor};
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use crate::index::{Chunker, Embedder, SparseEncoder, VectorIndex};
use crate::nextcloud::NextcloudError;
use crate::telemetry::record;
use chrono::TimeDelta;
use sqlx::PgPool;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// While documents wait for phase 1, one turn in so many goes to phase 2.
const EMBED_EVERY: u32 = 4;

/// First delay after a failed scan; it doubles up to the scan interval.
const SCAN_RETRY: TimeDelta = TimeDelta::seconds(30);

/// How often a disabled account is asked again.
const DISABLED_RETRY: TimeDelta = TimeDelta::hours(1);

/// What the sync is made of.
#[derive(Clone)]
pub struct SyncParts {
    /// The worker's pool.
    pub pool: PgPool,
    /// Time.
    pub clock: SharedClock,
    /// Jitter.
    pub entropy: SharedEntropy,
    /// Where points go.
    pub index: Arc<dyn VectorIndex>,
    /// Who makes dense vectors; `None`: keyword search only.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// Cuts texts.
    pub chunker: Arc<Chunker>,
    /// BM25 weights.
    pub sparse: Arc<SparseEncoder>,
    /// Reads files that take a parser.
    pub extractor: Arc<dyn TextExtractor>,
    /// Intervals and limits.
    pub config: SyncConfig,
}

/// Keeps the index in step with Nextcloud.
pub struct SyncEngine {
    pub(super) pool: PgPool,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    pub(super) remotes: Arc<dyn Remotes>,
    pub(super) index: Arc<dyn VectorIndex>,
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    pub(super) chunker: Arc<Chunker>,
    pub(super) sparse: Arc<SparseEncoder>,
    pub(super) extractor: Arc<dyn TextExtractor>,
    pub(super) config: SyncConfig,
    sources: Vec<Arc<dyn Source>>,
    sweeps: Mutex<HashMap<UserId, Sweep>>,
    text_turns: AtomicU32,
    /// Held while deletions and access changes are carried into the index: a removal and housekeeping may meet.
    index_work: tokio::sync::Mutex<()>,
    /// Leases, as document and generation, of turns that ended with an error.
    pub(super) interrupted: Mutex<Vec<(i64, i64)>>,
    /// The same of scans: user, source and generation.
    pub(super) interrupted_scans: Mutex<Vec<(String, String, i64)>>,
    stopping: CancellationToken,
}

/// What became of one due scan.
#[derive(Debug)]
pub struct ScanOutcome {
    /// Whose.
    pub user: UserId,
    /// Name of the source.
    pub source: &'static str,
    /// What the scan did, or why it failed; a failure is noted and tried again later.
    pub result: Result<ScanReport, SyncError>,
}

impl SyncEngine {
    /// An engine that works with the stored background credentials.
    pub fn new(parts: SyncParts, credentials: Arc<dyn CredentialProvider>) -> Self {
        Self::with_remotes(parts, Arc::new(CredentialRemotes(credentials)))
    }

    /// An engine that sees Nextcloud through `remotes`.
    pub fn with_remotes(parts: SyncParts, remotes: Arc<dyn Remotes>) -> Self {
        let sources = sources::all(&parts.config);
        Self::with_sources(parts, remotes, sources)
    }

    /// An engine that reads only `sources`.
    pub fn with_sources(parts: SyncParts, remotes: Arc<dyn Remotes>, sources: Vec<Arc<dyn Source>>) -> Self {
        let SyncParts {
            pool,
            clock,
            entropy,
            index,
            embedder,
            chunker,
            sparse,
            extractor,
            config,
        } = parts;
        Self {
            pool,
            clock,
            entropy,
            remotes,
            index,
            embedder,
            chunker,
            sparse,
            extractor,
            config,
            sources,
            sweeps: Mutex::default(),
            text_turns: AtomicU32::new(0),
            index_work: tokio::sync::Mutex::default(),
            interrupted: Mutex::default(),
            interrupted_scans: Mutex::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// Syncs `user` from now on; the first scans are due at once. Ends a pause: call it when a credential came.
    pub async fn enqueue_user(&self, user: &UserId) -> Result<(), SyncError> {
        users::enqueue(&self.pool, user, &self.source_names(), self.clock.now()).await
    }

    /// A hint that something changed for `user`: the next scans are due now. Unknown users are ignored.
    pub async fn wake_user(&self, user: &UserId) -> Result<(), SyncError> {
        users::wake_scans(&self.pool, user, None, self.clock.now()).await
    }

    /// Runs up to `limit` due scans, one after the other. A failing one does not stop the others.
    pub async fn scan_due(&self, limit: i64) -> Result<Vec<ScanOutcome>, SyncError> {
        let names = self.source_names();
        let mut outcomes = Vec::new();
        for _ in 0..limit {
            if self.is_stopping() {
                break;
            }
            // One at a time, so that no lease runs while its scan waits for another one.
            let Some(lease) = scan::claim(&self.pool, &names, 1, self.clock.now()).await?.pop() else {
                break;
            };
            // Only scans of these sources are claimed.
            let Some(source) = self.source(&lease.source) else {
                break;
            };
            let began = std::time::Instant::now();
            let result = tokio::select! {
                result = scan::run(self, &lease, source) => result,
                () = self.stopping.cancelled() => {
                    lease.release(&self.pool).await?;
                    break;
                }
            };
            record::scan(source.name(), result.is_ok(), began.elapsed());
            let noted = match &result {
                Ok(_) => users::enabled_again(&self.pool, &lease.user, self.clock.now()).await,
                Err(error) => self.scan_failed(&lease, error).await,
            };
            if let Err(error) = noted {
                self.interrupted_scan(&lease);
                return Err(error);
            }
            outcomes.push(ScanOutcome {
                user: lease.user,
                source: source.name(),
                result,
            });
        }
        Ok(outcomes)
    }

    /// Notes a failed scan: pauses the user when the credential or the account is at fault, else delays.
    async fn scan_failed(&self, lease: &ScanLease, error: &SyncError) -> Result<(), SyncError> {
        let now = self.clock.now();
        let delay = match error {
            // Another worker holds the scan; the row is its own.
            SyncError::LeaseLost => return Ok(()),
            SyncError::Nextcloud(NextcloudError::Unauthorized) => {
                self.credential_rejected(&lease.user).await?;
                None
            }
            SyncError::Nextcloud(NextcloudError::AccountDisabled) => {
                users::pause(&self.pool, &lease.user, PauseReason::AccountDisabled, now).await?;
                Some(DISABLED_RETRY)
            }
            SyncError::Credential(CredentialError::NotProvisioned | CredentialError::Unusable(_)) => {
                users::pause(&self.pool, &lease.user, PauseReason::NoCredential, now).await?;
                None
            }
            _ => None,
        };
        tracing::warn!(%error, source = lease.source, "a scan failed");
        sqlx::query!(
            "update scans set lease_until = null, consecutive_errors = consecutive_errors + 1, last_error = $4,
                    last_error_at = $5::timestamptz,
                    due_at = $5::timestamptz + coalesce($6::interval, least($7::interval, $8::interval * power(2, least(consecutive_errors, 16))))
             where uid = $1 and source = $2 and lease_generation = $3",
            lease.user.as_str(),
            lease.source,
            lease.generation,
            error.to_string(),
            now,
            delay.map(interval),
            interval(self.scan_interval()),
            interval(SCAN_RETRY)
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One turn of phase 1. Returns how many documents were worked on; 0 = nothing is due.
    pub async fn index_text_turn(&self) -> Result<usize, SyncError> {
        let count = index_text::turn(self).await?;
        self.text_turns.fetch_add(1, Ordering::Relaxed);
        Ok(count)
    }

    /// One turn of phase 2. Stands back while documents wait for phase 1, but for one turn in four. Returns 0 when
    /// nothing was done.
    pub async fn embed_turn(&self) -> Result<usize, SyncError> {
        if self.embedder.is_none() {
            return Ok(0);
        }
        let turns = self.text_turns.load(Ordering::Relaxed);
        if turns < EMBED_EVERY - 1 && claim::any_due(&self.pool, Phase::Text, self.clock.now()).await? {
            return Ok(0);
        }
        self.text_turns.store(0, Ordering::Relaxed);
        embed::turn(self).await
    }

    /// Carries out what other work left for later: removals, pauses without a reason, tombstones, access changes, turns
    /// of paused users, missing scans and reader sets.
    /// Each part is tried even if another fails; the first failure is returned.
    pub async fn housekeeping(&self) -> Result<(), SyncError> {
        let freed = self.free_interrupted().await;
        let removals = removal::finish_removals(&self.pool, self.clock.now()).await;
        let pauses = pauses::repair_pauses(&self.pool, self.clock.now()).await;
        let scans = users::repair_scans(&self.pool, &self.source_names(), self.clock.now()).await;
        let unset = access::repair_sets(&self.pool).await;
        let turns = users::repair_turns(&self.pool).await;
        let index_work = self.index_work.lock().await;
        let deletions = tombstones::carry_out(&self.pool, &*self.index).await;
        let changes = access::carry_out(&self.pool, &*self.index).await;
        let sets = access::forget_unused_sets(&self.pool).await;
        drop(index_work);
        freed
            .and(removals)
            .and(pauses.map(drop))
            .and(scans.map(drop))
            .and(unset.map(drop))
            .and(deletions.map(drop))
            .and(changes.map(drop))
            .and(turns.map(drop))
            .and(sets.map(drop))
    }

    /// Forgets `user` if they are marked as removed: documents that nobody else reads are deleted, with their points.
    pub async fn remove_user(&self, user: &UserId) -> Result<(), SyncError> {
        removal::remove(&self.pool, user, self.clock.now()).await?;
        self.sweeps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(user);
        // While the index is rebuilt from the database, which knows of the removal by now, housekeeping finishes it.
        if let Ok(_index_work) = self.index_work.try_lock() {
            tombstones::carry_out(&self.pool, &*self.index).await?;
            access::carry_out(&self.pool, &*self.index).await?;
        }
        Ok(())
    }

    /// Scans that had no text layer are read again, now that an OCR service is configured. Returns how many.
    pub async fn retry_scans_without_text(&self) -> Result<u64, SyncError> {
        failure::take_back(&self.pool, SkipReason::NoTextLayer, self.clock.now()).await
    }

    /// Keeps deletions and access changes out of the index while it is rebuilt.
    pub async fn hold_index_work(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.index_work.lock().await
    }

    /// Stops claiming: running operations finish their document and give back what they did not begin.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Whether [`SyncEngine::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// The source of that name.
    pub(super) fn source(&self, name: &str) -> Option<&dyn Source> {
        let mut sources = self.sources.iter();
        sources.find(|source| source.name() == name).map(AsRef::as_ref)
    }

    /// The source whose documents have this family.
    pub(super) fn source_of(&self, family: &str) -> Option<&dyn Source> {
        let mut sources = self.sources.iter();
        sources
            .find(|source| source.family() == family)
            .map(AsRef::as_ref)
    }

    pub(super) fn source_names(&self) -> Vec<String> {
        self.sources
            .iter()
            .map(|source| source.name().to_owned())
            .collect()
    }

    pub(super) fn scan_interval(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.scan_interval).unwrap_or(TimeDelta::days(1))
    }

    pub(super) fn full_walk_interval(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.full_walk_interval).unwrap_or(TimeDelta::days(1))
    }

    pub(super) fn sweep(&self, user: &UserId) -> Option<Sweep> {
        self.sweeps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(user)
            .cloned()
    }

    pub(super) fn set_sweep(&self, user: &UserId, sweep: Sweep) {
        self.sweeps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(user.clone(), sweep);
    }

    /// Drops a refused credential at once and leaves its user alone until a new one comes. A user whose access token
    /// was replaced meanwhile goes on with the new one.
    pub(super) async fn credential_rejected(&self, user: &UserId) -> Result<(), SyncError> {
        if self.remotes.rejected(user).await? == Rejection::Superseded {
            return Ok(());
        }
        users::pause(
            &self.pool,
            user,
            PauseReason::CredentialRejected,
            self.clock.now(),
        )
        .await
    }
}

/// A duration as `PostgreSQL` takes it, in whole microseconds.
fn interval(delta: TimeDelta) -> sqlx::postgres::types::PgInterval {
    sqlx::postgres::types::PgInterval {
        months: 0,
        days: 0,
        microseconds: delta.num_microseconds().unwrap_or(i64::MAX),
    }
}
