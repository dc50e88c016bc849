//! Measures the search over a judged collection: `scripts/eval` runs it.
//!
//! | argument | means |
//! |---|---|
//! | `--collection DIR` | `documents.jsonl` and `queries.jsonl`; by default `eval/collection` |
//! | `--json` | one JSON line per algorithm and query kind |
//! | `--half tuning\|held-out` | only this half of the queries, by the hash of their ids |
//! | `--check FILE` | fails when nDCG@10 is more than 0.01 below the one in this file |
//! | `--write FILE` | writes such a file |
//! | `--queries FILE` | writes every query's measures and first results, as JSON lines |
//! | `--tokens DIR` | writes the terms of passages and queries, for another implementation of BM25 |

mod baseline;
mod collection;
mod embeddings;
mod measures;
mod report;
mod tokens;
mod world;

use collection::{Collection, Query};
use measures::Measures;
use nextcloud_mcp_server::search::{Algorithm, Fusion, Granularity, SearchRequest};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use world::{Outcome, World};

/// Documents asked for: the reciprocal rank looks further down than the other measures.
const RESULTS: usize = 100;

/// The ways to search that are measured.
const ALGORITHMS: [(&str, Algorithm, Fusion); 4] = [
    ("bm25", Algorithm::Bm25, Fusion::Rrf),
    ("semantic", Algorithm::Semantic, Fusion::Rrf),
    ("hybrid", Algorithm::Hybrid, Fusion::Rrf),
    ("hybrid-dbsf", Algorithm::Hybrid, Fusion::Dbsf),
];

/// One query, one algorithm.
struct Measured<'c> {
    algorithm: &'static str,
    query: &'c Query,
    measures: Measures,
    /// The first results.
    found: Vec<String>,
}

#[derive(Default)]
struct Arguments {
    collection: Option<PathBuf>,
    half: Option<String>,
    check: Option<PathBuf>,
    write: Option<PathBuf>,
    queries: Option<PathBuf>,
    tokens: Option<PathBuf>,
    json: bool,
}

impl Arguments {
    fn read() -> Outcome<Self> {
        let mut read = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            if name == "--json" {
                read.json = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--collection" => read.collection = Some(value.into()),
                "--half" if ["tuning", "held-out"].contains(&value.as_str()) => read.half = Some(value),
                "--check" => read.check = Some(value.into()),
                "--write" => read.write = Some(value.into()),
                "--queries" => read.queries = Some(value.into()),
                "--tokens" => read.tokens = Some(value.into()),
                _ => return Err(format!("unknown: {name} {value}").into()),
            }
        }
        Ok(read)
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::read()?;
    let collection = arguments
        .collection
        .clone()
        .unwrap_or_else(|| "eval/collection".into());
    let mut collection = Collection::read(&collection)?;
    if let Some(half) = &arguments.half {
        let wanted = half == "tuning";
        collection.queries.retain(|query| is_for_tuning(query) == wanted);
    }
    let dir = std::env::temp_dir().join(format!("ncmcp-eval.{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let result = run(&arguments, &collection, &dir).await;
    std::fs::remove_dir_all(&dir)?;
    result
}

/// Half of the queries may be looked at when something is tuned; the others tell whether it helped.
fn is_for_tuning(query: &Query) -> bool {
    Sha256::digest(query.id.as_bytes())[0] % 2 == 0
}

async fn run(arguments: &Arguments, collection: &Collection, dir: &std::path::Path) -> Outcome<()> {
    let world = World::start(collection, dir).await?;
    let measured = measure(&world, collection).await;
    if let Some(dir) = &arguments.tokens {
        tokens::write(&world, collection, dir)?;
    }
    world.stop().await?;
    let measured = measured?;
    let lines = report::lines(&measured);
    report::print(&lines, arguments.json)?;
    if let Some(file) = &arguments.queries {
        report::write_queries(&measured, file)?;
    }
    if let Some(file) = &arguments.write {
        baseline::write(&lines, file)?;
    }
    match &arguments.check {
        Some(file) => baseline::check(&lines, file),
        None => Ok(()),
    }
}

async fn measure<'c>(world: &World, collection: &'c Collection) -> Outcome<Vec<Measured<'c>>> {
    let mut measured = Vec::new();
    for query in &collection.queries {
        for (name, algorithm, fusion) in ALGORITHMS {
            let request = SearchRequest {
                query: query.text.clone(),
                algorithm,
                fusion,
                granularity: Granularity::Document,
                limit: RESULTS,
                ..SearchRequest::default()
            };
            let found = world.search(request).await?;
            measured.push(Measured {
                algorithm: name,
                query,
                measures: Measures::of(&found, &query.judgements),
                found: found
                    .iter()
                    .take(measures::DEPTH)
                    .map(ToString::to_string)
                    .collect(),
            });
        }
    }
    Ok(measured)
}
