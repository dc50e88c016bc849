//! The OAuth client.

use super::reader::Reader;
use super::{Mode, variables};
use secrecy::SecretString;
use url::Url;

/// What a consent stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackgroundCredential {
    /// The refresh token.
    #[default]
    RefreshToken,
    /// An app password made at Nextcloud with the consent's access token.
    AppPassword,
}

/// How access tokens of callers are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenValidation {
    /// Signature, else introspection, else userinfo.
    #[default]
    Auto,
    /// Userinfo only, the way of the mission's text.
    Userinfo,
}

/// The OAuth client at Nextcloud or another identity provider.
#[derive(Debug, Clone, Default)]
pub struct OidcConfig {
    /// `NEXTCLOUD_OIDC_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `NEXTCLOUD_OIDC_CLIENT_SECRET`.
    pub client_secret: Option<SecretString>,
    /// `OIDC_DISCOVERY_URL`; absent: Nextcloud's own.
    pub discovery_url: Option<Url>,
    /// `NEXTCLOUD_PUBLIC_ISSUER_URL`: the issuer as a browser reaches it.
    pub public_issuer_url: Option<Url>,
    /// `OIDC_ACCEPTED_ISSUERS`.
    pub accepted_issuers: Vec<String>,
    /// `ALLOWED_MGMT_CLIENT`.
    pub management_clients: Vec<String>,
    /// `ALLOW_BEARER_PASSTHROUGH`.
    pub bearer_passthrough: bool,
    /// `TOKEN_VALIDATION`.
    pub token_validation: TokenValidation,
    /// `BACKGROUND_CREDENTIAL`.
    pub background_credential: BackgroundCredential,
}

impl OidcConfig {
    pub(super) fn load(reader: &mut Reader<'_>, mode: Option<&Mode>) -> Self {
        let client = [
            variables::NEXTCLOUD_OIDC_CLIENT_ID,
            variables::NEXTCLOUD_OIDC_CLIENT_SECRET,
        ];
        if matches!(mode, Some(Mode::SingleUserBasic { .. })) {
            for variable in client {
                if reader.is_set(variable) {
                    reader.problem(
                        variable,
                        "not used in single-user mode",
                        "Unset it, or force OAuth with --oauth.",
                    );
                }
            }
        } else if reader.is_set(client[1]) && !reader.is_set(client[0]) {
            reader.problem(
                client[0],
                "missing beside its secret",
                "Set both, or neither to register at start.",
            );
        }
        Self {
            client_id: reader.text(client[0]).map(str::to_owned),
            client_secret: reader.secret(client[1]),
            discovery_url: reader.url(variables::OIDC_DISCOVERY_URL),
            public_issuer_url: reader.url(variables::NEXTCLOUD_PUBLIC_ISSUER_URL),
            accepted_issuers: reader.list(variables::OIDC_ACCEPTED_ISSUERS),
            management_clients: reader.list(variables::ALLOWED_MGMT_CLIENT),
            bearer_passthrough: reader.flag(variables::ALLOW_BEARER_PASSTHROUGH, true),
            token_validation: token_validation(reader),
            background_credential: background_credential(reader),
        }
    }
}

fn token_validation(reader: &mut Reader<'_>) -> TokenValidation {
    match reader
        .text(variables::TOKEN_VALIDATION)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("auto") => TokenValidation::Auto,
        Some("userinfo") => TokenValidation::Userinfo,
        Some(_) => {
            reader.problem(
                variables::TOKEN_VALIDATION,
                "unknown way to check tokens",
                "Write auto or userinfo.",
            );
            TokenValidation::Auto
        }
    }
}

fn background_credential(reader: &mut Reader<'_>) -> BackgroundCredential {
    match reader
        .text(variables::BACKGROUND_CREDENTIAL)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("refresh_token") => BackgroundCredential::RefreshToken,
        Some("app_password") => BackgroundCredential::AppPassword,
        Some(_) => {
            reader.problem(
                variables::BACKGROUND_CREDENTIAL,
                "unknown kind of credential",
                "Write refresh_token or app_password.",
            );
            BackgroundCredential::RefreshToken
        }
    }
}
