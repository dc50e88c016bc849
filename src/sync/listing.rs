//! Writing what a listing shows: one bulk comparison per batch, no query per item.

use super::sources::{ExcludedFile, ListedItem};
use super::{SyncError, access, exclusions, tombstones};
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Items and exclusions written in one transaction.
pub const BATCH: usize = 1_000;

/// What is written in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// Documents.
    pub items: Vec<ListedItem>,
    /// What is to be no document.
    pub excluded: Vec<ExcludedFile>,
}

impl Batch {
    /// How much it is.
    pub fn len(&self) -> usize {
        self.items.len() + self.excluded.len()
    }
}

/// Who lists, and when.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The reader.
    pub user: &'a UserId,
    /// Family of the documents.
    pub family: &'a str,
    /// Number of the scan.
    pub scan: i64,
    /// Now.
    pub now: DateTime<Utc>,
}

/// The columns of a batch, as UNNEST takes them.
#[derive(Default)]
struct Columns {
    native_id: Vec<String>,
    etag: Vec<String>,
    mime_type: Vec<Option<String>>,
    size: Vec<i64>,
    modified: Vec<Option<DateTime<Utc>>>,
    skip: Vec<Option<String>>,
    keyword_only: Vec<bool>,
    doc_type: Vec<String>,
    path: Vec<String>,
    part: Vec<String>,
    title: Vec<String>,
}

impl Columns {
    /// Sorted by native id, so that two users' scans lock rows in the same order. A file that a user sees at two
    /// places is taken once, at the first path.
    fn of(items: Vec<ListedItem>) -> Self {
        let mut by_id: BTreeMap<String, ListedItem> = BTreeMap::new();
        for item in items {
            match by_id.get(&item.native_id) {
                Some(other) if other.path <= item.path => {}
                _ => {
                    by_id.insert(item.native_id.clone(), item);
                }
            }
        }
        let mut columns = Self::default();
        for item in by_id.into_values() {
            columns.native_id.push(item.native_id);
            columns.etag.push(item.etag);
            columns.mime_type.push(item.mime_type.map(text));
            columns.size.push(item.size);
            columns.modified.push(item.modified);
            columns.skip.push(item.skip.map(str::to_owned));
            columns.keyword_only.push(item.keyword_only);
            columns.doc_type.push(item.doc_type.to_owned());
            columns.path.push(text(item.path));
            columns.part.push(item.part);
            columns.title.push(text(item.title));
        }
        columns
    }
}

/// `PostgreSQL` text holds no NUL; no Nextcloud path does either.
pub fn text(value: String) -> String {
    if value.contains('\0') {
        value.replace('\0', "")
    } else {
        value
    }
}

/// Writes a batch. Returns how many documents became due for indexing.
pub async fn write(conn: &mut PgConnection, listing: Listing<'_>, batch: Batch) -> Result<usize, SyncError> {
    if batch.excluded.is_empty() {
        exclusions::keep_still(conn).await?;
    } else {
        exclusions::lock(conn).await?;
        exclusions::write(conn, listing, batch.excluded).await?;
    }
    if batch.items.is_empty() {
        return Ok(0);
    }
    let columns = Columns::of(batch.items);
    let due = write_documents(conn, listing, &columns).await?;
    let retitled = retitled(conn, listing, &columns).await?;
    let listed = write_readers(conn, listing, &columns).await?;
    let mut again = take_verdicts(conn, &listed).await?;
    again.extend(retitled);
    Ok(due + index_again(conn, listing.user, &again, listing.now).await?)
}

/// Derives anew whether documents are for keyword search only: they are when one of their readers says so. Returns those
/// for which that changed, which are to be indexed again: [`index_again`] also takes them from a worker who holds the
/// old verdict. The caller holds the row locks of `documents`.
pub async fn take_verdicts(conn: &mut PgConnection, documents: &[i64]) -> Result<Vec<i64>, SyncError> {
    // Without its hash the same text counts as a new one, so that its passages are stored anew.
    Ok(sqlx::query_scalar!(
        "update documents d set keyword_only = v.verdict, content_hash = null
         from (select r.document_id, bool_or(r.keyword_only) as verdict from document_readers r
               where r.document_id = any($1) group by r.document_id) v
         where d.id = v.document_id and d.keyword_only <> v.verdict
         returning d.id",
        documents
    )
    .fetch_all(conn)
    .await?)
}

