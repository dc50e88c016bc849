//! Who may read a document: interned sets of readers, and carrying a change into the index.

use super::{SyncError, exclusions, listing, tombstones};
use crate::ids::{AccessSetId, DocumentId, UserId};
use crate::index::VectorIndex;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Documents whose access is changed in the index at one time.
const BATCH: i64 = 1_000;

/// Interns the reader sets of documents that have readers. The caller holds the row locks of `documents`, so that
/// two scans that add readers at one time see each other's.
pub async fn intern(conn: &mut PgConnection, documents: &[i64]) -> Result<(), SyncError> {
    // The update changes nothing; it locks a set that stands already, so that it is not forgotten meanwhile.
    sqlx::query!(
        r#"insert into access_sets (members)
           select distinct array_agg(uid order by uid collate "C") from document_readers
           where document_id = any($1) group by document_id order by 1
           on conflict (members) do update set members = excluded.members"#,
        documents
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"with sets as (
               select document_id, array_agg(uid order by uid collate "C") as members from document_readers
               where document_id = any($1) group by document_id),
           named as (
               update documents d set access_set_id = a.id
               from sets s join access_sets a on a.members = s.members
               where d.id = s.document_id and d.access_set_id is distinct from a.id
               returning a.id, a.members)
           insert into access_set_members (uid, access_set_id)
           select distinct member, named.id from named, unnest(named.members) as member
           on conflict do nothing"#,
        documents
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes `user` off the readers of documents; documents that nobody reads any more are deleted. Returns how many
/// were deleted.
pub async fn remove_reader(
    conn: &mut PgConnection,
    user: &UserId,
    documents: &[i64],
    now: DateTime<Utc>,
) -> Result<usize, SyncError> {
    // Who takes documents out for an exclusion locks rows twice, each time in order.
    exclusions::keep_still(conn).await?;
    sqlx::query!(
        "select id from documents where id = any($1) order by family, native_id for update",
        documents
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut again = listing::retitled_without(&mut *conn, user, documents).await?;
    sqlx::query!(
        "delete from document_readers where uid = $1 and document_id = any($2)",
        user.as_str(),
        documents
    )
    .execute(&mut *conn)
    .await?;
    let orphans = sqlx::query_scalar!(
        "select id from documents d where id = any($1)
         and not exists (select from document_readers r where r.document_id = d.id)",
        documents
    )
    .fetch_all(&mut *conn)
    .await?;
    tombstones::delete_documents(&mut *conn, &orphans, now).await?;
    intern(&mut *conn, documents).await?;
    again.extend(listing::take_verdicts(&mut *conn, documents).await?);
    listing::index_again(&mut *conn, user, &again, now).await?;
    requeue(&mut *conn, user, documents).await?;
    Ok(orphans.len())
}

/// Puts documents that wait on `user`'s turn on the turn of another reader who is synced.
async fn requeue(conn: &mut PgConnection, user: &UserId, documents: &[i64]) -> Result<(), SyncError> {
    sqlx::query!(
        "update documents d set queue_uid = (
             select min(r.uid) from document_readers r join users u on u.uid = r.uid
             where r.document_id = d.id and u.sync_state = 'active')
         where d.id = any($2) and d.queue_uid = $1",
        user.as_str(),
        documents
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Carries changed access into the index; returns the number of documents.
pub async fn carry_out(pool: &PgPool, index: &dyn VectorIndex) -> Result<usize, SyncError> {
    let mut done = 0;
    loop {
        let changes = sqlx::query!(
            r#"select id as "id: DocumentId", access_set_id as "access: AccessSetId", visible_generation from documents
               where access_set_id is distinct from indexed_access_set_id
                 and access_set_id is not null and visible_generation > 0
               order by id limit $1"#,
            BATCH
        )
        .fetch_all(pool)
        .await?;
        let (changes, generations): (Vec<(DocumentId, AccessSetId)>, Vec<i64>) = changes
            .into_iter()
            .filter_map(|row| Some(((row.id, row.access?), row.visible_generation)))
            .unzip();
        if changes.is_empty() {
            return Ok(done);
        }
        index.set_access(&changes).await?;
        let (documents, sets): (Vec<i64>, Vec<i64>) = changes.iter().map(|(d, a)| (d.0, a.0)).unzip();
        // Points of a generation that became visible meanwhile carry what their own publication wrote.
        sqlx::query!(
            "update documents d set indexed_access_set_id = c.access
             from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as c (id, access, generation)
             where d.id = c.id and d.visible_generation = c.generation",
            &documents,
            &sets,
            &generations
        )
        .execute(pool)
        .await?;
        done += changes.len();
    }
}

/// Interns the readers of documents that have readers and no set; returns how many there were, a batch at most.
pub async fn repair_sets(pool: &PgPool) -> Result<usize, SyncError> {
    let mut tx = pool.begin().await?;
    let documents = sqlx::query_scalar!(
        "select id from documents d where access_set_id is null
         and exists (select from document_readers r where r.document_id = d.id)
         order by family, native_id limit $1 for update",
        BATCH
    )
    .fetch_all(&mut *tx)
    .await?;
    if !documents.is_empty() {
        intern(&mut tx, &documents).await?;
    }
    tx.commit().await?;
    Ok(documents.len())
}

/// Forgets sets that neither a document nor its points carry; returns how many.
pub async fn forget_unused_sets(pool: &PgPool) -> Result<u64, SyncError> {
    let gone = sqlx::query!(
        "delete from access_sets where id not in (
             select access_set_id from documents where access_set_id is not null
             union select indexed_access_set_id from documents where indexed_access_set_id is not null)"
    )
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}
