//! Means per algorithm and kind of query, for people and for programs.

use crate::Measured;
use crate::measures::Measures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::path::Path;

/// One line of the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) algorithm: String,
    /// A kind of query, `all`, or `language:` with the queries in one language about documents in it.
    pub(crate) kind: String,
    pub(crate) ndcg_at_10: f64,
    pub(crate) recall_at_10: f64,
    pub(crate) mrr: f64,
    pub(crate) queries: usize,
}

/// The report: for each algorithm all queries, each kind, each language.
pub(crate) fn lines(measured: &[Measured<'_>]) -> Vec<Line> {
    let kinds: BTreeSet<&str> = measured.iter().map(|one| one.query.kind.as_str()).collect();
    let languages: BTreeSet<&str> = measured.iter().map(|one| one.query.language.as_str()).collect();
    let mut lines = Vec::new();
    for (algorithm, ..) in crate::ALGORITHMS {
        let of = |kind: String, chosen: &dyn Fn(&Measured<'_>) -> bool| {
            let all: Vec<Measures> = measured
                .iter()
                .filter(|one| one.algorithm == algorithm && chosen(one))
                .map(|one| one.measures)
                .collect();
            let mean = Measures::mean(&all);
            Line {
                algorithm: algorithm.to_owned(),
                kind,
                ndcg_at_10: rounded(mean.ndcg),
                recall_at_10: rounded(mean.recall),
                mrr: rounded(mean.reciprocal_rank),
                queries: all.len(),
            }
        };
        lines.push(of("all".to_owned(), &|_| true));
        for kind in &kinds {
            lines.push(of((*kind).to_owned(), &|one| one.query.kind == *kind));
        }
        for language in &languages {
            lines.push(of(format!("language:{language}"), &|one| {
                one.query.language == *language && one.query.kind != "cross-language"
            }));
        }
    }
    lines.retain(|line| line.queries > 0);
    lines
}

/// To the standard output.
pub(crate) fn print(lines: &[Line], json: bool) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    if !json {
        writeln!(
            out,
            "{:<12} {:<16} {:>7} {:>8} {:>9} {:>6}",
            "algorithm", "kind", "queries", "nDCG@10", "Recall@10", "MRR"
        )?;
    }
    for line in lines {
        if json {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
        } else {
            writeln!(
                out,
                "{:<12} {:<16} {:>7} {:>8.3} {:>9.3} {:>6.3}",
                line.algorithm, line.kind, line.queries, line.ndcg_at_10, line.recall_at_10, line.mrr
            )?;
        }
    }
    Ok(())
}

/// What each query found.
pub(crate) fn write_queries(measured: &[Measured<'_>], file: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for one in measured {
        let line = serde_json::json!({
            "algorithm": one.algorithm, "id": one.query.id, "kind": one.query.kind,
            "language": one.query.language, "query": one.query.text,
            "ndcg_at_10": rounded(one.measures.ndcg), "found": one.found,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
