//! `webhook_listeners`: registered webhooks (facts §5). For administrators, and for members of a group that an
//! administrator delegated the app's settings to; everybody else gets a 403.

use super::http::Call;
use super::ocs::data;
use super::{NextcloudError, UserSession};
use crate::ids::UserId;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

const WEBHOOKS: &str = "/ocs/v2.php/apps/webhook_listeners/api/v1/webhooks";

/// A webhook that stands at Nextcloud, without what only Nextcloud can read of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Nextcloud's id.
    pub id: i64,
    /// In whose name it stands; `None`: an app's.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Method of the delivery; Nextcloud takes any text.
    #[serde(default)]
    pub http_method: String,
    /// Where it is delivered to; Nextcloud takes any text.
    pub uri: String,
    /// Class of the event, without a leading backslash.
    pub event: String,
    /// What must match; an empty array when nothing need.
    #[serde(default)]
    event_filter: Value,
    /// Only events of this user.
    #[serde(default)]
    pub user_id_filter: Option<String>,
    /// `header` when a secret is sent.
    #[serde(default)]
    pub auth_method: String,
}

impl Webhook {
    /// One that has just been registered as this server registers.
    pub fn registered(id: i64, owner: UserId, uri: &str, event: &str, filter: Option<&Value>) -> Self {
        Self {
            id,
            user_id: Some(owner),
            http_method: "POST".to_owned(),
            uri: uri.to_owned(),
            event: event.to_owned(),
            event_filter: filter.cloned().unwrap_or_default(),
            user_id_filter: None,
            auth_method: "header".to_owned(),
        }
    }

    /// The filter, if there is one.
    pub fn event_filter(&self) -> Option<&Value> {
        match &self.event_filter {
            Value::Object(fields) if !fields.is_empty() => Some(&self.event_filter),
            _ => None,
        }
    }
}

/// What a webhook is to be.
#[derive(Debug)]
pub struct NewWebhook<'a> {
    /// Where it is delivered to, by POST.
    pub uri: &'a str,
    /// Class of the event.
    pub event: &'a str,
    /// What must match.
    pub filter: Option<&'a Value>,
    /// The `Authorization` header of every delivery. Nextcloud encrypts it.
    pub authorization: SecretString,
}

impl NewWebhook<'_> {
    /// Never with `userIdFilter`: such webhooks do not fire for Basic and bearer requests (facts §0 row 11).
    fn body(&self) -> String {
        let mut body = json!({
            "httpMethod": "POST",
            "uri": self.uri,
            "event": self.event,
            "authMethod": "header",
            "authData": {"Authorization": self.authorization.expose_secret()},
        });
        if let (Some(filter), Some(fields)) = (self.filter, body.as_object_mut()) {
            fields.insert("eventFilter".to_owned(), filter.clone());
        }
        body.to_string()
    }
}

impl UserSession {
    /// The webhooks that are delivered to `uri`, in whosever name they stand.
    ///
    /// # Errors
    /// [`NextcloudError::Forbidden`] unless the user may manage webhooks.
    pub async fn webhooks(&self, uri: &str) -> Result<Vec<Webhook>, NextcloudError> {
        let uri = utf8_percent_encode(uri, NON_ALPHANUMERIC);
        data(
            self.send(call(Method::GET, &format!("?format=json&uri={uri}"))?)
                .await?,
        )
        .await
    }

    /// Registers a webhook, once more if the same stands already.
    ///
    /// # Errors
    /// [`NextcloudError::Rejected`] with status 400 for an event that Nextcloud or its enabled apps do not have.
    pub async fn create_webhook(&self, new: &NewWebhook<'_>) -> Result<Webhook, NextcloudError> {
        let call = call(Method::POST, "?format=json")?
            .header("content-type", "application/json")?
            .body(new.body());
        data(self.send(call).await?).await
    }

    /// Makes another of a webhook, in this user's name. For one that is gone Nextcloud answers as if it had worked.
    ///
    /// # Errors
    /// As [`UserSession::create_webhook`].
    pub async fn update_webhook(&self, id: i64, new: &NewWebhook<'_>) -> Result<Webhook, NextcloudError> {
        let call = call(Method::POST, &format!("/{id}?format=json"))?
            .header("content-type", "application/json")?
            .body(new.body());
        data(self.send(call).await?).await
    }

    /// Deletes a webhook, whosever it is; `false` when it was gone already.
    ///
    /// # Errors
    /// [`NextcloudError::Forbidden`] unless the user may manage webhooks.
    pub async fn delete_webhook(&self, id: i64) -> Result<bool, NextcloudError> {
        data(
            self.send(call(Method::DELETE, &format!("/{id}?format=json"))?)
                .await?,
        )
        .await
    }
}

fn call(method: Method, rest: &str) -> Result<Call, NextcloudError> {
    Call::new(method, format!("{WEBHOOKS}{rest}")).header("accept", "application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> Value {
        let path = format!(
            "{}/tests/recordings/webhooks/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let body = recording["response"]["body"].as_str().unwrap();
        serde_json::from_str::<Value>(body).unwrap()["ocs"]["data"].clone()
    }

    #[test]
    fn recorded_webhooks_are_read() {
        let full: Webhook = serde_json::from_value(recorded("create_full")).unwrap();
        assert_eq!((full.id, full.user_id), (2, Some(UserId::new("admin"))));
        let minimal: Webhook = serde_json::from_value(recorded("create_minimal")).unwrap();
        assert_eq!(minimal.event_filter(), None);
        let all: Vec<Webhook> = serde_json::from_value(recorded("list")).unwrap();
        assert!(all[0].event_filter().is_some() && all[1].event_filter().is_none());
    }

    #[test]
    fn the_secret_is_sent_and_never_shown() {
        let new = NewWebhook {
            uri: "http://mcp/webhooks/nextcloud",
            event: "OCP\\A",
            filter: None,
            authorization: SecretString::from("Bearer id.secret"),
        };
        assert!(new.body().contains("Bearer id.secret") && !new.body().contains("eventFilter"));
        assert!(!format!("{new:?}").contains("id.secret"));
    }
}
