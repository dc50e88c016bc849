//! The log of received requests, for tests that count what a client asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The log forgets its oldest entries beyond this many; [`RequestLog::total`] goes on counting.
const KEPT: usize = 100_000;

/// One request as it came in, before faults and authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The HTTP method, `WebDAV`'s included.
    pub method: String,
    /// The percent-decoded path, without the query.
    pub path: String,
    /// The raw query string, empty when there is none.
    pub query: String,
    /// The login name that a Basic header claims, whether or not its password is right.
    pub user: Option<String>,
    /// The `Authorization` scheme in lower case, if any.
    pub scheme: Option<String>,
    /// The `Depth` header.
    pub depth: Option<String>,
    /// Whether `OCS-APIRequest` was sent.
    pub ocs_header: bool,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The request body, as text (bytes that are not UTF-8 are replaced), at most its first 2048 bytes.
    pub body_start: String,
}

/// Bounded log of requests.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    inner: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<RecordedRequest>,
    total: usize,
}

impl RequestLog {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, request: RecordedRequest) {
        let mut entries = self.lock();
        if entries.kept.len() == KEPT {
            entries.kept.pop_front();
        }
        entries.kept.push_back(request);
        entries.total += 1;
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        self.lock().kept.iter().cloned().collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.lock().total
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Entries::default();
    }

    pub(crate) fn count_where(&self, predicate: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.lock().kept.iter().filter(|r| predicate(r)).count()
    }
}
