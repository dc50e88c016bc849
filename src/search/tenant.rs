//! Which points a reader's queries may see.

use super::filters::Filters;
use crate::auth::Principal;
use crate::ids::{AccessSetId, DocumentId};
use crate::index::{Language, TenantFilter};
use sqlx::PgPool;

/// Filters that leave more documents than this are applied after the index has answered: a list of ids in
/// the query would cost more than it saves.
const MAX_LISTED_DOCUMENTS: i64 = 20_000;

/// What limits one reader's search.
#[derive(Debug)]
pub(super) struct Scope {
    /// Stands in every query to the index.
    pub tenant: TenantFilter,
    /// The index query does not apply the request's filters, so the candidates must pass them.
    pub filter_candidates: bool,
    /// Languages of this reader's documents, by name.
    pub languages: Vec<Language>,
}

impl Scope {
    /// Resolves the principal's access sets and the request's filters; `None` when no document can match.
    pub async fn resolve(
        pool: &PgPool,
        principal: &Principal,
        filters: &Filters,
    ) -> Result<Option<Self>, sqlx::Error> {
        let access_sets = access_sets(pool, principal).await?;
        if access_sets.is_empty() {
            return Ok(None);
        }
        let languages = languages(pool, &access_sets).await?;
        let mut scope = Self {
            languages,
            tenant: TenantFilter {
                access_sets,
                documents: None,
            },
            filter_candidates: false,
        };
        if filters.is_empty() {
            return Ok(Some(scope));
        }
        let listed = matching(pool, principal, filters, None, MAX_LISTED_DOCUMENTS + 1).await?;
        if listed.is_empty() {
            return Ok(None);
        }
        if i64::try_from(listed.len()).is_ok_and(|count| count <= MAX_LISTED_DOCUMENTS) {
            scope.tenant.documents = Some(listed);
        } else {
            scope.filter_candidates = true;
        }
        Ok(Some(scope))
    }
}

async fn access_sets(pool: &PgPool, principal: &Principal) -> Result<Vec<AccessSetId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select access_set_id from access_set_members where uid = $1 order by access_set_id",
        principal.user().as_str()
    )
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().map(AccessSetId).collect())
}

/// Languages that documents of these sets have: one look into an index per language.
async fn languages(pool: &PgPool, access_sets: &[AccessSetId]) -> Result<Vec<Language>, sqlx::Error> {
    let known: Vec<String> = Language::all()
        .map(|language| language.code().to_owned())
        .collect();
    let sets: Vec<i64> = access_sets.iter().map(|set| set.0).collect();
    let codes = sqlx::query_scalar!(
        r#"select code as "code!" from unnest($1::text[]) as code
           where exists (select from documents d where d.language = code and d.access_set_id = any($2))
           order by code"#,
        &known,
        &sets
    )
    .fetch_all(pool)
    .await?;
    Ok(codes
        .iter()
        .filter_map(|code| Language::from_code(code))
        .collect())
}

/// Documents of this reader that pass `filters`, among `candidates` when given, at most `limit`.
pub(super) async fn matching(
    pool: &PgPool,
    principal: &Principal,
    filters: &Filters,
    candidates: Option<&[DocumentId]>,
    limit: i64,
) -> Result<Vec<DocumentId>, sqlx::Error> {
    let among: Vec<i64> = candidates
        .unwrap_or_default()
        .iter()
        .map(|document| document.0)
        .collect();
    let ids = sqlx::query_scalar!(
        "select r.document_id
         from document_readers r join documents d on d.id = r.document_id
         where r.uid = $1
           and d.visible_generation > 0
           and (cardinality($2::text[]) = 0 or r.doc_type = any($2))
           and (cardinality($3::text[]) = 0 or exists (
                select 1 from unnest($3::text[]) as folder
                where r.path = folder or starts_with(r.path, folder || '/')))
           and (cardinality($9::text[]) = 0 or exists (
                select 1 from unnest($9::text[]) as folder
                where case when starts_with(folder, '/')
                           then starts_with(lower(r.path) || '/', lower(folder) || '/')
                           else strpos('/' || lower(r.path), '/' || lower(folder) || '/') > 0 end))
           and ($4::timestamptz is null or d.modified_at >= $4)
           and ($5::timestamptz is null or d.modified_at <= $5)
           and (not $6::boolean or r.document_id = any($7::bigint[]))
         order by r.document_id
         limit $8",
        principal.user().as_str(),
        &filters.doc_types,
        &filters.folders,
        filters.modified_after,
        filters.modified_before,
        candidates.is_some(),
        &among,
        limit,
        &filters.inside,
    )
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().map(DocumentId).collect())
}
