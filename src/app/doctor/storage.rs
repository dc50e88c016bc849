//! The database, its extensions, the key for secrets at rest, the index.

use super::super::{AppError, Foundation, index_service};
use super::{Finding, consents};
use crate::config::Config;
use crate::crypto::{self, Keyring};
use crate::db::DbError;
use crate::db::installation::{KeyCheckError, check_encryption_key};

/// `server_version_num` of the oldest `PostgreSQL` that is tested.
const OLDEST_POSTGRES: i32 = 150_000;
/// What the job queue's own migrations create.
const EXTENSIONS: [&str; 2] = ["hstore", "pgcrypto"];

/// The database could not be opened.
pub(super) fn unreachable(error: &AppError) -> Finding {
    let fix = "the message names the cause; DATABASE_URL or DATA_DIR must be those of the server";
    Finding::problem("database", error.to_string(), fix)
}

pub(super) async fn check(config: &Config, foundation: &Foundation) -> Vec<Finding> {
    let mut findings = vec![
        database(foundation)
            .await
            .unwrap_or_else(|error| failed("database", &error)),
        extensions(foundation)
            .await
            .unwrap_or_else(|error| failed("extensions", &error)),
    ];
    if let Some(keys) = &config.encryption {
        let keyring = Keyring::new(keys, foundation.entropy.clone());
        let found = encryption_key(foundation, &keyring, keys.previous.is_some()).await;
        findings.push(found.unwrap_or_else(|error| failed("encryption key", &error)));
    }
    if config.sync.enabled {
        findings.push(index(config, foundation).await);
    }
    findings
}

fn failed(name: &'static str, error: &DbError) -> Finding {
    Finding::problem(name, error.to_string(), "check DATABASE_URL")
}

async fn database(foundation: &Foundation) -> Result<Finding, DbError> {
    const NAME: &str = "database";
    let version = sqlx::query!(
        r#"select current_setting('server_version') as "name!",
                  current_setting('server_version_num')::integer as "number!""#
    )
    .fetch_one(foundation.pool())
    .await?;
    let detail = format!("PostgreSQL {}", version.name);
    Ok(if version.number < OLDEST_POSTGRES {
        Finding::problem(NAME, detail, "upgrade PostgreSQL to 15 or newer")
    } else {
        Finding::ok(NAME, detail)
    })
}

async fn extensions(foundation: &Foundation) -> Result<Finding, DbError> {
    let names = EXTENSIONS.map(str::to_owned);
    let rows = sqlx::query!(
        r#"select name as "name!", installed_version is not null as "installed!"
           from pg_available_extensions where name = any($1)"#,
        &names
    )
    .fetch_all(foundation.pool())
    .await?;
    let may_create =
        sqlx::query_scalar!(r#"select has_database_privilege(current_database(), 'create') as "allowed!""#)
            .fetch_one(foundation.pool())
            .await?;
    let available: Vec<(&str, bool)> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.installed))
        .collect();
    Ok(judge_extensions(&available, may_create))
}

fn judge_extensions(available: &[(&str, bool)], may_create: bool) -> Finding {
    const NAME: &str = "extensions";
    let missing: Vec<&str> = EXTENSIONS
        .into_iter()
        .filter(|wanted| !available.iter().any(|(name, _)| name == wanted))
        .collect();
    if !missing.is_empty() {
        return Finding::problem(
            NAME,
            format!("{} not available in this PostgreSQL", missing.join(" and ")),
            "apt-get install postgresql-contrib   # or your distribution's package of that name",
        );
    }
    let absent: Vec<&str> = available
        .iter()
        .filter(|(_, installed)| !installed)
        .map(|(name, _)| *name)
        .collect();
    if absent.is_empty() {
        Finding::ok(NAME, EXTENSIONS.join(", "))
    } else if may_create {
        Finding::ok(
            NAME,
            format!("{} will be created at the next start", absent.join(", ")),
        )
    } else {
        let statements: Vec<String> = absent
            .iter()
            .map(|name| format!("create extension {name};"))
            .collect();
        Finding::problem(
            NAME,
            format!(
                "{} missing, and this user may not create them",
                absent.join(" and ")
            ),
            format!("psql <database> -c '{}'   # as a superuser", statements.join(" ")),
        )
    }
}

/// Looks whether the configured keys open what is stored; the check row is written in a transaction that is undone.
async fn encryption_key(
    foundation: &Foundation,
    keyring: &Keyring,
    has_previous: bool,
) -> Result<Finding, DbError> {
    const NAME: &str = "encryption key";
    if !consents::stand(foundation).await {
        return Ok(Finding::ok(NAME, "nothing is stored under it yet"));
    }
    let mut transaction = foundation.pool().begin().await?;
    let checked = check_encryption_key(&mut transaction, keyring).await;
    transaction.rollback().await?;
    match checked {
        Err(KeyCheckError::WrongKey) => {
            let fix = "set the former key as TOKEN_ENCRYPTION_KEY_PREVIOUS, or as TOKEN_ENCRYPTION_KEY";
            return Ok(Finding::problem(NAME, KeyCheckError::WrongKey.to_string(), fix));
        }
        Err(KeyCheckError::Database(error)) => return Err(error),
        Ok(()) => {}
    }
    let left = crypto::left_under_other_keys(foundation.pool(), keyring).await?;
    Ok(match (left, has_previous) {
        (0, false) => Finding::ok(NAME, format!("{} opens what is stored", keyring.current_key_id())),
        (0, true) => Finding::ok(
            NAME,
            "nothing is left under the previous key: TOKEN_ENCRYPTION_KEY_PREVIOUS may go",
        ),
        (left, _) => Finding::warning(
            NAME,
            format!("{left} secrets are not under the current key"),
            "nextcloud-mcp-server rotate-keys",
        ),
    })
}

async fn index(config: &Config, foundation: &Foundation) -> Finding {
    const NAME: &str = "index";
    match index_service::look(config, foundation).await {
        Ok(Ok(name)) => Finding::ok(NAME, name),
        Ok(Err(detail)) => Finding::warning(NAME, detail, "it is built when the server starts"),
        Err(error) => {
            let fix = if config.qdrant.is_some() {
                "check that the Qdrant server runs, QDRANT_URL (its gRPC port) and QDRANT_API_KEY"
            } else {
                "check the owner of DATA_DIR/index, or move it away: it can be rebuilt"
            };
            Finding::problem(NAME, error.to_string(), fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn extensions_must_exist_or_be_creatable() {
        let both = [("hstore", true), ("pgcrypto", true)];
        assert_eq!(judge_extensions(&both, false).state, State::Ok);
        let one = [("hstore", false), ("pgcrypto", true)];
        assert_eq!(judge_extensions(&one, true).state, State::Ok);
        let finding = judge_extensions(&one, false);
        assert_eq!(finding.state, State::Problem);
        assert!(finding.fix.unwrap().contains("'create extension hstore;'"));
        let none = judge_extensions(&[("pgcrypto", true)], true);
        assert!(none.detail.starts_with("hstore not available"), "{}", none.detail);
    }
}
