//! Stand-ins for access tokens and for sessions made of them.

use super::manual_clock;
use crate::auth::bearer::{Audience, BearerError, BearerVerifier, VerifiedBearer};
use crate::auth::{OpenSession, Principal};
use crate::config::NextcloudConfig;
use crate::ids::UserId;
use crate::nextcloud::{Credential, CurrentUser, Nextcloud, UserSession};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Opens sessions at a Nextcloud that does not answer, and remembers the credentials.
#[derive(Default)]
pub(crate) struct RecordedSessions(Mutex<Vec<Credential>>);

impl RecordedSessions {
    pub(crate) fn opened(&self) -> Vec<Credential> {
        self.0.lock().unwrap().clone()
    }
}

impl OpenSession for RecordedSessions {
    fn open(&self, user: &UserId, credential: &Credential) -> UserSession {
        self.0.lock().unwrap().push(credential.clone());
        nowhere().session(user.clone(), credential.clone())
    }
}

/// A Nextcloud at a port where nobody listens.
fn nowhere() -> Nextcloud {
    let host: url::Url = "http://127.0.0.1:9/".parse().unwrap();
    let config = NextcloudConfig {
        public_url: host.clone(),
        host,
        verify_tls: true,
        ca_bundle: None,
        max_concurrency: 2,
        timeout_seconds: 1,
    };
    Nextcloud::new(&config, manual_clock()).unwrap()
}

/// Knows access tokens and counts who asks.
#[derive(Debug, Default)]
pub(crate) struct FakeBearers {
    answers: Mutex<HashMap<String, Result<VerifiedBearer, BearerError>>>,
    asked: AtomicUsize,
    forgotten: Mutex<Vec<String>>,
}

impl FakeBearers {
    /// Believes `token`; `scopes` as in a claim.
    pub(crate) fn accept(&self, token: &str, uid: &str, scopes: Option<&str>, is_own_nextcloud: bool) {
        let verified = VerifiedBearer {
            principal: Principal::verified(&CurrentUser::for_test(uid)),
            scopes: scopes.map(|names| names.split(' ').map(str::to_owned).collect()),
            client_id: None,
            expires_at: None,
            is_own_nextcloud,
        };
        self.answers.lock().unwrap().insert(token.into(), Ok(verified));
    }

    pub(crate) fn ends_at(&self, token: &str, end: DateTime<Utc>) {
        if let Some(Ok(verified)) = self.answers.lock().unwrap().get_mut(token) {
            verified.expires_at = Some(end);
        }
    }

    pub(crate) fn refuse(&self, token: &str, error: BearerError) {
        self.answers.lock().unwrap().insert(token.into(), Err(error));
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn forgotten(&self) -> Vec<String> {
        self.forgotten.lock().unwrap().clone()
    }
}

#[async_trait]
impl BearerVerifier for FakeBearers {
    async fn verify(&self, token: &SecretString, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(audience, Audience::Mcp);
        let answers = self.answers.lock().unwrap();
        answers
            .get(token.expose_secret())
            .cloned()
            .unwrap_or(Err(BearerError::Refused("it is unknown")))
    }

    async fn forget(&self, principal: &Principal) {
        self.forgotten.lock().unwrap().push(principal.user().to_string());
    }
}
