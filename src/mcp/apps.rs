//! Which Nextcloud apps a user has: tools of an app that is disabled for them are not shown (case M07).

use crate::auth::Caller;
use crate::clock::SharedClock;
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Age up to which an answer counts: an app that is enabled or disabled shows no later.
const FRESH_FOR: TimeDelta = TimeDelta::minutes(5);
/// After a failure all tools are shown this long before Nextcloud is asked again.
const FAILURE_FOR: TimeDelta = TimeDelta::seconds(30);
/// A list of tools waits no longer for Nextcloud.
const PATIENCE: Duration = Duration::from_secs(3);
/// Users remembered.
const CAPACITY: u64 = 10_000;

/// An app of Nextcloud that can be disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextcloudApp {
    /// Notes.
    Notes,
}

impl NextcloudApp {
    /// Its key among the capabilities.
    fn key(self) -> &'static str {
        match self {
            Self::Notes => "notes",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notes => "Notes",
        }
    }
}

/// Tells the capabilities of a caller's Nextcloud.
#[async_trait]
pub trait CapabilitySource: Send + Sync {
    /// The keys of `capabilities`; `None`: nobody can tell now.
    async fn apps(&self, caller: &Caller) -> Option<BTreeSet<String>>;
}

/// Asks Nextcloud in the caller's name.
#[derive(Debug, Clone, Copy, Default)]
pub struct NextcloudCapabilities;

#[async_trait]
impl CapabilitySource for NextcloudCapabilities {
    async fn apps(&self, caller: &Caller) -> Option<BTreeSet<String>> {
        let session = caller.session().await.ok()?;
        let answer = tokio::time::timeout(PATIENCE, session.capabilities())
            .await
            .ok()?;
        match answer {
            Ok(data) => {
                let capabilities = data.get("capabilities")?.as_object()?;
                Some(capabilities.keys().cloned().collect())
            }
            Err(error) => {
                if matches!(error, NextcloudError::Unauthorized) {
                    caller.credential_rejected().await;
                }
                tracing::debug!(%error, "the capabilities could not be asked; all tools are shown");
                None
            }
        }
    }
}

/// The apps of one user. Where nothing is known every app counts as there.
#[derive(Debug, Clone, Default)]
pub(super) struct AppSet(Option<Arc<BTreeSet<String>>>);

impl AppSet {
    pub(super) fn has(&self, app: Option<NextcloudApp>) -> bool {
        match (&self.0, app) {
            (Some(known), Some(app)) => known.contains(app.key()),
            _ => true,
        }
    }
}

#[derive(Clone)]
struct Entry {
    apps: AppSet,
    at: DateTime<Utc>,
}

/// A [`CapabilitySource`] behind a cache; equal questions are asked once at a time. Clones share it.
#[derive(Clone)]
pub struct EnabledApps {
    source: Arc<dyn CapabilitySource>,
    clock: SharedClock,
    entries: Cache<UserId, Entry>,
}

impl std::fmt::Debug for EnabledApps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnabledApps").finish_non_exhaustive()
    }
}

impl EnabledApps {
    /// An empty cache before `source`.
    pub fn new(source: Arc<dyn CapabilitySource>, clock: SharedClock) -> Self {
        Self {
            source,
            clock,
            entries: Cache::new(CAPACITY),
        }
    }

    /// The caller's apps, at most five minutes old.
    pub(super) async fn of(&self, caller: &Caller) -> AppSet {
        let now = self.clock.now();
        let stale = |entry: &Entry| {
            let lasts = if entry.apps.0.is_some() {
                FRESH_FOR
            } else {
                FAILURE_FOR
            };
            now - entry.at >= lasts
        };
        let user = caller.principal().user();
        if let Some(entry) = self.entries.get(user).await
            && !stale(&entry)
        {
            return entry.apps;
        }
        let fetch = async {
            Entry {
                apps: AppSet(self.source.apps(caller).await.map(Arc::new)),
                at: now,
            }
        };
        self.entries
            .entry(user.clone())
            .or_insert_with_if(fetch, stale)
            .await
            .into_value()
            .apps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Principal;
    use crate::auth::testing::manual_clock;
    use crate::nextcloud::CurrentUser;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Told {
        asked: AtomicUsize,
        answer: Mutex<Option<BTreeSet<String>>>,
    }

    #[async_trait]
    impl CapabilitySource for Told {
        async fn apps(&self, _caller: &Caller) -> Option<BTreeSet<String>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.answer.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn m07_answers_count_for_five_minutes_and_failures_show_everything() {
        let (told, clock) = (Arc::new(Told::default()), manual_clock());
        let apps = EnabledApps::new(told.clone(), clock.clone());
        let alice = Principal::verified(&CurrentUser::for_test("alice"));
        let caller = Caller::with_stored_credential(alice, None);
        let notes = Some(NextcloudApp::Notes);
        assert!(apps.of(&caller).await.has(notes), "nobody can tell");
        *told.answer.lock().unwrap() = Some(BTreeSet::from(["files".to_owned()]));
        assert!(apps.of(&caller).await.has(notes), "asked again after 30 s only");
        clock.advance(Duration::from_secs(30));
        assert!(!apps.of(&caller).await.has(notes));
        assert!(apps.of(&caller).await.has(None));
        *told.answer.lock().unwrap() = Some(BTreeSet::from(["notes".to_owned()]));
        clock.advance(Duration::from_secs(299));
        assert!(!apps.of(&caller).await.has(notes));
        assert_eq!(told.asked.load(Ordering::SeqCst), 2);
        clock.advance(Duration::from_secs(1));
        assert!(apps.of(&caller).await.has(notes));
    }
}
