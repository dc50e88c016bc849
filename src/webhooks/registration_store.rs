//! The table `webhook_registrations`.

use super::registration::{EventSelector, Registration, RegistrationId, RegistrationState, WantedBy};
use super::secret::{SecretHashes, WebhookSecret};
use crate::crypto::{EnvelopeContext, EnvelopeError, Keyring};
use crate::db::DbError;
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;

/// A registration could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The secret cannot be opened.
    #[error("the secret of a webhook registration: {0}")]
    Envelope(#[from] EnvelopeError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DbError(error))
    }
}

/// Registrations and their secrets. Cheap to clone.
#[derive(Clone)]
pub struct RegistrationStore {
    pool: PgPool,
    keyring: Keyring,
    entropy: SharedEntropy,
}

impl std::fmt::Debug for RegistrationStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrationStore").finish_non_exhaustive()
    }
}

struct Row {
    id: String,
    owner_uid: String,
    event: String,
    event_filter: Option<Value>,
    wanted_by: String,
    nextcloud_id: Option<i64>,
    state: String,
    problem: Option<String>,
    problem_since: Option<DateTime<Utc>>,
    last_delivery_at: Option<DateTime<Utc>>,
    last_event_at: Option<DateTime<Utc>>,
    deliveries: i64,
    created_at: DateTime<Utc>,
}

impl From<Row> for Registration {
    fn from(row: Row) -> Self {
        Self {
            id: RegistrationId::new(row.id),
            owner: UserId::new(row.owner_uid),
            selector: EventSelector::known(&row.event, row.event_filter),
            wanted_by: WantedBy::parse(&row.wanted_by),
            nextcloud_id: row.nextcloud_id,
            state: RegistrationState::parse(&row.state),
            problem: row.problem,
            problem_since: row.problem_since,
            last_delivery_at: row.last_delivery_at,
            last_event_at: row.last_event_at,
            deliveries: row.deliveries,
            created_at: row.created_at,
        }
    }
}

/// Every registration, oldest first. Nothing of it is secret.
pub(super) async fn registrations(pool: &PgPool) -> Result<Vec<Registration>, DbError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, owner_uid, event, event_filter, wanted_by, nextcloud_id, state, problem, problem_since,
                last_delivery_at, last_event_at, deliveries, created_at
         from webhook_registrations order by created_at, event, id"
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Registration::from).collect())
}

impl RegistrationStore {
    /// A store over `pool`; secrets are sealed with `keyring`.
    pub fn new(pool: PgPool, keyring: Keyring, entropy: SharedEntropy) -> Self {
        Self {
            pool,
            keyring,
            entropy,
        }
    }

    /// Every registration, oldest first.
    pub async fn all(&self) -> Result<Vec<Registration>, StoreError> {
        Ok(registrations(&self.pool).await?)
    }

