//! The job that keeps Nextcloud's webhooks equal to what was asked for, whatever happened to them or to the consent of
//! the administrator who asked.

use super::registration::{Registration, RegistrationState};
use super::service::Manager;
use super::{WebhookError, Webhooks};
use crate::audit::AuditOrigin;
use crate::ids::UserId;
use chrono::TimeDelta;

/// A secret is replaced after this.
const SECRET_AGE: TimeDelta = TimeDelta::days(30);
/// How many users with a credential are tried as new managers in one go; which ones is left to chance.
const CANDIDATES: i64 = 10;
/// Shown at every webhook while nobody can manage them.
const NO_MANAGER: &str = "the consent of the administrator who registered it has ended, and no other administrator has \
     consented";

/// What a run of the job did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// Nothing is asked for.
    NothingAsked,
    /// Somebody else is at it.
    Busy,
    /// Nobody's consent can be used. The webhooks that stand go on delivering.
    NoManager,
    /// Nextcloud has what was asked for, after this many steps.
    Done(usize),
}

/// What is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DueWebhooks {
    /// Something is asked for.
    pub any: bool,
    /// Something is known to be otherwise than asked for.
    pub unsettled: bool,
}

impl Webhooks {
    /// What is due; asks only the database.
    pub async fn due(&self) -> Result<DueWebhooks, WebhookError> {
        let row = sqlx::query!(
            r#"select count(*) > 0 as "any!",
                      count(*) filter (where state in ('pending', 'stale', 'removing')) > 0 as "unsettled!"
               from webhook_registrations"#
        )
        .fetch_one(&self.parts.pool)
        .await?;
        Ok(DueWebhooks {
            any: row.any,
            unsettled: row.unsettled,
        })
    }

    /// Makes anew what is missing, removes doubles and leftovers of this server, replaces old secrets, and hands the
    /// webhooks of an administrator whose consent has ended to another one who consented.
    pub async fn reconcile(&self) -> Result<Reconciled, WebhookError> {
        let Some(changing) = self.lock.try_now().await? else {
            return Ok(Reconciled::Busy);
        };
        let reconciled = self.reconcile_alone().await;
        changing.end().await;
        reconciled
    }

    async fn reconcile_alone(&self) -> Result<Reconciled, WebhookError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let rows = store.all().await?;
        let Some(first) = rows.first() else {
            return Ok(Reconciled::NothingAsked);
        };
        self.settle_companions(&first.owner).await?;
        store.rotate(now - SECRET_AGE, now).await?;
        let (manager, retired) = self.find_manager(&rows).await?;
        let Some(manager) = manager else {
            for row in &rows {
                store.problem(&row.id, NO_MANAGER, false, now).await?;
            }
            return Ok(Reconciled::NoManager);
        };
        let steps = self.carry_out(&manager, &retired).await?;
        store.hand_over(&retired, &manager.user).await?;
        for owner in &retired {
            let detail = format!(
                "adopted the webhooks of {owner} by the consent of {}",
                manager.user
            );
            self.record(None, &AuditOrigin::default(), detail).await;
        }
        Ok(Reconciled::Done(steps))
    }

    /// Somebody who can manage webhooks: an owner, else any administrator who consented; and the owners who cannot any
    /// more.
    async fn find_manager(
        &self,
        rows: &[Registration],
    ) -> Result<(Option<Manager>, Vec<UserId>), WebhookError> {
        let mut owners: Vec<&UserId> = Vec::new();
        for row in rows
            .iter()
            .filter(|row| row.state != RegistrationState::Removing)
            .chain(rows)
        {
            if !owners.contains(&&row.owner) {
                owners.push(&row.owner);
            }
        }
        let (mut manager, mut retired) = (None, Vec::new());
        for owner in &owners {
            match self.manager(owner, true).await {
                Ok(found) => {
                    manager.get_or_insert(found);
                }
                Err(error) if error.is_of_the_account() => retired.push((*owner).clone()),
                Err(error) => return Err(error),
            }
        }
        if manager.is_some() {
            return Ok((manager, retired));
        }
        for candidate in self.candidates(&retired).await? {
            match self.manager(&candidate, true).await {
                Ok(found) => return Ok((Some(found), retired)),
                Err(error) if error.is_of_the_account() => {}
                Err(error) => return Err(error),
            }
        }
        Ok((None, retired))
    }

    async fn candidates(&self, besides: &[UserId]) -> Result<Vec<UserId>, WebhookError> {
        let besides: Vec<String> = besides.iter().map(ToString::to_string).collect();
        Ok(sqlx::query_scalar!(
            r#"select uid as "uid!: UserId" from (
                   select uid from grants where state in ('active', 'refreshing', 'uncertain')
                   union select uid from app_passwords) consented
               where uid <> all($1) order by random() limit $2"#,
            &besides,
            CANDIDATES
        )
        .fetch_all(&self.parts.pool)
        .await?)
    }
}
