//! The table `oauth_flows`: flows between their start and the callback.

use crate::auth::browser::{BrowserToken, TokenHash};
use crate::auth::budget_address;
use crate::clock::SharedClock;
use crate::crypto::{EnvelopeContext, EnvelopeError, Keyring};
use crate::ids::UserId;
use chrono::TimeDelta;
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// How long a person has for logging in at the provider.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// Flows that nobody's link stands behind, at a time: anyone can start them, so whoever has most of them gives way.
const ANONYMOUS_FLOWS: i64 = 1_000;
/// The same of one client address, where further ones are refused: other people at that address keep theirs.
const ANONYMOUS_FLOWS_PER_ADDRESS: i64 = 50;
/// The same of one browser, whose oldest give way: a page that is loaded again and again takes no other's place.
const ANONYMOUS_FLOWS_PER_BROWSER: i64 = 5;

/// What a flow is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowPurpose {
    /// Background access is given.
    Consent {
        /// Nobody else's consent is stored; set by a link.
        expected: Option<UserId>,
        /// The way back to Nextcloud.
        return_to: Option<String>,
        /// The caller's own `state`.
        caller_state: Option<String>,
    },
    /// Somebody logs in to the pages.
    Login {
        /// The page that was wanted.
        next: String,
    },
}

/// A flow that begins.
#[derive(Debug)]
pub(super) struct NewFlow<'a> {
    pub(super) purpose: &'a FlowPurpose,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a BrowserToken,
    pub(super) code_verifier: &'a SecretString,
    /// The cookie of the browser that starts it.
    pub(super) browser: &'a BrowserToken,
    pub(super) address: Option<IpAddr>,
}

/// A flow that came back.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) purpose: FlowPurpose,
    pub(super) client_id: String,
    pub(super) nonce: String,
    pub(super) code_verifier: SecretString,
}

