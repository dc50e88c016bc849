//! Documents whose title is the query: found by their name however little their text has of it.

use super::tenant::Scope;
use crate::auth::Principal;
use crate::ids::{ChunkId, DocumentId};
use crate::index::Hit;
use sqlx::PgPool;
use std::collections::HashSet;

/// Documents of one name that count.
const MOST: i64 = 20;
/// Longer queries are no names, in bytes.
const LONGEST: usize = 255;

/// The first passages of this reader's documents that are called `text`, with or without a suffix, within the scope.
/// Their order means nothing.
pub(super) async fn called(
    pool: &PgPool,
    principal: &Principal,
    scope: &Scope,
    text: &str,
) -> Result<Vec<Hit>, sqlx::Error> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return Ok(Vec::new());
    }
    // A note's title is its file name without the suffix.
    let bare = text.rsplit_once('.').map_or(text, |(bare, _)| bare);
    let names = [text.to_owned(), bare.to_owned()];
    let rows = sqlx::query!(
        r#"select c.id, d.id as document_id
           from document_readers r
           join documents d on d.id = r.document_id and d.visible_generation > 0
           join chunks c on c.document_id = d.id and c.generation = d.visible_generation and c.ordinal = 0
           where r.uid = $1 and md5(lower(r.title)) in (select md5(lower(name)) from unnest($2::text[]) as name)
           order by d.id limit $3"#,
        principal.user().as_str(),
        &names,
        MOST,
    )
    .fetch_all(pool)
    .await?;
    let within: Option<HashSet<DocumentId>> = scope
        .tenant
        .documents
        .as_ref()
        .map(|documents| documents.iter().copied().collect());
    Ok(rows
        .into_iter()
        .map(|row| Hit {
            chunk: ChunkId(row.id),
            document: DocumentId(row.document_id),
            score: 0.0,
        })
        .filter(|hit| {
            within
                .as_ref()
                .is_none_or(|within| within.contains(&hit.document))
        })
        .collect())
}
