//! `GET /api/v1/status`: what this server is. Public; Astrolabe asks it with nearly every page, so it does no I/O.

use crate::api::{ApiState, OidcFacts, StatusFacts};
use crate::auth::oidc::IdentityProvider;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Status {
    #[serde(flatten)]
    facts: StatusFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<Oidc>,
    uptime_seconds: u64,
}

/// The identity provider, where users can consent. Astrolabe asks `discovery_url` from inside Nextcloud, and its own
/// Nextcloud when there is none; so only a configured one is told.
#[derive(Serialize)]
struct Oidc {
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Why nobody can consent now (case J10). Not named `error`: Astrolabe would take the whole answer for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What would make consents last.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

pub(crate) async fn status(State(state): State<ApiState>) -> Json<Status> {
    let parts = state.parts();
    let uptime = parts.clock.now() - state.shared.started_at;
    Json(Status {
        facts: parts.facts.clone(),
        oidc: Oidc::of(&parts.facts.oidc, parts.identity_provider.as_deref()),
        uptime_seconds: u64::try_from(uptime.num_seconds()).unwrap_or(0),
    })
}

impl Oidc {
    /// What is known of `provider` now; `None` where there is none or nothing is known.
    fn of(facts: &OidcFacts, provider: Option<&dyn IdentityProvider>) -> Option<Self> {
        let (known, problem) = match provider?.metadata() {
            Ok(metadata) => (Some(metadata.issuer.clone()), None),
            Err(problem) => (None, Some(problem.to_string())),
        };
        let oidc = Self {
            discovery_url: facts.discovery_url.clone(),
            issuer: facts.issuer.clone().or(known),
            problem,
            advice: facts.advice.clone(),
        };
        let is_empty = oidc.discovery_url.is_none() && oidc.issuer.is_none() && oidc.problem.is_none();
        (!is_empty).then_some(oidc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::oidc::testing::{FixedProvider, own_nextcloud};
    use crate::auth::oidc::{ProviderMetadata, ProviderProblem};
    use async_trait::async_trait;
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[derive(Debug)]
    struct Refused;

    #[async_trait]
    impl IdentityProvider for Refused {
        fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
            Err(ProviderProblem::Refused("its issuer is another".into()))
        }

        async fn keys(&self, _refetch: bool) -> Result<Arc<jsonwebtoken::jwk::JwkSet>, ProviderProblem> {
            unreachable!("the status asks nobody")
        }
    }

    fn shown(facts: &OidcFacts, provider: Option<&dyn IdentityProvider>) -> Value {
        serde_json::to_value(Oidc::of(facts, provider)).unwrap()
    }

    #[test]
    fn the_provider_is_told_where_users_can_consent() {
        let provider = FixedProvider::new(own_nextcloud("https://cloud.example.test"), Vec::new());
        let facts = OidcFacts {
            discovery_url: Some("https://idp.example.test/.well-known/openid-configuration".into()),
            issuer: Some("https://public.example.test".into()),
            advice: None,
        };
        assert_eq!(shown(&facts, None), Value::Null);
        assert_eq!(
            shown(&facts, Some(&provider)),
            json!({"discovery_url": facts.discovery_url, "issuer": facts.issuer})
        );
        assert_eq!(
            shown(&OidcFacts::default(), Some(&provider)),
            json!({"issuer": "https://cloud.example.test"})
        );
        let unregistered = OidcFacts {
            advice: Some("make a client".into()),
            ..OidcFacts::default()
        };
        assert_eq!(shown(&unregistered, Some(&provider))["advice"], "make a client");
    }

    #[test]
    fn j10_a_refused_provider_is_named_and_is_no_error_of_the_status() {
        let shown = shown(&OidcFacts::default(), Some(&Refused));
        let problem = "the identity provider's discovery document is refused: its issuer is another";
        assert_eq!(shown, json!({ "problem": problem }));
    }
}
