//! Hints: where something may have changed. Kept in `webhook_hints`, one row per user and subject, however often it
//! is hinted at, until someone looks.

use super::EffectError;
use super::told::Told;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashSet};

/// Longest subject, in bytes: a key of a B-tree holds 2,704 of them. A longer path is cut to a folder above it, which is
/// where the change is too.
const MAX_SUBJECT: usize = 1_500;

/// Something may have changed in a user's view.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hint {
    /// In whose view; empty when nobody is known.
    pub user: UserId,
    /// In which source.
    pub told: Told,
    /// The id of what changed, such as a file's or folder's.
    pub native_id: Option<String>,
    /// Its path in that view, such as `/Notes/x.md`.
    pub path: Option<String>,
}

/// The key of a hint in its table.
pub(super) type Key = (String, String);

impl Hint {
    /// A hint at a file or folder whose subject fits into its table.
    pub(super) fn at_file(user: UserId, native_id: Option<String>, mut path: Option<String>) -> Self {
        while let Some(long) = path.as_ref().filter(|path| path.len() > MAX_SUBJECT) {
            path = long
                .rsplit_once('/')
                .map(|(above, _)| above.to_owned())
                .filter(|above| !above.is_empty());
        }
        Self {
            user,
            told: Told::Files,
            native_id,
            path,
        }
    }

    /// A hint at something of an app, and the part that holds it.
    pub(super) fn at(told: Told, user: UserId, native_id: Option<String>, part: Option<String>) -> Self {
        Self {
            user,
            told,
            native_id,
            path: part,
        }
    }

    /// `<id>:<path>` for files, `<source>!<id>:` for others; id and path may be empty. No id holds `!` or `:`.
    fn subject(&self) -> String {
        let source = match self.told {
            Told::Files => String::new(),
            other => format!("{}!", other.source()),
        };
        let (id, path) = (self.native_id.as_deref(), self.path.as_deref());
        format!("{source}{}:{}", id.unwrap_or_default(), path.unwrap_or_default())
    }

    pub(super) fn key(&self) -> Key {
        (self.user.as_str().to_owned(), self.subject())
    }

    /// `None` for a source that only a newer version knows.
    fn of_row(uid: String, subject: &str) -> Option<Self> {
        let (id, path) = subject.split_once(':').unwrap_or_default();
        let (told, id) = match id.split_once('!') {
            Some((source, id)) => (Told::of_source(source)?, id),
            None => (Told::Files, id),
        };
        let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Self {
            user: UserId::new(uid),
            told,
            native_id: present(id),
            path: present(path),
        })
    }
}

/// Writes hints, each with the class of its event. Returns the keys of those that concern anybody: a user whom nobody
/// syncs is known by nothing but the ids of files that others read too.
pub(super) async fn write(
    conn: &mut PgConnection,
    hints: &BTreeMap<Key, (bool, &str)>,
    now: DateTime<Utc>,
) -> Result<HashSet<Key>, sqlx::Error> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // In the order of the keys, so that replicas do not lock the same rows crosswise.
    for ((uid, subject), (has_id, event)) in hints {
        columns.0.push(uid.clone());
        columns.1.push(subject.clone());
        columns.2.push((*event).to_owned());
        columns.3.push(*has_id);
    }
    let rows = sqlx::query!(
        "insert into webhook_hints (uid, subject, event, received_at, due_at)
         select h.uid, h.subject, h.event, $5::timestamptz, $5::timestamptz
         from unnest($1::text[], $2::text[], $3::text[], $4::bool[]) as h (uid, subject, event, has_id)
         where h.has_id or exists (select from users u where u.uid = h.uid)
         on conflict (uid, subject) do update set event = excluded.event
         returning uid, subject",
        &columns.0,
        &columns.1,
        &columns.2,
        &columns.3,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uid, row.subject)).collect())
}

/// Takes up to `limit` due hints out of the table, the oldest first. Returns how many, and those that are understood.
pub(super) async fn take(
    conn: &mut PgConnection,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<(usize, Vec<Hint>), EffectError> {
    let rows = sqlx::query!(
        "delete from webhook_hints h
         using (select uid, subject from webhook_hints where due_at <= $2 order by due_at limit $1
                for update skip locked) t
         where h.uid = t.uid and h.subject = t.subject
         returning h.uid, h.subject",
        limit,
        now
    )
    .fetch_all(conn)
    .await?;
    let taken = rows.len();
    let hints = rows
        .into_iter()
        .filter_map(|row| Hint::of_row(row.uid, &row.subject))
        .collect();
    Ok((taken, hints))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_reads_back_from_its_row() {
        for (id, path) in [
            (Some("138"), Some("/a:b/c.md")),
            (None, Some("/x")),
            (Some("7"), None),
            (None, None),
        ] {
            let hint = Hint::at_file(
                UserId::new("alice"),
                id.map(str::to_owned),
                path.map(str::to_owned),
            );
            let (uid, subject) = hint.key();
            assert_eq!(Hint::of_row(uid, &subject), Some(hint));
        }
        for told in Told::ALL {
            let hint = Hint::at(
                told,
                UserId::new("alice"),
                Some("6".to_owned()),
                Some("3".to_owned()),
            );
            let (uid, subject) = hint.key();
            assert_eq!(Hint::of_row(uid, &subject), Some(hint));
        }
        assert_eq!(Hint::of_row("alice".to_owned(), "boats!6:"), None);
    }

    #[test]
    fn a_path_too_long_for_the_table_becomes_a_folder_above_it() {
        let path = format!("/short/{}/{}", "a".repeat(1_000), "b".repeat(1_000));
        let hint = Hint::at_file(UserId::new("alice"), None, Some(path));
        assert_eq!(hint.path.unwrap().len(), "/short/".len() + 1_000);
        let one = Hint::at_file(
            UserId::new("alice"),
            None,
            Some(format!("/{}", "a".repeat(4_000))),
        );
        assert_eq!(one.path, None);
    }
}
