//! Whether Nextcloud takes access tokens: the setting that everything else in OAuth depends on (facts §4).

use super::super::Foundation;
use super::Finding;
use crate::config::Config;
use crate::crypto::{EnvelopeContext, Keyring};
use crate::db::DbError;
use crate::nextcloud::{Credential, Nextcloud, NextcloudError};
use chrono::TimeDelta;

const NAME: &str = "bearer validation";
const ENABLE: &str = "occ app:enable user_oidc\n\
    occ config:system:set user_oidc oidc_provider_bearer_validation --value true --type boolean";
/// A token that may be expired must not be presented: Nextcloud would end its grant (facts §0 row 1).
const MARGIN: TimeDelta = TimeDelta::minutes(2);

/// Asks Nextcloud with a live token of some consent; without one nothing can be said.
pub(super) async fn check(
    config: &Config,
    nextcloud: Option<&Nextcloud>,
    foundation: Option<&Foundation>,
) -> Finding {
    let (Some(nextcloud), Some(foundation)) = (nextcloud, foundation) else {
        return Finding::skipped(NAME, "not checked", ENABLE);
    };
    match evidence(config, foundation).await {
        Ok(Evidence::Token(token)) => judge(nextcloud.current_user(&Credential::Bearer(token)).await),
        Ok(Evidence::Minted) => Finding::ok(NAME, "a consent has made an app password with its token"),
        Ok(Evidence::Nothing) => Finding::skipped(
            NAME,
            "not checked until someone consents; it needs these two lines",
            ENABLE,
        ),
        Err(error) => Finding::problem(NAME, error.to_string(), "check DATABASE_URL"),
    }
}

enum Evidence {
    Token(secrecy::SecretString),
    Minted,
    Nothing,
}

async fn evidence(config: &Config, foundation: &Foundation) -> Result<Evidence, DbError> {
    let Some(keys) = &config.encryption else {
        return Ok(Evidence::Nothing);
    };
    let row = sqlx::query!(
        r#"select uid, access_token as "access_token!" from grants
           where state = 'active' and access_token is not null and access_expires_at > $1
           order by access_expires_at desc limit 1"#,
        foundation.clock.now() + MARGIN
    )
    .fetch_optional(foundation.pool())
    .await?;
    if let Some(row) = row {
        let context = EnvelopeContext {
            user: &row.uid,
            table: "grants",
            column: "access_token",
        };
        let keyring = Keyring::new(keys, foundation.entropy.clone());
        // One that does not open is told by the check of the key.
        if let Ok(token) = keyring.open(context, &row.access_token) {
            return Ok(Evidence::Token(token));
        }
    }
    let minted = sqlx::query_scalar!(
        r#"select exists (select from app_passwords where origin = 'minted') as "minted!""#
    )
    .fetch_one(foundation.pool())
    .await?;
    Ok(if minted {
        Evidence::Minted
    } else {
        Evidence::Nothing
    })
}

fn judge(answer: Result<crate::nextcloud::CurrentUser, NextcloudError>) -> Finding {
    match answer {
        Ok(user) => Finding::ok(
            NAME,
            format!("Nextcloud takes access tokens (asked with {}'s)", user.id()),
        ),
        Err(NextcloudError::Unauthorized) => {
            Finding::problem(NAME, "Nextcloud refuses a valid access token", ENABLE)
        }
        Err(NextcloudError::AccountDisabled) => {
            Finding::skipped(NAME, "the one live consent belongs to a disabled account", ENABLE)
        }
        Err(error) => Finding::skipped(NAME, error.to_string(), ENABLE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::nextcloud::CurrentUser;

    #[test]
    fn a_refused_live_token_gives_the_exact_lines() {
        assert_eq!(judge(Ok(CurrentUser::for_test("alice"))).state, State::Ok);
        let refused = judge(Err(NextcloudError::Unauthorized));
        assert_eq!(refused.state, State::Problem);
        assert!(refused.fix.unwrap().contains(
            "occ config:system:set user_oidc oidc_provider_bearer_validation --value true --type boolean"
        ));
        let away = judge(Err(NextcloudError::Unreachable("no answer".to_owned())));
        assert_eq!(away.state, State::Skipped);
    }
}
