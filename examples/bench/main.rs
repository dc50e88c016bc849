//! The server measured as a whole, release build: `scripts/bench` runs it.
//!
//! `bench [sync|http|memory|shared] [--json]`; all parts by default.

mod http;
mod memory;
mod shared;
mod support;
mod sync;
mod world;

#[tokio::main]
async fn main() -> world::Outcome<()> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if runs("sync") {
        sync::run().await?;
    }
    if runs("http") {
        http::run().await?;
    }
    if runs("memory") {
        memory::run().await?;
    }
    if runs("shared") {
        shared::run().await?;
    }
    Ok(())
}
