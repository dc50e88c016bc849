//! The HTTP factory and the per-host gate.

use crate::clock::SharedClock;
use crate::config::NextcloudConfig;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::NextcloudError;
use secrecy::SecretString;

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
pub struct Nextcloud {}

impl Nextcloud {
    /// Builds the client; fails when the CA bundle cannot be read.
    pub fn new(config: &NextcloudConfig, clock: SharedClock) -> Result<Self, NextcloudError> {
        let _ = (config, clock);
        todo!()
    }

    /// Requests in the name of `user`, authenticated by `credential`.
    pub fn session(&self, user: UserId, credential: Credential) -> UserSession {
        let _ = (user, credential);
        todo!()
    }

    /// Requests sent so far; tests and benches count with it.
    pub fn requests_sent(&self) -> u64 {
        todo!()
    }
}

/// A [`Nextcloud`] with a user and a credential.
#[derive(Debug, Clone)]
pub struct UserSession {}

impl UserSession {
    /// The UID that paths are built with.
    pub fn user(&self) -> &UserId {
        todo!()
    }
}
