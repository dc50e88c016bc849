//! The authenticated part of the management API.

use super::*;
use crate::audit::AuditOrigin;
use crate::auth::access::{AccessError, AccessStatus, CredentialKind, CredentialState, UserAccess};
use crate::auth::bearer::{Audience, BearerError, BearerVerifier, VerifiedBearer};
use crate::auth::{CredentialProvider, Principal, Rejection};
use crate::nextcloud::{CurrentUser, UserSession};
use chrono::DateTime;
use secrecy::SecretString;

mod access;
mod admin;
mod bearer;
mod session;

const REFUSED: BearerError = BearerError::Refused("it has expired");

/// Knows the access tokens of the management API.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Token → UID.
    known: Mutex<HashMap<String, String>>,
    down: AtomicBool,
    forgotten: Mutex<Vec<String>>,
}

impl Tokens {
    fn add(&self, token: &str, uid: &str) {
        self.known.lock().unwrap().insert(token.into(), uid.into());
    }

    fn bearer(&self, token: &SecretString) -> Option<VerifiedBearer> {
        let known = self.known.lock().unwrap();
        Some(VerifiedBearer {
            principal: Principal::verified(&CurrentUser::for_test(known.get(token.expose_secret())?)),
            scopes: None,
            client_id: None,
            expires_at: None,
            is_own_nextcloud: true,
        })
    }
}

#[async_trait]
impl BearerVerifier for Tokens {
    async fn verify(&self, token: &SecretString, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        assert_eq!(audience, Audience::Management);
        if self.down.load(Ordering::SeqCst) {
            return Err(BearerError::Unavailable {
                reason: "the identity provider is away".into(),
                retry_after: Duration::from_secs(7),
            });
        }
        match token.expose_secret() {
            "of-nobody" => Err(BearerError::UnknownUser),
            _ => self.bearer(token).ok_or(REFUSED),
        }
    }

    async fn last_known(&self, token: &SecretString, _audience: Audience) -> Option<VerifiedBearer> {
        self.bearer(token)
    }

    async fn forget(&self, principal: &Principal) {
        self.forgotten.lock().unwrap().push(principal.user().to_string());
    }
}

/// What users granted, in memory.
#[derive(Debug, Default)]
pub(super) struct Grants {
    granted: Mutex<HashMap<UserId, AccessStatus>>,
    revoked_from: Mutex<Vec<(String, AuditOrigin)>>,
    down: AtomicBool,
}

impl Grants {
    fn grant(&self, uid: &str) {
        let status = AccessStatus {
            state: CredentialState::Active,
            kind: Some(CredentialKind::RefreshToken),
            provisioned_at: DateTime::from_timestamp(1_770_000_000, 0),
            scopes: Some(vec!["openid".into(), "offline_access".into()]),
            client_id: Some("own-client".into()),
            ..AccessStatus::not_provisioned()
        };
        self.granted.lock().unwrap().insert(UserId::new(uid), status);
    }

    fn is_up(&self) -> Result<(), AccessError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(AccessError::Failed("postgres://user:secret@db is away".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl UserAccess for Grants {
    async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError> {
        self.is_up()?;
        let granted = self.granted.lock().unwrap();
        Ok(granted
            .get(user)
            .cloned()
            .unwrap_or_else(AccessStatus::not_provisioned))
    }

    async fn revoke(&self, principal: &Principal, origin: &AuditOrigin) -> Result<bool, AccessError> {
        self.is_up()?;
        let user = principal.user();
        self.revoked_from
            .lock()
            .unwrap()
            .push((user.to_string(), origin.clone()));
        Ok(self.granted.lock().unwrap().remove(user).is_some())
    }

    async fn set_scopes(
        &self,
        principal: &Principal,
        scopes: &[String],
        _origin: &AuditOrigin,
    ) -> Result<(), AccessError> {
        self.is_up()?;
        let mut granted = self.granted.lock().unwrap();
        let status = granted
            .get_mut(principal.user())
            .ok_or(AccessError::NotProvisioned)?;
        status.scopes = Some(scopes.to_vec());
        Ok(())
    }
}

/// Nobody handed over anything.
pub(super) struct NoCredentials;

#[async_trait]
impl CredentialProvider for NoCredentials {
    async fn session_for(&self, _user: &UserId) -> Result<UserSession, CredentialError> {
        Err(CredentialError::NotProvisioned)
    }

    async fn rejected(&self, _user: &UserId) -> Result<Rejection, CredentialError> {
        Ok(Rejection::Dropped)
    }
}

const SESSION: &str = "/api/v1/users/alice/session";
const REVOKE: &str = "/api/v1/users/alice/revoke";
const ACCESS: &str = "/api/v1/users/alice/access";
const SCOPES: &str = "/api/v1/users/alice/scopes";
const ALICE: Option<&str> = Some("Bearer of-alice");

fn server() -> Server {
    let server = Server::hybrid();
    server.tokens.add("of-alice", "alice");
    server.tokens.add("of-bob", "bob");
    server
}

/// Method, path and body of each route behind an access token.
const ROUTES: [(&str, &str, &str); 4] = [
    ("GET", SESSION, ""),
    ("POST", REVOKE, ""),
    ("GET", ACCESS, ""),
    ("PATCH", SCOPES, r#"{"scopes": ["notes.read"]}"#),
];
