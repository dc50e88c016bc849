//! `GET /api/v1/status`: what this server is. Public; Astrolabe asks it with nearly every page, so it does no I/O.

use crate::api::{ApiState, OidcFacts, StatusFacts};
use crate::auth::oidc::IdentityProvider;
use crate::webhooks::{WORKER_COMMAND, WebhookHealth, WebhookWatch};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// What this server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    #[serde(flatten)]
    facts: StatusFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<Oidc>,
    /// How Nextcloud's webhooks do; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<Webhooks>,
    /// Since the process started.
    uptime_seconds: u64,
}

/// How Nextcloud's webhooks do, as of the last look. Says nothing of whose they are.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookHealth)]
struct Webhooks {
    /// How many are asked for.
    wanted: usize,
    /// How many of them stand at Nextcloud.
    standing: usize,
    /// When the last delivery came.
    last_delivery_at: Option<String>,
    /// Seconds from the event to the arrival of the last delivery.
    lag_seconds: Option<i64>,
    /// Types of documents that are saved while nothing is delivered about them.
    silent: Vec<String>,
    /// What to type about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl From<WebhookHealth> for Webhooks {
    fn from(health: WebhookHealth) -> Self {
        Self {
            wanted: health.wanted,
            standing: health.standing,
            last_delivery_at: health
                .last_delivery_at
                .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            lag_seconds: health.lag.map(|lag| lag.num_seconds()),
            advice: (!health.silent.is_empty())
                .then(|| format!("Usually no background worker runs. Start one: {WORKER_COMMAND}")),
            silent: health
                .silent
                .into_iter()
                .map(|silence| silence.doc_type)
                .collect(),
        }
    }
}

/// The identity provider, where users can consent. Astrolabe asks `discovery_url` from inside Nextcloud, and its own
/// Nextcloud when there is none; so only a configured one is told.
#[derive(Serialize, ToSchema)]
struct Oidc {
    /// Address of the discovery document, where one is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<String>,
    /// Who issues tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Why nobody can consent now (case J10). Not named `error`: Astrolabe would take the whole answer for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What would make consents last.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// What this server is.
///
/// Answered from memory, whatever is away.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "status",
    responses((status = 200, description = "Facts", body = Status, example = json!({
        "version": "0.1.0", "auth_mode": "multi_user_basic", "vector_sync_enabled": true, "webhooks_enabled": true,
        "supported_search_types": ["semantic", "bm25", "hybrid"], "rerank_available": false,
        "management_api_version": "1.0", "supports_app_passwords": true,
        "oidc": {"issuer": "https://cloud.example.org"}, "uptime_seconds": 86_400
    }))),
)]
pub(crate) async fn status(State(state): State<ApiState>) -> Json<Status> {
    let parts = state.parts();
    let uptime = parts.clock.now() - state.shared.started_at;
    Json(Status {
        facts: parts.facts.clone(),
        oidc: Oidc::of(&parts.facts.oidc, parts.identity_provider.as_deref()),
        webhooks: parts
            .webhook_watch
            .as_ref()
            .and_then(WebhookWatch::last)
            .filter(|health| health.wanted > 0)
            .map(Webhooks::from),
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

    #[test]
    fn silent_webhooks_are_told_without_an_error() {
        let health = WebhookHealth {
            wanted: 3,
            standing: 3,
            lag: Some(chrono::TimeDelta::seconds(2)),
            last_delivery_at: chrono::DateTime::from_timestamp(1_795_000_000, 0),
            ..WebhookHealth::default()
        };
        let shown = serde_json::to_value(Webhooks::from(health.clone())).unwrap();
        let expected = json!({
            "wanted": 3, "standing": 3, "last_delivery_at": "2026-11-18T11:06:40Z", "lag_seconds": 2, "silent": [],
        });
        assert_eq!(shown, expected);
        let silent = crate::webhooks::Silence {
            doc_type: "file".into(),
            changes: 1,
            since: chrono::DateTime::UNIX_EPOCH,
            last_delivery_at: None,
        };
        let shown = serde_json::to_value(Webhooks::from(WebhookHealth {
            silent: vec![silent],
            ..health
        }))
        .unwrap();
        assert_eq!(shown["silent"], json!(["file"]));
        assert!(
            shown["advice"]
                .as_str()
                .unwrap()
                .contains("occ background-job:worker")
        );
        assert!(shown.get("error").is_none());
    }
}
