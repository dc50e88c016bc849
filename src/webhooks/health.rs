//! How webhooks do: whether deliveries come, how late, and what to do where they do not.

use super::catalogue::announced_by;
use super::registration::{Registration, RegistrationState};
use super::registration_store::registrations;
use super::told::Told;
use crate::db::DbError;
use crate::sync::{Unannounced, unannounced_changes};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use std::sync::{Arc, PoisonError, RwLock};
use url::{Host, Url};

/// A worker that is started with cron has this long to deliver: cron runs every five minutes, and what is before a
/// delivery in the queue may take a while.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// A scan may look while a delivery is on its way; what it finds so soon after one is no evidence.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(1);
/// Later than this nobody calls it at once.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// Starts a background worker for deliveries (facts §5).
pub const WORKER_COMMAND: &str =
    r"occ background-job:worker 'OCA\WebhookListeners\BackgroundJobs\WebhookCall'";
/// Lets Nextcloud deliver to addresses of its own network.
pub const LOCAL_COMMAND: &str =
    "occ config:system:set allow_local_remote_servers --value true --type boolean";

/// Documents of a type are saved, webhooks stand for them, and nothing is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The type.
    pub doc_type: String,
    /// How many changes scans found meanwhile.
    pub changes: i64,
    /// When a scan found the first of them.
    pub since: DateTime<Utc>,
    /// When the last delivery about this type's source came.
    pub last_delivery_at: Option<DateTime<Utc>>,
}

/// A registration that does not stand as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationProblem {
    /// The class of the event.
    pub event: String,
    /// Why, for people.
    pub text: String,
}

/// How webhooks do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookHealth {
    /// How many registrations are asked for, companions too.
    pub wanted: usize,
    /// How many of them stand at Nextcloud.
    pub standing: usize,
    /// When the last delivery came.
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// How long it took from its event to its arrival.
    pub lag: Option<TimeDelta>,
    /// What does not stand as it should.
    pub problems: Vec<RegistrationProblem>,
    /// What is silent although it should not be.
    pub silent: Vec<Silence>,
    /// What scans found that nothing has announced yet, silent or not.
    pub unannounced: Vec<Unannounced>,
}

impl WebhookHealth {
    /// How they do at `now`; asks only the database.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn look(pool: &PgPool, now: DateTime<Utc>) -> Result<Self, DbError> {
        let rows = registrations(pool).await?;
        Ok(Self::of(&rows, unannounced_changes(pool).await?, now))
    }

    /// What these rows mean.
    pub(super) fn of(rows: &[Registration], unannounced: Vec<Unannounced>, now: DateTime<Utc>) -> Self {
        let live: Vec<&Registration> = rows
            .iter()
            .filter(|row| row.state != RegistrationState::Removing)
            .collect();
        let last = live.iter().max_by_key(|row| row.last_delivery_at);
        Self {
            wanted: live.len(),
            standing: live.iter().filter(|row| stands(row)).count(),
            last_delivery_at: last.and_then(|row| row.last_delivery_at),
            lag: last.and_then(|row| lag(row)),
            problems: live
                .iter()
                .filter_map(|row| {
                    Some(RegistrationProblem {
                        event: row.selector.event().to_owned(),
                        text: row.problem.clone()?,
                    })
                })
                .collect(),
            silent: unannounced
                .iter()
                .filter_map(|found| silence(&live, found, now))
                .collect(),
            unannounced,
        }
    }

    /// Whether deliveries come, but so late that a worker is missing.
    pub fn is_late(&self) -> bool {
        self.lag.is_some_and(|lag| lag > LATE)
    }
}

/// How long the last delivery took from its event. Nextcloud's clock may be ahead.
pub(super) fn lag(row: &Registration) -> Option<TimeDelta> {
    Some((row.last_delivery_at? - row.last_event_at?).max(TimeDelta::zero()))
}

fn stands(row: &Registration) -> bool {
    row.nextcloud_id.is_some() && matches!(row.state, RegistrationState::Active | RegistrationState::Stale)
}

fn silence(live: &[&Registration], found: &Unannounced, now: DateTime<Utc>) -> Option<Silence> {
    let announces = |row: &&&Registration| {
        stands(row)
            && announced_by(&row.selector)
                .iter()
                .any(|doc_type| *doc_type == found.doc_type)
    };
    let told = Told::of_class(live.iter().find(announces)?.selector.event());
    let same_source = live
        .iter()
        .filter(|row| Told::of_class(row.selector.event()) == told);
    let last_delivery_at = same_source.filter_map(|row| row.last_delivery_at).max();
    let is_silent = now - found.first_found_at >= PATIENCE
        && last_delivery_at.is_none_or(|at| found.last_found_at >= at + ON_ITS_WAY);
    is_silent.then(|| Silence {
        doc_type: found.doc_type.clone(),
        changes: found.changes,
        since: found.first_found_at,
        last_delivery_at,
    })
}

