//! Why a caller is refused, and what it should do about it.

use super::scopes::ScopeSet;
use std::borrow::Cow;
use std::time::Duration;

/// How a refused caller may authenticate: the `WWW-Authenticate` header of a 401 or 403.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Login name and password of Nextcloud.
    Basic,
    /// The access token that this server was configured with, or one for the management API.
    Bearer,
    /// Another access token for the management API: the one that was sent is bad (RFC 6750 §3.1).
    InvalidToken,
    /// An OAuth access token.
    OAuth(Box<OAuthChallenge>),
}

impl Challenge {
    /// The header value.
    pub fn header(&self) -> Cow<'static, str> {
        match self {
            Self::Basic => Cow::Borrowed(r#"Basic realm="Nextcloud", charset="UTF-8""#),
            Self::Bearer => Cow::Borrowed(r#"Bearer realm="Nextcloud""#),
            Self::InvalidToken => Cow::Borrowed(r#"Bearer realm="Nextcloud", error="invalid_token""#),
            Self::OAuth(challenge) => Cow::Owned(challenge.header()),
        }
    }
}

/// Tells an OAuth client where to learn about this resource and which token it needs (RFC 6750 §3, RFC 9728 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthChallenge {
    resource_metadata: String,
    scopes: ScopeSet,
    fault: Option<BearerFault>,
}

/// What is wrong with the token that was sent (RFC 6750 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerFault {
    /// Expired, unknown or made for somebody else; the text says which.
    InvalidToken(&'static str),
    /// Good, but without a scope that is needed here.
    InsufficientScope,
}

impl OAuthChallenge {
    /// A challenge to somebody who sent no token. `resource_metadata` is the address of the RFC 9728 document;
    /// `scopes` are worth asking for.
    pub fn new(resource_metadata: impl Into<String>, scopes: ScopeSet) -> Self {
        Self {
            resource_metadata: resource_metadata.into(),
            scopes,
            fault: None,
        }
    }

    /// The same to somebody whose token is not believed.
    #[must_use]
    pub fn invalid_token(&self, reason: &'static str) -> Self {
        Self {
            fault: Some(BearerFault::InvalidToken(reason)),
            ..self.clone()
        }
    }

    /// The same to somebody whose token lacks a scope; `needed` is what a new one must have.
    #[must_use]
    pub fn insufficient_scope(&self, needed: ScopeSet) -> Self {
        Self {
            scopes: needed,
            fault: Some(BearerFault::InsufficientScope),
            ..self.clone()
        }
    }

    /// The scopes that it asks for.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    fn header(&self) -> String {
        let mut parameters = Vec::new();
        match self.fault {
            None => {}
            Some(BearerFault::InvalidToken(reason)) => {
                parameters.push(r#"error="invalid_token""#.to_owned());
                parameters.push(format!(r#"error_description="{}""#, quotable(reason)));
            }
            Some(BearerFault::InsufficientScope) => {
                parameters.push(r#"error="insufficient_scope""#.to_owned());
            }
        }
        if !self.scopes.is_empty() {
            parameters.push(format!(r#"scope="{}""#, self.scopes));
        }
        parameters.push(format!(
            r#"resource_metadata="{}""#,
            quotable(&self.resource_metadata)
        ));
        format!("Bearer {}", parameters.join(", "))
    }
}

/// Without what would end the quoted string (RFC 6750 §3: printable ASCII but `"` and `\`).
fn quotable(text: &str) -> String {
    text.chars()
        .filter(|character| matches!(character, ' '..='~') && !matches!(character, '"' | '\\'))
        .collect()
}

/// Why a caller is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No usable credential was sent: 401 with a challenge.
    #[error("authentication is required")]
    Missing(Challenge),
    /// The `Authorization` header cannot be read: 400.
    #[error("the Authorization header is malformed: {0}")]
    Malformed(&'static str),
    /// The `Authorization` header is larger than any real one: 431.
    #[error("the Authorization header is too large")]
    TooLarge,
    /// The credential is wrong: 401 with a challenge.
    #[error("the credential was refused")]
    Refused(Challenge),
    /// The credential is good, and belongs to nobody whom Nextcloud knows: 403 (case J12).
    #[error("the access token belongs to nobody known at Nextcloud")]
    UnknownUser,
    /// Too many wrong passwords; Nextcloud is not asked, or throttles this server itself: 429.
    #[error("too many failed logins, try again later")]
    Throttled {
        /// When a further attempt makes sense.
        retry_after: Duration,
    },
    /// Nextcloud cannot be asked now: 503.
    #[error("Nextcloud cannot check the credential now")]
    Unavailable {
        /// When a further attempt makes sense.
        retry_after: Duration,
    },
    /// The identity provider cannot be asked now: 503.
    #[error("the access token cannot be checked now: {reason}")]
    ProviderUnavailable {
        /// For people; no secrets.
        reason: String,
        /// When a further attempt makes sense.
        retry_after: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "https://mcp.example.org/.well-known/oauth-protected-resource/mcp";

    #[test]
    fn a_challenge_names_the_document_and_only_a_sent_token_gets_an_error() {
        let challenge = OAuthChallenge::new(DOCUMENT, ScopeSet::parse("openid notes.read"));
        assert_eq!(
            challenge.header(),
            format!(r#"Bearer scope="notes.read openid", resource_metadata="{DOCUMENT}""#)
        );
        assert_eq!(
            challenge.invalid_token("expired").header(),
            format!(
                r#"Bearer error="invalid_token", error_description="expired", scope="notes.read openid", resource_metadata="{DOCUMENT}""#
            )
        );
        assert_eq!(
            challenge
                .insufficient_scope(ScopeSet::parse("files.write"))
                .header(),
            format!(
                r#"Bearer error="insufficient_scope", scope="files.write", resource_metadata="{DOCUMENT}""#
            )
        );
    }

    #[test]
    fn nothing_breaks_out_of_a_quoted_string() {
        let challenge = OAuthChallenge::new("https://a\"b\\c\r\n.example", ScopeSet::default());
        assert_eq!(
            challenge.header(),
            r#"Bearer resource_metadata="https://abc.example""#
        );
    }
}
