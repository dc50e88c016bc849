//! Finding in an answer what differs from run to run, and what must not.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::client::Answer;
use crate::shape::json_shape;

pub fn recorded_cookies(recorded: &Value) -> Vec<String> {
    match &recorded["headers"]["Set-Cookie"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

pub fn our_cookies(answer: &Answer) -> Vec<String> {
    answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.clone())
        .collect()
}

pub fn session_of(cookies: &[String], name: &str) -> Option<String> {
    let found = cookies.iter().find_map(|cookie| {
        let value = cookie.strip_prefix(name)?.strip_prefix('=')?;
        value.split(';').next()
    });
    found.map(str::to_owned)
}

pub fn request_token(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("data-requesttoken=\"")?;
    let (token, _) = rest.split_once('"')?;
    (!token.is_empty()).then(|| token.to_owned())
}

pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A URL without the order of its query, which PHP does not keep.
pub fn pieces(location: &str) -> BTreeSet<String> {
    location
        .replace("%26", "&")
        .split(['&', '?'])
        .map(str::to_owned)
        .collect()
}

/// The shapes of a JWT's header and claims with its `typ`; the length of anything else.
pub fn parts(token: &Value) -> BTreeSet<String> {
    let Some(token) = token.as_str() else {
        return BTreeSet::new();
    };
    let mut shape = BTreeSet::new();
    for part in token.split('.').take(2) {
        match URL_SAFE_NO_PAD
            .decode(part)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        {
            Some(json) => {
                shape.extend(json_shape(&json));
                shape.insert(format!("typ {}", json["typ"]));
            }
            None => {
                shape.insert(format!("{} characters", part.len()));
            }
        }
    }
    shape
}
