//! The reconciliation scan of one source of one user: the truth about what exists and who may read it.

mod complete;
mod lease;
mod unseen;

pub use lease::{ScanLease, claim};

use super::listing::{self, Batch, Listing};
use super::sources::{Coverage, Event, KnownState, Source};
use super::{Remote, SyncEngine, SyncError, unannounced};
use crate::db::installation;
use crate::nextcloud::NextcloudError;
use complete::{Ending, NotesSetting};
use std::collections::HashMap;
use std::mem;
use tokio::sync::mpsc;

/// What a complete scan did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Nothing had changed.
    pub unchanged: bool,
    /// Documents shown by the listing.
    pub listed: usize,
    /// Documents that became due for indexing.
    pub due: usize,
    /// Documents deleted.
    pub deleted: usize,
    /// Documents that are missing, but not believed to be gone yet.
    pub suspected: usize,
    /// The source is not there for this user.
    pub absent: bool,
}

/// Scans one source of one user under `lease`.
pub async fn run(
    engine: &SyncEngine,
    lease: &ScanLease,
    source: &dyn Source,
) -> Result<ScanReport, SyncError> {
    let remote = engine.remotes.open(&lease.user).await?;
    let known = known_state(engine, lease).await?;
    let (events, mut received) = mpsc::unbounded_channel();
    let listing = async {
        // A closed channel means that writing failed; that error ends the scan.
        let result = source
            .list(&*remote, &known, &mut |event| drop(events.send(event)))
            .await;
        drop(events);
        // Not an error here: what was listed before a failure is still written.
        Ok::<_, SyncError>(result)
    };
    let writing = async {
        let mut report = ScanReport::default();
        let mut notes = None;
        let mut batch = Batch::default();
        let mut instance = InstanceCheck::Due;
        while let Some(event) = received.recv().await {
            match event {
                Event::Instance(id) => instance.told(engine, &id).await?,
                // Stored at the end: until then the next scan must see that the folder moved.
                Event::NotesPath(path) => notes = Some(NotesSetting(path)),
                Event::Item(item) => batch.items.push(item),
                Event::Excluded(file) => batch.excluded.push(file),
            }
            if batch.len() >= listing::BATCH {
                instance.ensure(engine, &*remote).await?;
                write_batch(engine, lease, source, mem::take(&mut batch), &mut report).await?;
            }
        }
        if batch.len() > 0 {
            instance.ensure(engine, &*remote).await?;
            write_batch(engine, lease, source, batch, &mut report).await?;
        }
        Ok((report, notes, instance))
    };
    let (listed, (mut report, notes, instance)) = tokio::try_join!(listing, writing)?;
    let coverage = listed?;
    let listed = Listed {
        coverage,
        notes,
        instance,
    };
    conclude(engine, lease, source, &*remote, listed, &mut report).await?;
    Ok(report)
}

/// Whether it is known by now that the documents of this database belong to the Nextcloud that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InstanceCheck {
    Due,
    Done,
}

impl InstanceCheck {
    async fn told(&mut self, engine: &SyncEngine, id: &str) -> Result<(), SyncError> {
        installation::bind_instance(&mut *engine.pool.acquire().await?, id).await?;
        *self = Self::Done;
        Ok(())
    }

    /// Asks the root of the files, which names the instance, when the source could not tell. Called before anything is
    /// written or concluded; an unchanged source costs no request.
    async fn ensure(&mut self, engine: &SyncEngine, remote: &dyn Remote) -> Result<(), SyncError> {
        if *self == Self::Due {
            match remote.entry("/").await?.instance_id {
                Some(id) => self.told(engine, &id).await?,
                None if installation::instance_id(&engine.pool).await?.is_some() => {
                    return Err(
                        NextcloudError::Malformed("its root does not name the instance".to_owned()).into(),
                    );
                }
                None => {}
            }
        }
        *self = Self::Done;
        Ok(())
    }
}

/// What the last complete scan left, and whether this one may rely on it.
async fn known_state(engine: &SyncEngine, lease: &ScanLease) -> Result<KnownState, SyncError> {
    let full_walk = lease
        .full_walk_at
        .is_none_or(|at| engine.clock.now() - at >= engine.full_walk_interval());
    let (mut folders, mut parts) = (HashMap::new(), HashMap::new());
    if !full_walk && lease.root_etag.is_some() {
        if lease.source == "files" {
            folders = complete::known_folders(&engine.pool, lease).await?;
        } else {
            parts = complete::known_parts(&engine.pool, lease).await?;
        }
    }
    Ok(KnownState {
        root_etag: lease.root_etag.clone(),
        folders,
        parts,
        notes_path: lease.notes_path.clone(),
        full_walk,
    })
}

/// Writes a batch while the lease stands. What is written stays, even if the scan fails later.
async fn write_batch(
    engine: &SyncEngine,
    lease: &ScanLease,
    source: &dyn Source,
    batch: Batch,
    report: &mut ScanReport,
) -> Result<(), SyncError> {
    let now = engine.clock.now();
    report.listed += batch.items.len();
    let mut tx = engine.pool.begin().await?;
    lease.renew(&mut tx, now).await?;
    let listing = Listing {
        user: &lease.user,
        family: source.family(),
        scan: lease.number,
        now,
    };
    report.due += listing::write(&mut tx, listing, batch).await?;
    tx.commit().await?;
    Ok(())
}

/// What a complete listing told.
struct Listed {
    coverage: Coverage,
    notes: Option<NotesSetting>,
    instance: InstanceCheck,
}

/// Decides about what is missing and writes the end of the scan.
async fn conclude(
    engine: &SyncEngine,
    lease: &ScanLease,
    source: &dyn Source,
    remote: &dyn Remote,
    listed: Listed,
    report: &mut ScanReport,
) -> Result<(), SyncError> {
    let Listed {
        coverage,
        notes,
        mut instance,
    } = listed;
    let unseen = unseen::find(&engine.pool, lease, source.family(), &coverage).await?;
    let absent = matches!(coverage, Coverage::Absent(_));
    if !unseen.is_empty() {
        instance.ensure(engine, remote).await?;
    }
    // An app may be switched off for a moment: its documents go when it is still away at the next scan.
    let mut suspicious = unseen.is_suspicious() || absent && unseen.has_new();
    if let (true, Some(version)) = (unseen.has_new() && !suspicious, coverage.version()) {
        // A file moved from a folder not listed yet into one listed already looks missing: ask whether the tree
        // stood still.
        suspicious = source.version(remote).await? != version;
    }
    let now = engine.clock.now();
    let ending = Ending {
        now,
        next: now + engine.scan_interval(),
        suspicious,
    };
    let done = complete::finish(&engine.pool, lease, &coverage, &unseen, notes.as_ref(), ending).await?;
    report.deleted = done.deleted;
    report.due += done.due;
    if report.due > 0 {
        let mut tx = engine.pool.begin().await?;
        unannounced::count(&mut tx, lease, source.family(), now).await?;
        tx.commit().await?;
    }
    report.suspected = if suspicious { unseen.documents.new.len() } else { 0 };
    report.unchanged = coverage == Coverage::Unchanged;
    report.absent = absent;
    Ok(())
}
