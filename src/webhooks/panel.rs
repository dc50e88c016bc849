//! What an administrator sees of webhooks: each preset with what became of it.

use super::catalogue::{PRESETS, Preset};
use super::health::{WebhookHealth, lag};
use super::presets::companions_of;
use super::registration::{EventSelector, Registration, RegistrationState, WantedBy};
use super::{WebhookError, Webhooks};
use crate::auth::Principal;
use crate::ids::UserId;
use crate::sync::unannounced_changes;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// How much of a preset stands at Nextcloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchState {
    /// All of it.
    On,
    /// Some of it, or all of it is asked for and not all stands.
    Partly,
    /// Nothing of it is asked for.
    Off,
}

/// A preset and what became of it.
#[derive(Debug, Clone)]
pub struct PresetView {
    /// Which.
    pub preset: &'static Preset,
    /// How much of it stands.
    pub state: SwitchState,
    /// Whether its app is enabled; `None`: Nextcloud did not say.
    pub app_is_enabled: Option<bool>,
    /// When the last delivery of one of its events came.
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// How long that one took from its event.
    pub lag: Option<TimeDelta>,
    /// How many deliveries came.
    pub deliveries: i64,
    /// In whose names it stands.
    pub owners: BTreeSet<UserId>,
    /// Why it does not stand as it should, each reason once.
    pub problems: BTreeSet<String>,
}

/// What an administrator sees.
#[derive(Debug, Clone)]
pub struct WebhookPanel {
    /// Every preset.
    pub presets: Vec<PresetView>,
    /// How webhooks do altogether.
    pub health: WebhookHealth,
    /// Where Nextcloud delivers to.
    pub receiver: String,
    /// Something is known to stand otherwise than asked for.
    pub is_unsettled: bool,
}

impl Webhooks {
    /// What `principal` sees, who must be allowed to manage webhooks by Nextcloud, asked now.
    ///
    /// # Errors
    /// [`WebhookError::Forbidden`] for whoever is no administrator, [`WebhookError::ConsentNeeded`] for whoever cannot
    /// be asked about.
    pub async fn panel(&self, principal: &Principal) -> Result<WebhookPanel, WebhookError> {
        let manager = self.manager(principal.user(), false).await?;
        let apps = manager.session.shown_apps().await.ok();
        let rows = self.parts.store.all().await?;
        let standing: BTreeSet<i64> = manager.standing.iter().map(|webhook| webhook.id).collect();
        let unannounced = unannounced_changes(&self.parts.pool).await?;
        Ok(WebhookPanel {
            presets: PRESETS
                .iter()
                .map(|preset| view(preset, &rows, &standing, apps.as_ref()))
                .collect(),
            health: WebhookHealth::of(&rows, unannounced, self.parts.clock.now()),
            receiver: self.parts.uris.registered().to_owned(),
            is_unsettled: rows
                .iter()
                .any(|row| row.state != RegistrationState::Active && row.state != RegistrationState::Refused),
        })
    }

    /// Whether webhooks stand in the name of `user`.
    ///
    /// # Errors
    /// [`WebhookError::Store`] when the database does not answer.
    pub async fn is_owner(&self, user: &UserId) -> Result<bool, WebhookError> {
        let rows = self.parts.store.all().await?;
        Ok(rows.iter().any(|row| row.owner == *user))
    }

    /// Whether Nextcloud, asked now, counts `user` among its administrators: for the case that the app of webhooks,
    /// which would say who may manage them, is not there.
    pub async fn is_administrator(&self, user: &UserId) -> bool {
        let Ok(session) = self.parts.credentials.session_for(user).await else {
            return false;
        };
        let answer = session.current_user().await;
        answer.is_ok_and(|found| found.id() == user && found.groups().iter().any(|group| group == "admin"))
    }
}

fn view(
    preset: &'static Preset,
    rows: &[Registration],
    standing: &BTreeSet<i64>,
    apps: Option<&BTreeSet<String>>,
) -> PresetView {
    let selectors = preset.selectors();
    let live = rows.iter().filter(|row| row.state != RegistrationState::Removing);
    let asked: Vec<&Registration> = live
        .clone()
        .filter(|row| row.wanted_by == WantedBy::User && selectors.contains(&row.selector))
        .collect();
    let is_there = |row: &&Registration| row.nextcloud_id.is_some_and(|id| standing.contains(&id));
    let stand = asked.iter().copied().filter(is_there).count();
    let state = match (asked.len(), stand) {
        (0, _) => SwitchState::Off,
        (_, stand) if stand == selectors.len() => SwitchState::On,
        _ => SwitchState::Partly,
    };
    let beside: Vec<EventSelector> = companions_of(&selectors);
    let mut of_it = asked.clone();
    if state != SwitchState::Off {
        of_it.extend(
            live.filter(|row| row.wanted_by == WantedBy::Companion && beside.contains(&row.selector)),
        );
    }
    let last = of_it.iter().max_by_key(|row| row.last_delivery_at);
    PresetView {
        preset,
        state,
        // Files are always there.
        app_is_enabled: apps.map(|apps| preset.app == "files" || apps.contains(preset.app)),
        last_delivery_at: last.and_then(|row| row.last_delivery_at),
        lag: last.and_then(|row| lag(row)),
        deliveries: of_it.iter().map(|row| row.deliveries).sum(),
        owners: asked.iter().map(|row| row.owner.clone()).collect(),
        problems: asked.iter().filter_map(|row| row.problem.clone()).collect(),
    }
}
