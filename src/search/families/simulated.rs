//! Sessions of the simulator's users, for the tests of the families.

use crate::clock::ManualClock;
use crate::config::NextcloudConfig;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::{Credential, Nextcloud, UserSession};
use nextcloud_sim::Simulator;
use std::time::SystemTime;
use url::Url;

/// A session of `reader`.
pub(in crate::search) fn session(sim: &Simulator, reader: &str) -> UserSession {
    let host: Url = sim.url().parse().unwrap();
    let config = NextcloudConfig {
        public_url: host.clone(),
        host,
        verify_tls: true,
        ca_bundle: None,
        max_concurrency: 4,
        timeout_seconds: 10,
    };
    let credential = Credential::Basic {
        login_name: LoginName::new(reader),
        password: format!("{reader}-pass-1").into(),
    };
    Nextcloud::new(&config, ManualClock::at(SystemTime::UNIX_EPOCH.into()))
        .unwrap()
        .session(UserId::new(reader), credential)
}
