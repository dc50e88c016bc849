//! Structured logs and Prometheus metrics.

mod logs;
pub mod memory;
pub mod metrics;
mod metrics_server;
pub mod record;

pub use logs::{LogError, init_logs};
pub use metrics_server::{serve_metrics, serve_metrics_on};
