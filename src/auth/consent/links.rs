//! The table `consent_links`: links to the consent page that work once and for one principal.

use super::{ConsentLinkError, ConsentLinks};
use crate::auth::Principal;
use crate::auth::browser::BrowserToken;
use crate::auth::oidc::OAuthUrls;
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use async_trait::async_trait;
use chrono::TimeDelta;
use sqlx::PgPool;

/// How long a link is good for.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// Links of one principal that stand at a time: an agent that asks in a loop fills no table.
const PER_USER: i64 = 10;

/// Links in `PostgreSQL`; the address carries a random token, the row its hash.
#[derive(Debug, Clone)]
pub struct PgConsentLinks {
    pool: PgPool,
    urls: OAuthUrls,
    clock: SharedClock,
    entropy: SharedEntropy,
}

impl PgConsentLinks {
    /// Links to this server's consent page, kept in `pool`'s database.
    pub fn new(pool: PgPool, urls: OAuthUrls, clock: SharedClock, entropy: SharedEntropy) -> Self {
        Self {
            pool,
            urls,
            clock,
            entropy,
        }
    }

    /// Whose consent the link `token` asks for; `None` when it was used, has expired or never was. Does not use it.
    pub async fn bound_to(&self, token: &BrowserToken) -> Result<Option<UserId>, ConsentLinkError> {
        let token_hash = token.hash();
        let uid = sqlx::query_scalar!(
            r#"select uid as "uid: UserId" from consent_links where token_hash = $1 and expires_at > $2"#,
            token_hash.as_slice(),
            self.clock.now()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(uid)
    }

    /// As [`PgConsentLinks::bound_to`], and uses the link up.
    pub async fn take(&self, token: &BrowserToken) -> Result<Option<UserId>, ConsentLinkError> {
        let token_hash = token.hash();
        let row = sqlx::query!(
            r#"delete from consent_links where token_hash = $1 returning uid as "uid: UserId", expires_at"#,
            token_hash.as_slice()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(row
            .filter(|row| row.expires_at > self.clock.now())
            .map(|row| row.uid))
    }
}

#[async_trait]
impl ConsentLinks for PgConsentLinks {
    async fn link_for(&self, principal: &Principal) -> Result<String, ConsentLinkError> {
        let token = BrowserToken::random(&*self.entropy);
        let (token_hash, now) = (token.hash(), self.clock.now());
        let uid = principal.user().as_str();
        let mut transaction = self.pool.begin().await.map_err(DbError)?;
        sqlx::query!(
            "delete from consent_links where expires_at <= $1 or token_hash in (
                 select token_hash from consent_links where uid = $2 order by created_at desc offset $3)",
            now,
            uid,
            PER_USER - 1
        )
        .execute(&mut *transaction)
        .await
        .map_err(DbError)?;
        sqlx::query!(
            "insert into consent_links (token_hash, uid, created_at, expires_at) values ($1, $2, $3, $4)",
            token_hash.as_slice(),
            uid,
            now,
            now + LIFETIME
        )
        .execute(&mut *transaction)
        .await
        .map_err(DbError)?;
        transaction.commit().await.map_err(DbError)?;
        Ok(self
            .urls
            .server(&format!("/oauth/authorize-nextcloud?link={}", token.expose())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::consent::tests::urls;
    use crate::auth::testing::manual_clock;
    use crate::entropy::SystemEntropy;
    use std::sync::Arc;
    use std::time::Duration;

    fn token_of(link: &str) -> BrowserToken {
        let (page, token) = link.split_once("?link=").unwrap();
        assert_eq!(page, "https://mcp.example.org/oauth/authorize-nextcloud");
        BrowserToken::parse(token).unwrap()
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_link_works_once_and_names_its_principal(pool: PgPool) {
        let links = PgConsentLinks::new(pool.clone(), urls(), manual_clock(), Arc::new(SystemEntropy));
        let alice = Principal::known(UserId::new("alice"));
        let token = token_of(&links.link_for(&alice).await.unwrap());
        let bound = Some(UserId::new("alice"));
        assert_eq!(links.bound_to(&token).await.unwrap(), bound);
        assert_eq!(
            links.bound_to(&token).await.unwrap(),
            bound,
            "looking is not using"
        );
        assert_eq!(links.take(&token).await.unwrap(), bound);
        assert_eq!(links.take(&token).await.unwrap(), None);
        assert_eq!(links.bound_to(&token).await.unwrap(), None);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_link_expires_and_the_links_of_a_user_are_few(pool: PgPool) {
        let clock = manual_clock();
        let links = PgConsentLinks::new(pool.clone(), urls(), clock.clone(), Arc::new(SystemEntropy));
        let alice = Principal::known(UserId::new("alice"));
        let mut tokens = Vec::new();
        for _ in 0..12 {
            clock.advance(Duration::from_secs(1));
            tokens.push(token_of(&links.link_for(&alice).await.unwrap()));
        }
        let rows = sqlx::query_scalar!(r#"select count(*) as "count!" from consent_links"#)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(rows, PER_USER);
        assert_eq!(
            links.bound_to(&tokens[0]).await.unwrap(),
            None,
            "the oldest gave way"
        );
        clock.advance(Duration::from_mins(10));
        assert_eq!(links.bound_to(&tokens[11]).await.unwrap(), None);
        assert_eq!(links.take(&tokens[11]).await.unwrap(), None);
    }
}
