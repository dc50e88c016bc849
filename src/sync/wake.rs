//! Scans out of turn: whose view of which source may have changed when something happened to a document, or when
//! a search found that Nextcloud refuses one.

use super::SyncError;
use super::sources::source_of;
use crate::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, PgPool};

/// Other readers are not scanned out of turn again before this time has passed. The document itself is renewed by the
/// actor's scan; theirs only tells who gained or lost it, and a folder shared with hundreds must not set off hundreds
/// of scans at every change in it.
const READER_PAUSE: TimeDelta = TimeDelta::seconds(30);

/// How often refused reads make a scan walk everything at most, however long searches go on finding what it does not miss.
const WALK_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// A document, folder or part to which something may have happened. Nobody has to prove it: it makes scans due, which then look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// In whose view.
    pub user: UserId,
    /// Name of the source in the table `scans`.
    pub source: &'static str,
    /// Family of that source's documents.
    pub family: &'static str,
    /// Its id.
    pub native_id: Option<String>,
    /// Its path in that view, or, for sources of parts, the name of the part that holds it.
    pub path: Option<String>,
}

impl Touched {
    /// The folder whose readers may see the change: the one that it stands in, or itself in the root, which nobody
    /// shares.
    fn folder(&self) -> Option<&str> {
        let path = self.path.as_deref()?;
        match path.rsplit_once('/') {
            Some(("", _)) | None => Some(path),
            Some((folder, _)) => Some(folder),
        }
    }
}

/// Makes scans due: of the users in whose view something was touched now, of others who read it or read beside it
/// soon; of the source concerned only. Returns who they are.
pub async fn wake_touched(
    conn: &mut PgConnection,
    touched: &[Touched],
    now: DateTime<Utc>,
) -> Result<Vec<UserId>, SyncError> {
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = touched.iter().map(|t| t.source.to_owned()).collect();
    let families: Vec<String> = touched.iter().map(|t| t.family.to_owned()).collect();
    let users: Vec<String> = touched.iter().map(|t| t.user.as_str().to_owned()).collect();
    let ids: Vec<Option<String>> = touched.iter().map(|t| t.native_id.clone()).collect();
    let paths: Vec<Option<String>> = touched.iter().map(|t| t.path.clone()).collect();
    let folders: Vec<Option<String>> = touched.iter().map(|t| t.folder().map(str::to_owned)).collect();
    // The range from `folder/` to before `folder0` is what stands below the folder: 0 follows / in ASCII.
    Ok(sqlx::query_scalar!(
        r#"with touched as (
               select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $7::text[], $8::text[])
                   as t (uid, native_id, path, folder, source, family)),
           seen as (
               select t.source, d.id from touched t join documents d on d.family = t.family and d.native_id = t.native_id
               union
               select t.source, r.document_id from touched t
                   join document_readers r on r.uid = t.uid and r.path = t.path where t.source = 'files'
               union
               select t.source, r.document_id from touched t join document_readers r
                   on r.uid = t.uid and r.path ~>=~ (t.folder || '/') and r.path ~<~ (t.folder || '0')
                   where t.source = 'files'),
           wanted as (
               select uid, source, bool_or(actor) as actor from (
                   select uid, source, true as actor from touched
                   union all
                   select r.uid, seen.source, false from seen join document_readers r on r.document_id = seen.id
                   union all
                   select r.uid, t.source, false from touched t
                       join document_readers r on r.part = t.path join documents d on d.id = r.document_id
                       where t.source <> 'files' and r.part <> '' and d.family = t.family) w
               group by uid, source),
           timed as (
               select s.uid, s.source,
                      case when w.actor then $5 else greatest($5, s.completed_at + $6::interval) end as due
               from wanted w join scans s on s.uid = w.uid and s.source = w.source
               order by s.uid, s.source
               for update of s)
           update scans s set due_at = least(s.due_at, t.due), woken_for = least(s.woken_for, t.due)
           from timed t where s.uid = t.uid and s.source = t.source
           returning s.uid as "uid: UserId""#,
        &users,
        &ids as &[Option<String>],
        &paths as &[Option<String>],
        &folders as &[Option<String>],
        now,
        reader_pause(),
        &names,
        &families
    )
    .fetch_all(conn)
    .await?)
}

