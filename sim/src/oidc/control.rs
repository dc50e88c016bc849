//! What a test may set and see of the identity provider.

use std::time::Duration;

use super::authorize::{Params, add_grant};
use super::client::{OidcClient, TokenType};
use super::tokens::{UserGone, issue_next};
use crate::world::World;

/// The identity provider's switches and counters; see [`World::oidc`].
#[derive(Clone, Copy, Debug)]
pub struct Oidc<'w> {
    pub(super) world: &'w World,
}

/// Tokens made without a browser.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedTokens {
    /// Opaque or a JWT, as the client has it.
    pub access_token: String,
    /// Only with the scope `offline_access`, or when the administrator gives one always.
    pub refresh_token: Option<String>,
    /// A JWT.
    pub id_token: String,
    /// Seconds; Nextcloud itself accepts the access token twice as long.
    pub expires_in: u64,
}

impl std::fmt::Debug for IssuedTokens {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("IssuedTokens").finish_non_exhaustive()
    }
}

impl World {
    /// The identity provider (the apps `oidc` and `user_oidc`).
    pub fn oidc(&self) -> Oidc<'_> {
        Oidc { world: self }
    }
}

impl Oidc<'_> {
    fn set(self, change: impl FnOnce(&mut super::settings::Settings)) {
        change(&mut self.world.write().oidc.settings);
    }

    /// Enables or disables both apps; without them their routes are 404 pages and bearers are refused.
    pub fn set_installed(self, on: bool) {
        self.set(|settings| settings.installed = on);
    }

    /// `expire_time`, 15 minutes by default: the life of codes and access tokens.
    pub fn set_expire_time(self, time: Duration) {
        self.set(|settings| settings.expire_time = seconds(time));
    }

    /// `refresh_expire_time`, 15 minutes by default: how much longer a refresh token lives than the access
    /// token; `None` for `never`.
    pub fn set_refresh_expire_time(self, time: Option<Duration>) {
        self.set(|settings| settings.refresh_expire_time = time.map(seconds));
    }

    /// `client_expire_time`, an hour by default: the life of clients that register themselves.
    pub fn set_client_expire_time(self, time: Duration) {
        self.set(|settings| settings.client_expire_time = seconds(time));
    }

    /// `dynamic_client_registration`, off by default.
    pub fn set_dynamic_registration(self, on: bool) {
        self.set(|settings| settings.dynamic_registration = on);
    }

    /// `allow_user_settings`, off by default: whether users are asked for consent.
    pub fn set_allow_user_settings(self, on: bool) {
        self.set(|settings| settings.asks_users = on);
    }

    /// `provide_refresh_token_always`, off by default: a refresh token without the scope `offline_access`.
    pub fn set_refresh_token_always(self, on: bool) {
        self.set(|settings| settings.refresh_token_always = on);
    }

    /// `default_token_type`: what a registration with an unknown `token_type` gets.
    pub fn set_default_token_type(self, token_type: TokenType) {
        self.set(|settings| settings.default_token_type = token_type);
    }

    /// `oidc_provider_bearer_validation`, off by default: whether OCS, DAV and apps take access tokens.
    pub fn set_bearer_validation(self, on: bool) {
        self.set(|settings| settings.bearer_validation = on);
    }

    /// `overwritehost` with its protocol, e.g. `https://cloud.example.org`: issuer and endpoints no longer
    /// follow the `Host` header.
    pub fn set_overwrite_url(self, url: Option<&str>) {
        self.set(|settings| settings.overwrite_url = url.map(str::to_owned));
    }

    /// Registers a client (`occ oidc:create`) and gives its data back.
    pub fn create_client(self, client: OidcClient) -> OidcClient {
        self.world.write().oidc.add_client(client.clone(), None);
        client
    }

    /// Removes a client with its grants (`occ oidc:remove`); one that is not there is fine.
    pub fn delete_client(self, client_id: &str) {
        let mut state = self.world.write();
        if let Some((row, _)) = state.oidc.client(client_id) {
            state.oidc.remove_client(row);
        }
    }

    /// Runs the hourly job that removes expired clients.
    pub fn remove_expired_clients(self) {
        let mut state = self.world.write();
        let now = state.now();
        state.oidc.remove_expired_clients(now);
    }

    /// What a user does in the personal settings: ends the consent and all grants under it.
    pub fn withdraw_consent(self, user: &str, client_id: &str) {
        let mut state = self.world.write();
        if let Some((row, _)) = state.oidc.client(client_id) {
            state.oidc.withdraw_consent(user, row);
        }
    }

    /// Replaces the signing key; tokens signed before no longer verify by the key set.
    pub fn rotate_signing_key(self) {
        self.world.write().oidc.key += 1;
    }

    /// How many refreshes were answered with 200 since the start.
    pub fn refreshes(self) -> u64 {
        self.world.read().oidc.refreshes
    }

    /// How many sessions access tokens have made: one for each request that one was accepted with.
    pub fn bearer_sessions(self) -> u64 {
        self.world.read().oidc.bearer_sessions
    }

    /// How many grants of a user could still be refreshed.
    pub fn live_grants(self, user: &str) -> usize {
        let state = self.world.read();
        let now = state.now();
        let alive = |grant: &&super::grant::Grant| {
            grant.uid == user
                && grant.refresh_token.is_some()
                && !grant.refresh_is_over(&state.oidc.settings, now)
        };
        state.oidc.grants.values().filter(alive).count()
    }

    /// Whether this is the living refresh token of some grant.
    pub fn is_live_refresh_token(self, token: &str) -> bool {
        let state = self.world.read();
        let grant = state.oidc.grant_of_refresh_token(token);
        grant
            .and_then(|id| state.oidc.grants.get(&id))
            .is_some_and(|grant| !grant.refresh_is_over(&state.oidc.settings, state.now()))
    }

    /// Grants without a browser and returns the first tokens. Issuer is the URL that the simulator listens on.
    ///
    /// # Panics
    /// If user or client does not exist.
    pub fn issue(self, user: &str, client_id: &str, scopes: &str, resource: Option<&str>) -> IssuedTokens {
        let mut state = self.world.write();
        let Some((row, client)) = state.oidc.client(client_id) else {
            panic!("no client {client_id}");
        };
        let scope = client.granted_scopes(scopes);
        let resource = resource
            .or(client.facts.resource_url.as_deref())
            .unwrap_or_default()
            .to_owned();
        let code = add_grant(&mut state, row, user, scope, resource, &Params(Vec::new()));
        let grant = state.oidc.grant_of_code(&code).unwrap_or_default();
        let settings = &state.oidc.settings;
        let issuer = settings
            .overwrite_url
            .clone()
            .unwrap_or_else(|| state.oidc.base_url.clone());
        match issue_next(&mut state, grant, &issuer) {
            Ok(tokens) => IssuedTokens {
                access_token: tokens.access_token,
                refresh_token: tokens.refresh_token,
                id_token: tokens.id_token,
                expires_in: tokens.expires_in.unsigned_abs(),
            },
            Err(UserGone) => panic!("no user {user}"),
        }
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 4)
}
