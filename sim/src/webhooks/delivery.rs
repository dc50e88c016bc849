//! The background job that posts what is queued.

use std::time::Duration;

use super::{Hook, Queued};
use crate::world::World;

/// How long Nextcloud waits for each receiver.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What became of one delivery. Nextcloud tries none again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The registration.
    pub webhook: i64,
    /// Class of the event.
    pub event: String,
    /// What the receiver answered; `None`: nothing.
    pub status: Option<u16>,
}

impl World {
    /// Runs Nextcloud's background job: posts everything that is queued, oldest first, one after the other. A redirect
    /// is followed by a GET without a body; a registration that is gone meanwhile is left out.
    ///
    /// # Panics
    /// If no HTTP client can be built.
    pub async fn deliver_webhooks(&self) -> Vec<Delivered> {
        let client = client();
        let mut delivered = Vec::new();
        loop {
            let next = {
                let mut state = self.write();
                let Some(queued) = state.webhooks.queue.pop_front() else {
                    return delivered;
                };
                let hook = state.webhooks.hooks.get(&queued.hook).cloned();
                hook.map(|hook| (hook, queued))
            };
            if let Some((hook, queued)) = next {
                let status = post(&client, &hook, queued).await;
                delivered.push(Delivered {
                    webhook: hook.id,
                    event: hook.event,
                    status,
                });
            }
        }
    }
}

async fn post(client: &reqwest::Client, hook: &Hook, queued: Queued) -> Option<u16> {
    let method = reqwest::Method::from_bytes(hook.http_method.as_bytes()).ok()?;
    let mut request = client
        .request(method, &hook.uri)
        .header("accept-encoding", "br, gzip")
        .body(queued.body);
    let secrets = (hook.auth_method == "header").then_some(&hook.auth_data);
    for headers in [Some(&hook.headers), secrets].into_iter().flatten() {
        for (name, value) in headers.as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
    }
    let answer = request.send().await.ok()?;
    Some(answer.status().as_u16())
}

#[expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "Nextcloud's own client, which follows redirects; a test without it cannot go on"
)]
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .user_agent("Nextcloud-Server-Crawler/34.0.1")
        .timeout(TIME_LIMIT)
        .build()
        .expect("an HTTP client")
}