/// Documents whose indexed title, that of the reader with the smallest UID, this batch is about to change. A rename
/// keeps the `ETag`, so nothing else tells. The readers are found through an array, because a plan made while the
/// tables were empty would else look through all of them for each document.
async fn retitled(
    conn: &mut PgConnection,
    listing: Listing<'_>,
    columns: &Columns,
) -> Result<Vec<i64>, SyncError> {
    Ok(sqlx::query_scalar!(
        r#"select d.id
           from (select distinct on (r.document_id) r.document_id, r.uid, r.title from document_readers r
                 where r.document_id = any(array(
                     select d.id from documents d where d.family = $1 and d.native_id = any($2)))
                 order by r.document_id, r.uid collate "C") first
           join documents d on d.id = first.document_id
           join unnest($2::text[], $3::text[], $4::text[]) as i (native_id, path, title)
                on i.native_id = d.native_id
           left join document_readers own on own.document_id = d.id and own.uid = $5
           where first.uid collate "C" >= $5 and first.title <> i.title
             and (own.uid is null or own.seen_scan <> $6 or i.path < own.path)"#,
        listing.family,
        &columns.native_id,
        &columns.path,
        &columns.title,
        listing.user.as_str(),
        listing.scan,
    )
    .fetch_all(conn)
    .await?)
}

/// Documents whose indexed title changes when `user` reads them no more.
pub async fn retitled_without(
    conn: &mut PgConnection,
    user: &UserId,
    documents: &[i64],
) -> Result<Vec<i64>, SyncError> {
    Ok(sqlx::query_scalar!(
        r#"select own.document_id from document_readers own
           join lateral (select r.uid, r.title from document_readers r
                         where r.document_id = own.document_id and r.uid <> own.uid
                         order by r.uid collate "C" limit 1) next on true
           where own.uid = $1 and own.document_id = any($2)
             and own.uid collate "C" < next.uid and own.title <> next.title"#,
        user.as_str(),
        documents
    )
    .fetch_all(conn)
    .await?)
}

/// Puts documents back to phase 1 on the turn of `user`: their content is to be indexed under a new title, or with
/// another verdict about vectors. Whoever works on one of them loses it. Returns how many did not wait for phase 1 already.
pub async fn index_again(
    conn: &mut PgConnection,
    user: &UserId,
    documents: &[i64],
    now: DateTime<Utc>,
) -> Result<usize, SyncError> {
    if documents.is_empty() {
        return Ok(0);
    }
    sqlx::query!(
        "update documents set lease_until = null, lease_generation = lease_generation + 1
         where id = any($1) and state = 'pending' and lease_until is not null",
        documents
    )
    .execute(&mut *conn)
    .await?;
    let again = sqlx::query!(
        "update documents set state = 'pending', reason = null, state_changed_at = $3, attempts = 0, due_at = $3,
                queue_uid = $2, lease_until = null, lease_generation = lease_generation + 1
         where id = any($1) and state in ('searchable', 'indexed', 'dead')",
        documents,
        user.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(again.rows_affected()).unwrap_or(usize::MAX))
}