/// Whether Nextcloud takes `uri` for an address of its own network, to which it delivers only when it is told to. A
/// name without a dot is one of a container network.
pub fn is_local(uri: &str) -> bool {
    match Url::parse(uri).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => address.is_private() || address.is_loopback() || address.is_link_local(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Some(Host::Domain(name)) => {
            !name.contains('.')
                || [".localhost", ".local", ".internal", ".lan", ".home.arpa"]
                    .iter()
                    .any(|ending| name.ends_with(ending))
        }
        None => false,
    }
}

/// The last look at webhooks, for answers that wait for nobody. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct WebhookWatch(Arc<RwLock<Option<WebhookHealth>>>);

impl WebhookWatch {
    /// What was seen last; `None` before the first look.
    pub fn last(&self) -> Option<WebhookHealth> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what was seen.
    pub fn saw(&self, health: WebhookHealth) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(health);
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Preset;
    use super::super::registration::{RegistrationId, WantedBy};
    use super::*;
    use crate::ids::UserId;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + minute * 60, 0).unwrap()
    }

    fn rows(preset: &str, last_delivery_at: Option<DateTime<Utc>>) -> Vec<Registration> {
        let selectors = Preset::find(preset).unwrap().selectors();
        let row = |(number, selector)| Registration {
            id: RegistrationId::new(format!("{number}")),
            owner: UserId::new("admin"),
            selector,
            wanted_by: WantedBy::User,
            nextcloud_id: Some(number),
            state: RegistrationState::Active,
            problem: None,
            problem_since: None,
            last_delivery_at,
            last_event_at: last_delivery_at.map(|at| at - TimeDelta::seconds(3)),
            deliveries: 0,
            created_at: at(0),
        };
        (1..).zip(selectors).map(row).collect()
    }

    fn found(doc_type: &str, first: i64, last: i64) -> Unannounced {
        Unannounced {
            doc_type: doc_type.to_owned(),
            changes: 4,
            first_found_at: at(first),
            last_found_at: at(last),
        }
    }

    fn silent(rows: &[Registration], found: Unannounced, now: i64) -> bool {
        !WebhookHealth::of(rows, vec![found], at(now)).silent.is_empty()
    }

    #[test]
    fn what_stands_for_saved_documents_and_never_delivers_is_silent_after_a_while() {
        let files = rows("files_sync", None);
        assert!(!silent(&files, found("file", 0, 0), 14), "cron may come yet");
        assert!(silent(&files, found("file", 0, 0), 15));
        assert!(silent(&files, found("note", 0, 0), 15));
        assert!(
            !silent(&files, found("calendar", 0, 0), 15),
            "nobody asked for it"
        );
        let notes = rows("notes_sync", None);
        assert!(silent(&notes, found("note", 0, 0), 15));
        assert!(!silent(&notes, found("file", 0, 0), 15), "nobody asked for it");
    }

    #[test]
    fn what_has_just_delivered_or_does_not_stand_is_not() {
        let delivered = rows("files_sync", Some(at(5)));
        assert!(
            !silent(&delivered, found("file", 5, 5), 60),
            "the scan was faster than the worker"
        );
        assert!(silent(&delivered, found("file", 5, 7), 60));
        let mut missing = rows("files_sync", None);
        for row in &mut missing {
            row.state = RegistrationState::Pending;
        }
        assert!(!silent(&missing, found("file", 0, 0), 60));
        assert!(!silent(&[], found("file", 0, 0), 60));
    }

    #[test]
    fn problems_and_the_lag_of_the_last_delivery_are_told() {
        let mut all = rows("files_sync", Some(at(5)));
        all.extend(rows("calendar_sync", None));
        all[3].problem = Some("no such event".into());
        all[4].state = RegistrationState::Removing;
        let health = WebhookHealth::of(&all, Vec::new(), at(6));
        assert_eq!((health.wanted, health.standing), (5, 5));
        assert_eq!(health.lag, Some(TimeDelta::seconds(3)));
        assert!(!health.is_late());
        assert_eq!(health.problems.len(), 1);
        all[0].last_event_at = Some(at(1));
        all[0].last_delivery_at = Some(at(6));
        assert!(WebhookHealth::of(&all, Vec::new(), at(6)).is_late());
        all[0].last_event_at = Some(at(9));
        let ahead = WebhookHealth::of(&all, Vec::new(), at(6)).lag;
        assert_eq!(ahead, Some(TimeDelta::zero()));
    }

    #[test]
    fn addresses_that_nextcloud_refuses_by_default_are_known() {
        for local in [
            "http://mcp:8000/webhooks/nextcloud",
            "http://127.0.0.1:8000/",
            "http://192.168.1.9/",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://box.local/",
        ] {
            assert!(is_local(local), "{local}");
        }
        for public in ["https://mcp.example.org/", "https://192.0.2.7/", "nonsense"] {
            assert!(!is_local(public), "{public}");
        }
    }
}
