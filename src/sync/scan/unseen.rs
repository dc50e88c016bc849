//! What a complete scan covered and did not see: documents that the user may not read any more, and exclusions that may
//! be over.

use super::lease::ScanLease;
use crate::sync::SyncError;
use crate::sync::sources::Coverage;
use sqlx::PgPool;

/// Up to this many missing rows are believed at once, whatever their share.
const BELIEVED_COUNT: usize = 20;

/// One missing row in so many is believed at once.
const BELIEVED_SHARE: usize = 10;

/// Rows of the user that the listing covered and did not show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Missing for the first time.
    pub new: Vec<i64>,
    /// Missing from an earlier complete scan already, or known to be over.
    pub again: Vec<i64>,
    /// All rows that the user has in this family.
    pub total: usize,
}

impl Missing {
    /// More than 10 % and more than 20 are missing for the first time: perhaps a listing that only looks complete.
    pub fn is_suspicious(&self) -> bool {
        self.new.len() > BELIEVED_COUNT && self.new.len() * BELIEVED_SHARE > self.total
    }

    /// Nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.again.is_empty()
    }

    fn of(rows: Vec<(i64, bool)>, total: i64) -> Self {
        let (again, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, again)| *again);
        let ids = |rows: Vec<(i64, bool)>| rows.into_iter().map(|(id, _)| id).collect();
        Self {
            new: ids(new),
            again: ids(again),
            total: usize::try_from(total).unwrap_or(usize::MAX),
        }
    }
}

/// What the scan did not see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Documents, by their ids.
    pub documents: Missing,
    /// Exclusions, by their ids.
    pub exclusions: Missing,
}

impl Unseen {
    /// Everything was seen.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.exclusions.is_empty()
    }

    /// Something is missing for the first time.
    pub fn has_new(&self) -> bool {
        !self.documents.new.is_empty() || !self.exclusions.new.is_empty()
    }

    /// So much is missing for the first time that a second scan must say so too.
    pub fn is_suspicious(&self) -> bool {
        self.documents.is_suspicious() || self.exclusions.is_suspicious()
    }
}

/// What a coverage says about rows that the scan did not see.
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
pub async fn find(
    pool: &PgPool,
    lease: &ScanLease,
    family: &str,
    coverage: &Coverage,
) -> Result<Unseen, SyncError> {
    let covered = Covered::by(coverage);
    Ok(Unseen {
        documents: documents(pool, lease, family, &covered).await?,
        exclusions: exclusions(pool, lease, family, &covered).await?,
    })
}

async fn documents(
    pool: &PgPool,
    lease: &ScanLease,
    family: &str,
    covered: &Covered<'_>,
) -> Result<Missing, SyncError> {
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
        covered.known_parts.as_deref() as Option<&[String]>,
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
    let rows = rows.into_iter().map(|row| (row.document_id, row.again));
    Ok(Missing::of(rows.collect(), total))
}

/// An exclusion of a file that this scan saw as a document is over and not missing: nobody has to look twice.
async fn exclusions(
    pool: &PgPool,
    lease: &ScanLease,
    family: &str,
    covered: &Covered<'_>,
) -> Result<Missing, SyncError> {
    let rows = sqlx::query!(
        r#"select e.id, e.missing_since_scan is not null or exists (
                      select from documents d join document_readers r on r.document_id = d.id and r.uid = e.uid
                      where d.family = e.family and d.native_id = e.native_id and r.seen_scan = $3) as "again!"
           from exclusions e
           where e.uid = $1 and e.family = $2 and e.seen_scan < $3
             and ($4 or coalesce(nullif(regexp_replace(e.path, '/[^/]*$', ''), ''), '/') = any($5)
                  or exists (select from unnest($6::text[]) as v (folder) where starts_with(e.path, v.folder || '/')))
           order by e.id"#,
        lease.user.as_str(),
        family,
        lease.number,
        covered.everything,
        covered.folders,
        covered.vanished
    )
    .fetch_all(pool)
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from exclusions where uid = $1 and family = $2"#,
        lease.user.as_str(),
        family
    )
    .fetch_one(pool)
    .await?;
    let rows = rows.into_iter().map(|row| (row.id, row.again));
    Ok(Missing::of(rows.collect(), total))
}
