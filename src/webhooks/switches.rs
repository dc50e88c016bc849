//! Presets switched on and off as a whole, as an administrator does on the page.

use super::catalogue::Preset;
use super::registration::{Registration, RegistrationState, WantedBy};
use super::{Reconciled, WebhookError, Webhooks};
use crate::audit::AuditOrigin;
use crate::auth::Principal;
use crate::sync::changes_were_announced;

impl Webhooks {
    /// Registers what `preset` asks for, each once, and its companions.
    ///
    /// # Errors
    /// [`WebhookError`]; what stands by then stays, and what does not is asked for no more.
    pub async fn switch_on(
        &self,
        principal: &Principal,
        preset: &Preset,
        origin: &AuditOrigin,
    ) -> Result<(), WebhookError> {
        self.alone(self.switch_on_alone(principal, preset, origin)).await
    }

    async fn switch_on_alone(
        &self,
        principal: &Principal,
        preset: &Preset,
        origin: &AuditOrigin,
    ) -> Result<(), WebhookError> {
        let manager = self.manager(principal.user(), true).await?;
        let (store, user) = (&self.parts.store, principal.user());
        let now = self.parts.clock.now();
        let mut asked = Vec::new();
        for selector in preset.selectors() {
            asked.push(store.want(user, &selector, WantedBy::User, now).await?.id);
        }
        self.counting_begins_anew(preset.doc_types()).await?;
        self.settle_companions(user).await?;
        let done = self.carry_out(&manager, &[]).await;
        let rows = store.all().await?;
        let missing: Vec<&Registration> = rows
            .iter()
            .filter(|row| asked.contains(&row.id) && row.nextcloud_id.is_none())
            .collect();
        let refused = missing
            .iter()
            .find(|row| row.state == RegistrationState::Refused)
            .map(|row| WebhookError::Refused(row.problem.clone().unwrap_or_default()));
        for row in &missing {
            store.unwant(&row.id).await?;
        }
        if !missing.is_empty() {
            self.forget_what_never_stood(user).await?;
        }
        if missing.len() < asked.len() {
            self.record(
                Some(principal),
                origin,
                format!("switched the preset {} on", preset.id),
            )
            .await;
        }
        done?;
        match refused {
            Some(error) => Err(error),
            None if missing.is_empty() => Ok(()),
            None => Err(WebhookError::Busy),
        }
    }

    /// Removes what `preset` asks for, and the companions that only it needed.
    ///
    /// # Errors
    /// [`WebhookError`]; what is not removed yet will be.
    pub async fn switch_off(
        &self,
        principal: &Principal,
        preset: &Preset,
        origin: &AuditOrigin,
    ) -> Result<(), WebhookError> {
        self.alone(self.switch_off_alone(principal, preset, origin)).await
    }

    async fn switch_off_alone(
        &self,
        principal: &Principal,
        preset: &Preset,
        origin: &AuditOrigin,
    ) -> Result<(), WebhookError> {
        let manager = self.manager(principal.user(), true).await?;
        let selectors = preset.selectors();
        for row in self.parts.store.all().await? {
            if row.wanted_by == WantedBy::User && selectors.contains(&row.selector) {
                self.parts.store.unwant(&row.id).await?;
            }
        }
        self.settle_companions(principal.user()).await?;
        let done = self.carry_out(&manager, &[]).await;
        self.record(
            Some(principal),
            origin,
            format!("switched the preset {} off", preset.id),
        )
        .await;
        done.map(drop)
    }

    /// Does now what the job does every ten minutes, for an administrator who does not want to wait.
    ///
    /// # Errors
    /// [`WebhookError`], also for whoever may not manage webhooks.
    pub async fn put_right(&self, principal: &Principal) -> Result<Reconciled, WebhookError> {
        self.manager(principal.user(), false).await?;
        self.reconcile().await
    }

    /// From now on silence counts: what was saved before, nobody had to tell.
    pub(super) async fn counting_begins_anew(&self, doc_types: &[&str]) -> Result<(), WebhookError> {
        let mut connection = self.parts.pool.acquire().await?;
        Ok(changes_were_announced(&mut connection, doc_types).await?)
    }
}
