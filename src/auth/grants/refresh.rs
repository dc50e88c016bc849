//! One refresh under its lease: what the token endpoint says becomes what the grant is good for (case T12).

use super::grant_state::GrantState;
use super::lease::{Failed, Lease, Refreshed};
use super::{GrantError, PendingRevocations, schedule};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::grants::grant_store::GrantStore;
use crate::auth::oidc::{
    ClientError, OAuthClient, ProviderProblem, TokenAnswer, TokenEndpoint, TokenFailure,
};
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use crate::telemetry::record;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the token endpoint: a quarter of the lease.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// Longest look-up of this server's client, before anything is sent.
const CLIENT_TIME_LIMIT: Duration = Duration::from_secs(10);

/// How often a result is written before it is given up. Losing it costs the user a new consent, so this may outlast the
/// lease: the write is fenced, and a [late](GrantStore::succeeded_late) one may still do.
const WRITES: u32 = 8;

/// Pause between two of them.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// After this long a grant whose token Nextcloud refused is tried again.
const REFUSED_FOR: TimeDelta = TimeDelta::hours(1);

/// A provider that gives no answer so long after the refresh token's end gives none any more: the `oidc` app may forgive
/// a few minutes (facts §0 row 4).
const OVER_FOR: TimeDelta = TimeDelta::hours(1);

/// Why a grant whose time is over is worth nothing.
const RAN_OUT: &str = "the consent ran out, because it could not be refreshed in time";

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The grant has new tokens.
    Refreshed,
    /// Tried again later.
    Delayed,
    /// Tried again later; such an answer is also what a deleted account gives (facts §0 row 9).
    Doubtful,
    /// Only the operator can help.
    OperatorActionRequired,
    /// Only a new consent can help.
    ReauthRequired,
    /// Another worker, a revocation or a new consent came in between.
    LeaseLost,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Delayed | Self::Doubtful => "delayed",
            Self::OperatorActionRequired => "operator_action_required",
            Self::ReauthRequired => "reauth_required",
            Self::LeaseLost => "lease_lost",
        }
    }
}

/// Refreshes claimed grants.
#[derive(Debug)]
pub(super) struct Refresher {
    pub(super) store: GrantStore,
    pub(super) pending: PendingRevocations,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    pub(super) endpoint: Arc<dyn TokenEndpoint>,
    pub(super) clients: Arc<dyn OAuthClient>,
    pub(super) audit: Arc<dyn AuditTrail>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// The token endpoint's, or on the way there.
    #[error(transparent)]
    Endpoint(#[from] TokenFailure),
    /// The grant's client is gone and another one is registered.
    #[error("this server's OAuth client was registered anew, which ends what was granted to the old one")]
    ClientReplaced,
    /// The refresh token does not open: the operator may bring the key back.
    #[error(transparent)]
    Unreadable(GrantError),
}

impl Refresher {
    /// Refreshes once and writes the result.
    pub(super) async fn run(&self, lease: Lease) -> Result<Outcome, GrantError> {
        let asked_at = self.clock.now();
        let answer = match self.store.refresh_token(&lease.grant) {
            Ok(refresh_token) => self.ask(&lease, &refresh_token).await,
            Err(error) => Err(Refusal::Unreadable(error)),
        };
        let outcome = match answer {
            Ok(answer) => self.take(&lease, &answer, asked_at).await?,
            Err(refusal) => self.note(&lease, &refusal).await?,
        };
        record::token_refresh(outcome.label());
        Ok(outcome)
    }

    async fn ask(&self, lease: &Lease, refresh_token: &SecretString) -> Result<TokenAnswer, Refusal> {
        let client_id = &lease.grant.client_id;
        let known = tokio::time::timeout(CLIENT_TIME_LIMIT, self.check_client(client_id)).await;
        known.map_err(|_| {
            TokenFailure::Unreachable("this server's OAuth client could not be looked up in time".to_owned())
        })??;
        let answer = tokio::time::timeout(TIME_LIMIT, self.endpoint.refresh(client_id, refresh_token)).await;
        Ok(answer.map_err(|_| TokenFailure::Uncertain("no answer in time".to_owned()))??)
    }

