//! `doctor`: looks at each part and says what to do.

use super::{AppError, ExitReason, Foundation, index_service, say};
use crate::config::{Config, EmbeddingProvider, Mode};
use crate::index::Priority;
use crate::nextcloud::{Credential, Nextcloud};
use serde::Serialize;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Warning,
    Failed,
}

/// What was found about one part.
#[derive(Debug, Serialize)]
struct Finding {
    part: &'static str,
    health: Health,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
}

impl Finding {
    fn ok(part: &'static str, detail: impl Into<String>) -> Self {
        Self {
            part,
            health: Health::Ok,
            detail: detail.into(),
            next_step: None,
        }
    }

    fn bad(part: &'static str, health: Health, detail: impl Into<String>, next_step: &str) -> Self {
        Self {
            part,
            health,
            detail: detail.into(),
            next_step: Some(next_step.to_owned()),
        }
    }
}

/// Prints a line per part; fails when one is broken.
pub async fn doctor(config: Config, json: bool) -> Result<ExitReason, AppError> {
    let mut findings = vec![Finding::ok(
        "configuration",
        format!("{} mode", mode_name(&config.mode)),
    )];
    findings.extend(nextcloud(&config).await);
    findings.push(embedder(&config).await);
    findings.extend(storage(&config).await);
    let failed = findings.iter().any(|finding| finding.health == Health::Failed);
    if json {
        say(&serde_json::to_string_pretty(&findings).unwrap_or_default());
    } else {
        for finding in &findings {
            say(&line(finding));
        }
    }
    Ok(if failed {
        ExitReason::Unhealthy
    } else {
        ExitReason::Done
    })
}

fn line(finding: &Finding) -> String {
    let sign = match finding.health {
        Health::Ok => "ok     ",
        Health::Warning => "warning",
        Health::Failed => "FAILED ",
    };
    let step = finding
        .next_step
        .as_ref()
        .map(|step| format!("\n{:24}→ {step}", ""))
        .unwrap_or_default();
    format!("{sign}  {:<13}  {}{step}", finding.part, finding.detail)
}

fn mode_name(mode: &Mode) -> &'static str {
    match mode {
        Mode::SingleUserBasic { .. } => "single-user Basic",
        Mode::MultiUserBasic => "multi-user Basic",
        Mode::Hybrid => "hybrid",
        Mode::OAuth { .. } => "OAuth",
    }
}

async fn nextcloud(config: &Config) -> Vec<Finding> {
    const PART: &str = "nextcloud";
    let client = match Nextcloud::new(&config.nextcloud, super::clock()) {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::bad(
                PART,
                Health::Failed,
                error.to_string(),
                "check NEXTCLOUD_HOST and NEXTCLOUD_CA_BUNDLE",
            )];
        }
    };
    let mut findings = vec![match client.status().await {
        Ok(status) if status.maintenance => Finding::bad(
            PART,
            Health::Warning,
            "in maintenance mode",
            "wait, or type: occ maintenance:mode --off",
        ),
        Ok(status) => Finding::ok(
            PART,
            format!("version {} at {}", status.version, config.nextcloud.host),
        ),
        Err(error) => {
            let step = "open NEXTCLOUD_HOST/status.php from this machine; it must answer JSON";
            Finding::bad(PART, Health::Failed, error.to_string(), step)
        }
    }];
    if let Mode::SingleUserBasic { login_name, password } = &config.mode {
        let credential = Credential::Basic {
            login_name: login_name.clone(),
            password: password.clone(),
        };
        findings.push(match client.current_user(&credential).await {
            Ok(user) => Finding::ok("account", format!("logged in as {}", user.id())),
            Err(error) => {
                let step = "make a new app password under Settings → Security and set NEXTCLOUD_PASSWORD";
                Finding::bad("account", Health::Failed, error.to_string(), step)
            }
        });
    }
    findings
}

async fn embedder(config: &Config) -> Finding {
    const PART: &str = "embedder";
    if config.embedding.provider == EmbeddingProvider::None {
        let step = "unset EMBEDDING_PROVIDER to search by meaning too";
        return Finding::bad(PART, Health::Warning, "none: keyword search only", step);
    }
    let embedded = async {
        let embedder = index_service::embedder(config)?.0.ok_or("no embedder")?;
        let vectors = embedder
            .embed(vec!["a test".to_owned()], Priority::Interactive)
            .await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((embedder.identity().to_owned(), vectors.len()))
    };
    match embedded.await {
        Ok((identity, 1)) => Finding::ok(PART, identity),
        Ok(_) => Finding::bad(
            PART,
            Health::Failed,
            "no vector came back",
            "check EMBEDDING_MODEL_DIR",
        ),
        Err(error) => Finding::bad(
            PART,
            Health::Failed,
            error.to_string(),
            "check EMBEDDING_MODEL_DIR",
        ),
    }
}

async fn storage(config: &Config) -> Vec<Finding> {
    let foundation = match Foundation::look(config).await {
        Ok(foundation) => foundation,
        Err(error) => {
            let step = "the message names the cause; a running server holds its private database: then ask its /health/ready";
            return vec![Finding::bad("database", Health::Failed, error.to_string(), step)];
        }
    };
    let mut findings = vec![match foundation.postgres_version().await {
        Ok(version) => Finding::ok("database", version),
        Err(error) => Finding::bad(
            "database",
            Health::Failed,
            error.to_string(),
            "check DATABASE_URL",
        ),
    }];
    if config.sync.enabled {
        findings.push(match index_service::look(config, &foundation).await {
            Ok(Ok(name)) => Finding::ok("index", name),
            Ok(Err(detail)) => Finding::bad(
                "index",
                Health::Warning,
                detail,
                "it is built when the server starts",
            ),
            Err(error) => {
                let step = "check the owner of DATA_DIR/index, or move it away: it can be rebuilt";
                Finding::bad("index", Health::Failed, error.to_string(), step)
            }
        });
    }
    foundation.close().await;
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_part_comes_with_its_next_step() {
        let text = line(&Finding::bad("nextcloud", Health::Failed, "refused", "start it"));
        assert!(
            text.starts_with("FAILED") && text.ends_with("→ start it"),
            "{text}"
        );
        assert!(!line(&Finding::ok("database", "PostgreSQL 15")).contains('→'));
    }
}
