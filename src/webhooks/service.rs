//! Webhooks on behalf of administrators, with their own stored credentials.

use super::catalogue::announced_by;
use super::lock::ChangeLock;
use super::plan::{Step, plan};
use super::presets::companions_of;
use super::registration::{EventSelector, Registration, RegistrationState, WantedBy};
use super::{RegistrationStore, WebhookError, WebhookUris};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::{CredentialProvider, Principal, Rejection};
use crate::clock::SharedClock;
use crate::ids::UserId;
use crate::nextcloud::{NewWebhook, NextcloudError, UserSession, Webhook};
use chrono::TimeDelta;
use sqlx::PgPool;
use std::sync::Arc;

/// How long a previous secret stays good once Nextcloud has the new one: its queue may be behind.
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// What [`Webhooks`] works with.
pub struct WebhooksParts {
    /// The database of `store`.
    pub pool: PgPool,
    /// What was asked for.
    pub store: RegistrationStore,
    /// Where Nextcloud delivers to.
    pub uris: WebhookUris,
    /// Whoever consented.
    pub credentials: Arc<dyn CredentialProvider>,
    /// Who did what.
    pub audit: Arc<dyn AuditTrail>,
    /// Time.
    pub clock: SharedClock,
}

/// Registers, lists and deletes webhooks at Nextcloud, and keeps them as they were asked for. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    pub(super) parts: Arc<WebhooksParts>,
    pub(super) lock: ChangeLock,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks")
            .field("uris", &self.parts.uris)
            .finish_non_exhaustive()
    }
}

/// Somebody who can manage webhooks now, because Nextcloud has just listed them.
pub(super) struct Manager {
    pub(super) user: UserId,
    pub(super) session: UserSession,
    pub(super) standing: Vec<Webhook>,
}

impl Webhooks {
    /// Over `parts`.
    pub fn new(parts: WebhooksParts) -> Self {
        Self {
            lock: ChangeLock::new(parts.pool.clone()),
            parts: Arc::new(parts),
        }
    }

    /// The table behind it: for the panel and the ingress.
    pub fn store(&self) -> &RegistrationStore {
        &self.parts.store
    }

