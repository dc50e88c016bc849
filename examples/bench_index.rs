//! Measures the embedded index on this machine; one JSON line per figure.
//!
//! `cargo run --release --features bench --example bench_index [points] [users]`: random chunks of 384 dimensions, users with equal
//! shares. With `DATABASE_URL`, a cluster to make a database on, also the rebuild from it.

use nextcloud_mcp_server::ids::{AccessSetId, ChunkId, DocumentId};
use nextcloud_mcp_server::index::{
    EdgeIndex, Hit, Point, SparseEncoder, SparseVector, TenantFilter, VectorIndex, half, rebuild,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::collections::HashMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DIMENSION: usize = 384;
/// Terms of a chunk, drawn from a vocabulary with many rare words.
const TERMS: usize = 80;
const VOCABULARY: f64 = 50_000.0;
const CHUNKS_PER_DOCUMENT: usize = 5;
const QUERIES: usize = 400;
/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(5);
/// Slowest search in a hundred, in milliseconds.
const SEARCH_GOAL: f64 = 60.0;

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse::<usize>().ok());
    let points = arguments.next().unwrap_or(100_000);
    let users = arguments.next().unwrap_or(100);
    let dir = std::env::temp_dir().join(format!("bench-index-{}", std::process::id()));
    let result = measure(&dir, points, users).await;
    std::fs::remove_dir_all(&dir)?;
    result
}

async fn measure(dir: &std::path::Path, points: usize, users: usize) -> Outcome {
    let index = Arc::new(EdgeIndex::open(dir, "bench", Some(DIMENSION))?.index);
    let mut random = StdRng::seed_from_u64(7);
    let mut busy = 0.0;
    for first in (0..points).step_by(1_000) {
        let batch = (first..points.min(first + 1_000))
            .map(|n| point(n, users, &mut random))
            .collect();
        let started = Instant::now();
        index.upsert(batch).await?;
        busy += started.elapsed().as_secs_f64();
    }
    report("index_upsert", as_f64(points) / busy, "points/s", None)?;
    report("index_rss_anon", rss_anon()?, "MB", Some((500.0, false)))?;
    searches(&index, users, &mut random, "hybrid", SEARCH_GOAL).await?;
    upkeep(&index, users, &mut random, "").await?;
    // A quarter goes: the upkeep writes the files anew without them.
    for first in (0..points / 4).step_by(1_000) {
        let gone: Vec<ChunkId> = (first..(first + 1_000).min(points / 4))
            .map(|n| ChunkId(i64::try_from(n).unwrap_or(i64::MAX)))
            .collect();
        index.delete(&gone).await?;
    }
    upkeep(&index, users, &mut random, "_after_deletions").await?;
    report(
        "index_rss_anon_after_maintain",
        rss_anon()?,
        "MB",
        Some((500.0, false)),
    )?;
    // The files are new: the first searches fetch their pages.
    searches(&index, users, &mut random, "hybrid_right_after_maintain", 100.0).await?;
    searches(&index, users, &mut random, "hybrid_after_maintain", SEARCH_GOAL).await?;
    drop(index);
    let started = Instant::now();
    let index = EdgeIndex::open(dir, "bench", Some(DIMENSION))?.index;
    report("index_open", started.elapsed().as_secs_f64(), "s", None)?;
    drop(index);
    match dotenvy::var("DATABASE_URL") {
        Ok(url) => rebuild_rate(dir, &url, points.min(20_000)).await,
        Err(_) => Ok(()),
    }
}

/// The upkeep in the background while one search follows the other: how long it takes, its highest memory, and the
/// searches' times.
async fn upkeep(index: &Arc<EdgeIndex>, users: usize, random: &mut StdRng, when: &str) -> Outcome {
    let started = Instant::now();
    let upkeep = tokio::spawn({
        let index = Arc::clone(index);
        async move { index.maintain().await }
    });
    let (done, mut is_done) = tokio::sync::oneshot::channel::<()>();
    let sampled = tokio::spawn(async move {
        let mut peak = 0.0_f64;
        let mut moments = tokio::time::interval(SAMPLE);
        loop {
            tokio::select! {
                _ = &mut is_done => return peak,
                _ = moments.tick() => peak = peak.max(rss_anon().unwrap_or(f64::MAX)),
            }
        }
    });
    let mut times = Vec::new();
    while !upkeep.is_finished() {
        times.push(search(index, users, random).await?);
    }
    upkeep.await??;
    drop(done);
    let peak = sampled.await?;
    let seconds = started.elapsed().as_secs_f64();
    let name = |what: &str| format!("{what}_while_maintained{when}");
    report(&format!("index_maintain{when}"), seconds, "s", None)?;
    report(&name("index_rss_anon_peak"), peak, "MB", Some((1_200.0, false)))?;
    report(&name("searches"), as_f64(times.len()), "", None)?;
    if times.is_empty() {
        return Ok(());
    }
    percentiles(times, &name("hybrid"), (100.0, 100.0))
}

async fn searches(
    index: &Arc<EdgeIndex>,
    users: usize,
    random: &mut StdRng,
    name: &str,
    goal: f64,
) -> Outcome {
    let mut times = Vec::with_capacity(QUERIES);
    for _ in 0..QUERIES {
        times.push(search(index, users, random).await?);
    }
    percentiles(times, name, (15.0, goal))
}

