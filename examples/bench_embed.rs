//! Measures cutting and embedding on this machine; one JSON line per figure.
//!
//! `cargo run --release --example bench_embed [threads] [chunks]`

use nextcloud_mcp_server::index::{Chunker, Embedder, Priority, RtenEmbedder};
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::{AsView, NdTensor};
use serde_json::json;
use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const WORDS: [&str; 24] = [
    "harvest",
    "budget",
    "meeting",
    "server",
    "garden",
    "invoice",
    "winter",
    "protocol",
    "the",
    "of",
    "and",
    "with",
    "review",
    "calendar",
    "password",
    "deployment",
    "kitchen",
    "letter",
    "school",
    "journey",
    "is",
    "in",
    "was",
    "unquestionably",
];

/// Word pieces of the chunks measured.
const TOKENS: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse::<usize>().ok());
    let threads = arguments.next().unwrap_or(2);
    let count = arguments.next().unwrap_or(200);
    chunking()?;
    let texts: Vec<String> = (0..count).map(|seed| text(seed, 240)).collect();
    let bare = bare_loop(threads, count)?;
    report("embed_bare_rten", bare, "chunks/s", None)?;

    let embedder = RtenEmbedder::built_in(threads)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        embedder
            .embed(texts[..4.min(count)].to_vec(), Priority::Background)
            .await?;
        let started = Instant::now();
        for batch in texts.chunks(32) {
            embedder.embed(batch.to_vec(), Priority::Background).await?;
        }
        let rate = per_second(count, started);
        report(
            "embed_chunks_per_second",
            rate,
            "chunks/s",
            Some((bare * 0.75, true)),
        )?;
        report("embed_share_of_bare", rate / bare, "ratio", Some((0.75, true)))?;
        let indexing = embedder.embed(texts.clone(), Priority::Background);
        let queries = async {
            let mut slowest = 0.0_f64;
            for seed in 0..20 {
                let started = Instant::now();
                embedder.embed(vec![text(seed, 6)], Priority::Interactive).await?;
                slowest = slowest.max(started.elapsed().as_secs_f64() * 1e3);
            }
            Ok(slowest)
        };
        let (indexed, slowest): (_, Result<f64, Box<dyn Error>>) = tokio::join!(indexing, queries);
        indexed?;
        report("query_embedding_slowest_while_indexing", slowest?, "ms", None)
    })
}

fn chunking() -> Result<(), Box<dyn Error>> {
    let chunker = Chunker::built_in()?;
    let parts: Vec<String> = (0..40)
        .map(|seed| format!("## Part {seed}\n{}\n\n", text(seed, 300)))
        .collect();
    let note = parts.concat();
    let started = Instant::now();
    let mut bytes = 0;
    while started.elapsed().as_secs_f64() < 1.0 {
        std::hint::black_box(chunker.chunk(&note, true));
        bytes += note.len();
    }
    let rate = per_second(bytes, started) / 1e6;
    report("chunking", rate, "MB/s", Some((5.0, true)))
}

/// The model alone, one thread per pass, as many side by side as `threads`.
fn bare_loop(threads: usize, count: usize) -> Result<f64, Box<dyn Error>> {
    let model = Model::load_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/models/all-MiniLM-L6-v2-int8/model.onnx"
    ))?;
    let inputs = ["input_ids", "attention_mask", "token_type_ids"];
    let nodes = inputs
        .into_iter()
        .map(|name| model.node_id(name))
        .collect::<Result<Vec<_>, _>>()?;
    let ids = NdTensor::<i32, 2>::full([1, TOKENS], 2_000);
    let ones = NdTensor::<i32, 2>::full([1, TOKENS], 1);
    let zeros = NdTensor::<i32, 2>::zeros([1, TOKENS]);
    let output = model.output_ids().first().copied().ok_or("no output")?;
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let pool = Arc::new(ThreadPool::with_num_threads(1));
                    while next.fetch_add(1, Ordering::Relaxed) < count {
                        let inputs = [&ids, &ones, &zeros];
                        let inputs = nodes
                            .iter()
                            .zip(inputs)
                            .map(|(node, tensor)| (*node, tensor.view().into()));
                        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
                        model
                            .run_n(inputs.collect(), [output], Some(options))
                            .map_err(|error| error.to_string())?;
                    }
                    Ok::<_, String>(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    Ok(per_second(count, started))
}

fn text(seed: usize, words: usize) -> String {
    let word = |n: usize| WORDS[(seed * 31 + n * n * 7 + n) % WORDS.len()];
    (0..words)
        .flat_map(|n| [word(n), if n % 12 == 11 { ". " } else { " " }])
        .collect()
}

fn per_second(count: usize, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let count = count as f64;
    count / started.elapsed().as_secs_f64()
}

/// `goal` and whether more is better.
fn report(name: &str, value: f64, unit: &str, goal: Option<(f64, bool)>) -> Result<(), Box<dyn Error>> {
    let met = goal.map(|(goal, more)| if more { value >= goal } else { value <= goal });
    let goal = goal.map(|(goal, _)| goal);
    writeln!(
        stdout(),
        "{}",
        json!({ "name": name, "value": value, "unit": unit, "goal": goal, "met": met })
    )?;
    Ok(())
}
