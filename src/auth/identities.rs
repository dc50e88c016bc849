//! Who a subject of an identity provider is at Nextcloud.

use super::Principal;
use super::oidc::ProviderMetadata;
use crate::ids::UserId;
use crate::nextcloud::CurrentUser;
use sqlx::PgPool;

/// The database did not say who it is.
#[derive(Debug, thiserror::Error)]
#[error("the known identities cannot be read: {0}")]
pub struct IdentityError(#[from] sqlx::Error);

/// The table `identities`: `(iss, sub) → UID`, written when Nextcloud itself has confirmed it (DESIGN §3, Identity).
#[derive(Debug, Clone)]
pub struct Identities {
    pool: PgPool,
}

impl Identities {
    /// The identities in `pool`'s database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Who `subject` of the provider is. The `oidc` app's subject is the UID itself; another provider's is known
    /// only after a consent. `None`: nobody we know, or a name that no Nextcloud user can have (case J12).
    pub async fn principal(
        &self,
        provider: &ProviderMetadata,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Principal>, IdentityError> {
        if provider.is_own_nextcloud {
            return Ok(is_possible_uid(subject).then(|| Principal::known(UserId::new(subject))));
        }
        let uid = sqlx::query_scalar!(
            r#"select uid as "uid: UserId" from identities where issuer = $1 and subject = $2"#,
            issuer,
            subject
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(uid.map(Principal::known))
    }

    /// Nextcloud has answered `user` to a token of `subject`.
    pub async fn confirm(
        &self,
        issuer: &str,
        subject: &str,
        user: &CurrentUser,
    ) -> Result<Principal, IdentityError> {
        let principal = Principal::verified(user);
        sqlx::query!(
            "insert into identities (issuer, subject, uid) values ($1, $2, $3)
             on conflict (issuer, subject) do update set uid = excluded.uid",
            issuer,
            subject,
            principal.user().as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(principal)
    }
}

/// Nextcloud's own rule for UIDs: letters, digits, space and `_.@-'`, and never a path step.
fn is_possible_uid(subject: &str) -> bool {
    !subject.is_empty()
        && subject.len() <= 64
        && subject.trim() == subject
        && !matches!(subject, "." | "..")
        && subject
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || " _.@-'".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j12_subjects_that_no_user_can_have_are_nobody() {
        for possible in ["alice", "a.smith@example.test", "o'brien", "Anna Lena"] {
            assert!(is_possible_uid(possible), "{possible}");
        }
        for impossible in ["", ".", "..", "a/b", "a%2fb", "a\\b", " alice", "аlice", "a\nb"] {
            assert!(!is_possible_uid(impossible), "{impossible:?}");
        }
    }
}