    /// What the deliveries of a registration are checked against; `None` when there is no such registration.
    pub async fn secrets(&self, id: &RegistrationId) -> Result<Option<SecretHashes>, StoreError> {
        Ok(sqlx::query_as!(
            SecretHashes,
            "select secret_hash as current, previous_secret_hash as previous, previous_until
             from webhook_registrations where id = $1",
            id.as_str()
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Puts on record that `selector` is wanted, once whatever the number of calls. One that was to be removed is kept;
    /// what a user asks for is no companion any more.
    pub async fn want(
        &self,
        owner: &UserId,
        selector: &EventSelector,
        wanted_by: WantedBy,
        now: DateTime<Utc>,
    ) -> Result<Registration, StoreError> {
        let (id, secret) = (
            RegistrationId::random(self.entropy.as_ref()),
            WebhookSecret::random(self.entropy.as_ref()),
        );
        let (hash, sealed) = (secret.hash(), self.keyring.seal(context(&id), secret.text()));
        let row = sqlx::query_as!(
            Row,
            "insert into webhook_registrations
                 (id, owner_uid, event, event_filter, wanted_by, secret_hash, secret, secret_since, state, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $8)
             on conflict (event, md5(coalesce(event_filter::text, ''))) do update
             set wanted_by = case when excluded.wanted_by = 'user' then 'user'
                                  else webhook_registrations.wanted_by end,
                 state = case webhook_registrations.state
                             when 'removing' then
                                 case when webhook_registrations.nextcloud_id is null then 'pending' else 'stale' end
                             when 'refused' then
                                 case when excluded.wanted_by = 'user' then 'pending' else 'refused' end
                             else webhook_registrations.state end
             returning id, owner_uid, event, event_filter, wanted_by, nextcloud_id, state, problem, problem_since,
                       last_delivery_at, last_event_at, deliveries, created_at",
            id.as_str(),
            owner.as_str(),
            selector.event(),
            selector.filter(),
            wanted_by.name(),
            hash.as_slice(),
            sealed,
            now
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(row.into())
    }

    /// From now on `wanted_by` and nobody else wants it.
    pub async fn set_wanted_by(&self, id: &RegistrationId, wanted_by: WantedBy) -> Result<(), StoreError> {
        sqlx::query!(
            "update webhook_registrations set wanted_by = $2 where id = $1",
            id.as_str(),
            wanted_by.name()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Puts on record that it is not wanted any more.
    pub async fn unwant(&self, id: &RegistrationId) -> Result<(), StoreError> {
        sqlx::query!(
            "update webhook_registrations set state = 'removing' where id = $1",
            id.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The secret that a registration is to have at Nextcloud; `None` when there is no such registration.
    pub async fn secret(&self, id: &RegistrationId) -> Result<Option<WebhookSecret>, StoreError> {
        let sealed = sqlx::query_scalar!(
            "select secret from webhook_registrations where id = $1",
            id.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        sealed
            .map(|sealed| Ok(WebhookSecret::stored(self.keyring.open(context(id), &sealed)?)))
            .transpose()
    }

    /// It stands at Nextcloud in the name of `owner` with the secret whose hash is `sent`. The secret before it ends at
    /// `previous_until`. `false` when nobody wants it any more, so that it has to be removed again.
    pub async fn standing(
        &self,
        id: &RegistrationId,
        nextcloud_id: i64,
        owner: &UserId,
        sent: &[u8; 32],
        previous_until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let state = sqlx::query_scalar!(
            "update webhook_registrations
             set nextcloud_id = $2, owner_uid = $3, problem = null, problem_since = null,
                 previous_until = case when previous_secret_hash is null or secret_hash <> $4 then previous_until
                                       else coalesce(previous_until, $5) end,
                 state = case when state = 'removing' then 'removing'
                              when secret_hash <> $4 then 'stale' else 'active' end
             where id = $1 returning state",
            id.as_str(),
            nextcloud_id,
            owner.as_str(),
            sent.as_slice(),
            previous_until
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(state.is_some_and(|state| state != "removing"))
    }

    /// It does not stand at Nextcloud under `nextcloud_id` any more: one that is not wanted is forgotten, another is to
    /// be made again.
    pub async fn gone(&self, id: &RegistrationId, nextcloud_id: Option<i64>) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from webhook_registrations
             where id = $1 and state = 'removing' and nextcloud_id is not distinct from $2",
            id.as_str(),
            nextcloud_id
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "update webhook_registrations set nextcloud_id = null, state = 'pending'
             where id = $1 and state <> 'refused' and nextcloud_id is not distinct from $2",
            id.as_str(),
            nextcloud_id
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Puts on record why it does not stand as it should; `refused`: Nextcloud does not know the event.
    pub async fn problem(
        &self,
        id: &RegistrationId,
        text: &str,
        refused: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update webhook_registrations
             set problem_since = case when problem = $2 and not $3 then problem_since else $4 end, problem = $2,
                 state = case when $3 and state = 'pending' then 'refused' else state end
             where id = $1",
            id.as_str(),
            text,
            refused,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What does not stand at Nextcloud goes over from `retired` to `owner`; what stands does when it is registered anew.
    pub async fn hand_over(&self, retired: &[UserId], owner: &UserId) -> Result<(), StoreError> {
        let retired: Vec<String> = retired.iter().map(ToString::to_string).collect();
        sqlx::query!(
            "update webhook_registrations set owner_uid = $2 where owner_uid = any($1) and nextcloud_id is null",
            &retired,
            owner.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives new secrets to those whose secret is older than `before`; the old ones stay good until Nextcloud has the
    /// new ones, and a while longer. Returns how many.
    pub async fn rotate(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let due = sqlx::query_scalar!(
            "select id from webhook_registrations where state = 'active' and secret_since < $1",
            before
        )
        .fetch_all(&self.pool)
        .await?;
        let mut rotated = 0;
        for id in due.into_iter().map(RegistrationId::new) {
            let secret = WebhookSecret::random(self.entropy.as_ref());
            let (hash, sealed) = (secret.hash(), self.keyring.seal(context(&id), secret.text()));
            let updated = sqlx::query!(
                "update webhook_registrations
                 set previous_secret_hash = secret_hash, previous_until = null, secret_hash = $2, secret = $3,
                     secret_since = $4, state = 'stale'
                 where id = $1 and state = 'active' and secret_since < $5",
                id.as_str(),
                hash.as_slice(),
                sealed,
                now,
                before
            )
            .execute(&self.pool)
            .await?;
            rotated += usize::from(updated.rows_affected() > 0);
        }
        Ok(rotated)
    }
}

fn context(id: &RegistrationId) -> EnvelopeContext<'_> {
    EnvelopeContext {
        user: id.as_str(),
        table: "webhook_registrations",
        column: "secret",
    }
}
