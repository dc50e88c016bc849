//! What users granted, and what became of it.

use super::super::Foundation;
use super::Finding;
use crate::config::Config;
use crate::db::DbError;
use chrono::TimeDelta;

const NAME: &str = "consents";
/// Attempts after which something that must end elsewhere needs a look.
const STUBBORN: i32 = 5;
/// Making an app password takes seconds: what is older was cut short.
const MINTING: TimeDelta = TimeDelta::hours(1);

/// Whether the tables of the consents are there: `doctor` may look at a database that no server has used yet.
pub(super) async fn stand(foundation: &Foundation) -> bool {
    let found = sqlx::query_scalar!("select to_regclass('public.oauth_flows') is not null")
        .fetch_one(foundation.pool())
        .await;
    found.is_ok_and(|found| found.unwrap_or(false))
}

pub(super) async fn check(config: &Config, foundation: Option<&Foundation>) -> Vec<Finding> {
    if !config.mode.stores_credentials() {
        return Vec::new();
    }
    let Some(foundation) = foundation else {
        return vec![Finding {
            fix: None,
            ..Finding::skipped(NAME, "nothing is stored yet", "")
        }];
    };
    let page = format!(
        "{}/oauth/authorize-nextcloud",
        config.server.public_url.as_str().trim_end_matches('/')
    );
    let found = (
        standing(foundation).await,
        unfinished(foundation).await,
        forgotten(foundation).await,
    );
    match found {
        (Ok(standing), Ok(unfinished), Ok(forgotten)) => {
            let mut findings = vec![judge(&standing, &page)];
            findings.extend(unfinished);
            findings.extend(forgotten);
            findings
        }
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            vec![Finding::problem(NAME, error.to_string(), "check DATABASE_URL")]
        }
    }
}

/// Credentials by what they are good for.
#[derive(Debug, Default)]
struct Standing {
    working: i64,
    app_passwords: i64,
    need_consent: i64,
    need_operator: i64,
    /// A reason of those that need the operator.
    reason: Option<String>,
}

async fn standing(foundation: &Foundation) -> Result<Standing, DbError> {
    let row = sqlx::query!(
        r#"select count(*) filter (where state in ('active', 'refreshing', 'uncertain')) as "working!",
                  count(*) filter (where state = 'reauth_required') as "need_consent!",
                  count(*) filter (where state = 'operator_action_required') as "need_operator!",
                  max(state_reason) filter (where state = 'operator_action_required') as reason,
                  (select count(*) from app_passwords) as "app_passwords!"
           from grants"#
    )
    .fetch_one(foundation.pool())
    .await?;
    Ok(Standing {
        working: row.working,
        app_passwords: row.app_passwords,
        need_consent: row.need_consent,
        need_operator: row.need_operator,
        reason: row.reason,
    })
}

fn judge(standing: &Standing, page: &str) -> Finding {
    let detail = format!(
        "{} work, {} app passwords, {} need a new consent, {} need you",
        standing.working, standing.app_passwords, standing.need_consent, standing.need_operator
    );
    if standing.need_operator > 0 {
        let reason = standing
            .reason
            .as_deref()
            .unwrap_or("the OAuth client is refused");
        let fix = format!(
            "{reason}\nset NEXTCLOUD_OIDC_CLIENT_ID and NEXTCLOUD_OIDC_CLIENT_SECRET of the client that users \
             consented to, or let them consent again at {page}"
        );
        Finding::problem(NAME, detail, fix)
    } else if standing.need_consent > 0 {
        Finding::warning(NAME, detail, format!("these users open {page}"))
    } else if standing.working + standing.app_passwords == 0 {
        Finding::skipped(NAME, "nobody has consented yet", format!("open {page}"))
    } else {
        Finding::ok(NAME, detail)
    }
}

/// What was revoked here and stands elsewhere still.
async fn unfinished(foundation: &Foundation) -> Result<Option<Finding>, DbError> {
    let row = sqlx::query!(
        r#"select count(*) as "stubborn!", max(last_error) as last_error
           from pending_revocations where attempts >= $1"#,
        STUBBORN
    )
    .fetch_one(foundation.pool())
    .await?;
    let error = row.last_error.unwrap_or_default();
    Ok((row.stubborn > 0).then(|| {
        Finding::warning(
            "revocations",
            format!(
                "{} credentials are gone here but not at Nextcloud: {error}",
                row.stubborn
            ),
            "it is tried on; their owners may end them under Settings → Security → Devices & sessions",
        )
    }))
}

/// App passwords whose making was cut short by a crash: they may stand at Nextcloud, and nobody knows them.
async fn forgotten(foundation: &Foundation) -> Result<Option<Finding>, DbError> {
    let rows = sqlx::query!(
        "select device_name, uid from app_password_mints where created_at < $1 order by created_at limit 20",
        foundation.clock.now() - MINTING
    )
    .fetch_all(foundation.pool())
    .await?;
    let devices: Vec<String> = rows
        .iter()
        .map(|row| format!("{} of {}", row.device_name, row.uid))
        .collect();
    Ok((!devices.is_empty()).then(|| {
        Finding::warning(
            "forgotten devices",
            format!(
                "a crash may have left app passwords at Nextcloud: {}",
                devices.join(", ")
            ),
            "their owners delete these devices under Settings → Security → Devices & sessions",
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn who_must_act_is_told() {
        let page = "https://mcp.example.com/oauth/authorize-nextcloud";
        assert_eq!(judge(&Standing::default(), page).state, State::Skipped);
        let fine = Standing {
            working: 2,
            ..Standing::default()
        };
        assert_eq!(judge(&fine, page).state, State::Ok);
        let again = Standing {
            need_consent: 1,
            ..fine
        };
        let finding = judge(&again, page);
        assert_eq!(finding.state, State::Warning);
        assert!(finding.fix.unwrap().contains(page));
        let operator = Standing {
            need_operator: 1,
            reason: Some("invalid_client".to_owned()),
            ..Standing::default()
        };
        let finding = judge(&operator, page);
        assert_eq!(finding.state, State::Problem);
        assert!(finding.fix.unwrap().starts_with("invalid_client"));
    }
}
