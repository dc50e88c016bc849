//! The end of a complete scan: what is missing, and what the next scan may rely on.

use super::lease::ScanLease;
use crate::sync::sources::Coverage;
use crate::sync::wake::reader_pause;
use crate::sync::{SyncError, access, users};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use std::collections::HashMap;

/// Up to this many missing documents are believed at once, whatever their share.
const BELIEVED_COUNT: usize = 20;

/// One missing document in so many is believed at once.
const BELIEVED_SHARE: usize = 10;

/// A suspicious scan is repeated after at most this long.
const RECHECK: TimeDelta = TimeDelta::seconds(60);

/// Documents of the user that the listing covered and did not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Missing for the first time.
    pub new: Vec<i64>,
    /// Missing from an earlier complete scan already.
    pub again: Vec<i64>,
    /// All documents that the user reads in this family.
    pub total: usize,
}

impl Missing {
    /// More than 10 % and more than 20 are missing for the first time: perhaps a listing that only looks complete.
    pub fn is_suspicious(&self) -> bool {
        self.new.len() > BELIEVED_COUNT && self.new.len() * BELIEVED_SHARE > self.total
    }
}

/// What a coverage says about documents that the scan did not see.
#[derive(Default)]
struct Covered<'a> {
    everything: bool,
    /// Folders whose children were listed.
    folders: &'a [String],
    /// Folders that are gone.
    vanished: &'a [String],
    /// Parts of which everything was listed.
    parts: &'a [String],
    /// The parts that are there; everything in others is gone.
    known_parts: Option<Vec<String>>,
    /// Native ids that are gone.
    gone: &'a [String],
}

impl<'a> Covered<'a> {
    fn by(coverage: &'a Coverage) -> Self {
        match coverage {
            Coverage::Unchanged => Self::default(),
            Coverage::Everything { .. } | Coverage::Absent(_) => Self {
                everything: true,
                ..Self::default()
            },
            Coverage::Changes { listed, vanished, .. } => Self {
                folders: listed,
                vanished,
                ..Self::default()
            },
            Coverage::Parts {
                parts, listed, gone, ..
            } => Self {
                parts: listed,
                known_parts: Some(parts.keys().cloned().collect()),
                gone,
                ..Self::default()
            },
        }
    }
}

/// What the scan covered and did not see.
pub async fn missing(
    pool: &PgPool,
    lease: &ScanLease,
    family: &str,
    coverage: &Coverage,
) -> Result<Missing, SyncError> {
    let covered = Covered::by(coverage);
    let rows = sqlx::query!(
        r#"select r.document_id, r.missing_since_scan is not null as "again!"
           from document_readers r join documents d on d.id = r.document_id
           where r.uid = $1 and d.family = $2 and r.seen_scan < $3
             and ($4 or coalesce(nullif(regexp_replace(r.path, '/[^/]*$', ''), ''), '/') = any($5)
                  or exists (select from unnest($6::text[]) as v (folder) where starts_with(r.path, v.folder || '/'))
                  or r.part = any($7) or r.part <> all($8) or d.native_id = any($9))
           order by r.document_id"#,
        lease.user.as_str(),
        family,
        lease.number,
        covered.everything,
        covered.folders,
        covered.vanished,
        covered.parts,
        covered.known_parts as Option<Vec<String>>,
        covered.gone
    )
    .fetch_all(pool)
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from document_readers r join documents d on d.id = r.document_id
           where r.uid = $1 and d.family = $2"#,
        lease.user.as_str(),
        family
    )
    .fetch_one(pool)
    .await?;
    let (again, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.again);
    Ok(Missing {
        new: new.into_iter().map(|row| row.document_id).collect(),
        again: again.into_iter().map(|row| row.document_id).collect(),
        total: usize::try_from(total).unwrap_or(usize::MAX),
    })
}

/// The notes folder as the listing was told; nothing inside when the Notes app is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesSetting(pub Option<String>);

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ending {
    /// Now.
    pub now: DateTime<Utc>,
    /// When the next scan is due.
    pub next: DateTime<Utc>,
    /// First-time absences are only marked: too many, or the tree moved during the listing.
    pub suspicious: bool,
}

