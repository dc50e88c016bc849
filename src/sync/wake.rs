//! Scans out of turn: whose view may have changed when something happened to a file.

use super::SyncError;
use crate::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;

/// Other readers are not scanned out of turn again before this time has passed. The document itself is renewed by the
/// actor's scan; theirs only tells who gained or lost it, and a folder shared with hundreds must not set off hundreds
/// of scans at every change in it.
const READER_PAUSE: TimeDelta = TimeDelta::seconds(30);

/// A file or folder to which something may have happened. Nobody has to prove it: it makes scans due, which then look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// In whose view.
    pub user: UserId,
    /// Its id.
    pub native_id: Option<String>,
    /// Its path in that view.
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
/// soon. Returns who they are.
pub async fn wake_touched(
    conn: &mut PgConnection,
    touched: &[Touched],
    now: DateTime<Utc>,
) -> Result<Vec<UserId>, SyncError> {
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<String> = touched.iter().map(|t| t.user.as_str().to_owned()).collect();
    let ids: Vec<Option<String>> = touched.iter().map(|t| t.native_id.clone()).collect();
    let paths: Vec<Option<String>> = touched.iter().map(|t| t.path.clone()).collect();
    let folders: Vec<Option<String>> = touched.iter().map(|t| t.folder().map(str::to_owned)).collect();
    let pause = PgInterval {
        months: 0,
        days: 0,
        microseconds: READER_PAUSE.num_microseconds().unwrap_or_default(),
    };
    // The range from `folder/` to before `folder0` is what stands below the folder: 0 follows / in ASCII.
    Ok(sqlx::query_scalar!(
        r#"with touched as (
               select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as t (uid, native_id, path, folder)),
           seen as (
               select d.id from touched t join documents d on d.family = 'file' and d.native_id = t.native_id
               union
               select r.document_id from touched t join document_readers r on r.uid = t.uid and r.path = t.path
               union
               select r.document_id from touched t join document_readers r
                   on r.uid = t.uid and r.path ~>=~ (t.folder || '/') and r.path ~<~ (t.folder || '0')),
           wanted as (
               select uid, bool_or(actor) as actor from (
                   select uid, true as actor from touched
                   union all
                   select r.uid, false from seen join document_readers r on r.document_id = seen.id) w
               group by uid),
           timed as (
               select s.uid, s.source,
                      case when w.actor then $5 else greatest($5, s.completed_at + $6::interval) end as due
               from wanted w join scans s on s.uid = w.uid
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
        pause
    )
    .fetch_all(conn)
    .await?)
}
