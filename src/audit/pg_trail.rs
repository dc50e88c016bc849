//! The table `audit_events`.

use super::{AuditAction, AuditError, AuditEvent, AuditOrigin, AuditTrail};
use crate::ids::UserId;
use async_trait::async_trait;
use chrono::{DateTime, Days, Utc};
use sqlx::PgPool;

/// How long a line is kept: a year, and what a yearly review needs to happen.
const RETENTION: Days = Days::new(400);
/// Characters of a text that are kept: a request may bring some of them.
const TEXT_LIMIT: usize = 500;

/// The trail in `PostgreSQL`.
#[derive(Debug, Clone)]
pub struct PgAuditTrail {
    pool: PgPool,
}

/// Which lines to read; empty: all.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Lines in which this user acted, or which are about this user.
    pub user: Option<UserId>,
    /// Lines with this action.
    pub action: Option<AuditAction>,
    /// Lines from this moment on.
    pub since: Option<DateTime<Utc>>,
}

/// A line with its number; a greater number was written later.
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    /// Number of the line, for paging.
    pub id: i64,
    /// What was recorded.
    pub event: AuditEvent,
}

impl PgAuditTrail {
    /// The trail over `pool`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The newest `limit` lines in which `user` acted or which are about `user`, newest first.
    pub async fn of_user(&self, user: &UserId, limit: i64) -> Result<Vec<AuditEvent>, AuditError> {
        let filter = AuditFilter {
            user: Some(user.clone()),
            ..AuditFilter::default()
        };
        let lines = self.all(&filter, limit, None).await?;
        Ok(lines.into_iter().map(|line| line.event).collect())
    }

    /// The newest `limit` lines that `filter` lets through, newest first; `before_id` goes on where a page ended.
    pub async fn all(
        &self,
        filter: &AuditFilter,
        limit: i64,
        before_id: Option<i64>,
    ) -> Result<Vec<RecordedEvent>, AuditError> {
        // A newer version may have written actions that this one does not know: they are left out here, not lost.
        let actions: Vec<String> = AuditAction::ALL
            .into_iter()
            .filter(|action| filter.action.is_none_or(|wanted| wanted == *action))
            .map(|action| action.name().to_owned())
            .collect();
        let rows = sqlx::query!(
            "select id, at, action, actor_uid, subject_uid, client_address, request_id, detail
             from audit_events
             where action = any($1)
               and ($2::text is null or subject_uid = $2 or actor_uid = $2)
               and ($3::timestamptz is null or at >= $3)
               and ($4::bigint is null or id < $4)
             order by id desc
             limit $5",
            &actions,
            filter.user.as_ref().map(UserId::as_str),
            filter.since,
            before_id,
            limit.max(0),
        )
        .fetch_all(&self.pool)
        .await?;
        let lines = rows.into_iter().filter_map(|row| {
            Some(RecordedEvent {
                id: row.id,
                event: AuditEvent {
                    at: row.at,
                    action: AuditAction::parse(&row.action)?,
                    actor: row.actor_uid.map(UserId::new),
                    subject: row.subject_uid.map(UserId::new),
                    origin: AuditOrigin {
                        address: row.client_address.and_then(|text| text.parse().ok()),
                        request_id: row.request_id,
                    },
                    detail: row.detail,
                },
            })
        });
        Ok(lines.collect())
    }

