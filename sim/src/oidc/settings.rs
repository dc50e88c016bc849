//! What an administrator sets with `occ config:app:set oidc …` and `occ config:system:set user_oidc …`.

use super::TokenType;

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in Nextcloud"
)]
pub(crate) struct Settings {
    /// Whether the apps `oidc` and `user_oidc` are enabled.
    pub(crate) installed: bool,
    /// `expire_time`: lifetime of codes and access tokens, seconds.
    pub(crate) expire_time: i64,
    /// `refresh_expire_time`: what a refresh token has beyond that; `None` for `never`.
    pub(crate) refresh_expire_time: Option<i64>,
    /// `client_expire_time`: lifetime of dynamically registered clients, seconds.
    pub(crate) client_expire_time: i64,
    pub(crate) dynamic_registration: bool,
    /// `allow_user_settings`: whether users are asked for consent.
    pub(crate) asks_users: bool,
    /// `provide_refresh_token_always`: a refresh token without `offline_access`.
    pub(crate) refresh_token_always: bool,
    /// What a registration gets whose `token_type` is neither `jwt` nor `opaque`.
    pub(crate) default_token_type: TokenType,
    /// `user_oidc`'s `oidc_provider_bearer_validation`.
    pub(crate) bearer_validation: bool,
    /// `overwritehost` and `overwriteprotocol`: an issuer that does not follow the `Host` header.
    pub(crate) overwrite_url: Option<String>,
}

impl Default for Settings {
    /// The apps' own defaults (facts §3).
    fn default() -> Self {
        Self {
            installed: true,
            expire_time: 900,
            refresh_expire_time: Some(900),
            client_expire_time: 3600,
            dynamic_registration: false,
            asks_users: false,
            refresh_token_always: false,
            default_token_type: TokenType::Jwt,
            bearer_validation: false,
            overwrite_url: None,
        }
    }
}
