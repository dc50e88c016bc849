//! The table `oauth_flows`: flows between their start and the callback.

use crate::auth::browser::{BrowserToken, TokenHash};
use crate::clock::SharedClock;
use crate::crypto::{EnvelopeContext, EnvelopeError, Keyring};
use crate::ids::UserId;
use chrono::TimeDelta;
use secrecy::SecretString;
use sqlx::PgPool;
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// How long a person has for logging in at the provider.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// Flows that nobody's link stands behind, at a time: anyone can start them, so the oldest give way.
const ANONYMOUS_FLOWS: i64 = 1_000;
/// The same of one client address.
const ANONYMOUS_FLOWS_PER_ADDRESS: i64 = 20;

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
                 select state_hash from (
                     select state_hash,
                            row_number() over (order by created_at desc) as place,
                            row_number() over (partition by client_address order by created_at desc) as own_place
                     from oauth_flows where expected_uid is null) anonymous
                 where place >= $2 or own_place >= $3)",
            now,
            ANONYMOUS_FLOWS,
            ANONYMOUS_FLOWS_PER_ADDRESS
        )
        .execute(&mut *transaction)
        .await?;
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
            flow.address.map(|address| address.to_string()),
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
mod tests {
    use super::*;
    use crate::auth::consent::tests::keyring;
    use crate::auth::testing::{client, manual_clock};
    use crate::clock::ManualClock;
    use crate::entropy::SystemEntropy;
    use secrecy::ExposeSecret;
    use std::sync::Arc;
    use std::time::Duration;

    fn token() -> BrowserToken {
        BrowserToken::random(&SystemEntropy)
    }

    fn store(pool: &PgPool) -> (FlowStore, Arc<ManualClock>) {
        let clock = manual_clock();
        (FlowStore::new(pool.clone(), keyring(), clock.clone()), clock)
    }

    fn consent(expected: Option<&str>) -> FlowPurpose {
        FlowPurpose::Consent {
            expected: expected.map(UserId::new),
            return_to: Some("https://cloud.example.org/".into()),
            caller_state: Some("theirs".into()),
        }
    }

    async fn begin(
        store: &FlowStore,
        purpose: &FlowPurpose,
        browser: &BrowserToken,
        from: u8,
    ) -> BrowserToken {
        let state = token();
        let flow = NewFlow {
            purpose,
            client_id: "client",
            nonce: &token(),
            code_verifier: &SecretString::from(token().expose()),
            browser,
            address: Some(client(from)),
        };
        store.begin(&state, &flow).await.unwrap();
        state
    }

    async fn rows(pool: &PgPool) -> i64 {
        sqlx::query_scalar!(r#"select count(*) as "count!" from oauth_flows"#)
            .fetch_one(pool)
            .await
            .unwrap()
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn o01_a_flow_is_taken_once_and_by_its_browser_only(pool: PgPool) {
        let (store, clock) = store(&pool);
        let (own, other) = (token(), token());
        let state = begin(&store, &consent(Some("alice")), &own, 1).await;
        let flow = store.take(&state, Some(&own)).await.unwrap().unwrap();
        assert_eq!(flow.purpose, consent(Some("alice")));
        assert_eq!(flow.client_id, "client");
        assert_eq!(flow.code_verifier.expose_secret().len(), 43);
        assert!(
            store.take(&state, Some(&own)).await.unwrap().is_none(),
            "replayed"
        );

        let state = begin(&store, &consent(None), &own, 1).await;
        assert!(store.take(&state, Some(&other)).await.unwrap().is_none());
        assert_eq!(rows(&pool).await, 0, "the row is gone");
        let state = begin(&store, &consent(None), &own, 1).await;
        assert!(store.take(&state, None).await.unwrap().is_none());

        let state = begin(&store, &consent(None), &own, 1).await;
        clock.advance(Duration::from_mins(10));
        assert!(store.take(&state, Some(&own)).await.unwrap().is_none(), "expired");
        assert!(
            store.take(&token(), Some(&own)).await.unwrap().is_none(),
            "unknown"
        );
        assert_eq!(rows(&pool).await, 0);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn t01_the_row_holds_neither_state_nor_cookie_nor_verifier(pool: PgPool) {
        let (store, _clock) = store(&pool);
        let (state, browser, verifier) = (token(), token(), token());
        let flow = NewFlow {
            purpose: &FlowPurpose::Login { next: "/app".into() },
            client_id: "client",
            nonce: &token(),
            code_verifier: &SecretString::from(verifier.expose()),
            browser: &browser,
            address: None,
        };
        store.begin(&state, &flow).await.unwrap();
        let row = sqlx::query_scalar!(r#"select t::text as "row!" from oauth_flows t"#)
            .fetch_one(&pool)
            .await
            .unwrap();
        for secret in [&state, &browser, &verifier] {
            assert!(!row.contains(secret.expose()), "{row}");
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn anonymous_flows_are_capped_and_those_of_links_stay(pool: PgPool) {
        let (store, clock) = store(&pool);
        let browser = token();
        let linked = begin(&store, &consent(Some("alice")), &browser, 1).await;
        let first = begin(&store, &consent(None), &browser, 1).await;
        let other = begin(&store, &consent(None), &browser, 2).await;
        for _ in 0..ANONYMOUS_FLOWS_PER_ADDRESS {
            clock.advance(Duration::from_secs(1));
            begin(&store, &consent(None), &browser, 1).await;
        }
        assert_eq!(rows(&pool).await, ANONYMOUS_FLOWS_PER_ADDRESS + 2);
        assert!(store.take(&first, Some(&browser)).await.unwrap().is_none());
        assert!(store.take(&other, Some(&browser)).await.unwrap().is_some());
        assert!(store.take(&linked, Some(&browser)).await.unwrap().is_some());

        clock.advance(Duration::from_mins(10));
        begin(&store, &consent(None), &browser, 1).await;
        assert_eq!(rows(&pool).await, 1, "expired rows are swept");
    }
}
