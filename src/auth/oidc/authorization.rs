//! The authorization request (RFC 6749 §4.1.1, `OpenID` Connect Core §3.1.2.1) with PKCE (RFC 7636).

use super::{OAuthUrls, ProviderMetadata};
use crate::entropy::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use url::Url;
use zeroize::Zeroizing;

/// Scopes of a consent: who it is, and a refresh token.
pub const CONSENT_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// A PKCE verifier and its S256 challenge.
#[derive(Debug, Clone)]
pub struct Pkce {
    /// Kept here until the code is exchanged.
    pub verifier: SecretString,
    /// Sent with the authorization request.
    pub challenge: String,
}

impl Pkce {
    /// A new pair with 256 random bits (RFC 7636 §7.1).
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut random = Zeroizing::new([0; 32]);
        entropy.fill(&mut *random);
        let verifier = SecretString::from(URL_SAFE_NO_PAD.encode(*random));
        Self {
            challenge: challenge_of(&verifier).as_str().to_owned(),
            verifier,
        }
    }
}

fn challenge_of(verifier: &SecretString) -> PkceCodeChallenge {
    PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
}

/// What a browser is sent to the identity provider with.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    /// `client_id`.
    pub client_id: &'a str,
    /// Scopes, `openid` among them.
    pub scopes: &'a [&'a str],
    /// Comes back with the code.
    pub state: &'a str,
    /// Comes back in the ID token.
    pub nonce: &'a str,
    /// Whose challenge is sent.
    pub pkce: &'a Pkce,
    /// The resource that the access token shall be for (RFC 8707).
    pub resource: Option<&'a str>,
    /// `prompt`, for instance `consent`, without which some providers give no refresh token (Core §11).
    pub prompt: Option<&'a str>,
}

impl AuthorizationRequest<'_> {
    /// The address for the browser; the answer comes back to [`OAuthUrls::callback`]. `None` when `urls` give no
    /// valid callback, which the configuration rules out.
    pub fn url(&self, provider: &ProviderMetadata, urls: &OAuthUrls) -> Option<Url> {
        let callback = RedirectUrl::new(urls.callback()).ok()?;
        let client = BasicClient::new(ClientId::new(self.client_id.to_owned()))
            .set_auth_uri(AuthUrl::from_url(provider.authorization_endpoint.clone()));
        let mut request = client
            .authorize_url(|| CsrfToken::new(self.state.to_owned()))
            .set_redirect_uri(Cow::Owned(callback))
            .set_pkce_challenge(challenge_of(&self.pkce.verifier))
            .add_scopes(self.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .add_extra_param("nonce", self.nonce.to_owned());
        for (name, value) in [("resource", self.resource), ("prompt", self.prompt)] {
            if let Some(value) = value {
                request = request.add_extra_param(name, value.to_owned());
            }
        }
        let (url, _state) = request.url();
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, own_nextcloud};
    use super::*;
    use crate::entropy::SystemEntropy;
    use std::collections::HashMap;

    #[derive(Debug)]
    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for (byte, value) in buffer.iter_mut().zip(0..) {
                *byte = value;
            }
        }
    }

    #[test]
    fn a_verifier_is_random_and_its_challenge_is_its_hash() {
        let [one, two] = [(); 2].map(|()| Pkce::generate(&SystemEntropy));
        assert_ne!(one.verifier.expose_secret(), two.verifier.expose_secret());
        let fixed = Pkce::generate(&Counting);
        let verifier = fixed.verifier.expose_secret();
        assert_eq!(verifier, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert_eq!(
            fixed.challenge,
            URL_SAFE_NO_PAD.encode(<sha2::Sha256 as sha2::Digest>::digest(verifier))
        );
        assert!(!format!("{fixed:?}").contains(verifier));
    }

    #[test]
    fn o07_the_request_carries_state_nonce_and_a_s256_challenge() {
        let urls = OAuthUrls::new(&config("https://cloud.example.test", &[]));
        let pkce = Pkce::generate(&Counting);
        let resource = urls.resource();
        let request = AuthorizationRequest {
            client_id: "a client",
            scopes: &CONSENT_SCOPES,
            state: "the-state",
            nonce: "the-nonce",
            pkce: &pkce,
            resource: Some(&resource),
            prompt: Some("consent"),
        };
        let url = request
            .url(&own_nextcloud("https://cloud.example.test"), &urls)
            .unwrap();
        assert_eq!(
            &url[..url::Position::AfterPath],
            "https://cloud.example.test/apps/oidc/authorize"
        );
        let sent: HashMap<String, String> = url.query_pairs().into_owned().collect();
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "a client"),
            ("redirect_uri", "https://mcp.example.test/oauth/callback"),
            ("scope", "openid profile email offline_access"),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge", pkce.challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("resource", "https://mcp.example.test/mcp"),
            ("prompt", "consent"),
        ] {
            assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(sent.len(), 10);
        assert!(!url.as_str().contains(pkce.verifier.expose_secret()));
    }
}