/// A flow could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FlowStoreError {
    /// The PKCE verifier does not open.
    #[error("the flow cannot be read: {0}")]
    Secret(#[from] EnvelopeError),
    /// Too many logins and consents are under way from this address.
    #[error("too many flows have begun at this address")]
    TooMany,
    /// The database did not answer.
    #[error("flows cannot be used: {0}")]
    Database(#[from] sqlx::Error),
}

/// Flows in `PostgreSQL`: only hashes of `state` and cookie, the PKCE verifier sealed.
#[derive(Debug, Clone)]
pub struct FlowStore {
    pool: PgPool,
    keyring: Keyring,
    clock: SharedClock,
}

impl FlowStore {
    /// Flows in `pool`'s database.
    pub fn new(pool: PgPool, keyring: Keyring, clock: SharedClock) -> Self {
        Self { pool, keyring, clock }
    }

    /// Keeps `flow` under `state`, drops what has expired, and makes room among the anonymous flows.
    pub(super) async fn begin(&self, state: &BrowserToken, flow: &NewFlow<'_>) -> Result<(), FlowStoreError> {
        let now = self.clock.now();
        let (key, browser) = (state.hash(), flow.browser.hash());
        let sealed = self.keyring.seal(context(&hex::encode(key)), flow.code_verifier);
        let row = Row::of(flow.purpose);
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from oauth_flows where expires_at <= $1 or state_hash in (
                 select state_hash from oauth_flows where expected_uid is null and browser_hash = $2
                 order by created_at desc offset $3)",
            now,
            browser.as_slice(),
            ANONYMOUS_FLOWS_PER_BROWSER - 1
        )
        .execute(&mut *transaction)
        .await?;
        if row.expected.is_none() {
            make_room(&mut transaction, flow.address).await?;
        }
        sqlx::query!(
            "insert into oauth_flows (state_hash, kind, browser_hash, expected_uid, client_id, nonce, code_verifier,
                                      return_to, caller_state, client_address, created_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            key.as_slice(),
            row.kind,
            browser.as_slice(),
            row.expected,
            flow.client_id,
            flow.nonce.expose(),
            sealed,
            row.return_to,
            row.caller_state,
            stored_address(flow.address),
            now,
            now + LIFETIME
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The flow of `state`, which is gone from now on, whoever asked; `None` when there is none, when it has expired,
    /// or when another browser started it (case O01).
    pub(super) async fn take(
        &self,
        state: &BrowserToken,
        browser: Option<&BrowserToken>,
    ) -> Result<Option<Flow>, FlowStoreError> {
        let key = state.hash();
        let row = sqlx::query!(
            r#"delete from oauth_flows where state_hash = $1
               returning kind, browser_hash, expected_uid as "expected_uid: UserId", client_id, nonce, code_verifier,
                         return_to, caller_state, expires_at"#,
            key.as_slice()
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let is_same_browser = browser
            .map(BrowserToken::hash)
            .is_some_and(|own: TokenHash| bool::from(own.as_slice().ct_eq(&row.browser_hash)));
        if !is_same_browser || row.expires_at <= self.clock.now() {
            return Ok(None);
        }
        let code_verifier = self
            .keyring
            .open(context(&hex::encode(key)), &row.code_verifier)?;
        let purpose = if row.kind == LOGIN {
            FlowPurpose::Login {
                next: row.return_to.unwrap_or_default(),
            }
        } else {
            FlowPurpose::Consent {
                expected: row.expected_uid,
                return_to: row.return_to,
                caller_state: row.caller_state,
            }
        };
        Ok(Some(Flow {
            purpose,
            client_id: row.client_id,
            nonce: row.nonce,
            code_verifier,
        }))
    }
}

/// Lets one more anonymous flow in, or refuses it where its address has enough of them.
async fn make_room(conn: &mut PgConnection, address: Option<IpAddr>) -> Result<(), FlowStoreError> {
    // Behind a reverse proxy that is not in `TRUSTED_PROXIES` everybody has the proxy's address.
    let is_shared = address.is_none_or(|address| address.is_loopback() || address.is_unspecified());
    if !is_shared {
        let own = sqlx::query_scalar!(
            r#"select count(*) as "count!" from oauth_flows where expected_uid is null and client_address = $1"#,
            stored_address(address)
        )
        .fetch_one(&mut *conn)
        .await?;
        if own >= ANONYMOUS_FLOWS_PER_ADDRESS {
            return Err(FlowStoreError::TooMany);
        }
    }
    sqlx::query!(
        "delete from oauth_flows where state_hash in (
             select state_hash from oauth_flows
             where expected_uid is null and client_address is not distinct from (
                 select client_address from oauth_flows where expected_uid is null
                 group by client_address order by count(*) desc limit 1)
             order by created_at
             limit (select greatest(count(*) - $1, 0) from oauth_flows where expected_uid is null))",
        ANONYMOUS_FLOWS - 1
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// As whom a client is counted.
fn stored_address(address: Option<IpAddr>) -> Option<String> {
    address.map(|address| budget_address(address).to_string())
}

const CONSENT: &str = "consent";
const LOGIN: &str = "login";

/// A purpose as columns.
struct Row<'a> {
    kind: &'static str,
    expected: Option<&'a str>,
    return_to: Option<&'a str>,
    caller_state: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(purpose: &'a FlowPurpose) -> Self {
        match purpose {
            FlowPurpose::Consent {
                expected,
                return_to,
                caller_state,
            } => Self {
                kind: CONSENT,
                expected: expected.as_ref().map(UserId::as_str),
                return_to: return_to.as_deref(),
                caller_state: caller_state.as_deref(),
            },
            FlowPurpose::Login { next } => Self {
                kind: LOGIN,
                expected: None,
                return_to: Some(next),
                caller_state: None,
            },
        }
    }
}

fn context(state_hash: &str) -> EnvelopeContext<'_> {
    EnvelopeContext {
        user: state_hash,
        table: "oauth_flows",
        column: "code_verifier",
    }
}

#[cfg(test)]
mod tests;
