//! The measures that must not be lost.

use crate::report::Line;
use std::error::Error;
use std::io::Write;
use std::path::Path;

/// A drop of nDCG@10 that is too much.
const TOLERANCE: f64 = 0.01;
/// Kinds of fewer queries are not guarded: one query would decide.
const LEAST_QUERIES: usize = 10;

/// Writes the lines, one per line.
pub(crate) fn write(lines: &[Line], file: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for line in lines {
        writeln!(out, "{}", serde_json::to_string(line)?)?;
    }
    out.flush()?;
    Ok(())
}

/// Compares with the stored lines.
pub(crate) fn check(lines: &[Line], file: &Path) -> Result<(), Box<dyn Error>> {
    let stored = std::fs::read_to_string(file)?;
    let mut drops = Vec::new();
    for line in stored.lines().filter(|line| !line.is_empty()) {
        let before: Line = serde_json::from_str(line)?;
        let now = lines
            .iter()
            .find(|line| line.algorithm == before.algorithm && line.kind == before.kind)
            .map_or(0.0, |line| line.ndcg_at_10);
        if before.queries >= LEAST_QUERIES && now < before.ndcg_at_10 - TOLERANCE {
            drops.push(format!(
                "{} / {}: nDCG@10 {now:.4}, was {:.4}",
                before.algorithm, before.kind, before.ndcg_at_10
            ));
        }
    }
    if drops.is_empty() {
        Ok(())
    } else {
        Err(format!("the search has become worse\n{}", drops.join("\n")).into())
    }
}
