//! The end of a complete scan: what is gone, and what the next scan may rely on.

use super::lease::ScanLease;
use super::unseen::Unseen;
use crate::sync::sources::Coverage;
use crate::sync::wake::reader_pause;
use crate::sync::{SyncError, access, exclusions, users};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use std::collections::HashMap;

/// A suspicious scan is repeated after at most this long.
const RECHECK: TimeDelta = TimeDelta::seconds(60);

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

/// What the end of a scan did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Documents that nobody reads any more.
    pub deleted: usize,
    /// Documents that nothing excludes any more.
    pub due: usize,
}

/// Writes the end of a scan in one transaction.
///
/// After a suspicious scan no `ETag` is kept, so that the next scan walks everything and either sees the marked
/// documents again or removes them.
pub async fn finish(
    pool: &PgPool,
    lease: &ScanLease,
    coverage: &Coverage,
    unseen: &Unseen,
    notes: Option<&NotesSetting>,
    ending: Ending,
) -> Result<Done, SyncError> {
    let mut tx = pool.begin().await?;
    lease.renew(&mut tx, ending.now).await?;
    if let Some(NotesSetting(path)) = notes {
        users::set_notes_path(&mut tx, &lease.user, path.as_deref()).await?;
    }
    let (mut gone, mut lifted) = (unseen.documents.again.clone(), unseen.exclusions.again.clone());
    if !unseen.exclusions.is_empty() {
        exclusions::lock(&mut tx).await?;
    }
    if ending.suspicious {
        mark(&mut tx, lease, &unseen.documents.new).await?;
        exclusions::mark(&mut tx, &unseen.exclusions.new, lease.number).await?;
    } else {
        gone.extend(&unseen.documents.new);
        lifted.extend(&unseen.exclusions.new);
    }
    let deleted = access::remove_reader(&mut tx, &lease.user, &gone, ending.now).await?;
    let due = exclusions::end(&mut tx, &lifted, ending.now).await?;
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
        i32::try_from(unseen.documents.new.len()).unwrap_or(i32::MAX)
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
    Ok(Done { deleted, due })
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
    use crate::sync::{Touched, scan, wake_refused, wake_touched};

    #[derive(PartialEq, Eq)]
    enum Asked {
        ByHint,
        ByRefusal,
    }

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
        let unseen = Unseen::default();
        let pause = TimeDelta::seconds(30);
        for (asked, due) in [
            (None, ending.next),
            (Some(Asked::ByHint), now),
            (Some(Asked::ByRefusal), now + pause),
        ] {
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
            if asked == Some(Asked::ByRefusal) {
                let reader = UserId::new("alice");
                wake_refused(&world.pool, &reader, "file", now).await.unwrap();
            }
            if asked == Some(Asked::ByHint) {
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
            finish(&world.pool, &lease, &Coverage::Unchanged, &unseen, None, ending)
                .await
                .unwrap();
            let next: DateTime<Utc> = world.one("select due_at from scans").await;
            assert_eq!(next, due);
        }
    }
}
