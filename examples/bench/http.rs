//! MCP calls per second with Basic checked, 16 connections.

use crate::support::{Connection, Goal, figure, median, percentile};
use crate::world::{Outcome, World};
use base64::Engine;
use nextcloud_sim::Simulator;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 16;
const CALLS: usize = 1_500;

/// Runs this part.
pub async fn run() -> Outcome<()> {
    let simulator = Simulator::start().await;
    for note in 0..50 {
        simulator
            .world()
            .put_note("alice", &format!("Note {note}"), "", "A short note about rivers.");
    }
    let world = World::start(simulator, &[]).await?;
    world.provision("alice").await?;
    world.until(|status| status["indexed_documents"] == 50).await?;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nc_get_vector_sync_status","arguments":{}}}"#;
    let address = world.server.address();
    for (name, body, goal) in [
        ("tools/list", list, 5_000.0),
        ("tools/call of the sync status", call, 2_000.0),
    ] {
        let mut rates = Vec::new();
        let mut slow = Vec::new();
        for _ in 0..3 {
            let (rate, p99) = load(address, request(body)).await?;
            rates.push(rate);
            slow.push(p99);
        }
        figure(
            &format!("{name}, 16 connections"),
            median(rates),
            "per s",
            Goal::AtLeast(goal),
        );
        figure(&format!("{name}, p99"), median(slow), "ms", Goal::AtMost(20.0));
    }

    world.server.stop().await;
    Ok(())
}

fn request(body: &str) -> Vec<u8> {
    let credentials = base64::engine::general_purpose::STANDARD.encode("alice:alice-pass-1");
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {credentials}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// All connections send the request again and again: calls per second and the 99th percentile in milliseconds.
async fn load(address: SocketAddr, request: Vec<u8>) -> Outcome<(f64, f64)> {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let request = request.clone();
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address, request).await?;
            let mut times: Vec<Duration> = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let (status, elapsed) = connection.exchange().await?;
                if status != 200 {
                    return Err(std::io::Error::other(format!("HTTP {status}")));
                }
                times.push(elapsed);
            }
            Ok(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    Ok((rate, percentile(&mut times, 0.99)))
}