    /// A grant is worthless to any other client than its own (case O16).
    async fn check_client(&self, client_id: &str) -> Result<(), Refusal> {
        let known = self.clients.by_id(client_id).await.map_err(TokenFailure::from)?;
        if known.is_some() {
            return Ok(());
        }
        let current = self.clients.current().await.map_err(TokenFailure::from)?;
        if current.id == client_id {
            return Ok(());
        }
        Err(Refusal::ClientReplaced)
    }

    async fn take(
        &self,
        lease: &Lease,
        answer: &TokenAnswer,
        asked_at: DateTime<Utc>,
    ) -> Result<Outcome, GrantError> {
        let grant = &lease.grant;
        let told = schedule::refresh_expiry(asked_at, answer.refresh_expires_in);
        // A refresh token that stays keeps its end, unless a new one is told.
        let refresh_expires_at = match (&answer.refresh_token, told) {
            (None, None) => grant.refresh_expires_at,
            (_, told) => told,
        };
        let jitter = schedule::jitter(self.entropy.as_ref());
        let next = schedule::next_refresh(asked_at, refresh_expires_at, jitter);
        let refused_until = grant.refused_at.map(|at| at + REFUSED_FOR);
        // Only a refresh leads out of that state, so it does not wait for the end of a long window.
        let (state, due_at) = match refused_until.filter(|end| *end > asked_at) {
            Some(end) => (GrantState::OperatorActionRequired, next.min(end)),
            None => (GrantState::Active, next),
        };
        let refreshed = Refreshed {
            access_token: &answer.access_token,
            access_expires_at: schedule::access_expiry(asked_at, answer.expires_in),
            refresh_token: answer.refresh_token.as_ref(),
            refresh_expires_at,
            asked_at,
            due_at,
            state,
        };
        if self.store_answer(lease, &refreshed).await? {
            return Ok(Outcome::Refreshed);
        }
        self.give_back(lease, answer).await?;
        Ok(Outcome::LeaseLost)
    }