/// Writes the end of a scan in one transaction. Returns how many documents were deleted.
///
/// After a suspicious scan no `ETag` is kept, so that the next scan walks everything and either sees the marked
/// documents again or removes them.
pub async fn finish(
    pool: &PgPool,
    lease: &ScanLease,
    coverage: &Coverage,
    missing: &Missing,
    notes: Option<&NotesSetting>,
    ending: Ending,
) -> Result<usize, SyncError> {
    let mut tx = pool.begin().await?;
    lease.renew(&mut tx, ending.now).await?;
    if let Some(NotesSetting(path)) = notes {
        users::set_notes_path(&mut tx, &lease.user, path.as_deref()).await?;
    }
    let mut gone = missing.again.clone();
    if ending.suspicious {
        mark(&mut tx, lease, &missing.new).await?;
    } else {
        gone.extend(&missing.new);
    }
    let deleted = access::remove_reader(&mut tx, &lease.user, &gone, ending.now).await?;
    let root_etag = match coverage {
        _ if ending.suspicious => None,
        Coverage::Unchanged => lease.root_etag.as_deref(),
        other => other.version(),
    };
    if !ending.suspicious {
        keep_folders(&mut tx, lease, coverage).await?;
        keep_parts(&mut tx, lease, coverage).await?;
    }
    let unavailable = match coverage {
        Coverage::Absent(why) => Some(why.as_str()),
        _ => None,
    };
    let suspected = if ending.suspicious {
        i32::try_from(missing.new.len()).unwrap_or(i32::MAX)
    } else {
        0
    };
    let next = if ending.suspicious && unavailable.is_none() {
        ending.next.min(ending.now + RECHECK)
    } else {
        ending.next
    };
    // Asked for while this one ran: it may have looked already.
    sqlx::query!(
        "update scans set lease_until = null, root_etag = $3, completed_at = $4, suspected_missing = $6,
                due_at = least($5, woken_for, case when refused_at >= started_at then $4::timestamptz + $9::interval end),
                full_walk_at = case when $7 then $4 else full_walk_at end, consecutive_errors = 0, last_error = null,
                unavailable = $8
         where uid = $1 and source = $2",
        lease.user.as_str(),
        lease.source,
        root_etag,
        ending.now,
        next,
        suspected,
        coverage.is_full(),
        unavailable,
        reader_pause(),
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(deleted)
}

async fn mark(conn: &mut PgConnection, lease: &ScanLease, documents: &[i64]) -> Result<(), SyncError> {
    sqlx::query!(
        "update document_readers set missing_since_scan = $3 where uid = $1 and document_id = any($2)",
        lease.user.as_str(),
        documents,
        lease.number
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores folder `ETags` for the next pruned walk.
async fn keep_folders(
    conn: &mut PgConnection,
    lease: &ScanLease,
    coverage: &Coverage,
) -> Result<(), SyncError> {
    let (everything, vanished, folders): (bool, &[String], _) = match coverage {
        Coverage::Unchanged | Coverage::Parts { .. } | Coverage::Absent(_) => return Ok(()),
        Coverage::Everything { folders, .. } => (true, &[], folders),
        Coverage::Changes {
            vanished, folders, ..
        } => (false, vanished, folders),
    };
    sqlx::query!(
        "delete from folders f where uid = $1 and ($2 or exists (
             select from unnest($3::text[]) as v (folder)
             where f.path = v.folder or starts_with(f.path, v.folder || '/')))",
        lease.user.as_str(),
        everything,
        vanished
    )
    .execute(&mut *conn)
    .await?;
    let (paths, etags): (Vec<String>, Vec<String>) =
        folders.iter().map(|(p, e)| (p.clone(), e.clone())).unzip();
    sqlx::query!(
        "insert into folders (uid, path, etag)
         select $1, f.path, f.etag from unnest($2::text[], $3::text[]) as f (path, etag)
         on conflict (uid, path) do update set etag = excluded.etag",
        lease.user.as_str(),
        &paths,
        &etags
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the versions of parts for the next scan.
async fn keep_parts(
    conn: &mut PgConnection,
    lease: &ScanLease,
    coverage: &Coverage,
) -> Result<(), SyncError> {
    let nothing = HashMap::new();
    let parts = match coverage {
        Coverage::Parts { parts, .. } => parts,
        Coverage::Absent(_) => &nothing,
        Coverage::Unchanged | Coverage::Everything { .. } | Coverage::Changes { .. } => return Ok(()),
    };
    let (names, versions): (Vec<String>, Vec<String>) = parts
        .iter()
        .map(|(name, version)| (name.clone(), version.clone()))
        .unzip();
    sqlx::query!(
        "delete from scan_parts where uid = $1 and source = $2 and part <> all($3)",
        lease.user.as_str(),
        lease.source,
        &names
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into scan_parts (uid, source, part, version)
         select $1, $2, p.part, p.version from unnest($3::text[], $4::text[]) as p (part, version)
         on conflict (uid, source, part) do update set version = excluded.version",
        lease.user.as_str(),
        lease.source,
        &names,
        &versions
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Folder `ETags` of the last complete scan of the files.
pub async fn known_folders(pool: &PgPool, lease: &ScanLease) -> Result<HashMap<String, String>, SyncError> {
    let rows = sqlx::query!(
        "select path, etag from folders where uid = $1",
        lease.user.as_str()
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.path, row.etag)).collect())
}

/// Versions of the parts at the last complete scan.
pub async fn known_parts(pool: &PgPool, lease: &ScanLease) -> Result<HashMap<String, String>, SyncError> {
    let rows = sqlx::query!(
        "select part, version from scan_parts where uid = $1 and source = $2",
        lease.user.as_str(),
        lease.source
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.part, row.version)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::ids::UserId;
    use crate::sync::test_support::World;
    use crate::sync::{Touched, scan, wake_touched};

    /// The root's `ETag` was asked before the change: the scan that ran cannot know of it.
    #[sqlx::test]
    async fn a_scan_asked_for_during_a_scan_follows_it(pool: PgPool) {
        let world = World::keyword_only(pool);
        world.enqueue("alice").await;
        let now = world.clock.now();
        let ending = Ending {
            now,
            next: now + TimeDelta::minutes(5),
            suspicious: false,
        };
        let missing = Missing {
            new: Vec::new(),
            again: Vec::new(),
            total: 0,
        };
        for (asked, due) in [(false, ending.next), (true, now)] {
            sqlx::query("update scans set due_at = $1")
                .bind(now)
                .execute(&world.pool)
                .await
                .unwrap();
            let lease = scan::claim(&world.pool, &["files".into()], 1, now)
                .await
                .unwrap()
                .pop()
                .unwrap();
            if asked {
                let touched = Touched {
                    user: UserId::new("alice"),
                    source: "files",
                    family: "file",
                    native_id: None,
                    path: Some("/new.md".into()),
                };
                let mut conn = world.pool.acquire().await.unwrap();
                wake_touched(&mut conn, &[touched], now).await.unwrap();
            }
            finish(&world.pool, &lease, &Coverage::Unchanged, &missing, None, ending)
                .await
                .unwrap();
            let next: DateTime<Utc> = world.one("select due_at from scans").await;
            assert_eq!(next, due);
        }
    }
}
