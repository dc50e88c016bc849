//! `doctor`: walks an administrator through the set-up and says what is right, what is missing and what to type.
//!
//! | file | checks |
//! |---|---|
//! | `finding` | what a check found, and how it is printed |
//! | `nextcloud` | reachable, version, account, brute-force allow-list |
//! | `face` | this server's public URL and the proxy before it |
//! | `provider`, `client` | identity provider, OAuth client |
//! | `bearer` | whether Nextcloud takes access tokens |
//! | `lifetimes` | how long a consent lives, background jobs |
//! | `consents` | what users granted, and what became of it |
//! | `webhooks` | whether Nextcloud tells of changes |
//! | `storage` | database, extensions, key, index |
//! | `embedder`, `reranker`, `ocr` | the models |
//! | `sandbox` | the processes in which documents are read |
//!
//! It changes nothing, and sends no credentials but the configured ones and one live access token.

mod bearer;
mod client;
mod consents;
mod embedder;
mod face;
mod finding;
mod lifetimes;
mod nextcloud;
mod ocr;
mod provider;
mod reranker;
mod sandbox;
mod storage;
mod webhooks;

use super::{AppError, ExitReason, Foundation, say};
use crate::config::{BackgroundCredential, Config, Mode};
use crate::nextcloud::Nextcloud;
use finding::{Finding, State};

/// Prints what each check found; fails when something is broken.
pub async fn doctor(config: Config, json: bool) -> Result<ExitReason, AppError> {
    let mut findings = examine(&config).await;
    // Here and not there: it starts this very program, which in unit tests is another.
    findings.push(sandbox::check().await);
    let broken = findings.iter().any(|finding| finding.state == State::Problem);
    if json {
        say(&serde_json::to_string_pretty(&findings).unwrap_or_default());
    } else {
        for finding in &findings {
            say(&finding.to_string());
        }
        say(&finding::summary(&findings));
    }
    Ok(if broken {
        ExitReason::Unhealthy
    } else {
        ExitReason::Done
    })
}

async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = configuration(config);
    let nextcloud = match Nextcloud::new(&config.nextcloud, super::clock()) {
        Ok(client) => {
            findings.extend(nextcloud::check(config, &client).await);
            Some(client)
        }
        Err(error) => {
            let fix = "check NEXTCLOUD_HOST and NEXTCLOUD_CA_BUNDLE";
            findings.push(Finding::problem(nextcloud::NAME, error.to_string(), fix));
            None
        }
    };
    findings.extend(face::check(config));
    let foundation = match Foundation::look(config).await {
        Ok(foundation) => Some(foundation),
        Err(error) => {
            findings.push(storage::unreachable(&error));
            None
        }
    };
    if let Some(foundation) = &foundation {
        findings.extend(storage::check(config, foundation).await);
    }
    if uses_oauth(&config.mode) {
        let nextcloud_answers = findings
            .iter()
            .all(|finding| finding.name != nextcloud::NAME || finding.state != State::Problem);
        findings.extend(if nextcloud_answers || config.oidc.discovery_url.is_some() {
            provider::check(config, foundation.as_ref()).await
        } else {
            provider::unasked(config)
        });
        let database = match &foundation {
            Some(foundation) if consents::stand(foundation).await => Some(foundation),
            _ => None,
        };
        findings.push(bearer::check(config, nextcloud.as_ref(), database).await);
        findings.extend(lifetimes::check(config, database).await);
        findings.extend(consents::check(config, database).await);
        findings.extend(webhooks::check(config, database).await);
    }
    if let Some(foundation) = foundation {
        foundation.close().await;
    }
    findings.push(embedder::check(config).await);
    findings.extend(reranker::check(config).await);
    findings.extend(ocr::check(config).await);
    findings
}

fn configuration(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(
        "configuration",
        format!("{} mode", mode_name(&config.mode)),
    )];
    findings.extend(config.warnings.iter().map(|warning| Finding {
        fix: None,
        ..Finding::warning("configuration", warning.clone(), "")
    }));
    findings
}

fn mode_name(mode: &Mode) -> &'static str {
    match mode {
        Mode::SingleUserBasic { .. } => "single-user Basic",
        Mode::MultiUserBasic => "multi-user Basic",
        Mode::Hybrid => "hybrid",
        Mode::OAuth { .. } => "OAuth",
    }
}

/// Whether this mode needs an identity provider.
fn uses_oauth(mode: &Mode) -> bool {
    matches!(mode, Mode::Hybrid | Mode::OAuth { .. })
}

/// Whether the server keeps refresh tokens.
fn keeps_refresh_tokens(config: &Config) -> bool {
    config.mode.stores_credentials()
        && config.oidc.background_credential == BackgroundCredential::RefreshToken
}

#[cfg(test)]
mod tests;