/// Makes the scan of `family` due for `reader`, to whom Nextcloud has just refused a document that it had seen. Where such
/// a scan has run since the last refusal and did not notice, the next one walks everything: the end of a mount may not
/// change the `ETag` of the root (facts §7 knows of shares only). A scan that fails keeps the time of its next attempt.
///
/// A search calls this, so it waits for nobody: a scan that is writing holds its row and is looking anyway.
pub async fn wake_refused(
    pool: &PgPool,
    reader: &UserId,
    family: &str,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    sqlx::query!(
        "with free as (select uid, source from scans
                       where uid = $1 and source = $2 and consecutive_errors = 0 for update skip locked)
         update scans s set due_at = least(s.due_at, greatest($3, s.completed_at + $4::interval)),
                refused_at = $3,
                full_walk_at = case when s.refused_at < s.completed_at and s.full_walk_at < $3 - $5::interval
                                    then null else s.full_walk_at end
         from free where s.uid = free.uid and s.source = free.source",
        reader.as_str(),
        source_of(family),
        now,
        reader_pause(),
        interval(WALK_PAUSE),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The time that passes before a scan which may have looked already looks again.
pub(super) fn reader_pause() -> PgInterval {
    interval(READER_PAUSE)
}

fn interval(delta: TimeDelta) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: delta.num_microseconds().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn at(second: i64) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 5, 1, 12, 0, 0).unwrap() + TimeDelta::seconds(second)
    }

    /// When alice's files are due, and whether everything is walked.
    async fn refused(pool: &PgPool, second: i64) -> (DateTime<Utc>, bool) {
        wake_refused(pool, &UserId::new("alice"), "file", at(second))
            .await
            .unwrap();
        sqlx::query_as(
            "select due_at, full_walk_at is null from scans where uid = 'alice' and source = 'files'",
        )
        .fetch_one(pool)
        .await
        .unwrap()
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_search_does_not_wait_for_a_scan_that_is_writing(pool: PgPool) {
        let setup = "insert into users (uid) values ('alice');
                     insert into scans (uid, source, due_at) values ('alice', 'files', 'epoch')";
        sqlx::raw_sql(setup).execute(&pool).await.unwrap();
        completed(&pool, 0, None).await;
        let mut writing = pool.begin().await.unwrap();
        sqlx::raw_sql("update scans set lease_until = now()")
            .execute(&mut *writing)
            .await
            .unwrap();
        let (due, _) = refused(&pool, 5).await;
        assert_eq!(due, at(9_999), "left to the scan");
    }

    async fn completed(pool: &PgPool, second: i64, walked: Option<i64>) {
        sqlx::query(
            "update scans set due_at = $1, completed_at = $2, full_walk_at = coalesce($3, full_walk_at)",
        )
        .bind(at(9_999))
        .bind(at(second))
        .bind(walked.map(at))
        .execute(pool)
        .await
        .unwrap();
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_refused_read_wakes_the_scan_and_a_second_one_walks_everything(pool: PgPool) {
        let setup = "insert into users (uid) values ('alice'), ('bob');
                     insert into scans (uid, source, due_at) values
                         ('alice', 'files', now()), ('alice', 'deck', now()), ('bob', 'files', now())";
        sqlx::raw_sql(setup).execute(&pool).await.unwrap();
        completed(&pool, 0, Some(-3_600)).await;
        assert_eq!(
            refused(&pool, 5).await,
            (at(30), false),
            "it has looked a moment ago"
        );
        assert_eq!(
            refused(&pool, 6).await,
            (at(30), false),
            "the same scan will tell"
        );
        completed(&pool, 31, None).await;
        assert_eq!(
            refused(&pool, 90).await,
            (at(90), true),
            "that scan did not notice"
        );
        completed(&pool, 91, Some(91)).await;
        assert_eq!(
            refused(&pool, 300).await,
            (at(300), false),
            "everything was walked just now"
        );
        sqlx::raw_sql("update scans set consecutive_errors = 1")
            .execute(&pool)
            .await
            .unwrap();
        completed(&pool, 301, None).await;
        assert_eq!(
            refused(&pool, 400).await,
            (at(9_999), false),
            "it is tried again in its turn"
        );
        let others: i64 = sqlx::query_scalar("select count(*) from scans where due_at = $1")
            .bind(at(9_999))
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(others, 3, "other sources and readers are left alone");
    }
}
