//! The data behind the simulator, and its direct manipulation by tests.
//!
//! Every method takes the world's one lock for a moment; none waits. Methods that name a user or path
//! which does not exist panic with a sentence: that is a mistake in the test, not a case to handle.

mod files_api;
mod groupware_api;
mod node;
mod share;
mod state;
mod tags_api;
mod tree;
mod user;
mod users_api;
mod view;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use groupware_api::CollectionHandle;
pub(crate) use node::{Content, Node, mime_of};
pub(crate) use share::Share;
pub use share::SharePermissions;
pub(crate) use state::{State, Trashed, md5_hex};
pub(crate) use tags_api::SystemTag;
pub(crate) use user::{AppPassword, User};
pub(crate) use view::{Located, join, parent_and_name};

use crate::faults::Faults;
use crate::requests::{RecordedRequest, RequestLog};

/// The simulated Nextcloud's users, files, shares and settings.
#[derive(Debug)]
pub struct World {
    state: RwLock<State>,
    faults: Faults,
    log: RequestLog,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world with the users `admin`/`admin` (group `admin`), `alice`/`alice-pass-1` and `bob`/`bob-pass-1`.
    pub fn new() -> Self {
        let world = Self {
            state: RwLock::new(State::new()),
            faults: Faults::default(),
            log: RequestLog::default(),
        };
        world.add_user("admin", "admin", "admin", &["admin"]);
        world.add_user("alice", "alice", "alice-pass-1", &[]);
        world.add_user("bob", "bob", "bob-pass-1", &[]);
        world
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> &RequestLog {
        &self.log
    }

    /// The fault knobs.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`Self::clear_requests`], oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.log.all()
    }

    /// How many requests came since the start or the last [`Self::clear_requests`].
    pub fn request_count(&self) -> usize {
        self.log.total()
    }

    /// How many logged requests satisfy `predicate`.
    pub fn count_where(&self, predicate: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.log.count_where(predicate)
    }

    /// Forgets the logged requests.
    pub fn clear_requests(&self) {
        self.log.clear();
    }

    /// Moves the world's clock forward: lifetimes of tokens and clients, modification times, the login throttle.
    pub fn advance(&self, time: std::time::Duration) {
        self.advance_clock(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 4));
    }

    /// Stops the world's clock at this Unix time in seconds; from then on only [`Self::advance`] moves it.
    pub fn stop_clock_at(&self, seconds: i64) {
        self.read().clock.pin(seconds);
    }

    /// [`Self::advance`] in seconds.
    pub fn advance_clock(&self, seconds: i64) {
        self.read().clock.advance(seconds);
    }

    /// The world's time in seconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.read().now()
    }

    /// Switches maintenance mode: every call but `status.php` answers 503, shaped by its API.
    pub fn set_maintenance(&self, on: bool) {
        self.write().maintenance = on;
    }

    /// Installs or removes the Notes app; without it its routes are 404 pages and its capability is gone.
    pub fn notes_app_enabled(&self, on: bool) {
        self.write().notes_enabled = on;
    }

    /// Forgets every failed login.
    pub fn reset_throttle(&self) {
        self.write().failed_logins.clear();
    }

    /// Delays the answer to each wrong password (Nextcloud takes about 5 s; here 0 by default).
    pub fn set_failed_login_delay_ms(&self, milliseconds: u64) {
        self.write().failed_login_delay_ms = milliseconds;
    }
}
