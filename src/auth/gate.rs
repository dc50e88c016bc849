//! Who may use `/mcp`, per mode.

use super::parse_basic;
use super::{
    AuthError, BasicHeaderError, BasicVerifier, Caller, Challenge, ConfiguredCredentials, OAuthChallenge,
    OAuthGate, OpenSession,
};
use crate::nextcloud::Credential;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Decides who may use `/mcp` before anything runs there.
#[derive(Clone, Debug)]
pub struct McpGate {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    SingleUser {
        account: Arc<ConfiguredCredentials>,
        access_token: Option<SecretString>,
    },
    Basic {
        verifier: BasicVerifier,
        sessions: Arc<dyn OpenSession>,
    },
    OAuth(OAuthGate),
    BearerOnly,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SingleUser {
                access_token: None, ..
            } => "SingleUser(open)",
            Self::SingleUser {
                access_token: Some(_),
                ..
            } => "SingleUser(token)",
            Self::Basic { .. } => "Basic",
            Self::OAuth(_) => "OAuth",
            Self::BearerOnly => "BearerOnly",
        })
    }
}

impl McpGate {
    /// Single-user mode: everyone who reaches the port acts as the configured account; with `access_token`
    /// (`MCP_ACCESS_TOKEN`) only who presents it as a bearer.
    pub fn single_user(account: Arc<ConfiguredCredentials>, access_token: Option<SecretString>) -> Self {
        Self {
            kind: Kind::SingleUser {
                account,
                access_token,
            },
        }
    }

    /// Multi-user Basic and hybrid mode: Basic per request, checked at Nextcloud.
    pub fn basic(verifier: BasicVerifier, sessions: Arc<dyn OpenSession>) -> Self {
        Self {
            kind: Kind::Basic { verifier, sessions },
        }
    }

    /// OAuth mode: an access token per request.
    pub fn oauth(gate: OAuthGate) -> Self {
        Self {
            kind: Kind::OAuth(gate),
        }
    }

    /// What tells a client which token it needs; `None` outside OAuth mode.
    pub fn oauth_challenge(&self) -> Option<&OAuthChallenge> {
        match &self.kind {
            Kind::OAuth(gate) => Some(&gate.challenge),
            _ => None,
        }
    }

    /// OAuth mode while no token can be verified: every request is answered with a Bearer challenge, and a Basic
    /// credential is not even read (case B09).
    pub fn bearer_only() -> Self {
        Self {
            kind: Kind::BearerOnly,
        }
    }

    /// The caller behind an `Authorization` header value from `client`.
    pub async fn admit(&self, header: Option<&[u8]>, client: IpAddr) -> Result<Caller, AuthError> {
        match &self.kind {
            Kind::SingleUser {
                account,
                access_token,
            } => {
                if let Some(token) = access_token {
                    check_access_token(header, token)?;
                }
                let principal = account.principal().await.map_err(configured_account_error)?;
                let sessions = Arc::clone(account.sessions());
                let rejection = Arc::<ConfiguredCredentials>::clone(account);
                Ok(Caller::new(
                    principal,
                    account.credential().clone(),
                    sessions,
                    rejection,
                ))
            }
            Kind::Basic { verifier, sessions } => {
                let (principal, credential) = verifier.verify(header, client).await?;
                Ok(Caller::new(
                    principal,
                    credential,
                    Arc::clone(sessions),
                    Arc::new(verifier.clone()),
                ))
            }
            Kind::OAuth(gate) => gate.admit(header).await,
            Kind::BearerOnly => Err(AuthError::Missing(Challenge::Bearer)),
        }
    }
}

/// The Basic credential of a header value.
pub(super) fn basic_credential(header: Option<&[u8]>) -> Result<Credential, AuthError> {
    parse_basic(header.ok_or(AuthError::Missing(Challenge::Basic))?).map_err(|error| match error {
        BasicHeaderError::OtherScheme | BasicHeaderError::Empty => AuthError::Missing(Challenge::Basic),
        BasicHeaderError::TooLarge => AuthError::TooLarge,
        BasicHeaderError::Malformed(fault) => AuthError::Malformed(fault),
    })
}

fn check_access_token(header: Option<&[u8]>, expected: &SecretString) -> Result<(), AuthError> {
    let sent = header
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(AuthError::Missing(Challenge::Bearer))?;
    if sent.as_bytes().ct_eq(expected.expose_secret().as_bytes()).into() {
        Ok(())
    } else {
        Err(AuthError::Refused(Challenge::Bearer))
    }
}

/// The caller cannot repair the server's own account, so a refusal of it is no 401 for the caller.
fn configured_account_error(error: AuthError) -> AuthError {
    match error {
        AuthError::Unavailable { .. } => error,
        error => {
            tracing::error!(%error, "the configured Nextcloud account cannot be used");
            AuthError::Unavailable {
                retry_after: std::time::Duration::from_mins(1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::{FakeNextcloud, NoSessions, basic_header, client, manual_clock, verifier};
    use crate::ids::LoginName;

    fn single_user(token: Option<&str>) -> McpGate {
        let verifier = verifier(&FakeNextcloud::with_user("alice", "right"), &manual_clock());
        let password = SecretString::from("right");
        let account =
            ConfiguredCredentials::new(LoginName::new("alice"), password, verifier, Arc::new(NoSessions));
        McpGate::single_user(Arc::new(account), token.map(SecretString::from))
    }

    #[tokio::test]
    async fn single_user_mode_is_open_without_a_token() {
        let caller = single_user(None).admit(None, client(1)).await.unwrap();
        assert_eq!(caller.principal().user().as_str(), "alice");
    }

    #[tokio::test]
    async fn single_user_mode_with_a_token_asks_for_it() {
        let gate = single_user(Some("s3cret"));
        for (header, expected) in [
            (None, AuthError::Missing(Challenge::Bearer)),
            (Some("Bearer wrong"), AuthError::Refused(Challenge::Bearer)),
            (Some("Bearer s3cre"), AuthError::Refused(Challenge::Bearer)),
            (Some("Basic s3cret"), AuthError::Missing(Challenge::Bearer)),
        ] {
            let refused = gate
                .admit(header.map(str::as_bytes), client(1))
                .await
                .unwrap_err();
            assert_eq!(refused, expected, "{header:?}");
        }
        assert!(gate.admit(Some(b"bearer s3cret"), client(1)).await.is_ok());
    }

    #[tokio::test]
    async fn basic_mode_takes_the_uid_from_nextcloud() {
        let fake = FakeNextcloud::with_user("alice", "right");
        fake.add("a.smith@example.org", "alice", "right");
        let gate = McpGate::basic(verifier(&fake, &manual_clock()), Arc::new(NoSessions));
        let header = basic_header("a.smith@example.org", "right");
        let caller = gate.admit(Some(header.as_bytes()), client(1)).await.unwrap();
        assert_eq!(caller.principal().user().as_str(), "alice");
        assert_eq!(
            gate.admit(None, client(1)).await.unwrap_err(),
            AuthError::Missing(Challenge::Basic)
        );
    }

    #[tokio::test]
    async fn b09_oauth_mode_does_not_read_basic() {
        let header = basic_header("alice", "right");
        let refused = McpGate::bearer_only()
            .admit(Some(header.as_bytes()), client(1))
            .await
            .unwrap_err();
        assert_eq!(refused, AuthError::Missing(Challenge::Bearer));
    }
}
