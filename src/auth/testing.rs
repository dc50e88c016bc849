//! Stand-ins shared by the tests of `auth`, `api` and `mcp`.

use super::{BasicVerifier, IdentityCheck, OpenSession};
use crate::clock::ManualClock;
use crate::entropy::SystemEntropy;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::{Credential, CurrentUser, NextcloudError, UserSession};
use async_trait::async_trait;
use base64::Engine;
use chrono::DateTime;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) mod bearers;
pub(crate) mod provider;

/// Knows passwords and counts who asks.
#[derive(Default)]
pub(crate) struct FakeNextcloud {
    /// Login name → (UID, password).
    users: Mutex<HashMap<String, (String, String)>>,
    asked: AtomicUsize,
    /// Every check fails as unreachable.
    pub(crate) down: AtomicBool,
}

impl FakeNextcloud {
    pub(crate) fn with_user(name: &str, password: &str) -> Arc<Self> {
        let fake = Self::default();
        fake.set_password(name, password);
        Arc::new(fake)
    }

    pub(crate) fn set_password(&self, name: &str, password: &str) {
        self.add(name, name, password);
    }

    pub(crate) fn add(&self, login_name: &str, uid: &str, password: &str) {
        self.users
            .lock()
            .unwrap()
            .insert(login_name.into(), (uid.into(), password.into()));
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl IdentityCheck for FakeNextcloud {
    async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.down.load(Ordering::Relaxed) {
            return Err(NextcloudError::Unreachable("down".into()));
        }
        let Credential::Basic { login_name, password } = credential else {
            return Err(NextcloudError::Unauthorized);
        };
        let users = self.users.lock().unwrap();
        match users.get(login_name.as_str()) {
            Some((uid, right)) if right == password.expose_secret() => Ok(CurrentUser::for_test(uid)),
            _ => Err(NextcloudError::Unauthorized),
        }
    }
}

/// For tests that reach no Nextcloud session.
pub(crate) struct NoSessions;

impl OpenSession for NoSessions {
    fn open(&self, _user: &UserId, _credential: &Credential) -> UserSession {
        unreachable!("this test opens no Nextcloud session")
    }
}

pub(crate) fn manual_clock() -> Arc<ManualClock> {
    ManualClock::at(DateTime::from_timestamp(1_780_000_000, 0).unwrap())
}

pub(crate) fn verifier(fake: &Arc<FakeNextcloud>, clock: &Arc<ManualClock>) -> BasicVerifier {
    BasicVerifier::new(fake.clone(), clock.clone(), &SystemEntropy)
}

pub(crate) fn basic(name: &str, password: &str) -> Credential {
    Credential::Basic {
        login_name: LoginName::new(name),
        password: SecretString::from(password),
    }
}

pub(crate) fn basic_header(name: &str, password: &str) -> String {
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"))
    )
}

pub(crate) fn client(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}
