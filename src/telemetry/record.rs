//! What the parts record, one function per event, so that names and labels stand in one place.

use super::metrics as names;
use std::time::Duration;

/// An HTTP request was answered.
pub fn http_request(route: &str, method: &str, status: u16, elapsed: Duration) {
    let labels = [
        ("route", route.to_owned()),
        ("method", method.to_owned()),
        ("status", status.to_string()),
    ];
    metrics::counter!(names::HTTP_REQUESTS, &labels).increment(1);
    metrics::histogram!(names::HTTP_REQUEST_SECONDS, "route" => route.to_owned())
        .record(elapsed.as_secs_f64());
}

/// An MCP tool was called.
pub fn tool_call(tool: &str, outcome: &'static str, elapsed: Duration) {
    metrics::counter!(names::TOOL_CALLS, "tool" => tool.to_owned(), "outcome" => outcome).increment(1);
    metrics::histogram!(names::TOOL_CALL_SECONDS, "tool" => tool.to_owned()).record(elapsed.as_secs_f64());
}

/// Nextcloud was asked; `path` only tells which of its interfaces.
pub fn nextcloud_request(path: &str, ok: bool, elapsed: Duration) {
    let api = nextcloud_api(path);
    metrics::counter!(names::NEXTCLOUD_REQUESTS, "api" => api, "outcome" => outcome(ok)).increment(1);
    metrics::histogram!(names::NEXTCLOUD_REQUEST_SECONDS, "api" => api).record(elapsed.as_secs_f64());
}

/// A scan of one user ended.
pub fn scan(source: &'static str, ok: bool, elapsed: Duration) {
    metrics::counter!(names::SCANS, "source" => source, "outcome" => outcome(ok)).increment(1);
    metrics::histogram!(names::SCAN_SECONDS, "source" => source).record(elapsed.as_secs_f64());
}

/// A document went through a phase (`text` or `dense`).
pub fn document(phase: &'static str, outcome: &'static str) {
    metrics::counter!(names::DOCUMENTS_PROCESSED, "phase" => phase, "outcome" => outcome).increment(1);
}

/// A consented token was refreshed, or could not be.
pub fn token_refresh(outcome: &'static str) {
    metrics::counter!(names::TOKEN_REFRESHES, "outcome" => outcome).increment(1);
}

/// A webhook was delivered: taken, ignored, or refused.
pub fn webhook(outcome: &'static str) {
    metrics::counter!(names::WEBHOOK_DELIVERIES, "outcome" => outcome).increment(1);
}

/// A webhook was delivered so long after its event.
pub fn webhook_lag(lag: Duration) {
    metrics::histogram!(names::WEBHOOK_LAG_SECONDS).record(lag.as_secs_f64());
}

/// How many changes of a type scans have found that no delivery announced since.
pub fn unannounced_changes(doc_type: &str, count: i64) {
    metrics::gauge!(names::UNANNOUNCED_CHANGES, "doc_type" => doc_type.to_owned()).set(as_gauge(count));
}

/// For how many types of documents webhooks stay silent.
pub fn silent_webhooks(count: usize) {
    metrics::gauge!(names::SILENT_WEBHOOKS).set(as_gauge(i64::try_from(count).unwrap_or(i64::MAX)));
}

/// A child process read a document, or died over it.
pub fn sandbox_task(task: &'static str, outcome: &'static str, elapsed: Duration) {
    metrics::counter!(names::SANDBOX_TASKS, "task" => task, "outcome" => outcome).increment(1);
    metrics::histogram!(names::SANDBOX_SECONDS, "task" => task).record(elapsed.as_secs_f64());
}

/// A search was answered; `unreadable` results were left out.
pub fn search(algorithm: &'static str, unreadable: usize, elapsed: Duration) {
    metrics::histogram!(names::SEARCH_SECONDS, "algorithm" => algorithm).record(elapsed.as_secs_f64());
    metrics::counter!(names::SEARCH_UNREADABLE).increment(unreadable as u64);
}

/// How many documents are in a state now.
pub fn documents_in_state(state: &'static str, count: i64) {
    metrics::gauge!(names::DOCUMENTS, "state" => state).set(as_gauge(count));
}

/// How many points the index holds now.
pub fn index_points(count: i64) {
    metrics::gauge!(names::INDEX_POINTS).set(as_gauge(count));
}

/// Seconds since the last complete scan of the user who has waited longest.
pub fn oldest_scan(seconds: f64) {
    metrics::gauge!(names::OLDEST_SCAN_SECONDS).set(seconds);
}

fn outcome(ok: bool) -> &'static str {
    if ok { "ok" } else { "error" }
}

fn nextcloud_api(path: &str) -> &'static str {
    match path {
        path if path.contains("/apps/notes/") => "notes",
        path if path.starts_with("/ocs/") => "ocs",
        path if path.starts_with("/remote.php/") => "dav",
        _ => "other",
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^52"
)]
fn as_gauge(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_one_of_few_labels() {
        for (path, api) in [
            ("/ocs/v2.php/cloud/user", "ocs"),
            ("/remote.php/dav/files/alice/private.txt", "dav"),
            ("/index.php/apps/notes/api/v1/notes/1", "notes"),
            ("/status.php", "other"),
        ] {
            assert_eq!(nextcloud_api(path), api);
        }
    }
}
