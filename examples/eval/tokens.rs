//! The terms of passages and queries, for `scripts/eval --against-bm25s`.

use crate::collection::Collection;
use crate::world::World;
use std::error::Error;
use std::io::Write;
use std::path::Path;

/// Writes `passages.jsonl` and `queries.jsonl`; terms are numbers.
pub(crate) fn write(world: &World, collection: &Collection, dir: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(dir)?;
    let file = |name: &str| std::fs::File::create(dir.join(name)).map(std::io::BufWriter::new);
    let mut passages = file("passages.jsonl")?;
    for passage in &world.passages {
        let line = serde_json::json!({"document": passage.document, "terms": passage.terms});
        writeln!(passages, "{line}")?;
    }
    passages.flush()?;
    let mut queries = file("queries.jsonl")?;
    for query in &collection.queries {
        let line = serde_json::json!({
            "id": query.id, "terms": world.query_terms(&query.text), "judgements": query.judgements,
        });
        writeln!(queries, "{line}")?;
    }
    queries.flush()?;
    Ok(())
}
