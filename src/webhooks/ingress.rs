//! The way of a delivery into the database: read, kept, and only then acknowledged.

use super::ingress_secrets::KnownSecrets;
use super::ingress_writer::{Arrival, HintWaker, IngressWriter};
use super::payload::{Delivery, IgnoredReason, PayloadError};
use super::{RegistrationId, RegistrationStore, WebhookSecret};
use crate::clock::SharedClock;
use crate::telemetry::record;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Deliveries that wait for the writer; more wait in their connections.
const WAITING: usize = 1_024;
/// Nextcloud waits 30 seconds and keeps everybody else's deliveries back meanwhile (facts §0 row 10).
const PATIENCE: Duration = Duration::from_secs(5);

/// What an [`Ingress`] is made of.
pub struct IngressParts {
    /// Who may deliver.
    pub registrations: RegistrationStore,
    /// Where hints are kept.
    pub pool: PgPool,
    /// Sources that are synced, by their names in the table `scans`; what is told of others is counted and dropped.
    pub sources: &'static [&'static str],
    /// Tells the worker that there are hints.
    pub waker: Arc<dyn HintWaker>,
    /// Time.
    pub clock: SharedClock,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// Kept: someone will look.
    Accepted,
    /// Counted and dropped.
    Ignored(IgnoredReason),
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// It is none.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// It could not be kept. Nextcloud does not repeat it; the next scan finds what it told.
    #[error("the delivery could not be kept: the database does not answer")]
    NotKept,
}

/// Takes deliveries. Cheap to clone.
#[derive(Clone)]
pub struct Ingress {
    secrets: KnownSecrets,
    sources: &'static [&'static str],
    clock: SharedClock,
    arrivals: mpsc::Sender<Arrival>,
}

impl std::fmt::Debug for Ingress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingress").finish_non_exhaustive()
    }
}

impl Ingress {
    /// An ingress, and the writer that must run beside it.
    pub fn new(parts: IngressParts) -> (Self, IngressWriter) {
        let (arrivals, waiting) = mpsc::channel(WAITING);
        let secrets = KnownSecrets::new(parts.registrations, parts.clock.clone());
        let ingress = Self {
            secrets,
            sources: parts.sources,
            clock: parts.clock.clone(),
            arrivals,
        };
        let writer = IngressWriter::new(waiting, parts.pool, parts.waker, parts.clock);
        (ingress, writer)
    }

    /// Who delivers with this `Authorization` header; `None` without a valid secret.
    ///
    /// # Errors
    /// [`IngressError::NotKept`] when nobody can tell now.
    pub async fn caller(&self, header: &str) -> Result<Option<RegistrationId>, IngressError> {
        let Some((id, secret)) = WebhookSecret::parse_header(header) else {
            return Ok(None);
        };
        match timeout(PATIENCE, self.secrets.accept(&id, &secret)).await {
            Ok(Ok(accepted)) => Ok(accepted.then_some(id)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the secret of a webhook cannot be checked");
                Err(IngressError::NotKept)
            }
            Err(_) => Err(IngressError::NotKept),
        }
    }

    /// Takes the body of a delivery. When this returns, its hints are committed.
    ///
    /// # Errors
    /// [`IngressError`]: nothing was kept.
    pub async fn receive(&self, caller: &RegistrationId, body: &[u8]) -> Result<Receipt, IngressError> {
        let received = self.take(caller, body).await;
        record::webhook(match &received {
            Ok(Receipt::Accepted) => "accepted",
            Ok(Receipt::Ignored(reason)) => reason.as_str(),
            Err(IngressError::Payload(_)) => "malformed",
            Err(IngressError::NotKept) => "not_kept",
        });
        received
    }

    async fn take(&self, caller: &RegistrationId, body: &[u8]) -> Result<Receipt, IngressError> {
        let delivery = Delivery::parse(body, self.sources)?;
        if let Some(happened_at) = delivery.happened_at {
            let lag = self.clock.now() - happened_at;
            // Nextcloud's clock may be ahead.
            record::webhook_lag(lag.to_std().unwrap_or_default());
        }
        let ignored = delivery.hints.as_ref().err().copied();
        let (done, answer) = oneshot::channel();
        let arrival = Arrival {
            registration: caller.as_str().to_owned(),
            event: delivery.event,
            happened_at: delivery.happened_at,
            told: delivery.told,
            hints: delivery.hints.unwrap_or_default(),
            done,
        };
        let keeping = async {
            self.arrivals.send(arrival).await.ok()?;
            answer.await.ok()
        };
        match (timeout(PATIENCE, keeping).await, ignored) {
            // Nothing had to be kept of it.
            (_, Some(reason)) => Ok(Receipt::Ignored(reason)),
            (Ok(Some(true)), None) => Ok(Receipt::Accepted),
            (Ok(Some(false)), None) => Ok(Receipt::Ignored(IgnoredReason::NotSynced)),
            (Ok(None) | Err(_), None) => Err(IngressError::NotKept),
        }
    }
}
