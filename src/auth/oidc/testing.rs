//! Stand-ins shared by the tests of what talks to an identity provider: a signing key, a provider that needs no
//! network, and a small HTTP server.

use super::{Claims, IdentityProvider, ProviderMetadata, ProviderProblem};
use crate::audit::{AuditEvent, AuditTrail};
use crate::config::EncryptionConfig;
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use url::Url;
use zeroize::Zeroizing;

/// An RSA key that signs tokens, made once per test run: making one is slow.
pub(crate) struct SigningKey {
    encoding: EncodingKey,
    public: rsa::RsaPublicKey,
}

static KEYS: LazyLock<[SigningKey; 2]> = LazyLock::new(|| [SigningKey::make(), SigningKey::make()]);

impl SigningKey {
    fn make() -> Self {
        let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        Self {
            encoding: EncodingKey::from_rsa_der(private.to_pkcs1_der().unwrap().as_bytes()),
            public: private.to_public_key(),
        }
    }

    /// The provider's key.
    pub(crate) fn first() -> &'static Self {
        &KEYS[0]
    }

    /// Another key: the provider's next one, or a forger's.
    pub(crate) fn second() -> &'static Self {
        &KEYS[1]
    }

    /// As a member of a key set, under the id `kid`.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(self.public.n().to_bytes_be()),
            "e": URL_SAFE_NO_PAD.encode(self.public.e().to_bytes_be()),
        })
    }

    /// The public key as a forger would use it for an HMAC.
    pub(crate) fn public_text(&self) -> Vec<u8> {
        self.public.n().to_bytes_be()
    }

    /// `claims` signed with RS256 under the id `kid`.
    pub(crate) fn sign(&self, kid: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(kid.to_owned());
        self.sign_with(&header, claims)
    }

    /// `claims` signed under `header`.
    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.encoding).unwrap()
    }
}

/// A token whose header says what `header` says, with a signature of zeros.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(header),
        part(claims),
        URL_SAFE_NO_PAD.encode([0; 256])
    )
}

/// Claims from JSON.
pub(crate) fn claims(value: Value) -> Claims {
    serde_json::from_value(value).unwrap()
}

/// The metadata of Nextcloud's own `oidc` app at `base`, which ends without a slash.
pub(crate) fn own_nextcloud(base: &str) -> ProviderMetadata {
    let endpoint = |name: &str| Url::parse(&format!("{base}/apps/oidc/{name}")).unwrap();
    ProviderMetadata {
        issuer: base.to_owned(),
        accepted_issuers: vec![base.to_owned()],
        authorization_endpoint: endpoint("authorize"),
        token_endpoint: endpoint("token"),
        jwks_uri: endpoint("jwks"),
        introspection_endpoint: Some(endpoint("introspect")),
        userinfo_endpoint: Some(endpoint("userinfo")),
        revocation_endpoint: None,
        registration_endpoint: None,
        is_own_nextcloud: true,
    }
}

/// Knows metadata and keys without asking anybody.
#[derive(Debug)]
pub(crate) struct FixedProvider {
    metadata: Arc<ProviderMetadata>,
    known: Mutex<Arc<JwkSet>>,
    after_refetch: Option<Arc<JwkSet>>,
    refetches: AtomicUsize,
}

impl FixedProvider {
    /// With the key set `keys`.
    pub(crate) fn new(metadata: ProviderMetadata, keys: impl IntoIterator<Item = Value>) -> Self {
        Self {
            metadata: Arc::new(metadata),
            known: Mutex::new(key_set(keys)),
            after_refetch: None,
            refetches: AtomicUsize::new(0),
        }
    }

    /// Has the key set `keys` once it is asked again.
    pub(crate) fn rotating_to(mut self, keys: impl IntoIterator<Item = Value>) -> Self {
        self.after_refetch = Some(key_set(keys));
        self
    }

    /// How often the keys were asked again.
    pub(crate) fn refetches(&self) -> usize {
        self.refetches.load(Ordering::SeqCst)
    }
}

fn key_set(keys: impl IntoIterator<Item = Value>) -> Arc<JwkSet> {
    let keys: Vec<Value> = keys.into_iter().collect();
    Arc::new(serde_json::from_value(json!({ "keys": keys })).unwrap())
}

#[async_trait]
impl IdentityProvider for FixedProvider {
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        Ok(Arc::clone(&self.metadata))
    }

    async fn keys(&self, refetch: bool) -> Result<Arc<JwkSet>, ProviderProblem> {
        let mut known = self.known.lock().unwrap();
        if refetch {
            self.refetches.fetch_add(1, Ordering::SeqCst);
            if let Some(newer) = &self.after_refetch {
                *known = Arc::clone(newer);
            }
        }
        Ok(Arc::clone(&known))
    }
}

/// The audit trail in memory.
#[derive(Debug, Default)]
pub(crate) struct Trail(Mutex<Vec<AuditEvent>>);

impl Trail {
    /// What was recorded so far.
    pub(crate) fn events(&self) -> Vec<AuditEvent> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl AuditTrail for Trail {
    async fn record(&self, event: AuditEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// A keyring for tests.
pub(crate) fn keyring() -> Keyring {
    let keys = EncryptionConfig {
        current: Zeroizing::new([7; 32]),
        previous: None,
    };
    Keyring::new(&keys, Arc::new(SystemEntropy))
}

/// Serves `router` on a free port of this machine until the test ends; gives its base URL without a slash.
pub(crate) async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A client for the stand-ins.
pub(crate) fn http_client() -> super::IdpHttp {
    super::IdpHttp::new(&config("https://cloud.example.test", &[]).nextcloud).unwrap()
}

/// OAuth mode for the Nextcloud at `host`, this server at `https://mcp.example.test`, with further `settings`.
pub(crate) fn config(host: &str, settings: &[(&str, &str)]) -> crate::config::Config {
    let mut pairs = vec![
        ("MCP_DEPLOYMENT_MODE", "oauth"),
        ("NEXTCLOUD_HOST", host),
        ("NEXTCLOUD_MCP_SERVER_URL", "https://mcp.example.test"),
        (
            "TOKEN_ENCRYPTION_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
    ];
    pairs.extend_from_slice(settings);
    let environment = crate::config::Environment::from_pairs(pairs);
    crate::config::Config::load(&environment, &crate::config::CliOverrides::default()).unwrap()
}