/// New and changed versions become `pending` (or `skipped`); the row locks stay until the transaction ends.
///
/// A skip that only a listing can tell is taken back when the listing changes its mind (a raised size limit); one
/// that the content told stays until the content changes. What somebody's scan saw as excluded stays so, whatever this
/// listing says.
async fn write_documents(
    conn: &mut PgConnection,
    listing: Listing<'_>,
    columns: &Columns,
) -> Result<usize, SyncError> {
    let changed = sqlx::query!(
        r#"insert into documents (family, native_id, etag, mime_type, size_bytes, modified_at, state, reason,
                                  state_changed_at, due_at, queue_uid, first_seen_at, keyword_only)
           select $1, i.native_id, i.etag, i.mime_type, i.size, i.modified,
                  case when i.skip is null then 'pending' else 'skipped' end, i.skip, $9, $9, $8, $9, i.keyword_only
           from (select l.native_id, l.etag, l.mime_type, l.size, l.modified, l.keyword_only,
                        case when l.skip is null and exists (
                                 select from exclusions e where e.family = $1 and e.native_id = l.native_id)
                             then 'excluded' else l.skip end as skip
                 from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[],
                             $10::boolean[])
                      as l (native_id, etag, mime_type, size, modified, skip, keyword_only)) i
           order by i.native_id
           on conflict (family, native_id) do update set
               etag = excluded.etag, mime_type = excluded.mime_type, size_bytes = excluded.size_bytes,
               modified_at = excluded.modified_at, state = excluded.state, reason = excluded.reason,
               state_changed_at = excluded.state_changed_at, attempts = 0, due_at = excluded.due_at,
               queue_uid = excluded.queue_uid
           where documents.etag <> excluded.etag
              or documents.queue_uid is null and documents.state = 'pending'
              or excluded.state = 'pending' and documents.state = 'skipped'
                 and documents.reason in ('unsupported', 'too_large', 'excluded')
              or excluded.reason = 'too_large' and documents.state <> 'skipped'
              or excluded.reason = 'excluded' and documents.reason is distinct from 'excluded'
           returning id, state, visible_generation"#,
        listing.family,
        &columns.native_id,
        &columns.etag,
        &columns.mime_type as &[Option<String>],
        &columns.size,
        &columns.modified as &[Option<DateTime<Utc>>],
        &columns.skip as &[Option<String>],
        listing.user.as_str(),
        listing.now,
        &columns.keyword_only,
    )
    .fetch_all(&mut *conn)
    .await?;
    let lost_their_text: Vec<i64> = changed
        .iter()
        .filter(|row| row.state == "skipped" && row.visible_generation > 0)
        .map(|row| row.id)
        .collect();
    hide(conn, &lost_their_text, listing.now).await?;
    Ok(changed.iter().filter(|row| row.state == "pending").count())
}

/// Takes documents out of sight: nothing of them stays visible.
pub async fn hide(conn: &mut PgConnection, documents: &[i64], now: DateTime<Utc>) -> Result<(), SyncError> {
    if documents.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update documents set visible_generation = 0, chunk_count = 0, dense_chunk_count = 0, content_hash = null,
                indexed_etag = null, indexed_access_set_id = null
         where id = any($1)",
        documents
    )
    .execute(&mut *conn)
    .await?;
    tombstones::retire_hidden_generations(conn, documents, now).await
}

/// Notes that the user sees the documents, with path and title, and interns the reader sets that grew. Returns the
/// documents whose reader was written.
async fn write_readers(
    conn: &mut PgConnection,
    listing: Listing<'_>,
    columns: &Columns,
) -> Result<Vec<i64>, SyncError> {
    let rows = sqlx::query!(
        r#"insert into document_readers (document_id, uid, doc_type, path, title, seen_scan, part, keyword_only)
           select d.id, $6, i.doc_type, i.path, i.title, $7, i.part, i.keyword_only
           from unnest($2::text[], $3::text[], $4::text[], $5::text[], $8::text[], $9::boolean[])
                as i (native_id, doc_type, path, title, part, keyword_only)
           join documents d on d.family = $1 and d.native_id = i.native_id
           on conflict (document_id, uid) do update set
               doc_type = excluded.doc_type, path = excluded.path, title = excluded.title, part = excluded.part,
               seen_scan = excluded.seen_scan, missing_since_scan = null, keyword_only = excluded.keyword_only
           where document_readers.seen_scan <> excluded.seen_scan or excluded.path < document_readers.path
           returning document_id, (xmax = 0) as "is_new!""#,
        listing.family,
        &columns.native_id,
        &columns.doc_type,
        &columns.path,
        &columns.title,
        listing.user.as_str(),
        listing.scan,
        &columns.part,
        &columns.keyword_only,
    )
    .fetch_all(&mut *conn)
    .await?;
    let grown: Vec<i64> = rows
        .iter()
        .filter(|row| row.is_new)
        .map(|row| row.document_id)
        .collect();
    if !grown.is_empty() {
        access::intern(conn, &grown).await?;
    }
    Ok(rows.into_iter().map(|row| row.document_id).collect())
}
