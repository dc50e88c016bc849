//! Fault knobs: which requests go wrong, how, and how often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::{Incoming, Reply};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The answer comes this many milliseconds late; other faults still apply.
    Latency(u64),
    /// This HTTP status instead of an answer, in the error shape of the API that was asked.
    Status(u16),
    /// As [`Effect::Status`], with `Retry-After` in seconds.
    StatusRetryAfter(u16, u32),
    /// The answers of maintenance mode.
    Maintenance,
    /// The connection breaks after this many bytes of the body.
    CutBody(usize),
    /// Only the first entries of a multistatus or JSON list, in a well-formed answer.
    TruncateListing(usize),
    /// A 207 whose every entry has this status inside.
    InnerStatus(u16),
    /// A 207 without any entry.
    EmptyMultistatus,
    /// 200 without a body, as a broken proxy sends it.
    EmptyAnswer,
    /// 200 with an HTML page, as a captive portal or a login wall sends it.
    HtmlPage,
    /// No answer, ever.
    Hang,
}

/// Which requests a fault hits, and what it does. Unset conditions match everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    method: Option<String>,
    path_prefix: Option<String>,
    user: Option<String>,
    effect: Effect,
    skip: u32,
    times: Option<u32>,
}

impl FaultRule {
    /// A rule that hits every request until it is cleared.
    pub fn new(effect: Effect) -> Self {
        Self {
            method: None,
            path_prefix: None,
            user: None,
            effect,
            skip: 0,
            times: None,
        }
    }

    /// Only this HTTP method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only paths (percent-decoded) that start so.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        self.path_prefix = Some(prefix.to_owned());
        self
    }

    /// Only requests whose Basic header claims this login name.
    #[must_use]
    pub fn user(mut self, login_name: &str) -> Self {
        self.user = Some(login_name.to_owned());
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// Ends by itself after this many hits.
    #[must_use]
    pub fn times(mut self, hits: u32) -> Self {
        self.times = Some(hits);
        self
    }

    fn matches(&self, request: &Incoming, login: Option<&str>) -> bool {
        self.method
            .as_ref()
            .is_none_or(|method| *method == request.method)
            && self
                .path_prefix
                .as_ref()
                .is_none_or(|prefix| request.path.starts_with(prefix.as_str()))
            && self.user.as_deref().is_none_or(|user| login == Some(user))
    }
}

/// Names a rule for [`Faults::clear`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

/// The active fault rules; usable at any time from any thread.
#[derive(Debug, Default)]
pub struct Faults {
    inner: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    next: u64,
    active: Vec<(u64, FaultRule)>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Activates a rule. Rules act in the order in which they were set.
    pub fn set(&self, rule: FaultRule) -> FaultId {
        let mut rules = self.lock();
        rules.next += 1;
        let id = rules.next;
        rules.active.push((id, rule));
        FaultId(id)
    }

    /// Ends a rule; one that ended already is fine.
    pub fn clear(&self, id: FaultId) {
        self.lock().active.retain(|(known, _)| *known != id.0);
    }

    /// Ends all rules.
    pub fn clear_all(&self) {
        self.lock().active.clear();
    }

    /// The effects for this request, counted as hits.
    pub(crate) fn hit(&self, request: &Incoming, login: Option<&str>) -> Vec<Effect> {
        let mut rules = self.lock();
        let mut effects = Vec::new();
        for (_, rule) in &mut rules.active {
            if !rule.matches(request, login) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if let Some(times) = &mut rule.times {
                if *times == 0 {
                    continue;
                }
                *times -= 1;
            }
            effects.push(rule.effect.clone());
        }
        rules.active.retain(|(_, rule)| rule.times != Some(0));
        effects
    }
}

/// Applies the faults that change a finished answer.
pub(crate) fn spoil(mut reply: Reply, effect: &Effect) -> Reply {
    match effect {
        Effect::TruncateListing(entries) => truncate(&mut reply, *entries),
        Effect::EmptyMultistatus if reply.status == 207 => truncate(&mut reply, 0),
        Effect::InnerStatus(status) if reply.status == 207 => {
            let text = String::from_utf8_lossy(&reply.body);
            let phrase = format!("HTTP/1.1 {status} Error</d:status>");
            reply.body = text.replace("HTTP/1.1 200 OK</d:status>", &phrase).into();
        }
        _ => {}
    }
    reply
}

fn truncate(reply: &mut Reply, entries: usize) {
    const END: &str = "</d:response>";
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    if reply.status == 207 {
        let Some(first) = text.find("<d:response>") else {
            return;
        };
        let end = match entries.checked_sub(1) {
            None => Some(first),
            Some(last) => text.match_indices(END).nth(last).map(|(at, _)| at + END.len()),
        };
        if let Some(end) = end {
            reply.body = format!("{}</d:multistatus>", &text[..end]).into();
        }
    } else if let Ok(serde_json::Value::Array(mut list)) = serde_json::from_str(&text) {
        list.truncate(entries);
        reply.body = serde_json::Value::Array(list).to_string().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str) -> Incoming {
        Incoming {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: axum::http::HeaderMap::new(),
            body: axum::body::Bytes::new(),
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    #[test]
    fn a_rule_hits_only_what_it_names_and_only_so_often() {
        let faults = Faults::default();
        let rule = FaultRule::new(Effect::Status(500))
            .method("GET")
            .path("/a")
            .user("alice")
            .after(1)
            .times(2);
        faults.set(rule);
        assert!(faults.hit(&request("PUT", "/a"), Some("alice")).is_empty());
        assert!(faults.hit(&request("GET", "/b"), Some("alice")).is_empty());
        assert!(faults.hit(&request("GET", "/a"), Some("bob")).is_empty());
        let hits: Vec<usize> = (0..4)
            .map(|_| faults.hit(&request("GET", "/a/x"), Some("alice")).len())
            .collect();
        assert_eq!(hits, [0, 1, 1, 0]);
    }

    #[test]
    fn a_truncated_listing_stays_well_formed() {
        let body = "<d:multistatus xmlns:d=\"DAV:\"><d:response>1</d:response><d:response>2</d:response></d:multistatus>";
        let cut = spoil(Reply::new(207, "", body), &Effect::TruncateListing(1));
        assert_eq!(
            cut.body,
            "<d:multistatus xmlns:d=\"DAV:\"><d:response>1</d:response></d:multistatus>"
        );
        let empty = spoil(Reply::new(207, "", body), &Effect::EmptyMultistatus);
        assert_eq!(empty.body, "<d:multistatus xmlns:d=\"DAV:\"></d:multistatus>");
        let list = spoil(Reply::new(200, "", "[1,2,3]"), &Effect::TruncateListing(2));
        assert_eq!(list.body, "[1,2]");
    }
}
