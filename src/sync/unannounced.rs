//! Changes that scans find out by themselves, although a webhook could have told of them.
//!
//! Scans look anyway, so a silent webhook costs nothing but time, and nobody notices. What is counted here is evidence,
//! not a log: documents saved since the user's last complete scan that a scan found whom no hint had woken. Documents
//! that somebody only got to see do not count, because Nextcloud tells nobody of shares (facts §5), and neither do
//! deletions, which look the same as the end of a share. Neither do documents that somebody's tags exclude.

use super::SyncError;
use super::scan::ScanLease;
use crate::db::DbError;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

/// How far Nextcloud's clock may be ahead. A document saved later than that has a time that its client made up, and
/// would count at every scan.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Changes of one type of documents that nothing has announced since they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unannounced {
    /// Type of the documents.
    pub doc_type: String,
    /// How many.
    pub changes: i64,
    /// When a scan found the first of them.
    pub first_found_at: DateTime<Utc>,
    /// When a scan found the last of them.
    pub last_found_at: DateTime<Utc>,
}

/// Counts what the scan under `lease` found in `family`, unless it is the first one or was woken. Call it last in a
/// transaction: deliveries write there at their end, too.
pub(super) async fn count(
    conn: &mut PgConnection,
    lease: &ScanLease,
    family: &str,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let Some(since) = lease.completed_at.filter(|_| !lease.was_woken) else {
        return Ok(());
    };
    // A hint that came while this scan ran has announced what it found.
    sqlx::query!(
        "insert into unannounced_changes (doc_type, changes, first_found_at, last_found_at)
         select r.doc_type, count(*), $5::timestamptz, $5
         from document_readers r join documents d on d.id = r.document_id
         where r.uid = $1 and r.seen_scan = $2 and d.family = $3 and d.modified_at > $4 and d.modified_at < $6
           and (d.state <> 'skipped' or d.reason is distinct from 'excluded')
           and not exists (select from scans s where s.uid = $1 and s.source = $7 and s.woken_for is not null)
         group by r.doc_type order by r.doc_type
         on conflict (doc_type) do update set
             changes = unannounced_changes.changes + excluded.changes, last_found_at = excluded.last_found_at",
        lease.user.as_str(),
        lease.number,
        family,
        since,
        now,
        now + AHEAD,
        lease.source
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Nextcloud tells of these types, or begins to: counting begins anew. Call it last in a transaction.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn changes_were_announced(conn: &mut PgConnection, doc_types: &[&str]) -> Result<(), DbError> {
    if doc_types.is_empty() {
        return Ok(());
    }
    let doc_types: Vec<String> = doc_types.iter().map(|doc_type| (*doc_type).to_owned()).collect();
    sqlx::query!(
        "delete from unannounced_changes where doc_type = any($1)",
        &doc_types
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What nothing has announced so far, by type.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn unannounced_changes(pool: &PgPool) -> Result<Vec<Unannounced>, DbError> {
    Ok(sqlx::query_as!(
        Unannounced,
        "select doc_type, changes, first_found_at, last_found_at from unannounced_changes order by doc_type"
    )
    .fetch_all(pool)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use chrono::TimeZone as _;

    fn at(minute: i64) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 5, 1, 12, 0, 0).unwrap() + TimeDelta::minutes(minute)
    }

    /// The scan of alice's files that ended before at minute 0.
    fn lease() -> ScanLease {
        ScanLease {
            user: UserId::new("alice"),
            source: "files".into(),
            generation: 1,
            number: 7,
            root_etag: None,
            full_walk_at: None,
            completed_at: Some(at(0)),
            was_woken: false,
            notes_path: None,
        }
    }

    /// Documents as the scan left them: type, when they were saved, and the scan that saw them last.
    async fn seen(pool: &PgPool, documents: &[(&str, i64, i64)]) {
        let setup = "insert into users (uid) values ('alice');
                     insert into scans (uid, source, due_at) values ('alice', 'files', 'infinity')";
        sqlx::raw_sql(setup).execute(pool).await.unwrap();
        for (number, (doc_type, saved, scan)) in (1_i64..).zip(documents) {
            let id: i64 = sqlx::query_scalar(
                "insert into documents (family, native_id, etag, modified_at) values ('file', $1, 'e', $2) returning id",
            )
            .bind(number.to_string())
            .bind(at(*saved))
            .fetch_one(pool)
            .await
            .unwrap();
            sqlx::query(
                "insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
                 values ($1, 'alice', $2, '/x', 'x', $3)",
            )
            .bind(id)
            .bind(doc_type)
            .bind(scan)
            .execute(pool)
            .await
            .unwrap();
        }
    }

    async fn counted(pool: &PgPool, lease: &ScanLease, minute: i64) -> Vec<(String, i64)> {
        let mut conn = pool.acquire().await.unwrap();
        count(&mut conn, lease, "file", at(minute)).await.unwrap();
        let found = unannounced_changes(pool).await.unwrap();
        found
            .into_iter()
            .map(|found| (found.doc_type, found.changes))
            .collect()
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn what_was_saved_since_the_last_scan_counts_until_it_is_announced(pool: PgPool) {
        let documents = [
            ("file", 2, 7),
            ("file", 3, 7),
            ("note", 2, 7),
            // Shared now, saved long ago.
            ("file", -600, 7),
            // In a folder that this scan did not list.
            ("file", 2, 6),
            // A time that the client made up.
            ("file", 60_000, 7),
        ];
        seen(&pool, &documents).await;
        let both = |files, notes| [("file".to_owned(), files), ("note".to_owned(), notes)];
        assert_eq!(counted(&pool, &lease(), 5).await, both(2, 1));
        assert_eq!(counted(&pool, &lease(), 9).await, both(4, 2));
        let found = &unannounced_changes(&pool).await.unwrap()[0];
        assert_eq!((found.first_found_at, found.last_found_at), (at(5), at(9)));
        let mut conn = pool.acquire().await.unwrap();
        changes_were_announced(&mut conn, &["file", "calendar"])
            .await
            .unwrap();
        assert_eq!(unannounced_changes(&pool).await.unwrap().len(), 1);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn first_scans_and_those_that_a_hint_woke_are_no_evidence(pool: PgPool) {
        seen(&pool, &[("file", 2, 7)]).await;
        let first = ScanLease {
            completed_at: None,
            ..lease()
        };
        let woken = ScanLease {
            was_woken: true,
            ..lease()
        };
        assert_eq!(counted(&pool, &first, 5).await, []);
        assert_eq!(counted(&pool, &woken, 5).await, []);
        sqlx::raw_sql("update scans set woken_for = now()")
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(counted(&pool, &lease(), 5).await, [], "a hint came meanwhile");
    }
}
