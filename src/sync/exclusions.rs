//! Files that tags of `EXCLUDED_TAGS` keep out of the index, for all of their readers.
//!
//! A tag on a folder is seen only by who sees that folder; somebody with whom a file below it is shared has another path
//! to it. So what one user's scan sees as excluded is kept as a place: who, which file, where. While a file has such a
//! place its document is `skipped` and nothing of it is stored, whatever the scans of others list. A scan that covered
//! the last place and did not see it there any more makes the document due again.
//!
//! Places and documents are compared under a lock of their own, because neither has to exist for the other to be
//! written: without it a scan that lists a file for the first time, and one that sees it as excluded for the first time,
//! would not know of each other.

use super::SyncError;
use super::listing::{self, Listing};
use super::sources::ExcludedFile;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Key of the advisory lock.
const KEY: i64 = 0x6e63_6578_636c_7564;

/// Waits until nobody changes exclusions, and keeps them as they are until the transaction ends. Call it before any row
/// of `documents` is locked.
pub async fn keep_still(conn: &mut PgConnection) -> Result<(), SyncError> {
    sqlx::query!("select pg_advisory_xact_lock_shared($1)", KEY)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The right to change exclusions, until the transaction ends. Call it before any row of `documents` is locked.
pub async fn lock(conn: &mut PgConnection) -> Result<(), SyncError> {
    sqlx::query!("select pg_advisory_xact_lock($1)", KEY)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Writes what a listing saw as excluded, and takes it out of the index. The caller holds [`lock`].
pub async fn write(
    conn: &mut PgConnection,
    listing: Listing<'_>,
    files: Vec<ExcludedFile>,
) -> Result<(), SyncError> {
    let places: BTreeSet<(String, String)> = files
        .into_iter()
        .map(|file| (file.native_id, listing::text(file.path)))
        .collect();
    let (native_ids, paths): (Vec<String>, Vec<String>) = places.into_iter().unzip();
    sqlx::query!(
        "insert into exclusions (uid, family, native_id, path, seen_scan)
         select $1, $2, i.native_id, i.path, $5 from unnest($3::text[], $4::text[]) as i (native_id, path)
         on conflict (uid, family, native_id, path) do update set
             seen_scan = excluded.seen_scan, missing_since_scan = null",
        listing.user.as_str(),
        listing.family,
        &native_ids,
        &paths,
        listing.scan
    )
    .execute(&mut *conn)
    .await?;
    take_out(conn, listing.family, &native_ids, listing.now).await
}

/// Nothing of these documents stays in the index; whoever works on one of them loses it. What a listing alone skips has
/// nothing there, and keeps its reason for the time after the exclusion.
async fn take_out(
    conn: &mut PgConnection,
    family: &str,
    native_ids: &[String],
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let documents = sqlx::query_scalar!(
        "select id from documents
         where family = $1 and native_id = any($2)
           and (state <> 'skipped' or reason is null or reason not in ('excluded', 'unsupported', 'too_large'))
         order by family, native_id for update",
        family,
        native_ids
    )
    .fetch_all(&mut *conn)
    .await?;
    if documents.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update documents set state = 'skipped', reason = 'excluded', state_changed_at = $2, attempts = 0,
                lease_until = null, lease_generation = lease_generation + 1
         where id = any($1)",
        &documents,
        now
    )
    .execute(&mut *conn)
    .await?;
    listing::hide(conn, &documents, now).await
}

/// Notes that a scan did not see exclusions any more, but is not believed yet.
pub async fn mark(conn: &mut PgConnection, exclusions: &[i64], scan: i64) -> Result<(), SyncError> {
    sqlx::query!(
        "update exclusions set missing_since_scan = $2 where id = any($1)",
        exclusions,
        scan
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends exclusions. Documents that nothing excludes any more are due for indexing; returns how many. The caller holds
/// [`lock`].
pub async fn end(
    conn: &mut PgConnection,
    exclusions: &[i64],
    now: DateTime<Utc>,
) -> Result<usize, SyncError> {
    if exclusions.is_empty() {
        return Ok(0);
    }
    let ended = sqlx::query!(
        "delete from exclusions where id = any($1) returning family, native_id",
        exclusions
    )
    .fetch_all(&mut *conn)
    .await?;
    let (families, native_ids): (Vec<String>, Vec<String>) =
        ended.into_iter().map(|row| (row.family, row.native_id)).unzip();
    let free = sqlx::query_scalar!(
        "select d.id from documents d
         where (d.family, d.native_id) in (select * from unnest($1::text[], $2::text[]))
           and d.state = 'skipped' and d.reason = 'excluded'
           and not exists (select from exclusions e where e.family = d.family and e.native_id = d.native_id)
         order by d.family, d.native_id for update",
        &families,
        &native_ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let due = sqlx::query!(
        "update documents d set state = 'pending', reason = null, state_changed_at = $2, attempts = 0, due_at = $2,
                queue_uid = (select min(r.uid) from document_readers r join users u on u.uid = r.uid
                             where r.document_id = d.id and u.sync_state = 'active')
         where id = any($1)",
        &free,
        now
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(due.rows_affected()).unwrap_or(usize::MAX))
}

/// Ends up to `limit` exclusions of a user who is going; returns how many. The caller holds [`lock`].
pub async fn end_of_user(
    conn: &mut PgConnection,
    user: &UserId,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<usize, SyncError> {
    let exclusions = sqlx::query_scalar!(
        "select id from exclusions where uid = $1 order by id limit $2",
        user.as_str(),
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    end(conn, &exclusions, now).await?;
    Ok(exclusions.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    #[sqlx::test(migrations = "./migrations")]
    async fn who_lists_documents_waits_for_who_changes_exclusions_and_for_nobody_else(pool: PgPool) {
        let mut first = pool.begin().await.unwrap();
        let mut second = pool.begin().await.unwrap();
        keep_still(&mut first).await.unwrap();
        sqlx::query("set local lock_timeout = '50ms'")
            .execute(&mut *second)
            .await
            .unwrap();
        keep_still(&mut second).await.unwrap();
        assert!(lock(&mut second).await.is_err(), "the first one still lists");
        drop(second);
        first.commit().await.unwrap();

        let (mut first, mut second) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
        lock(&mut first).await.unwrap();
        sqlx::query("set local lock_timeout = '50ms'")
            .execute(&mut *second)
            .await
            .unwrap();
        assert!(keep_still(&mut second).await.is_err());
    }
}
