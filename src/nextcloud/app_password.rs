//! App passwords: made with an access token, ended with themselves (facts §2).

use super::http::{Call, Priority};
use super::ocs::data;
use super::{Credential, Nextcloud, NextcloudError};
use crate::ids::LoginName;
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;

/// What `getapppassword` answers.
#[derive(Deserialize)]
struct Minted {
    apppassword: String,
}

impl Nextcloud {
    /// `GET /ocs/v2.php/core/getapppassword`: a new app password of the access token's owner. Nextcloud lists it under
    /// the owner's devices by `device_name`, which it takes from the request's `User-Agent` (facts §7).
    ///
    /// # Errors
    /// [`NextcloudError::Forbidden`] when Nextcloud validates the token by a `user_oidc` provider (facts §0 row 15).
    pub async fn mint_app_password(
        &self,
        access_token: &SecretString,
        device_name: &str,
    ) -> Result<SecretString, NextcloudError> {
        let call = Call::get("/ocs/v2.php/core/getapppassword?format=json")
            .header("accept", "application/json")?
            .header("user-agent", device_name)?;
        let credential = Credential::Bearer(access_token.clone());
        let answer = self
            .dispatch(call, Some(&credential), Priority::Interactive)
            .await?;
        let minted: Minted = data(answer).await?;
        Ok(SecretString::from(minted.apppassword))
    }

    /// `DELETE /ocs/v2.php/core/apppassword`: ends an app password, authenticated by itself; it is refused everywhere
    /// at once.
    ///
    /// # Errors
    /// [`NextcloudError::Unauthorized`] when it had ended already.
    pub async fn delete_app_password(
        &self,
        login_name: &LoginName,
        password: &SecretString,
    ) -> Result<(), NextcloudError> {
        let call = Call::new(Method::DELETE, "/ocs/v2.php/core/apppassword?format=json")
            .header("accept", "application/json")?;
        let credential = Credential::Basic {
            login_name: login_name.clone(),
            password: password.clone(),
        };
        let answer = self
            .dispatch(call, Some(&credential), Priority::Background)
            .await?;
        data::<serde_json::Value>(answer).await.map(drop)
    }
}
