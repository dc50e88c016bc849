//! The issue of a grant's next tokens; the ones before die with it, without grace (facts §0 row 2).

use super::claims;
use super::client::TokenType;
use super::keys::sign;
use crate::random::random_text;
use crate::world::State;

/// One successful answer of the token endpoint.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) id_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) expires_in: i64,
    /// Absent for refresh tokens that never expire.
    pub(super) refresh_expires_in: Option<i64>,
}

/// The grant's user no longer exists: Nextcloud fails with an HTML page (facts §0 row 9).
#[derive(Debug)]
pub(super) struct UserGone;

/// Issues and stores the next tokens of a grant.
pub(super) fn issue_next(state: &mut State, id: u64, issuer: &str) -> Result<Tokens, UserGone> {
    let now = state.now();
    let settings = &state.oidc.settings;
    let (expires_in, refresh_expires_in) = (settings.expire_time, settings.refresh_expire_time);
    let always = settings.refresh_token_always;
    let grant = state.oidc.grants.get_mut(&id).ok_or(UserGone)?;
    if !state.users.contains_key(&grant.uid) {
        return Err(UserGone);
    }
    grant.issued = now;
    grant.refreshed = now + expires_in;
    grant.code_used = true;
    grant.refresh_token = (always || grant.has_scope("offline_access")).then(|| random_text(128));
    let refresh_token = grant.refresh_token.clone();
    let (access_token, id_token) = written(state, id, issuer).ok_or(UserGone)?;
    if let Some(grant) = state.oidc.grants.get_mut(&id) {
        grant.access_token.clone_from(&access_token);
    }
    Ok(Tokens {
        access_token,
        id_token,
        refresh_expires_in: refresh_expires_in.filter(|_| refresh_token.is_some()),
        refresh_token,
        expires_in,
    })
}

fn written(state: &State, id: u64, issuer: &str) -> Option<(String, String)> {
    let grant = state.oidc.grants.get(&id)?;
    let client = state.oidc.clients.get(&grant.client)?;
    let user = state.user(&grant.uid)?;
    let settings = &state.oidc.settings;
    let access_token = match client.facts.token_type {
        TokenType::Opaque => random_text(72),
        TokenType::Jwt => {
            let claims = claims::of_access_token(grant, client, user, issuer, settings);
            sign(state, "at+JWT", &claims)
        }
    };
    let id_token = sign(
        state,
        "JWT",
        &claims::of_id_token(grant, client, issuer, settings),
    );
    Some((access_token, id_token))
}
