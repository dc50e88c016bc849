//! The table `grants`. Tokens are sealed for user, table and column.

use super::grant_state::{Grant, GrantState};
use super::{GrantError, NewGrant, schedule};
use crate::crypto::{EnvelopeContext, Keyring};
use crate::db::DbError;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};

/// Name of the table in envelopes.
const TABLE: &str = "grants";

/// Grants in the database.
#[derive(Debug, Clone)]
pub(super) struct GrantStore {
    pub(super) pool: PgPool,
    keyring: Keyring,
}

impl GrantStore {
    pub(super) fn new(pool: PgPool, keyring: Keyring) -> Self {
        Self { pool, keyring }
    }

    /// Stores a consent of a user who was [welcomed](crate::auth::membership::welcome) in this transaction; an earlier
    /// consent must be [taken](GrantStore::take) first.
    pub(super) async fn put(
        &self,
        conn: &mut PgConnection,
        new: &NewGrant,
        refresh_token: &SecretString,
        due_at: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, GrantError> {
        let user = new.principal.user();
        let ends_at = schedule::refresh_expiry(new.issued_at, new.answer.refresh_expires_in);
        sqlx::query!(
            "insert into grants (uid, issuer, subject, client_id, scopes, refresh_token, access_token,
                                 access_expires_at, refresh_expires_at, state_since, provisioned_at, refresh_due_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)",
            user.as_str(),
            new.issuer,
            new.subject,
            new.client_id,
            &new.scopes,
            self.seal(user, "refresh_token", refresh_token),
            self.seal(user, "access_token", &new.answer.access_token),
            schedule::access_expiry(new.issued_at, new.answer.expires_in),
            ends_at,
            new.issued_at,
            due_at,
        )
        .execute(conn)
        .await
        .map_err(DbError)?;
        Ok(ends_at)
    }

    /// The user's grant.
    pub(super) async fn find(&self, user: &UserId) -> Result<Option<Grant>, GrantError> {
        Ok(sqlx::query_as!(
            Grant,
            r#"select uid as "uid: UserId", client_id, issuer, scopes, refresh_token, access_token,
                      access_expires_at, refresh_expires_at, state as "state: GrantState", state_reason, state_since,
                      provisioned_at, refreshed_at, refresh_due_at, consecutive_failures, refused_at, absent_since,
                      lease_until, lease_generation
               from grants where uid = $1"#,
            user.as_str()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(DbError)?)
    }

    /// Takes the user's grant away from the broker. A refresh under way cannot store its result any more.
    pub(super) async fn take(conn: &mut PgConnection, user: &UserId) -> Result<Option<Grant>, GrantError> {
        Ok(sqlx::query_as!(
            Grant,
            r#"delete from grants where uid = $1
               returning uid as "uid: UserId", client_id, issuer, scopes, refresh_token, access_token,
                      access_expires_at, refresh_expires_at, state as "state: GrantState", state_reason, state_since,
                      provisioned_at, refreshed_at, refresh_due_at, consecutive_failures, refused_at, absent_since,
                      lease_until, lease_generation"#,
            user.as_str()
        )
        .fetch_optional(conn)
        .await
        .map_err(DbError)?)
    }

    /// Whose refresh is due, longest first. A refresh that was cut short is due at once.
    pub(super) async fn due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<UserId>, GrantError> {
        Ok(sqlx::query_scalar!(
            r#"select uid as "uid: UserId" from grants
               where state <> 'reauth_required'
                 and (refresh_due_at <= $1 and lease_until is null or lease_until <= $1)
               order by refresh_due_at limit $2"#,
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await
        .map_err(DbError)?)
    }

    /// The access token, opened.
    pub(super) fn access_token(&self, grant: &Grant) -> Result<Option<SecretString>, GrantError> {
        let open = |sealed: &String| self.open(&grant.uid, "access_token", sealed);
        grant.access_token.as_ref().map(open).transpose()
    }

    /// The refresh token, opened.
    pub(super) fn refresh_token(&self, grant: &Grant) -> Result<SecretString, GrantError> {
        self.open(&grant.uid, "refresh_token", &grant.refresh_token)
    }

    /// Nextcloud refused a good access token: nobody gets it any more. The refresh that is due now tells whether the
    /// account still exists.
    pub(super) async fn refused(
        &self,
        grant: &Grant,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, GrantError> {
        let updated = sqlx::query!(
            "update grants set state = 'operator_action_required', state_reason = $3, state_since = $4,
                    refused_at = $4, refresh_due_at = $4
             where uid = $1 and lease_generation = $2 and state in ('active', 'refreshing', 'uncertain')",
            grant.uid.as_str(),
            grant.lease_generation,
            reason,
            now
        )
        .execute(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(updated.rows_affected() > 0)
    }

    /// Whether the user has a grant that works or may work again by itself, or an app password.
    pub(super) async fn any_credential(&self, user: &UserId) -> Result<bool, GrantError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from grants
                              where uid = $1 and state in ('active', 'refreshing', 'uncertain'))
                   or exists (select from app_passwords where uid = $1) as "exists!""#,
            user.as_str()
        )
        .fetch_one(&self.pool)
        .await
        .map_err(DbError)?)
    }

    /// Notes since when the account looks deleted; `None`: it does not.
    pub(super) async fn set_absent_since(
        &self,
        grant: &Grant,
        since: Option<DateTime<Utc>>,
    ) -> Result<(), GrantError> {
        sqlx::query!(
            "update grants set absent_since = $2 where uid = $1 and absent_since is distinct from $2",
            grant.uid.as_str(),
            since
        )
        .execute(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(())
    }

    pub(super) fn seal(&self, user: &UserId, column: &str, secret: &SecretString) -> String {
        self.keyring.seal(context(user, column), secret)
    }

    fn open(&self, user: &UserId, column: &str, sealed: &str) -> Result<SecretString, GrantError> {
        Ok(self.keyring.open(context(user, column), sealed)?)
    }
}

fn context<'a>(user: &'a UserId, column: &'a str) -> EnvelopeContext<'a> {
    EnvelopeContext {
        user: user.as_str(),
        table: TABLE,
        column,
    }
}
