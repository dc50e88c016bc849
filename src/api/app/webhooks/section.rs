//! What stands on the page, and for whom.

use super::advice::{Advice, advice};
use super::line::PresetLine;
use crate::api::pages::{PagesState, Session};
use crate::auth::CredentialError;
use crate::auth::access::UserAccess;
use crate::auth::browser::{Form, form_token};
use crate::ids::UserId;
use crate::sync::sources::SOURCES;
use crate::webhooks::{WebhookError, WebhookPanel, Webhooks};
use std::time::Duration;
use tokio::time::timeout;

/// The rest of the page does not wait longer for Nextcloud.
const PATIENCE: Duration = Duration::from_secs(8);

/// The panel as it stands on the page.
#[derive(Debug)]
pub(in crate::api::app) struct WebhookSection {
    pub(in crate::api::app) advice: Vec<Advice>,
    pub(in crate::api::app) presets: Vec<PresetLine>,
    /// Where Nextcloud delivers to; empty where nothing can be told.
    pub(in crate::api::app) receiver: String,
    /// Hidden field of its forms.
    pub(in crate::api::app) token: String,
}

/// The panel for `session`; `None` for whoever has no say in webhooks.
pub(in crate::api::app) async fn section(state: &PagesState, session: &Session) -> Option<WebhookSection> {
    let parts = state.parts();
    let webhooks = parts.webhooks.as_ref()?;
    let user = session.principal.user();
    let asked = timeout(PATIENCE, webhooks.panel(&session.principal)).await;
    let only = |advice: Advice| WebhookSection {
        advice: vec![advice],
        presets: Vec::new(),
        receiver: String::new(),
        token: form_token(&session.token, Form::Webhooks),
    };
    match asked {
        Ok(Ok(panel)) => {
            let ended = ended(&*parts.access, &panel).await;
            let mut all = advice(&panel);
            if !ended.is_empty() {
                all.insert(0, Advice::adoption(&ended));
            }
            Some(WebhookSection {
                advice: all,
                presets: panel
                    .presets
                    .iter()
                    .map(|view| PresetLine::new(view, SOURCES))
                    .collect(),
                receiver: panel.receiver,
                token: form_token(&session.token, Form::Webhooks),
            })
        }
        Ok(Err(WebhookError::Forbidden(_))) => None,
        Ok(Err(WebhookError::ConsentNeeded | WebhookError::Credential(CredentialError::Unusable(_)))) => {
            is_owner(webhooks, user)
                .await
                .then(|| only(Advice::own_consent_ended()))
        }
        Ok(Err(WebhookError::NoApp)) => webhooks
            .is_administrator(user)
            .await
            .then(|| only(Advice::no_app())),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the panel of webhooks cannot be shown");
            is_owner(webhooks, user)
                .await
                .then(|| only(Advice::unreachable()))
        }
        Err(_) => is_owner(webhooks, user)
            .await
            .then(|| only(Advice::unreachable())),
    }
}

/// Whoever asks without an answer of Nextcloud is shown something only if webhooks stand in their name.
async fn is_owner(webhooks: &Webhooks, user: &UserId) -> bool {
    webhooks.is_owner(user).await.unwrap_or(false)
}

/// Whose consent has ended, of those in whose names webhooks stand.
async fn ended(access: &dyn UserAccess, panel: &WebhookPanel) -> Vec<UserId> {
    let owners = panel.presets.iter().flat_map(|view| &view.owners);
    let owners: std::collections::BTreeSet<&UserId> = owners.collect();
    let mut ended = Vec::new();
    for owner in owners {
        if access
            .status(owner)
            .await
            .is_ok_and(|status| !status.is_provisioned())
        {
            ended.push(owner.clone());
        }
    }
    ended
}
