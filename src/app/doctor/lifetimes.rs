//! How long a consent lives without a refresh, and the background jobs of Nextcloud.

use super::super::Foundation;
use super::{Finding, keeps_refresh_tokens};
use crate::config::Config;
use crate::db::DbError;

const NAME: &str = "refresh lifetime";
/// A month: a server that is down for a holiday loses no consent.
const RECOMMENDED: &str = "occ config:app:set oidc refresh_expire_time --value 2592000";
/// Below this a night's outage ends every consent.
const SHORT_SECONDS: i64 = 24 * 3600;

pub(super) async fn check(config: &Config, foundation: Option<&Foundation>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if keeps_refresh_tokens(config) {
        let seconds = match foundation {
            Some(foundation) => shortest(foundation).await,
            None => Ok(Lifetime::Unknown),
        };
        findings.push(match seconds {
            Ok(lifetime) => judge(lifetime),
            Err(error) => Finding::problem(NAME, error.to_string(), "check DATABASE_URL"),
        });
    }
    findings.push(background_jobs());
    findings
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    /// No consent tells.
    Unknown,
    /// The provider named no end.
    Endless,
    /// Seconds from a refresh to the end of its token.
    Seconds(i64),
}

async fn shortest(foundation: &Foundation) -> Result<Lifetime, DbError> {
    let row = sqlx::query!(
        r#"select count(*) as "grants!",
                  min(extract(epoch from refresh_expires_at - coalesce(refreshed_at, provisioned_at)))::bigint
                      as seconds
           from grants where state = 'active'"#
    )
    .fetch_one(foundation.pool())
    .await?;
    Ok(match (row.grants, row.seconds) {
        (0, _) => Lifetime::Unknown,
        (_, None) => Lifetime::Endless,
        (_, Some(seconds)) => Lifetime::Seconds(seconds),
    })
}

fn judge(lifetime: Lifetime) -> Finding {
    match lifetime {
        Lifetime::Unknown => Finding::skipped(
            NAME,
            "known after the first consent; Nextcloud's default is 30 minutes, a month is better",
            RECOMMENDED,
        ),
        Lifetime::Endless => Finding::ok(NAME, "the identity provider names no end"),
        Lifetime::Seconds(seconds) if seconds < SHORT_SECONDS => Finding::warning(
            NAME,
            format!(
                "{}: a server that is down for longer loses every consent",
                span(seconds)
            ),
            RECOMMENDED,
        ),
        Lifetime::Seconds(seconds) => Finding::ok(NAME, span(seconds)),
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        _ => format!("{} minutes", seconds / 60),
    }
}

/// Nextcloud tells nobody outside whether they run.
fn background_jobs() -> Finding {
    Finding::skipped(
        "background jobs",
        "not visible from here: Nextcloud sends webhooks and tidies up tokens only when its cron runs",
        "occ background:cron\n*/5 * * * * php -f /var/www/nextcloud/cron.php   # crontab of the web server's user",
    )
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn the_default_of_half_an_hour_is_told() {
        let finding = judge(Lifetime::Seconds(1800));
        assert_eq!(finding.state, State::Warning);
        assert!(finding.detail.starts_with("30 minutes"), "{}", finding.detail);
        assert!(finding.fix.unwrap().contains("refresh_expire_time"));
        assert_eq!(judge(Lifetime::Seconds(2_592_900)), Finding::ok(NAME, "30 days"));
        assert_eq!(judge(Lifetime::Endless).state, State::Ok);
        assert_eq!(judge(Lifetime::Unknown).state, State::Skipped);
    }
}
