//! What a user granted to a client: one database row, from the code to the last refresh.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::settings::Settings;

/// The PKCE challenge of an authorization request.
#[derive(Debug, Clone)]
pub(super) struct Challenge {
    pub(super) value: String,
    pub(super) plain: bool,
}

impl Challenge {
    pub(super) fn accepts(&self, verifier: &str) -> bool {
        if self.plain {
            return self.value == verifier;
        }
        self.value == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
    }
}

/// One row of `oc_oidc_access_tokens`.
#[derive(Debug)]
pub(crate) struct Grant {
    /// The `jti` of its tokens; stays the same over refreshes.
    pub(super) id: u64,
    /// The row of the client.
    pub(super) client: u64,
    pub(super) uid: String,
    pub(super) code: String,
    /// Whether the code was exchanged.
    pub(super) code_used: bool,
    /// Empty before the exchange.
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) scope: String,
    /// The audience: the request's `resource`, else the client's `resource_url`, else empty.
    pub(super) resource: String,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<Challenge>,
    /// When the user was sent back with the code.
    pub(super) created: i64,
    /// When the present tokens were issued.
    pub(super) issued: i64,
    /// `issued` and `expire_time`: the app stores it so, which doubles the access token's life (facts §0 row 5).
    pub(super) refreshed: i64,
}

impl Grant {
    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scope.split_whitespace().any(|known| known == scope)
    }

    /// The last second at which Nextcloud accepts the access token.
    pub(super) fn accepted_until(&self, settings: &Settings) -> i64 {
        self.refreshed + settings.expire_time
    }

    /// Whether the refresh token's time is over (facts §0 row 4).
    pub(super) fn refresh_is_over(&self, settings: &Settings, now: i64) -> bool {
        settings
            .refresh_expire_time
            .is_some_and(|seconds| now > self.refreshed + seconds)
    }
}

/// A user's consent, kept 90 days.
#[derive(Debug)]
pub(crate) struct Consent {
    pub(super) uid: String,
    pub(super) client: u64,
    pub(super) scopes: String,
    pub(super) created: i64,
    pub(super) updated: i64,
}

/// How long a consent spares its user the page, in seconds.
const CONSENT_SECONDS: i64 = 90 * 24 * 3600;

impl Consent {
    /// Any other scope string is asked for again.
    pub(super) fn covers(&self, uid: &str, client: u64, scopes: &str, now: i64) -> bool {
        self.uid == uid
            && self.client == client
            && self.scopes == scopes
            && now <= self.updated + CONSENT_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_accepts_its_verifier_only() {
        // RFC 7636, appendix B.
        let challenge = Challenge {
            value: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
            plain: false,
        };
        assert!(challenge.accepts("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.accepts("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        let plain = Challenge {
            value: "same".to_owned(),
            plain: true,
        };
        assert!(plain.accepts("same") && !plain.accepts("other"));
    }

    #[test]
    fn a_consent_covers_its_own_scope_string_for_ninety_days() {
        let consent = Consent {
            uid: "alice".to_owned(),
            client: 1,
            scopes: "openid email".to_owned(),
            created: 0,
            updated: 1000,
        };
        assert!(consent.covers("alice", 1, "openid email", 1000 + CONSENT_SECONDS));
        assert!(!consent.covers("alice", 1, "openid email", 1001 + CONSENT_SECONDS));
        assert!(!consent.covers("alice", 1, "openid", 1000));
        assert!(!consent.covers("bob", 1, "openid email", 1000));
    }
}