/// One search of both lists; its time in milliseconds.
async fn search(index: &EdgeIndex, users: usize, random: &mut StdRng) -> Result<f64, Box<dyn Error>> {
    let access_set = AccessSetId(i64::try_from(random.random_range(0..users) + 1)?);
    let filter = TenantFilter::of_access_sets(vec![access_set]);
    let (vector, terms) = (vector(random), sparse(random, 4));
    let started = Instant::now();
    let (dense, sparse) = tokio::join!(
        index.query_dense(vector, &filter, 100),
        index.query_sparse(terms, &filter, 100)
    );
    std::hint::black_box(fuse(&dense?, &sparse?));
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// `goals`: of the median and of the slowest in a hundred, in milliseconds.
fn percentiles(mut times: Vec<f64>, name: &str, goals: (f64, f64)) -> Outcome {
    times.sort_by(f64::total_cmp);
    report(
        &format!("{name}_p50"),
        times[times.len() / 2],
        "ms",
        Some((goals.0, false)),
    )?;
    report(
        &format!("{name}_p99"),
        times[times.len() * 99 / 100],
        "ms",
        Some((goals.1, false)),
    )
}

/// Reciprocal rank fusion, k = 60.
fn fuse(dense: &[Hit], sparse: &[Hit]) -> Vec<(ChunkId, f32)> {
    let mut scores: HashMap<ChunkId, f32> = HashMap::new();
    for list in [dense, sparse] {
        for (rank, hit) in (1_u8..).zip(list) {
            *scores.entry(hit.chunk).or_default() += 1.0 / (60.0 + f32::from(rank));
        }
    }
    let mut fused: Vec<_> = scores.into_iter().collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    fused
}

async fn rebuild_rate(dir: &std::path::Path, url: &str, chunks: usize) -> Outcome {
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    let cluster = sqlx::PgPool::connect(url).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&cluster)
        .await?;
    let mut own = url::Url::parse(url)?;
    own.set_path(&name);
    let pool = sqlx::PgPool::connect(own.as_str()).await?;
    nextcloud_mcp_server::db::migrate(&pool).await?;
    let documents = i64::try_from(chunks / CHUNKS_PER_DOCUMENT)?;
    let mut random = StdRng::seed_from_u64(11);
    let vector = half::encode(&vector(&mut random));
    let per_document = i32::try_from(CHUNKS_PER_DOCUMENT)?;
    sqlx::query(
        "insert into documents (family, native_id, etag, state, visible_generation, chunk_count)
         select 'bench', n::text, 'e', 'indexed', 1, $2 from generate_series(1, $1) n",
    )
    .bind(documents)
    .bind(per_document)
    .execute(&pool)
    .await?;
    let passage =
        "The harvest of the orchard was counted and written into the ledger of the estate. ".repeat(12);
    sqlx::query(
        "insert into document_texts select id, 1, repeat($1, $2) from documents where family = 'bench'",
    )
    .bind(&passage)
    .bind(per_document)
    .execute(&pool)
    .await?;
    sqlx::query(
        "insert into chunks (document_id, generation, ordinal, start_offset, end_offset, text_hash, dense)
         select id, 1, n, n * $1, n * $1 + $1, '', $2 from documents, generate_series(0, $3 - 1) n
         where family = 'bench'",
    )
    .bind(i32::try_from(passage.len())?)
    .bind(vector)
    .bind(per_document)
    .execute(&pool)
    .await?;
    let index = EdgeIndex::open(dir, "rebuilt", Some(DIMENSION))?.index;
    let started = Instant::now();
    let done = rebuild(&pool, &index, Some(DIMENSION), &SparseEncoder::new()?, &|_, _| {}).await;
    let seconds = started.elapsed().as_secs_f64();
    sqlx::query("delete from documents where family = 'bench'")
        .execute(&pool)
        .await?;
    let points = u32::try_from(done?.points)?;
    report(
        "rebuild",
        f64::from(points) / seconds,
        "points/s",
        Some((3_000.0, true)),
    )
}

fn point(n: usize, users: usize, random: &mut StdRng) -> Point {
    let id = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Point {
        chunk: ChunkId(id(n)),
        document: DocumentId(id(n / CHUNKS_PER_DOCUMENT)),
        access_set: AccessSetId(id(n / CHUNKS_PER_DOCUMENT % users + 1)),
        sparse: sparse(random, TERMS),
        dense: Some(vector(random)),
    }
}

fn vector(random: &mut StdRng) -> Vec<f32> {
    (0..DIMENSION)
        .map(|_| random.random_range(-1.0_f32..1.0))
        .collect()
}

fn sparse(random: &mut StdRng, terms: usize) -> SparseVector {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a term below the vocabulary's size"
    )]
    let mut indices: Vec<u32> = (0..terms)
        .map(|_| (VOCABULARY.powf(random.random_range(0.0..1.0))) as u32)
        .collect();
    indices.sort_unstable();
    indices.dedup();
    let values = indices
        .iter()
        .map(|_| random.random_range(0.5_f32..2.0))
        .collect();
    SparseVector { indices, values }
}

/// Anonymous resident memory of this process.
fn rss_anon() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .ok_or("no RssAnon")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// `goal` and whether more is better.
fn report(name: &str, value: f64, unit: &str, goal: Option<(f64, bool)>) -> Outcome {
    let met = goal.map(|(goal, more)| if more { value >= goal } else { value <= goal });
    let goal = goal.map(|(goal, _)| goal);
    writeln!(
        stdout(),
        "{}",
        json!({ "name": name, "value": value, "unit": unit, "goal": goal, "met": met })
    )?;
    Ok(())
}
