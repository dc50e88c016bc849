//! Making an app password at Nextcloud with the access token of a consent (facts §0 row 15).
//!
//! The name of the device is written down before Nextcloud is asked, and struck out with the storing of the password: a
//! crash in between leaves a password under a name that the audit trail tells.

use super::GrantError;
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::entropy::SharedEntropy;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::{Nextcloud, NextcloudError};
use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};
use std::sync::Arc;

/// An intent this old belongs to nobody any more.
const LEFT_OVER_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Names tried before giving up; two of sixteen million hardly ever meet.
const NAMES: u32 = 5;

/// The part of Nextcloud that makes and ends app passwords.
#[async_trait]
pub trait AppPasswordApi: Send + Sync + std::fmt::Debug {
    /// Makes an app password of the access token's owner, listed under `device_name`.
    async fn mint(
        &self,
        access_token: &SecretString,
        device_name: &str,
    ) -> Result<SecretString, NextcloudError>;

    /// Ends an app password, authenticated by itself; [`NextcloudError::Unauthorized`] when it had ended already.
    async fn end(&self, login_name: &LoginName, password: &SecretString) -> Result<(), NextcloudError>;
}

#[async_trait]
impl AppPasswordApi for Nextcloud {
    async fn mint(
        &self,
        access_token: &SecretString,
        device_name: &str,
    ) -> Result<SecretString, NextcloudError> {
        self.mint_app_password(access_token, device_name).await
    }

    async fn end(&self, login_name: &LoginName, password: &SecretString) -> Result<(), NextcloudError> {
        self.delete_app_password(login_name, password).await
    }
}

/// An app password that was made and is not stored yet.
#[derive(Debug)]
pub(super) struct Minted {
    pub(super) password: SecretString,
    pub(super) device_name: String,
}

/// Makes app passwords.
#[derive(Debug)]
pub(super) struct Mint {
    pub(super) pool: PgPool,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    pub(super) api: Arc<dyn AppPasswordApi>,
    pub(super) audit: Arc<dyn AuditTrail>,
}

impl Mint {
    /// Makes an app password for `user`. Store it in the transaction that calls [`Mint::forget`].
    pub(super) async fn make(
        &self,
        user: &UserId,
        access_token: &SecretString,
    ) -> Result<Minted, GrantError> {
        let device_name = self.intend(user).await?;
        match self.api.mint(access_token, &device_name).await {
            Ok(password) => Ok(Minted {
                password,
                device_name,
            }),
            Err(error) => {
                // Where Nextcloud has said no, nothing was made; else the intent stays and is told.
                if !error.is_transient() {
                    let mut conn = self.pool.acquire().await.map_err(DbError)?;
                    Self::forget(&mut conn, &device_name).await?;
                }
                Err(GrantError::NotMinted(error.to_string()))
            }
        }
    }

    async fn intend(&self, user: &UserId) -> Result<String, GrantError> {
        for _ in 0..NAMES {
            let mut random = [0; 3];
            self.entropy.fill(&mut random);
            let name = format!("Nextcloud MCP Server ({})", hex::encode(random));
            let written = sqlx::query!(
                "insert into app_password_mints (device_name, uid, created_at) values ($1, $2, $3)
                 on conflict do nothing",
                name,
                user.as_str(),
                self.clock.now()
            )
            .execute(&self.pool)
            .await
            .map_err(DbError)?;
            if written.rows_affected() == 1 {
                return Ok(name);
            }
        }
        Err(GrantError::NotMinted("no free device name was found".to_owned()))
    }

    /// The password of this device is stored, or was never made.
    pub(super) async fn forget(conn: &mut PgConnection, device_name: &str) -> Result<(), GrantError> {
        sqlx::query!(
            "delete from app_password_mints where device_name = $1",
            device_name
        )
        .execute(conn)
        .await
        .map_err(DbError)?;
        Ok(())
    }

    /// Whether a crash left intents.
    pub(super) async fn any_left_over(&self) -> Result<bool, GrantError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from app_password_mints where created_at <= $1) as "found!""#,
            self.clock.now() - LEFT_OVER_AFTER
        )
        .fetch_one(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(found)
    }

    /// Tells in the audit trail which devices may hold a password that nobody here knows.
    pub(super) async fn tell_left_over(&self) -> Result<(), GrantError> {
        let left = sqlx::query!(
            r#"delete from app_password_mints where created_at <= $1 returning device_name, uid as "uid: UserId""#,
            self.clock.now() - LEFT_OVER_AFTER
        )
        .fetch_all(&self.pool)
        .await
        .map_err(DbError)?;
        for row in left {
            let detail = format!(
                "an app password was asked for and not stored: if Nextcloud lists the device \"{}\" under Settings, \
                 Security, remove it there",
                row.device_name
            );
            self.audit
                .record(AuditEvent {
                    at: self.clock.now(),
                    action: AuditAction::ConsentRefused,
                    actor: None,
                    subject: Some(row.uid),
                    origin: AuditOrigin::default(),
                    detail: Some(detail),
                })
                .await;
        }
        Ok(())
    }
}
