//! The table `pending_revocations`: what must still end elsewhere. The broker cannot read it, because the envelopes
//! name this table.

use super::GrantError;
use super::grant_state::{Grant, GrantState};
use super::grant_store::GrantStore;
use crate::crypto::{EnvelopeContext, Keyring};
use crate::db::DbError;
use crate::ids::{LoginName, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};

/// How long one attempt may take before another worker tries.
const ATTEMPT: TimeDelta = TimeDelta::minutes(5);

/// What is to be ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// A refresh token that `client_id` was given.
    RefreshToken {
        /// The client.
        client_id: String,
        /// The token.
        token: SecretString,
    },
    /// An app password.
    AppPassword {
        /// The name it works with.
        login_name: LoginName,
        /// The password.
        password: SecretString,
    },
}

/// A revocation under way.
#[derive(Debug)]
pub(super) struct PendingRevocation {
    pub(super) id: i64,
    pub(super) user: UserId,
    /// What to end; the error when it does not open any more.
    pub(super) ending: Result<Ending, GrantError>,
    /// This attempt included.
    pub(super) attempts: i32,
    pub(super) created_at: DateTime<Utc>,
}

/// Revocations that wait for the other side.
#[derive(Debug, Clone)]
pub(in crate::auth) struct PendingRevocations {
    keyring: Keyring,
}

impl PendingRevocations {
    /// Seals with `keyring`.
    pub(in crate::auth) fn new(keyring: Keyring) -> Self {
        Self { keyring }
    }

    /// Puts a refresh token of `grant` on record.
    pub(super) async fn add_refresh_token(
        &self,
        conn: &mut PgConnection,
        grant: &Grant,
        token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<(), GrantError> {
        self.add_token_of_client(conn, &grant.uid, (&grant.issuer, &grant.client_id), token, now)
            .await
    }

    /// Puts the refresh token of a grant that was taken away on record, unless it is worth nothing any more.
    pub(super) async fn add_grant(
        &self,
        conn: &mut PgConnection,
        store: &GrantStore,
        grant: &Grant,
        now: DateTime<Utc>,
    ) -> Result<(), GrantError> {
        if grant.state == GrantState::ReauthRequired {
            return Ok(());
        }
        match store.refresh_token(grant) {
            Ok(token) => self.add_refresh_token(conn, grant, &token, now).await,
            Err(GrantError::Secret(error)) => {
                tracing::warn!(%error, "a refresh token cannot be ended at the identity provider");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a refresh token that the client `(issuer, client id)` was given on record.
    pub(super) async fn add_token_of_client(
        &self,
        conn: &mut PgConnection,
        user: &UserId,
        (issuer, client_id): (&str, &str),
        token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<(), GrantError> {
        sqlx::query!(
            "insert into pending_revocations (uid, kind, issuer, client_id, secret, due_at, created_at)
             values ($1, 'refresh_token', $2, $3, $4, $5, $5)",
            user.as_str(),
            issuer,
            client_id,
            self.keyring.seal(context(user), token),
            now
        )
        .execute(conn)
        .await
        .map_err(DbError)?;
        Ok(())
    }

    /// Puts an app password on record; it is due at once, whatever the time.
    pub(in crate::auth) async fn add_app_password(
        &self,
        conn: &mut PgConnection,
        user: &UserId,
        login_name: &LoginName,
        password: &SecretString,
    ) -> Result<(), DbError> {
        sqlx::query!(
            "insert into pending_revocations (uid, kind, login_name, secret, due_at, created_at)
             values ($1, 'app_password', $2, $3, 'epoch', now())",
            user.as_str(),
            login_name.as_str(),
            self.keyring.seal(context(user), password)
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Takes up to `limit` that are due. They are due again when the attempt takes too long.
    pub(super) async fn claim(
        &self,
        pool: &PgPool,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<PendingRevocation>, GrantError> {
        let rows = sqlx::query!(
            r#"update pending_revocations p set due_at = $2, attempts = attempts + 1
               where id in (select id from pending_revocations where due_at <= $1
                            order by due_at limit $3 for update skip locked)
               returning id, uid as "uid: UserId", kind, client_id, login_name as "login_name: LoginName", secret,
                         attempts, created_at"#,
            now,
            now + ATTEMPT,
            limit
        )
        .fetch_all(pool)
        .await
        .map_err(DbError)?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let secret = self.keyring.open(context(&row.uid), &row.secret);
            let ending = secret
                .map_err(GrantError::from)
                .map(|secret| match row.login_name {
                    Some(login_name) => Ending::AppPassword {
                        login_name,
                        password: secret,
                    },
                    None => Ending::RefreshToken {
                        client_id: row.client_id.unwrap_or_default(),
                        token: secret,
                    },
                });
            claimed.push(PendingRevocation {
                id: row.id,
                user: row.uid,
                ending,
                attempts: row.attempts,
                created_at: row.created_at,
            });
        }
        Ok(claimed)
    }

    /// Whether one is due.
    pub(super) async fn any_due(&self, pool: &PgPool, now: DateTime<Utc>) -> Result<bool, GrantError> {
        let due = sqlx::query_scalar!(
            r#"select exists (select from pending_revocations where due_at <= $1) as "due!""#,
            now
        )
        .fetch_one(pool)
        .await
        .map_err(DbError)?;
        Ok(due)
    }

    /// It has ended, or nothing can end it any more.
    pub(super) async fn remove(&self, pool: &PgPool, id: i64) -> Result<(), GrantError> {
        sqlx::query!("delete from pending_revocations where id = $1", id)
            .execute(pool)
            .await
            .map_err(DbError)?;
        Ok(())
    }

    /// It is tried again at `due_at`.
    pub(super) async fn put_off(
        &self,
        pool: &PgPool,
        id: i64,
        error: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), GrantError> {
        sqlx::query!(
            "update pending_revocations set last_error = $2, due_at = $3 where id = $1",
            id,
            error,
            due_at
        )
        .execute(pool)
        .await
        .map_err(DbError)?;
        Ok(())
    }
}

fn context(user: &UserId) -> EnvelopeContext<'_> {
    EnvelopeContext {
        user: user.as_str(),
        table: "pending_revocations",
        column: "secret",
    }
}