    /// Deletes what is older than 400 days at `now`; returns the number of lines.
    pub async fn forget_old(&self, now: DateTime<Utc>) -> Result<u64, AuditError> {
        let Some(before) = now.checked_sub_days(RETENTION) else {
            return Ok(0);
        };
        let deleted = sqlx::query!("delete from audit_events where at < $1", before)
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected())
    }

    async fn append(&self, event: &AuditEvent) -> Result<(), AuditError> {
        sqlx::query!(
            "insert into audit_events (at, action, actor_uid, subject_uid, client_address, request_id, detail)
             values ($1, $2, $3, $4, $5, $6, $7)",
            event.at,
            event.action.name(),
            event.actor.as_ref().map(UserId::as_str),
            event.subject.as_ref().map(UserId::as_str),
            event.origin.address.map(|address| address.to_string()),
            event.origin.request_id.as_deref().map(printable),
            event.detail.as_deref().map(printable),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// `text` without control characters, which would forge lines in a terminal and which `PostgreSQL` refuses (NUL).
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(TEXT_LIMIT)
        .collect()
}

#[async_trait]
impl AuditTrail for PgAuditTrail {
    async fn record(&self, event: AuditEvent) {
        if let Err(error) = self.append(&event).await {
            tracing::error!(
                %error,
                action = event.action.name(),
                actor = event.actor.as_ref().map(UserId::as_str),
                subject = event.subject.as_ref().map(UserId::as_str),
                "what happened is missing in the audit trail"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone as _};

    fn event(minute: i64, action: AuditAction, subject: &str) -> AuditEvent {
        AuditEvent {
            at: Utc.with_ymd_and_hms(2030, 1, 1, 0, 0, 0).unwrap() + Duration::minutes(minute),
            action,
            actor: None,
            subject: Some(UserId::new(subject)),
            origin: AuditOrigin::default(),
            detail: None,
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_line_comes_back_whole_and_cannot_forge_another(pool: PgPool) {
        let trail = PgAuditTrail::new(pool);
        trail
            .record(AuditEvent {
                actor: Some(UserId::new("admin")),
                origin: AuditOrigin {
                    address: Some("2001:db8::1".parse().unwrap()),
                    request_id: Some("01J".to_owned()),
                },
                detail: Some("scopes:\nrevocation\0 \u{1b}[2J".to_owned()),
                ..event(0, AuditAction::ScopesChanged, "alice")
            })
            .await;
        let lines = trail.of_user(&UserId::new("alice"), 10).await.unwrap();
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(line.at, event(0, AuditAction::Consent, "").at);
        assert_eq!(line.action, AuditAction::ScopesChanged);
        assert_eq!(line.actor, Some(UserId::new("admin")));
        assert_eq!(line.origin.address, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(line.origin.request_id.as_deref(), Some("01J"));
        assert_eq!(line.detail.as_deref(), Some("scopes: revocation   [2J"));
        let of_actor = trail.of_user(&UserId::new("admin"), 10).await.unwrap();
        assert_eq!(of_actor.len(), 1, "who acted sees it too");
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_user_sees_no_other_and_an_admin_pages_through_all(pool: PgPool) {
        let trail = PgAuditTrail::new(pool.clone());
        for minute in 0..4 {
            let subject = if minute % 2 == 0 { "alice" } else { "bob" };
            trail.record(event(minute, AuditAction::Consent, subject)).await;
        }
        trail.record(event(4, AuditAction::Revocation, "bob")).await;
        sqlx::query!("insert into audit_events (at, action) values (now(), 'of_a_newer_version')")
            .execute(&pool)
            .await
            .unwrap();
        let alice = trail.of_user(&UserId::new("alice"), 10).await.unwrap();
        assert_eq!(alice.len(), 2);
        assert!(alice[0].at > alice[1].at, "newest first");

        let all = AuditFilter::default();
        let first = trail.all(&all, 3, None).await.unwrap();
        let rest = trail.all(&all, 3, Some(first[2].id)).await.unwrap();
        assert_eq!((first.len(), rest.len()), (3, 2));
        assert_eq!(first[0].event.action, AuditAction::Revocation);

        let revocations = AuditFilter {
            action: Some(AuditAction::Revocation),
            ..AuditFilter::default()
        };
        assert_eq!(trail.all(&revocations, 9, None).await.unwrap().len(), 1);
        let late = AuditFilter {
            since: Some(event(3, AuditAction::Consent, "").at),
            ..AuditFilter::default()
        };
        assert_eq!(trail.all(&late, 9, None).await.unwrap().len(), 2);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn lines_are_forgotten_after_400_days(pool: PgPool) {
        let trail = PgAuditTrail::new(pool);
        let written = event(0, AuditAction::Login, "alice");
        trail.record(written.clone()).await;
        let kept = trail.forget_old(written.at + Duration::days(400)).await.unwrap();
        let gone = trail
            .forget_old(written.at + Duration::days(400) + Duration::seconds(1))
            .await
            .unwrap();
        assert_eq!((kept, gone), (0, 1));
    }
}
