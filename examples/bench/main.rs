//! The server measured as a whole, release build: `scripts/bench` runs it.
//!
//! `bench [sync|http|ingress|management|formats|pdf|memory|shared] [--json]`; all parts by default.

mod formats;
mod http;
mod ingress;
mod management;
mod memory;
mod pdf;
mod shared;
mod support;
mod sync;
mod world;

use nextcloud_mcp_server::{app, sandbox};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = sandbox::run_if_child() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => app::report_fatal(&error),
    }
}

#[tokio::main]
async fn run() -> world::Outcome<()> {
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
    if runs("ingress") {
        ingress::run().await?;
    }
    if runs("management") {
        management::run().await?;
    }
    if runs("pdf") {
        pdf::run().await?;
    }
    if runs("formats") {
        formats::run().await?;
    }
    if runs("memory") {
        memory::run().await?;
    }
    if runs("shared") {
        shared::run().await?;
    }
    Ok(())
}