    async fn store_answer(&self, lease: &Lease, refreshed: &Refreshed<'_>) -> Result<bool, GrantError> {
        let mut writes = 1;
        loop {
            let written = match self.store.succeeded(lease, refreshed).await {
                Ok(false) if refreshed.refresh_token.is_some() => {
                    self.store.succeeded_late(lease, refreshed).await
                }
                written => written,
            };
            match written {
                Err(error) if writes < WRITES => {
                    tracing::warn!(%error, "the new refresh token could not be stored yet");
                    writes += 1;
                    tokio::time::sleep(WRITE_PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    /// The user revoked or consented anew during the refresh: the token that came of it must not live on.
    async fn give_back(&self, lease: &Lease, answer: &TokenAnswer) -> Result<(), GrantError> {
        if let Some(token) = &answer.refresh_token
            && !self.store.stands(lease).await?
        {
            let mut conn = self.store.pool.acquire().await.map_err(crate::db::DbError)?;
            let now = self.clock.now();
            self.pending
                .add_refresh_token(&mut conn, &lease.grant, token, now)
                .await?;
        }
        Ok(())
    }

    async fn note(&self, lease: &Lease, refusal: &Refusal) -> Result<Outcome, GrantError> {
        let now = self.clock.now();
        let (outcome, failed) = self.judge(lease, refusal, now);
        tracing::warn!(%refusal, outcome = outcome.label(), "a refresh failed");
        if !self.store.failed(lease, &failed, now).await? {
            return Ok(Outcome::LeaseLost);
        }
        if failed.state != lease.grant.state
            && matches!(
                failed.state,
                GrantState::ReauthRequired | GrantState::OperatorActionRequired
            )
        {
            self.tell(&lease.grant.uid, failed.reason, now).await;
        }
        Ok(outcome)
    }

    /// Writes down that a grant works no more.
    pub(super) async fn tell(&self, user: &UserId, reason: String, at: DateTime<Utc>) {
        self.audit
            .record(AuditEvent {
                at,
                action: AuditAction::RefreshFailed,
                actor: None,
                subject: Some(user.clone()),
                origin: AuditOrigin::default(),
                detail: Some(reason),
            })
            .await;
    }

    /// What a failure means for the grant.
    fn judge(&self, lease: &Lease, refusal: &Refusal, now: DateTime<Utc>) -> (Outcome, Failed) {
        let grant = &lease.grant;
        let jitter = schedule::jitter(self.entropy.as_ref());
        let later = |state, retry_after| Failed {
            state,
            reason: match grant.state {
                GrantState::OperatorActionRequired => grant.state_reason.clone().unwrap_or_default(),
                _ => refusal.to_string(),
            },
            due_at: Some(schedule::next_retry(
                now,
                grant.consecutive_failures + 1,
                retry_after,
                grant.refresh_expires_at,
                jitter,
            )),
        };
        let dead = |reason| Failed {
            state: GrantState::ReauthRequired,
            reason,
            due_at: None,
        };
        let unchanged = match grant.state {
            GrantState::OperatorActionRequired => GrantState::OperatorActionRequired,
            _ if lease.uncertain => GrantState::Uncertain,
            _ => GrantState::Active,
        };
        let failure = match refusal {
            Refusal::ClientReplaced => return (Outcome::ReauthRequired, dead(refusal.to_string())),
            Refusal::Endpoint(failure) => Some(failure),
            Refusal::Unreadable(_) => None,
        };
        match failure {
            Some(TokenFailure::InvalidGrant(said)) => {
                (Outcome::ReauthRequired, dead(why_dead(lease, said, now)))
            }
            Some(TokenFailure::Throttled { retry_after }) => {
                (Outcome::Delayed, later(unchanged, *retry_after))
            }
            // Nothing was used up.
            Some(
                TokenFailure::Unreachable(_)
                | TokenFailure::Client(
                    ClientError::Provider(ProviderProblem::Unreachable(_)) | ClientError::Store,
                ),
            ) => (Outcome::Delayed, later(unchanged, None)),
            Some(TokenFailure::Uncertain(_) | TokenFailure::InternalError(_))
                if grant.refresh_expires_at.is_some_and(|end| now - end >= OVER_FOR) =>
            {
                (Outcome::ReauthRequired, dead(RAN_OUT.to_owned()))
            }
            Some(failure @ (TokenFailure::Uncertain(_) | TokenFailure::InternalError(_))) => {
                let outcome = match failure {
                    TokenFailure::InternalError(_) => Outcome::Doubtful,
                    _ => Outcome::Delayed,
                };
                let state = match unchanged {
                    GrantState::OperatorActionRequired => unchanged,
                    _ => GrantState::Uncertain,
                };
                (outcome, later(state, None))
            }
            None
            | Some(TokenFailure::InvalidClient(_) | TokenFailure::Refused(_) | TokenFailure::Client(_)) => {
                let failed = Failed {
                    state: GrantState::OperatorActionRequired,
                    reason: refusal.to_string(),
                    due_at: Some(schedule::next_operator_retry(
                        now,
                        grant.refresh_expires_at,
                        jitter,
                    )),
                };
                (Outcome::OperatorActionRequired, failed)
            }
        }
    }
}

/// Why a refresh token is worth nothing any more, for its owner.
fn why_dead(lease: &Lease, said: &str, now: DateTime<Utc>) -> String {
    if lease.uncertain {
        "a refresh was cut short, and its result was lost".to_owned()
    } else if lease.grant.refresh_expires_at.is_some_and(|end| end <= now) {
        RAN_OUT.to_owned()
    } else {
        format!("the identity provider says that the consent has ended: {said}")
    }
}
