//! Dynamic client registration (RFC 7591).

use super::{CONSENT_SCOPES, ClientAuthMethod, IdpHttp, OAuthUrls, ProviderMetadata, token_failure};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// As people see this server at the identity provider.
pub const CLIENT_NAME: &str = "Nextcloud MCP Server";

/// Why a registered client is second best, in one sentence for `doctor`, the consent page and the status.
pub const DYNAMIC_CLIENT_ADVICE: &str = "This server registered its OAuth client itself. At Nextcloud such a client ends after an hour by default, and \
     every consent given to it ends with it; a client made by the administrator does not end.";

/// The command that makes a lasting client at Nextcloud (facts §3).
pub fn create_client_command(urls: &OAuthUrls) -> String {
    format!(
        "occ oidc:create \"{CLIENT_NAME}\" {} --type confidential --flow code --token_type jwt --resource_url {}",
        urls.callback(),
        urls.resource()
    )
}

/// What the provider made of the request (RFC 7591 §3.2.1, RFC 7592 §3).
#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) client_id: String,
    pub(super) client_secret: Option<SecretString>,
    /// Seconds since 1970; `None`: it does not expire.
    pub(super) expires_at: Option<i64>,
    pub(super) access_token: Option<SecretString>,
    pub(super) client_uri: Option<Url>,
}

#[derive(Deserialize)]
struct Answer {
    client_id: String,
    client_secret: Option<String>,
    #[serde(default)]
    client_secret_expires_at: Value,
    registration_access_token: Option<String>,
    registration_client_uri: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

/// Registers this server at `endpoint`; the error says why not, without secrets.
pub(super) async fn register(
    http: &IdpHttp,
    endpoint: &Url,
    provider: &ProviderMetadata,
    method: ClientAuthMethod,
    urls: &OAuthUrls,
) -> Result<Registration, String> {
    let answer = http
        .post_json(endpoint, &request(provider, method, urls))
        .await
        .map_err(|error| error.to_string())?;
    if !matches!(answer.status, StatusCode::OK | StatusCode::CREATED) {
        let status = answer.status.as_u16();
        return Err(match answer.json::<Refusal>() {
            Ok(refusal) => format!(
                "HTTP {status}, {}: {}",
                token_failure::speakable(&refusal.error),
                token_failure::speakable(&refusal.error_description.unwrap_or_default())
            ),
            Err(_not_json) => format!("HTTP {status}"),
        });
    }
    let registered: Answer = answer.json().map_err(|error| error.to_string())?;
    Ok(Registration {
        expires_at: registered
            .client_secret_expires_at
            .as_i64()
            .filter(|seconds| *seconds > 0),
        client_id: registered.client_id,
        client_secret: registered.client_secret.map(SecretString::from),
        access_token: registered.registration_access_token.map(SecretString::from),
        client_uri: registered
            .registration_client_uri
            .and_then(|text| Url::parse(&text).ok()),
    })
}

fn request(provider: &ProviderMetadata, method: ClientAuthMethod, urls: &OAuthUrls) -> Value {
    let mut metadata = json!({
        "client_name": CLIENT_NAME,
        "client_uri": urls.server(""),
        "redirect_uris": [urls.callback(), urls.callback_alias()],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method.name(),
        "scope": CONSENT_SCOPES.join(" "),
    });
    if provider.is_own_nextcloud
        && let Some(metadata) = metadata.as_object_mut()
    {
        // Extensions of the `oidc` app: else its tokens are opaque and name the client as audience (facts §3).
        metadata.insert("token_type".to_owned(), json!("jwt"));
        metadata.insert("resource_url".to_owned(), json!(urls.resource()));
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, own_nextcloud};
    use super::*;

    #[test]
    fn the_line_for_the_administrator_can_be_pasted() {
        let urls = OAuthUrls::new(&config("https://cloud.example.test", &[]));
        assert_eq!(
            create_client_command(&urls),
            "occ oidc:create \"Nextcloud MCP Server\" https://mcp.example.test/oauth/callback --type confidential \
             --flow code --token_type jwt --resource_url https://mcp.example.test/mcp"
        );
    }

    #[test]
    fn only_the_oidc_app_is_told_its_own_extensions() {
        let urls = OAuthUrls::new(&config("https://cloud.example.test", &[]));
        let mut provider = own_nextcloud("https://cloud.example.test");
        let own = request(&provider, ClientAuthMethod::Basic, &urls);
        assert_eq!(own["token_type"], "jwt");
        assert_eq!(own["resource_url"], "https://mcp.example.test/mcp");
        assert_eq!(
            own["redirect_uris"],
            json!([
                "https://mcp.example.test/oauth/callback",
                "https://mcp.example.test/oauth/callback-nextcloud"
            ])
        );
        provider.is_own_nextcloud = false;
        let external = request(&provider, ClientAuthMethod::Post, &urls);
        assert!(external.get("token_type").is_none() && external.get("resource_url").is_none());
        assert_eq!(external["token_endpoint_auth_method"], "client_secret_post");
        assert_eq!(external["scope"], "openid profile email offline_access");
    }
}
