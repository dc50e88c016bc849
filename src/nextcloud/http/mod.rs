//! The HTTP factory, the per-host gate, and the sessions that use them.

mod answer;
mod circuit;
mod factory;
mod gate;
mod request;

pub(super) use answer::{Answer, bare_etag};
pub(super) use circuit::HostFault;
pub(crate) use factory::{USER_AGENT, unbuilt, with_trust};
pub(super) use request::Call;
pub(crate) use request::transport_text;

use crate::clock::SharedClock;
use crate::config::NextcloudConfig;
use crate::entropy::{SharedEntropy, SystemEntropy};
use crate::ids::{LoginName, UserId};
use crate::nextcloud::NextcloudError;
use gate::Gate;
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use url::Url;

/// What a request to Nextcloud authenticates with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Login name (not UID) and account or app password.
    Basic {
        /// Login name.
        login_name: LoginName,
        /// Account or app password.
        password: SecretString,
    },
    /// OAuth access token.
    Bearer(SecretString),
}

/// One Nextcloud server. Cheap to clone; clones share connections and the gate.
#[derive(Debug, Clone)]
pub struct Nextcloud {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    /// Base URL, its path without trailing slash.
    base: Url,
    gate: Gate,
    clock: SharedClock,
    timeout: Duration,
    bearer_wait: Duration,
    sent: AtomicU64,
}

impl Nextcloud {
    /// Builds the client; fails when the CA bundle cannot be read.
    pub fn new(config: &NextcloudConfig, clock: SharedClock) -> Result<Self, NextcloudError> {
        Self::with_entropy(config, clock, Arc::new(SystemEntropy))
    }

    /// As [`Nextcloud::new`], with the random source of the back-off's jitter.
    pub fn with_entropy(
        config: &NextcloudConfig,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, NextcloudError> {
        let client = factory::client(config)?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                base: factory::base_url(&config.host)?,
                gate: Gate::new(config.max_concurrency, clock.clone(), entropy),
                clock,
                timeout: Duration::from_secs(config.timeout_seconds.max(1)),
                bearer_wait: request::BEARER_WAIT,
                sent: AtomicU64::new(0),
            }),
        })
    }

    /// Requests in the name of `user`, authenticated by `credential`.
    pub fn session(&self, user: UserId, credential: Credential) -> UserSession {
        UserSession {
            nextcloud: self.clone(),
            user,
            credential,
            priority: Priority::Interactive,
        }
    }

    /// Requests sent so far; tests and benches count with it.
    pub fn requests_sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }
}

/// A [`Nextcloud`] with a user and a credential.
#[derive(Debug, Clone)]
pub struct UserSession {
    nextcloud: Nextcloud,
    user: UserId,
    credential: Credential,
    priority: Priority,
}

impl UserSession {
    /// The UID that paths are built with.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The same session for bulk work: its requests leave two places of the host's concurrency limit to
    /// interactive ones, so that a person who searches does not wait behind a scan.
    #[must_use]
    pub fn background(&self) -> Self {
        Self {
            priority: Priority::Background,
            ..self.clone()
        }
    }

    /// The server behind the session.
    pub fn nextcloud(&self) -> &Nextcloud {
        &self.nextcloud
    }

    /// Sends a request with this session's credential and priority.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, NextcloudError> {
        self.nextcloud
            .dispatch(call, Some(&self.credential), self.priority)
            .await
    }
}

/// Who waits for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    /// A person.
    Interactive,
    /// A job.
    Background,
}
