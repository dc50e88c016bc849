//! The table `browser_sessions`: who is logged in to the pages.

use super::{BrowserToken, TokenHash};
use crate::auth::Principal;
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use chrono::TimeDelta;
use sqlx::PgPool;

/// A session that nobody used for this long ends.
const IDLE: TimeDelta = TimeDelta::hours(12);
/// A session ends after this time however much it is used.
const ABSOLUTE: TimeDelta = TimeDelta::days(7);
/// The last use is written down at most this often.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The sessions cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[error("browser sessions cannot be used: {0}")]
pub struct SessionError(#[from] sqlx::Error);

/// Sessions of the pages. The browser holds a random token, the database its hash.
#[derive(Debug, Clone)]
pub struct BrowserSessions {
    pool: PgPool,
    clock: SharedClock,
    entropy: SharedEntropy,
}

impl BrowserSessions {
    /// The sessions in `pool`'s database.
    pub fn new(pool: PgPool, clock: SharedClock, entropy: SharedEntropy) -> Self {
        Self { pool, clock, entropy }
    }

    /// Begins a session of `principal`. The token is new at every login, and `former`, the session that the browser
    /// came with, ends: a token planted before the login is worth nothing after it.
    pub async fn begin(
        &self,
        principal: &Principal,
        former: Option<&BrowserToken>,
    ) -> Result<BrowserToken, SessionError> {
        let now = self.clock.now();
        let token = BrowserToken::random(&*self.entropy);
        let (id_hash, former) = (token.hash(), former.map(BrowserToken::hash));
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from browser_sessions where id_hash = $1 or expires_at <= $2 or last_seen_at <= $3",
            former.as_ref().map(TokenHash::as_slice),
            now,
            now - IDLE
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "insert into browser_sessions (id_hash, uid, created_at, last_seen_at, expires_at)
             values ($1, $2, $3, $3, $4)",
            id_hash.as_slice(),
            principal.user().as_str(),
            now,
            now + ABSOLUTE
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Whose session `token` is; `None` when there is none or it has ended.
    pub async fn principal(&self, token: &BrowserToken) -> Result<Option<Principal>, SessionError> {
        let (id_hash, now) = (token.hash(), self.clock.now());
        let row = sqlx::query!(
            r#"select uid as "uid: UserId", last_seen_at from browser_sessions
               where id_hash = $1 and expires_at > $2 and last_seen_at > $3"#,
            id_hash.as_slice(),
            now,
            now - IDLE
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if now - row.last_seen_at >= TOUCH_EVERY {
            sqlx::query!(
                "update browser_sessions set last_seen_at = $2 where id_hash = $1",
                id_hash.as_slice(),
                now
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(Some(Principal::known(row.uid)))
    }

    /// Ends the session of `token`.
    pub async fn end(&self, token: &BrowserToken) -> Result<(), SessionError> {
        let id_hash = token.hash();
        sqlx::query!(
            "delete from browser_sessions where id_hash = $1",
            id_hash.as_slice()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::manual_clock;
    use crate::clock::ManualClock;
    use crate::entropy::SystemEntropy;
    use std::sync::Arc;
    use std::time::Duration;

    fn sessions(pool: &PgPool) -> (BrowserSessions, Arc<ManualClock>) {
        let clock = manual_clock();
        let sessions = BrowserSessions::new(pool.clone(), clock.clone(), Arc::new(SystemEntropy));
        (sessions, clock)
    }

    fn alice() -> Principal {
        Principal::known(UserId::new("alice"))
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_session_names_its_user_until_it_ends(pool: PgPool) {
        let (sessions, _clock) = sessions(&pool);
        let token = sessions.begin(&alice(), None).await.unwrap();
        assert_eq!(sessions.principal(&token).await.unwrap(), Some(alice()));
        let stranger = BrowserToken::random(&SystemEntropy);
        assert_eq!(sessions.principal(&stranger).await.unwrap(), None);
        sessions.end(&token).await.unwrap();
        assert_eq!(sessions.principal(&token).await.unwrap(), None);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_login_rotates_the_session(pool: PgPool) {
        let (sessions, _clock) = sessions(&pool);
        let planted = sessions.begin(&alice(), None).await.unwrap();
        let fresh = sessions.begin(&alice(), Some(&planted)).await.unwrap();
        assert_ne!(planted.expose(), fresh.expose());
        assert_eq!(sessions.principal(&planted).await.unwrap(), None);
        assert_eq!(sessions.principal(&fresh).await.unwrap(), Some(alice()));
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn idle_and_old_sessions_end(pool: PgPool) {
        let (sessions, clock) = sessions(&pool);
        let idle = sessions.begin(&alice(), None).await.unwrap();
        clock.advance(Duration::from_hours(11));
        assert!(sessions.principal(&idle).await.unwrap().is_some());
        clock.advance(Duration::from_hours(11));
        assert!(
            sessions.principal(&idle).await.unwrap().is_some(),
            "use keeps it alive"
        );
        clock.advance(Duration::from_hours(12));
        assert_eq!(sessions.principal(&idle).await.unwrap(), None);

        let busy = sessions.begin(&alice(), None).await.unwrap();
        for _ in 0..16 {
            clock.advance(Duration::from_hours(10));
            assert!(sessions.principal(&busy).await.unwrap().is_some());
        }
        clock.advance(Duration::from_hours(9));
        assert_eq!(
            sessions.principal(&busy).await.unwrap(),
            None,
            "no use keeps it beyond a week"
        );
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_database_holds_no_token_and_no_ended_session(pool: PgPool) {
        let (sessions, clock) = sessions(&pool);
        let token = sessions.begin(&alice(), None).await.unwrap();
        let rows: Vec<String> = sqlx::query_scalar!(r#"select t::text as "row!" from browser_sessions t"#)
            .fetch_all(&pool)
            .await
            .unwrap();
        assert!(rows.iter().all(|row| !row.contains(token.expose())), "{rows:?}");
        clock.advance(Duration::from_hours(200));
        sessions.begin(&alice(), None).await.unwrap();
        let left = sqlx::query_scalar!(r#"select count(*) as "count!" from browser_sessions"#)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(left, 1);
    }
}
