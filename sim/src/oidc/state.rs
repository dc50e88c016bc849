//! Clients, grants and consents, and the rules by which they end.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use super::client::{Client, OidcClient, Registration};
use super::grant::{Consent, Grant};
use super::settings::Settings;
use crate::http::Incoming;

#[derive(Debug, Default)]
pub(crate) struct OidcState {
    pub(crate) settings: Settings,
    /// The URL under which the simulator listens; what tokens issued without a request name.
    pub(crate) base_url: String,
    pub(super) clients: BTreeMap<u64, Client>,
    pub(super) grants: BTreeMap<u64, Grant>,
    pub(super) consents: BTreeMap<u64, Consent>,
    /// Refreshes answered with 200.
    pub(super) refreshes: u64,
    /// Sessions made by access tokens: one for each request (facts §0 row 17).
    pub(crate) bearer_sessions: u64,
    /// Times of registrations, by the address they came from.
    pub(super) registrations: HashMap<IpAddr, VecDeque<i64>>,
    /// Issuers outside of Nextcloud whose JWTs are believed.
    pub(super) trusted_issuers: BTreeSet<String>,
    /// Which signing key is in use.
    pub(super) key: usize,
    last_id: u64,
}

impl OidcState {
    /// A row number never given before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// What `iss` and the endpoints name for this request.
    pub(super) fn issuer(&self, request: &Incoming) -> String {
        self.settings
            .overwrite_url
            .clone()
            .unwrap_or_else(|| request.origin())
    }

    pub(super) fn add_client(&mut self, facts: OidcClient, registration: Option<Registration>) -> u64 {
        let id = self.next_id();
        self.clients.insert(id, Client { facts, registration });
        id
    }

    /// The row and data of the client with this `client_id`.
    pub(super) fn client(&self, client_id: &str) -> Option<(u64, &Client)> {
        self.clients
            .iter()
            .find(|(_, client)| client.facts.id == client_id)
            .map(|(row, client)| (*row, client))
    }

    /// Its grants and consents go with it.
    pub(super) fn remove_client(&mut self, row: u64) {
        self.clients.remove(&row);
        self.grants.retain(|_, grant| grant.client != row);
        self.consents.retain(|_, consent| consent.client != row);
    }

    /// What every authorization and registration request and an hourly job do (facts §0 row 16).
    pub(super) fn remove_expired_clients(&mut self, now: i64) {
        let expired: Vec<u64> = self
            .clients
            .iter()
            .filter(|(_, client)| client.is_expired(now))
            .map(|(row, _)| *row)
            .collect();
        for row in expired {
            self.remove_client(row);
        }
    }

    /// The row of the grant that this access token belongs to, expired or not.
    pub(super) fn grant_of_access_token(&self, token: &str) -> Option<&Grant> {
        self.grants
            .values()
            .find(|grant| !token.is_empty() && grant.access_token == token)
    }

    pub(super) fn grant_of_refresh_token(&self, token: &str) -> Option<u64> {
        self.grants
            .values()
            .find(|grant| grant.refresh_token.as_deref() == Some(token))
            .map(|grant| grant.id)
    }

    pub(super) fn grant_of_code(&self, code: &str) -> Option<u64> {
        self.grants
            .values()
            .find(|grant| grant.code == code)
            .map(|grant| grant.id)
    }

    /// Ends a consent and what was granted under it.
    pub(super) fn withdraw_consent(&mut self, uid: &str, client: u64) {
        self.consents
            .retain(|_, consent| consent.uid != uid || consent.client != client);
        self.grants
            .retain(|_, grant| grant.uid != uid || grant.client != client);
    }
}
