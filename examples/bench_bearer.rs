//! Measures checks of access tokens and the encryption of a token; one JSON line per figure.
//!
//! `cargo run --release --example bench_bearer`

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use nextcloud_mcp_server::auth::Identities;
use nextcloud_mcp_server::auth::bearer::{
    Audience, AudienceRules, BearerVerifier, TokenVerifier, TokenVerifierParts,
};
use nextcloud_mcp_server::auth::oidc::{
    ClientCredentials, ClientError, IdentityProvider, IdpHttp, OAuthClient, ProviderMetadata, ProviderProblem,
};
use nextcloud_mcp_server::clock::{Clock, SystemClock};
use nextcloud_mcp_server::config::{EncryptionConfig, NextcloudConfig, TokenValidation};
use nextcloud_mcp_server::crypto::{EnvelopeContext, Keyring};
use nextcloud_mcp_server::entropy::SystemEntropy;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use secrecy::SecretString;
use serde_json::json;
use std::error::Error;
use std::hint::black_box;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;
use zeroize::Zeroizing;

const NEXTCLOUD: &str = "https://cloud.example.org";
const SERVER: &str = "https://mcp.example.org";
/// The key of the `oidc` app has this many bits.
const KEY_BITS: usize = 4096;
/// Tokens that are checked for the first time.
const TOKENS: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS)?;
    let signing = EncodingKey::from_rsa_der(private.to_pkcs1_der()?.as_bytes());
    let keys = json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
        "n": URL_SAFE_NO_PAD.encode(private.n().to_bytes_be()),
        "e": URL_SAFE_NO_PAD.encode(private.e().to_bytes_be()),
    }]});
    let verifier = verifier(serde_json::from_value(keys)?)?;
    let tokens = (0..TOKENS)
        .map(|number| token(&signing, number))
        .collect::<Result<Vec<_>, _>>()?;

    let mut first = Vec::new();
    for token in &tokens {
        let started = Instant::now();
        verifier.verify(token, Audience::Mcp).await?;
        first.push(started.elapsed());
    }
    report("bearer_first_jwt_check", median(first), "µs", Some(1000.0))?;

    let mut cached = Vec::new();
    for token in tokens.iter().cycle().take(TOKENS * 200) {
        let started = Instant::now();
        black_box(verifier.verify(token, Audience::Mcp).await?);
        cached.push(started.elapsed());
    }
    report("bearer_cached_check", median(cached), "µs", Some(20.0))?;

    report("token_encryption", encryption(), "µs", Some(5.0))
}

/// Seals a refresh token as the `oidc` app makes them: 128 characters.
fn encryption() -> f64 {
    let config = EncryptionConfig {
        current: Zeroizing::new([7; 32]),
        previous: None,
    };
    let keyring = Keyring::new(&config, Arc::new(SystemEntropy));
    let token = SecretString::from("t".repeat(128));
    let sealed = (0..10_000).map(|_| {
        let context = EnvelopeContext {
            user: "alice",
            table: "grants",
            column: "refresh_token",
        };
        let started = Instant::now();
        black_box(keyring.seal(context, &token));
        started.elapsed()
    });
    median(sealed.collect())
}

fn token(key: &EncodingKey, number: usize) -> Result<SecretString, Box<dyn Error>> {
    let now = SystemClock.now().timestamp();
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some("at+JWT".into());
    header.kid = Some("one".into());
    let claims = json!({
        "iss": NEXTCLOUD, "sub": "alice", "aud": format!("{SERVER}/mcp"), "exp": now + 900, "auth_time": now,
        "iat": now, "acr": "0", "client_id": "client", "azp": "client", "preferred_username": "alice",
        "scope": "openid profile email offline_access notes.read", "jti": number.to_string(),
        "name": "Alice", "picture": format!("{NEXTCLOUD}/avatar/alice/64"), "email": "alice@example.org",
    });
    Ok(SecretString::from(jsonwebtoken::encode(&header, &claims, key)?))
}

fn verifier(keys: JwkSet) -> Result<TokenVerifier, Box<dyn Error>> {
    let endpoint = |name: &str| Url::parse(&format!("{NEXTCLOUD}/apps/oidc/{name}"));
    let metadata = ProviderMetadata {
        issuer: NEXTCLOUD.into(),
        accepted_issuers: vec![NEXTCLOUD.into()],
        authorization_endpoint: endpoint("authorize")?,
        token_endpoint: endpoint("token")?,
        jwks_uri: endpoint("jwks")?,
        introspection_endpoint: None,
        userinfo_endpoint: None,
        revocation_endpoint: None,
        registration_endpoint: None,
        is_own_nextcloud: true,
    };
    let nextcloud = NextcloudConfig {
        host: Url::parse(NEXTCLOUD)?,
        public_url: Url::parse(NEXTCLOUD)?,
        verify_tls: true,
        ca_bundle: None,
        max_concurrency: 1,
        timeout_seconds: 1,
    };
    let parts = TokenVerifierParts {
        provider: Arc::new(Known(Arc::new(metadata), Arc::new(keys))),
        client: Arc::new(NoClient),
        // Asked only about another provider's subjects.
        identities: Identities::new(sqlx::PgPool::connect_lazy("postgres://nobody@127.0.0.1:9/none")?),
        http: IdpHttp::new(&nextcloud)?,
        rules: AudienceRules::of([SERVER.to_owned(), format!("{SERVER}/mcp")], Vec::new()),
        validation: TokenValidation::Auto,
        clock: Arc::new(SystemClock),
    };
    Ok(TokenVerifier::new(parts, &SystemEntropy))
}

/// A provider whose keys are known.
#[derive(Debug)]
struct Known(Arc<ProviderMetadata>, Arc<JwkSet>);

#[async_trait]
impl IdentityProvider for Known {
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        Ok(Arc::clone(&self.0))
    }

    async fn keys(&self, _refetch: bool) -> Result<Arc<JwkSet>, ProviderProblem> {
        Ok(Arc::clone(&self.1))
    }
}

/// A JWT is checked without a client.
#[derive(Debug)]
struct NoClient;

#[async_trait]
impl OAuthClient for NoClient {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        Err(ClientError::Registration("none is needed".into()))
    }

    async fn by_id(&self, _id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        Ok(None)
    }
}

/// The median in microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

/// `goal`: at most that much.
fn report(name: &str, value: f64, unit: &str, goal: Option<f64>) -> Result<(), Box<dyn Error>> {
    let met = goal.map(|goal| value <= goal);
    writeln!(
        stdout(),
        "{}",
        json!({ "name": name, "value": value, "unit": unit, "goal": goal, "met": met })
    )?;
    Ok(())
}
