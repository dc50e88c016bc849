//! Whether Nextcloud tells of changes by itself.

use super::super::Foundation;
use super::Finding;
use crate::config::Config;
use crate::webhooks::{LOCAL_COMMAND, WORKER_COMMAND, WebhookHealth, WebhookUris, is_local};

const NAME: &str = "webhooks";

pub(super) async fn check(config: &Config, foundation: Option<&Foundation>) -> Vec<Finding> {
    if !config.sync.enabled || !config.mode.stores_credentials() {
        return Vec::new();
    }
    let page = format!("{}/app", config.server.public_url.as_str().trim_end_matches('/'));
    let receiver = WebhookUris::new(&config.server).registered().to_owned();
    let health = match foundation {
        Some(foundation) if stand(foundation).await => {
            WebhookHealth::look(foundation.pool(), foundation.clock.now()).await
        }
        _ => Ok(WebhookHealth::default()),
    };
    match health {
        Ok(health) => judge(&health, &receiver, &page),
        Err(error) => vec![Finding::problem(NAME, error.to_string(), "check DATABASE_URL")],
    }
}

/// Whether the tables are there: no server of this version may have used this database yet.
async fn stand(foundation: &Foundation) -> bool {
    let found = sqlx::query_scalar!("select to_regclass('public.unannounced_changes') is not null")
        .fetch_one(foundation.pool())
        .await;
    found.is_ok_and(|found| found.unwrap_or(false))
}

fn judge(health: &WebhookHealth, receiver: &str, page: &str) -> Vec<Finding> {
    if health.wanted == 0 {
        let fix = format!("an administrator switches presets on at {page}, or in Astrolabe's settings");
        return vec![Finding::skipped(
            NAME,
            "none are asked for: changes wait for the next scan",
            fix,
        )];
    }
    let mut findings = Vec::new();
    for problem in &health.problems {
        findings.push(Finding::warning(
            NAME,
            format!("{}: {}", problem.event, problem.text),
            format!("see {page}"),
        ));
    }
    if !health.silent.is_empty() {
        let types: Vec<&str> = health
            .silent
            .iter()
            .map(|silence| silence.doc_type.as_str())
            .collect();
        let changes: i64 = health.silent.iter().map(|silence| silence.changes).sum();
        let mut fix = format!("usually no background worker runs: {WORKER_COMMAND}");
        if is_local(receiver) {
            fix = format!("{fix}\n{receiver} is local, which needs: {LOCAL_COMMAND}");
        }
        let detail = format!(
            "silent although scans found {changes} changes ({}) since {}",
            types.join(", "),
            health
                .silent
                .iter()
                .map(|silence| silence.since)
                .min()
                .unwrap_or_default()
        );
        findings.push(Finding::warning(NAME, detail, fix));
    } else if health.is_late() {
        let seconds = health.lag.unwrap_or_default().num_seconds();
        findings.push(Finding::warning(
            NAME,
            format!("the last delivery came {seconds} s after its event: it waited for cron"),
            format!("a worker beside cron delivers at once: {WORKER_COMMAND}"),
        ));
    }
    if findings.is_empty() {
        let last = health.last_delivery_at;
        let last = last.map_or_else(
            || "nothing delivered yet".to_owned(),
            |at| format!("last delivery {at}"),
        );
        findings.push(Finding::ok(
            NAME,
            format!("{} of {} stand, {last}", health.standing, health.wanted),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::webhooks::{RegistrationProblem, Silence};

    const PAGE: &str = "https://mcp.example.com/app";

    fn health() -> WebhookHealth {
        WebhookHealth {
            wanted: 5,
            standing: 5,
            ..WebhookHealth::default()
        }
    }

    fn states(health: &WebhookHealth, receiver: &str) -> Vec<(State, Option<String>)> {
        let findings = judge(health, receiver, PAGE);
        findings
            .into_iter()
            .map(|finding| (finding.state, finding.fix))
            .collect()
    }

    #[test]
    fn silent_webhooks_come_with_the_line_that_starts_a_worker() {
        let public = "https://mcp.example.com/webhooks/nextcloud";
        assert_eq!(states(&WebhookHealth::default(), public)[0].0, State::Skipped);
        assert_eq!(states(&health(), public), [(State::Ok, None)]);
        let silent = WebhookHealth {
            silent: vec![Silence {
                doc_type: "file".into(),
                changes: 3,
                since: chrono::DateTime::UNIX_EPOCH,
                last_delivery_at: None,
            }],
            ..health()
        };
        let [(state, Some(fix))] = &states(&silent, public)[..] else {
            panic!("one finding")
        };
        assert_eq!(*state, State::Warning);
        assert!(
            fix.contains("occ background-job:worker") && !fix.contains("allow_local"),
            "{fix}"
        );
        let local = states(&silent, "http://mcp:8000/webhooks/nextcloud");
        assert!(
            local[0]
                .1
                .as_deref()
                .unwrap()
                .contains("allow_local_remote_servers")
        );
    }

    #[test]
    fn what_does_not_stand_and_what_is_late_is_told() {
        let late = WebhookHealth {
            lag: Some(chrono::TimeDelta::minutes(4)),
            problems: vec![RegistrationProblem {
                event: "OCA\\Tables\\Event\\RowAddedEvent".into(),
                text: "not compatible".into(),
            }],
            ..health()
        };
        let found = states(&late, "https://mcp.example.com/");
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|(state, _)| *state == State::Warning));
    }
}
