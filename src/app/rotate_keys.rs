//! `rotate-keys`: every stored secret moves to the current key.

use super::commands::start_logs;
use super::{AppError, ExitReason, Foundation, say};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail, PgAuditTrail};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::crypto::{self, Keyring, RotationReport};
use serde_json::json;
use sqlx::PgPool;

/// Seals every stored secret with `TOKEN_ENCRYPTION_KEY`; fails when something stays under another key.
pub async fn rotate_keys(config: Config, json: bool) -> Result<ExitReason, AppError> {
    start_logs(&config)?;
    let foundation = Foundation::open_beside_server(&config).await?;
    let outcome = match &foundation.keyring {
        Some(keyring) => rotate(foundation.pool(), keyring, &foundation.clock).await,
        None => Err(AppError::NoKeys),
    };
    foundation.close().await;
    let report = outcome?;
    if json {
        say(&as_json(&report));
    } else {
        say(&as_text(&report));
    }
    Ok(if report.left() == 0 {
        ExitReason::Done
    } else {
        ExitReason::Unhealthy
    })
}

async fn rotate(pool: &PgPool, keyring: &Keyring, clock: &SharedClock) -> Result<RotationReport, AppError> {
    let report = crypto::rotate_keys(pool, keyring).await?;
    if report.rewrapped() > 0 {
        let event = AuditEvent {
            at: clock.now(),
            action: AuditAction::KeyRotation,
            actor: None,
            subject: None,
            origin: AuditOrigin::default(),
            detail: Some(format!(
                "sealed anew with key {}: {}, left under another: {}",
                report.key_id,
                report.rewrapped(),
                report.left()
            )),
        };
        PgAuditTrail::new(pool.clone()).record(event).await;
    }
    Ok(report)
}

fn as_json(report: &RotationReport) -> String {
    json!({
        "key_id": report.key_id,
        "columns": report.columns,
        "rewrapped": report.rewrapped(),
        "unreadable": report.unreadable(),
        "left": report.left(),
        "previous_key_may_go": report.left() == 0,
    })
    .to_string()
}

fn as_text(report: &RotationReport) -> String {
    let mut lines = Vec::new();
    for column in &report.columns {
        let counts = [
            (column.changed_meanwhile, "changed meanwhile"),
            (column.unreadable, "UNREADABLE"),
        ];
        let others = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {count} {what}"));
        lines.push(format!(
            "{:<45} {:>6} sealed anew{}",
            format!("{}.{}", column.table, column.column),
            column.rewrapped,
            others.collect::<String>()
        ));
    }
    lines.push(String::new());
    lines.push(match (report.left(), report.unreadable()) {
        (0, _) => "nothing is left under the previous key: TOKEN_ENCRYPTION_KEY_PREVIOUS may go".to_owned(),
        (left, unreadable) if left == unreadable => format!(
            "{left} secrets open with neither key: set the key they were sealed with as TOKEN_ENCRYPTION_KEY_PREVIOUS \
             and run this again, or let their owners (see the log) consent again"
        ),
        (left, _) => format!(
            "{left} secrets came under another key while this ran: a server still runs with the former key. Restart it \
             with the new TOKEN_ENCRYPTION_KEY, keep TOKEN_ENCRYPTION_KEY_PREVIOUS, and run this again"
        ),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::config::EncryptionConfig;
    use crate::crypto::ColumnReport;
    use crate::db::installation::check_encryption_key;
    use crate::entropy::SystemEntropy;
    use chrono::DateTime;
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn keyring(current: u8, previous: Option<u8>) -> Keyring {
        let key = |byte| Zeroizing::new([byte; 32]);
        let config = EncryptionConfig {
            current: key(current),
            previous: previous.map(key),
        };
        Keyring::new(&config, Arc::new(SystemEntropy))
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_new_key_alone_starts_a_server_after_a_rotation_that_is_audited_once(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        check_encryption_key(&mut connection, &keyring(1, None))
            .await
            .unwrap();
        let clock: SharedClock = ManualClock::at(DateTime::UNIX_EPOCH);
        let both = keyring(2, Some(1));
        assert_eq!(rotate(&pool, &both, &clock).await.unwrap().rewrapped(), 1);
        assert_eq!(rotate(&pool, &both, &clock).await.unwrap().rewrapped(), 0);
        check_encryption_key(&mut connection, &keyring(2, None))
            .await
            .unwrap();
        assert!(
            check_encryption_key(&mut connection, &keyring(1, None))
                .await
                .is_err()
        );
        let trail = PgAuditTrail::new(pool.clone());
        let lines = trail
            .all(&crate::audit::AuditFilter::default(), 10, None)
            .await
            .unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].event.action, AuditAction::KeyRotation);
        let detail = lines[0].event.detail.as_deref().unwrap();
        assert!(detail.ends_with(": 1, left under another: 0"), "{detail}");
    }

    fn report(rewrapped: u64, unreadable: u64, left: u64) -> RotationReport {
        RotationReport {
            key_id: "aabbccdd".to_owned(),
            columns: vec![ColumnReport {
                table: "grants",
                column: "refresh_token",
                rewrapped,
                changed_meanwhile: 0,
                unreadable,
                left,
            }],
        }
    }

    #[test]
    fn the_end_says_what_to_do_with_the_previous_key() {
        assert!(as_text(&report(3, 0, 0)).ends_with("TOKEN_ENCRYPTION_KEY_PREVIOUS may go"));
        assert!(as_text(&report(3, 1, 1)).contains("open with neither key"));
        assert!(as_text(&report(3, 0, 2)).contains("still runs with the former key"));
        let json: serde_json::Value = serde_json::from_str(&as_json(&report(3, 1, 1))).unwrap();
        assert_eq!(json["previous_key_may_go"], false);
        assert_eq!(json["columns"][0]["table"], "grants");
    }
}
