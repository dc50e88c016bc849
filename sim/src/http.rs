//! The request and reply that the simulated apps see: plain values, no server types.

use std::net::IpAddr;

use axum::body::Bytes;
use axum::http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// One request, its body read.
pub(crate) struct Incoming {
    pub(crate) method: String,
    /// Percent-decoded path.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
}

impl Incoming {
    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first query parameter of this name, decoded.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        parse_form(&self.query)
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// One of [`Self::params`], if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.params().remove(name) {
            Some(serde_json::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// `http://<Host>`: what Nextcloud takes for its own URL (facts §0 row 6).
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("localhost"))
    }

    /// Whether `OCS-APIRequest` was sent, whatever its value.
    pub(crate) fn has_ocs_header(&self) -> bool {
        self.headers.contains_key("ocs-apirequest")
    }

    /// The body's parameters: a JSON object or a form; anything else counts as empty, as Nextcloud does.
    pub(crate) fn params(&self) -> serde_json::Map<String, serde_json::Value> {
        let is_json = self
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"));
        if is_json {
            return match serde_json::from_slice(&self.body) {
                Ok(serde_json::Value::Object(map)) => map,
                _ => serde_json::Map::new(),
            };
        }
        parse_form(&String::from_utf8_lossy(&self.body))
            .into_iter()
            .map(|(key, value)| (key, serde_json::Value::String(value)))
            .collect()
    }
}

/// Decodes `a=b&c=d`.
pub(crate) fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_plus(key), decode_plus(value))
        })
        .collect()
}

fn decode_plus(text: &str) -> String {
    decode(&text.replace('+', " "))
}

/// Percent-decodes; bytes that are not UTF-8 are replaced.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What PHP leaves as it is in the queries of its redirects, besides letters and digits.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/')
    .remove(b':');

/// Percent-encodes a query value, slashes and colons kept.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// Send in pieces without a length, as Nextcloud does with a multistatus.
    pub(crate) streamed: bool,
    /// Wait this long before answering, in milliseconds.
    pub(crate) delay_ms: u64,
    /// Whether an authenticated answer names its user in `X-User-Id`; early failures do not.
    pub(crate) names_user: bool,
}

impl Reply {
    /// A reply with a content type; an empty `content_type` sets none.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut headers = Vec::new();
        if !content_type.is_empty() {
            headers.push(("content-type", content_type.to_owned()));
        }
        Self {
            status,
            headers,
            body: body.into(),
            streamed: false,
            delay_ms: 0,
            names_user: true,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Leaves `X-User-Id` out.
    pub(crate) fn without_user(mut self) -> Self {
        self.names_user = false;
        self
    }

    /// JSON as Nextcloud's controllers send it.
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
            .with("cache-control", NO_CACHE)
    }

    /// JSON of the early login failures, which lack `Cache-Control`.
    pub(crate) fn bare_json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    /// An HTML page with `text` in it.
    pub(crate) fn html(status: u16, text: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Nextcloud</title></head>\n\
             <body><h2>{text}</h2></body>\n</html>\n"
        );
        Self::new(status, "text/html; charset=UTF-8", page)
    }
}

/// `Cache-Control` of every controller's answer.
pub(crate) const NO_CACHE: &str = "no-cache, no-store, must-revalidate";

/// Whether an `If-Match` or `If-None-Match` value names `etag` (given without quotes).
pub(crate) fn etag_listed(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|candidate| {
        let strong = candidate.strip_prefix("W/").unwrap_or(candidate);
        strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(etag)
    })
}
