//! What the benches share: figures, percentiles, a keep-alive HTTP client that costs little CPU.

use std::io::Write;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whether a figure should be small or large.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// Prints one figure: a JSON line with `--json`, else a line for people.
pub fn figure(name: &str, value: f64, unit: &str, goal: Goal) {
    let (bound, met, sign) = match goal {
        Goal::AtMost(bound) => (bound, value <= bound, "≤"),
        Goal::AtLeast(bound) => (bound, value >= bound, "≥"),
    };
    let mut out = std::io::stdout().lock();
    let line = if std::env::args().any(|argument| argument == "--json") {
        serde_json::json!({"name": name, "value": value, "unit": unit, "goal": bound, "met": met}).to_string()
    } else {
        let verdict = if met { "met" } else { "MISSED" };
        format!("{name:<60} {value:>12.2} {unit}  goal {sign} {bound}: {verdict}")
    };
    // A closed pipe ends the bench elsewhere.
    drop(writeln!(out, "{line}"));
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub fn count(number: usize) -> f64 {
    number as f64
}

/// The middle of several runs.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value below which `share` of the durations lie, in milliseconds.
pub fn percentile(durations: &mut [Duration], share: f64) -> f64 {
    durations.sort();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a short list"
    )]
    let at = ((durations.len() - 1) as f64 * share) as usize;
    durations[at].as_secs_f64() * 1_000.0
}

/// One connection that sends the same request again and again.
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects; `request` is a whole HTTP/1.1 request.
    pub async fn open(address: std::net::SocketAddr, request: Vec<u8>) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request,
            buffer: vec![0; 256 * 1024],
        })
    }

    /// Sends the request once and reads the whole answer: its status and how long it took.
    pub async fn exchange(&mut self) -> std::io::Result<(u16, Duration)> {
        let start = Instant::now();
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        let mut expected = usize::MAX;
        while filled < expected {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if expected == usize::MAX
                && let Some(end) = find(&self.buffer[..filled], b"\r\n\r\n")
            {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                let length: usize = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length:"))
                    .and_then(|value| value.trim().parse().ok())
                    .ok_or(std::io::ErrorKind::InvalidData)?;
                expected = end + 4 + length;
            }
        }
        let status = std::str::from_utf8(&self.buffer[9..12])
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        Ok((status, start.elapsed()))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
