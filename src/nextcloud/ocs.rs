//! OCS base: who am I, capabilities, server status.

use super::failure::plain_text;
use super::http::{Answer, Call, Priority};
use super::{Credential, Nextcloud, NextcloudError, UserSession};
use crate::ids::UserId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;

/// What OCS v2 `/cloud/user` answers: the proof of an identity. Only Nextcloud's answer makes one.
///
/// It cannot be read from a text:
///
/// ```compile_fail,E0277
/// let forged: nextcloud_mcp_server::nextcloud::CurrentUser = serde_json::from_str(r#"{"id": "alice"}"#).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentUser {
    id: UserId,
    display_name: String,
    groups: Vec<String>,
}

/// The same on the wire.
#[derive(Deserialize)]
struct UserData {
    id: UserId,
    #[serde(default)]
    displayname: String,
    #[serde(default)]
    groups: Vec<String>,
}

impl CurrentUser {
    /// As if Nextcloud had answered with `id`.
    #[cfg(test)]
    pub(crate) fn for_test(id: &str) -> Self {
        Self {
            id: UserId::new(id),
            display_name: id.to_owned(),
            groups: Vec::new(),
        }
    }

    /// The UID.
    pub fn id(&self) -> &UserId {
        &self.id
    }

    /// The display name.
    pub fn display_name(&self) -> &str {
        &self.display_name
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

/// An app in a user's menu.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MenuApp {
    /// Its id, such as `notes`.
    pub id: String,
}

/// The envelope of every OCS answer.
#[derive(Debug, Deserialize)]
struct Envelope {
    ocs: Ocs,
}

#[derive(Debug, Deserialize)]
struct Ocs {
    meta: Meta,
    data: Value,
}

#[derive(Debug, Deserialize)]
struct Meta {
    statuscode: u16,
    #[serde(default)]
    message: Option<String>,
}

impl Nextcloud {
    /// `GET /ocs/v2.php/cloud/user`: whose credential this is.
    pub async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError> {
        let answer = self
            .dispatch(ocs_call("/cloud/user")?, Some(credential), Priority::Interactive)
            .await?;
        current_user(answer).await
    }

    /// `GET /ocs/v2.php/cloud/capabilities` without a credential: what Nextcloud tells anybody.
    pub async fn public_capabilities(&self) -> Result<Value, NextcloudError> {
        let call = ocs_call("/cloud/capabilities")?;
        data(self.dispatch(call, None, Priority::Interactive).await?).await
    }

    /// `GET /status.php`.
    pub async fn status(&self) -> Result<ServerStatus, NextcloudError> {
        let call = Call::get("/status.php").header("accept", "application/json")?;
        self.dispatch(call, None, Priority::Interactive)
            .await?
            .json()
            .await
    }
}

impl UserSession {
    /// `GET /ocs/v2.php/cloud/user`: who Nextcloud says this is, groups included.
    pub async fn current_user(&self) -> Result<CurrentUser, NextcloudError> {
        current_user(self.send(ocs_call("/cloud/user")?).await?).await
    }

    /// `GET /ocs/v2.php/cloud/capabilities`: the `data` object.
    pub async fn capabilities(&self) -> Result<serde_json::Value, NextcloudError> {
        data(self.send(ocs_call("/cloud/capabilities")?).await?).await
    }

    /// `GET /ocs/v2.php/core/navigation/apps`: the apps in this user's menu.
    pub async fn menu_apps(&self) -> Result<Vec<MenuApp>, NextcloudError> {
        data(self.send(ocs_call("/core/navigation/apps")?).await?).await
    }

    /// The ids of the apps that this user is shown: what has capabilities or stands in the menu. The list of all
    /// enabled apps is for administrators only (facts §1).
    pub async fn shown_apps(&self) -> Result<BTreeSet<String>, NextcloudError> {
        let (capabilities, menu) = tokio::try_join!(self.capabilities(), self.menu_apps())?;
        let known = capabilities
            .get("capabilities")
            .and_then(serde_json::Value::as_object);
        let keys = known.into_iter().flat_map(serde_json::Map::keys).cloned();
        Ok(keys.chain(menu.into_iter().map(|app| app.id)).collect())
    }
}

async fn current_user(answer: Answer) -> Result<CurrentUser, NextcloudError> {
    let UserData {
        id,
        displayname: display_name,
        groups,
    } = data(answer).await?;
    if id.as_str().is_empty() {
        Err(NextcloudError::Unauthorized)
    } else {
        Ok(CurrentUser {
            id,
            display_name,
            groups,
        })
    }
}

fn ocs_call(path: &str) -> Result<Call, NextcloudError> {
    Call::get(format!("/ocs/v2.php{path}?format=json")).header("accept", "application/json")
}

/// `data` of a success. OCS v2 says the same in `meta` as in the HTTP status; where they differ, the worse counts.
pub(super) async fn data<T: DeserializeOwned>(answer: Answer) -> Result<T, NextcloudError> {
    let Envelope { ocs } = answer.json().await?;
    let message = plain_text(&ocs.meta.message.unwrap_or_default());
    match ocs.meta.statuscode {
        200 => serde_json::from_value(ocs.data).map_err(|_shape| {
            NextcloudError::Malformed("the OCS data has another shape than expected".to_owned())
        }),
        401 | 997 => Err(NextcloudError::Unauthorized),
        403 => Err(NextcloudError::Forbidden(message)),
        404 | 998 => Err(NextcloudError::NotFound(message)),
        status => Err(NextcloudError::Rejected { status, message }),
    }
}
