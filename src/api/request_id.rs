//! `X-Request-Id`: taken from the request when it is harmless, else made here; on every answer.

use crate::entropy::Entropy;
use http::HeaderMap;

/// Header name.
pub(super) const HEADER: &str = "x-request-id";

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// The caller's id when it is at most 128 letters, digits, `.`, `_` and `-`; else a new one.
    pub(super) fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let sent = headers.get(HEADER).and_then(|value| value.to_str().ok());
        match sent {
            Some(id) if is_harmless(id) => Self(id.to_owned()),
            _ => {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(
                    uuid::Builder::from_random_bytes(bytes)
                        .into_uuid()
                        .simple()
                        .to_string(),
                )
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use http::HeaderValue;

    fn id_for(sent: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(sent).unwrap());
        RequestId::of(&headers, &SystemEntropy).as_str().to_owned()
    }

    #[test]
    fn harmless_ids_are_kept_and_others_replaced() {
        assert_eq!(id_for("trace-7.a_B"), "trace-7.a_B");
        assert_ne!(id_for("a b"), "a b");
        assert_ne!(id_for("\"}{"), "\"}{");
        assert_eq!(id_for(&"x".repeat(129)).len(), 32);
        assert_ne!(id_for(""), id_for(""));
    }
}
