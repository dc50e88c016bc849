//! Webhooks of Nextcloud: what was asked for at Nextcloud, what it tells us, and what we make of it.
//!
//! | file | concept |
//! |---|---|
//! | `registration`, `registration_store` | what was asked for, on the asker's behalf, and kept as it was asked for |
//! | `catalogue`, `presets` | what is switched on and off together, and what stands beside it |
//! | `switches`, `panel` | a preset switched, and what an administrator sees of it |
//! | `health` | whether deliveries come, how late, and what to do where they do not |
//! | `secret` | what a delivery is believed by |
//! | `payload`, `told` | what a delivery says, and of which source |
//! | `hints` | what is kept of it until someone looks |
//! | `ingress`, `ingress_writer`, `ingress_secrets` | from a delivery to a durable row |
//! | `effect` | from the rows to scans |
//!
//! Nextcloud neither deduplicates nor validates registrations, and has no notion of whose they are (facts §5); the
//! table behind [`RegistrationStore`] does.
//!
//! A delivery is a hint and nothing more: it chooses whose scan runs sooner. What exists, who reads it and what is gone
//! is concluded from that user's own view of Nextcloud (DESIGN §3, Change detection). So a forged or repeated delivery
//! costs a request, and a lost one costs the time until the next scan.

mod catalogue;
mod effect;
mod error;
mod health;
mod hints;
mod ingress;
mod ingress_secrets;
mod ingress_writer;
mod lock;
mod panel;
mod payload;
mod plan;
mod presets;
mod reconcile;
mod registration;
mod registration_store;
mod secret;
mod service;
mod switches;
mod told;
mod uris;

#[cfg(test)]
pub(crate) mod tests;

pub use catalogue::{PRESETS, Preset};
pub use effect::{EffectError, HintEffect};
pub use error::WebhookError;
pub use health::{
    LOCAL_COMMAND, RegistrationProblem, Silence, WORKER_COMMAND, WebhookHealth, WebhookWatch, is_local,
};
pub use hints::Hint;
pub use ingress::{Ingress, IngressError, IngressParts, Receipt};
pub use ingress_writer::{HintWaker, IngressWriter};
pub use panel::{PresetView, SwitchState, WebhookPanel};
pub use payload::{Delivery, IgnoredReason, PayloadError};
pub use reconcile::{DueWebhooks, Reconciled};
pub use registration::{
    EventSelector, Registration, RegistrationId, RegistrationState, SelectorError, WantedBy,
};
pub use registration_store::{RegistrationStore, StoreError};
pub use secret::{SecretHashes, WebhookSecret};
pub use service::{Webhooks, WebhooksParts};
pub use told::Told;
pub use uris::WebhookUris;