    /// What administrators asked for and stands at Nextcloud now. Companions are left out: they come and go with it.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<Webhook>, WebhookError> {
        let manager = self.manager(principal.user(), false).await?;
        let wanted = self.parts.store.all().await?;
        Ok(manager
            .standing
            .into_iter()
            .filter(|webhook| wanted.iter().any(|row| shows(row, webhook.id)))
            .collect())
    }

    /// Registers `selector` and its companions, once whatever the number of calls.
    ///
    /// # Errors
    /// [`WebhookError`]; then nothing more is asked for than before.
    pub async fn register(
        &self,
        principal: &Principal,
        selector: &EventSelector,
        origin: &AuditOrigin,
    ) -> Result<Webhook, WebhookError> {
        self.alone(self.register_alone(principal, selector, origin)).await
    }

    async fn register_alone(
        &self,
        principal: &Principal,
        selector: &EventSelector,
        origin: &AuditOrigin,
    ) -> Result<Webhook, WebhookError> {
        let manager = self.manager(principal.user(), true).await?;
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let row = store
            .want(principal.user(), selector, WantedBy::User, now)
            .await?;
        self.settle_companions(principal.user()).await?;
        let done = self.carry_out(&manager, &[]).await;
        let stands = store.all().await?.into_iter().find(|now| now.id == row.id);
        let problem = match (done, stands) {
            (
                _,
                Some(Registration {
                    state: RegistrationState::Active,
                    nextcloud_id: Some(id),
                    ..
                }),
            ) => {
                if row.nextcloud_id.is_none() {
                    self.counting_begins_anew(announced_by(selector)).await?;
                    self.record(
                        Some(principal),
                        origin,
                        format!("registered {}", selector.event()),
                    )
                    .await;
                }
                return Ok(webhook_of(
                    id,
                    principal.user(),
                    selector,
                    self.parts.uris.registered(),
                ));
            }
            (
                _,
                Some(Registration {
                    state: RegistrationState::Refused,
                    problem,
                    ..
                }),
            ) => WebhookError::Refused(problem.unwrap_or_default()),
            (Err(error), _) => error,
            (Ok(_), _) => WebhookError::Busy,
        };
        if row.nextcloud_id.is_none() {
            store.unwant(&row.id).await?;
            self.forget_what_never_stood(principal.user()).await?;
        }
        Err(problem)
    }

    /// Waits until no other process changes webhooks, and keeps them from it meanwhile.
    pub(super) async fn alone<T>(
        &self,
        change: impl Future<Output = Result<T, WebhookError>>,
    ) -> Result<T, WebhookError> {
        let changing = self.lock.wait().await?;
        let changed = change.await;
        changing.end().await;
        changed
    }

    /// Rows that are not wanted any more and stand nowhere need no request.
    pub(super) async fn forget_what_never_stood(&self, owner: &UserId) -> Result<(), WebhookError> {
        self.settle_companions(owner).await?;
        for row in self.parts.store.all().await? {
            if row.state == RegistrationState::Removing && row.nextcloud_id.is_none() {
                self.parts.store.gone(&row.id, None).await?;
            }
        }
        Ok(())
    }

    /// Removes the webhook that Nextcloud knows by `id`, and the companions that only it needed.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`] for another's webhook, a companion and none at all alike.
    pub async fn remove(
        &self,
        principal: &Principal,
        id: i64,
        origin: &AuditOrigin,
    ) -> Result<(), WebhookError> {
        self.alone(self.remove_alone(principal, id, origin)).await
    }

    async fn remove_alone(
        &self,
        principal: &Principal,
        id: i64,
        origin: &AuditOrigin,
    ) -> Result<(), WebhookError> {
        let manager = self.manager(principal.user(), true).await?;
        let wanted = self.parts.store.all().await?;
        let row = wanted
            .iter()
            .find(|row| shows(row, id))
            .ok_or(WebhookError::NotFound)?;
        self.parts.store.unwant(&row.id).await?;
        self.settle_companions(principal.user()).await?;
        let done = self.carry_out(&manager, &[]).await;
        self.record(
            Some(principal),
            origin,
            format!("removed {}", row.selector.event()),
        )
        .await;
        done.map(drop)
    }

    /// `user`, if they have a credential and Nextcloud lets them manage webhooks; both are found out by listing them,
    /// with `everywhere` also at addresses that are registered no more.
    pub(super) async fn manager(&self, user: &UserId, everywhere: bool) -> Result<Manager, WebhookError> {
        let credentials = &self.parts.credentials;
        let mut superseded = false;
        loop {
            let session = credentials.session_for(user).await?;
            match self.standing(&session, everywhere).await {
                Ok(standing) => {
                    return Ok(Manager {
                        user: user.clone(),
                        session,
                        standing,
                    });
                }
                Err(NextcloudError::Unauthorized) => {
                    let rejection = credentials.rejected(user).await?;
                    if rejection == Rejection::Dropped || superseded {
                        return Err(WebhookError::ConsentNeeded);
                    }
                    superseded = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn standing(
        &self,
        session: &UserSession,
        everywhere: bool,
    ) -> Result<Vec<Webhook>, NextcloudError> {
        let uris = &self.parts.uris;
        let mut standing = session.webhooks(uris.registered()).await?;
        if everywhere {
            for uri in uris.others() {
                standing.extend(session.webhooks(uri).await?);
            }
        }
        // The filter is Nextcloud's; what has another address is not ours, whoever says so.
        standing.retain(|webhook| {
            webhook.uri == uris.registered() || uris.others().any(|uri| uri == webhook.uri)
        });
        Ok(standing)
    }

    /// Puts on record what stands beside what administrators ask for, and nothing else.
    pub(super) async fn settle_companions(&self, owner: &UserId) -> Result<(), WebhookError> {
        let store = &self.parts.store;
        let rows = store.all().await?;
        let live = |row: &&Registration| row.state != RegistrationState::Removing;
        let asked: Vec<EventSelector> = rows
            .iter()
            .filter(live)
            .filter(|row| row.wanted_by == WantedBy::User)
            .map(|row| row.selector.clone())
            .collect();
        let companions = companions_of(&asked);
        for row in rows.iter().filter(live) {
            if row.wanted_by == WantedBy::Companion && !companions.contains(&row.selector) {
                store.unwant(&row.id).await?;
            }
        }
        let now = self.parts.clock.now();
        for companion in &companions {
            let row = store.want(owner, companion, WantedBy::Companion, now).await?;
            // What a user took back is still needed beside something else.
            if row.wanted_by == WantedBy::User && !asked.contains(companion) {
                store.set_wanted_by(&row.id, WantedBy::Companion).await?;
            }
        }
        Ok(())
    }

    /// Makes Nextcloud's webhooks what the table says; those of `retired` owners become the manager's. How many steps
    /// that took.
    pub(super) async fn carry_out(
        &self,
        manager: &Manager,
        retired: &[UserId],
    ) -> Result<usize, WebhookError> {
        let mut rows = self.parts.store.all().await?;
        rows.sort_by_key(|row| row.wanted_by == WantedBy::Companion);
        let now = self.parts.clock.now();
        let steps = plan(
            &rows,
            &manager.standing,
            self.parts.uris.registered(),
            retired,
            now,
        );
        for step in &steps {
            self.carry_out_step(manager, step).await?;
        }
        Ok(steps.len())
    }

    async fn carry_out_step(&self, manager: &Manager, step: &Step<'_>) -> Result<(), WebhookError> {
        let store = &self.parts.store;
        match step {
            Step::Delete(id) => {
                manager.session.delete_webhook(*id).await?;
            }
            Step::Gone(row) => store.gone(&row.id, row.nextcloud_id).await?,
            Step::Create(row) | Step::Update(row, _) => {
                let Some(secret) = store.secret(&row.id).await? else {
                    return Ok(());
                };
                let new = NewWebhook {
                    uri: self.parts.uris.registered(),
                    event: row.selector.event(),
                    filter: row.selector.filter(),
                    authorization: secret.header(&row.id),
                };
                let made = match step {
                    Step::Update(_, id) => manager.session.update_webhook(*id, &new).await,
                    _ => manager.session.create_webhook(&new).await,
                };
                let now = self.parts.clock.now();
                match made.map_err(WebhookError::from) {
                    Ok(webhook) => {
                        let until = now + OVERLAP;
                        store
                            .standing(&row.id, webhook.id, &manager.user, &secret.hash(), until)
                            .await?;
                    }
                    // The others can stand without it.
                    Err(WebhookError::Refused(message)) => {
                        store.problem(&row.id, &message, true, now).await?;
                    }
                    Err(error) => {
                        store.problem(&row.id, &error.to_string(), false, now).await?;
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// A line in the audit trail.
    pub(super) async fn record(&self, actor: Option<&Principal>, origin: &AuditOrigin, detail: String) {
        self.parts
            .audit
            .record(AuditEvent {
                at: self.parts.clock.now(),
                action: AuditAction::WebhookRegistration,
                actor: actor.map(|principal| principal.user().clone()),
                subject: None,
                origin: origin.clone(),
                detail: Some(detail),
            })
            .await;
    }
}

/// Whether `row` is what an administrator sees under Nextcloud's `id`.
fn shows(row: &Registration, id: i64) -> bool {
    row.nextcloud_id == Some(id)
        && row.wanted_by == WantedBy::User
        && row.state != RegistrationState::Removing
}

fn webhook_of(id: i64, owner: &UserId, selector: &EventSelector, uri: &str) -> Webhook {
    Webhook::registered(id, owner.clone(), uri, selector.event(), selector.filter())
}
