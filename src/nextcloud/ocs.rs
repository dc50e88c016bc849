//! OCS base: who am I, capabilities, server status.

use super::{Credential, Nextcloud, NextcloudError, UserSession};
use crate::ids::UserId;
use serde::Deserialize;

/// What OCS v2 `/cloud/user` answers: the proof of an identity. Only Nextcloud's answer makes one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CurrentUser {
    id: UserId,
    #[serde(default, alias = "display-name")]
    displayname: String,
    #[serde(default)]
    groups: Vec<String>,
}

impl CurrentUser {
    /// The UID.
    pub fn id(&self) -> &UserId {
        &self.id
    }

    /// The display name.
    pub fn display_name(&self) -> &str {
        &self.displayname
    }

    /// The groups the user is in.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
}

/// `status.php`, which needs no authentication and answers in maintenance too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerStatus {
    /// Set up completely.
    pub installed: bool,
    /// In maintenance mode.
    pub maintenance: bool,
    /// Version for people, such as `34.0.1`.
    #[serde(rename = "versionstring")]
    pub version: String,
}

impl Nextcloud {
    /// `GET /ocs/v2.php/cloud/user`: whose credential this is.
    pub async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError> {
        let _ = credential;
        todo!()
    }

    /// `GET /status.php`.
    pub async fn status(&self) -> Result<ServerStatus, NextcloudError> {
        todo!()
    }
}

impl UserSession {
    /// `GET /ocs/v2.php/cloud/capabilities`: the `data` object.
    pub async fn capabilities(&self) -> Result<serde_json::Value, NextcloudError> {
        todo!()
    }
}
