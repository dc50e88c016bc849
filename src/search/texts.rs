//! The texts of candidates, read once per search: for phrases, near-duplicates and reranking.

use crate::auth::Principal;
use crate::ids::ChunkId;
use sqlx::PgPool;
use std::collections::HashMap;

/// Code points read on each side of a passage, so that a phrase across its border is found.
const AROUND: i32 = 100;

/// A passage's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PassageText {
    /// The passage.
    pub passage: String,
    /// The passage and what stands right before and after it, in one form: [`plain`].
    pub plain: String,
}

/// Texts read so far. A chunk that is gone has an empty one.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: HashMap<ChunkId, PassageText>,
}

impl Texts {
    /// Reads those of `chunks` that are not known yet, for a reader of their documents.
    pub async fn read(
        &mut self,
        pool: &PgPool,
        principal: &Principal,
        chunks: impl Iterator<Item = ChunkId>,
    ) -> Result<(), sqlx::Error> {
        let ids: Vec<i64> = chunks
            .filter(|chunk| !self.known.contains_key(chunk))
            .map(|chunk| chunk.0)
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query!(
            r#"select c.id,
                      substr(t.text, c.start_offset + 1, c.end_offset - c.start_offset) as "passage!",
                      substr(t.text, greatest(c.start_offset - $3, 0) + 1, least(c.start_offset, $3)) as "before!",
                      substr(t.text, c.end_offset + 1, $3) as "after!"
               from chunks c
               join documents d on d.id = c.document_id and d.visible_generation = c.generation
               join document_readers r on r.document_id = d.id and r.uid = $2
               join document_texts t on t.document_id = c.document_id and t.generation = c.generation
               where c.id = any($1::bigint[])"#,
            &ids,
            principal.user().as_str(),
            AROUND,
        )
        .fetch_all(pool)
        .await?;
        for id in ids {
            self.known.insert(ChunkId(id), PassageText::default());
        }
        for row in rows {
            let plain = plain(&[row.before.as_str(), &row.passage, &row.after].concat());
            let text = PassageText {
                passage: row.passage,
                plain,
            };
            self.known.insert(ChunkId(row.id), text);
        }
        Ok(())
    }

    /// A text that was read.
    pub fn get(&self, chunk: ChunkId) -> Option<&PassageText> {
        self.known.get(&chunk)
    }
}

/// Lower case, with one blank between words: the form in which phrases are compared.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_case_do_not_count() {
        assert_eq!(plain("  The\n\tÜBER  ferry "), "the über ferry");
    }
}
