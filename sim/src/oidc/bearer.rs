//! Access tokens at OCS, DAV and app routes: `user_oidc` with `oidc_provider_bearer_validation` (facts §4).

use super::external_issuer;
use crate::world::{State, World};

/// The user whose access token this is. One past its window ends its grant, refresh token included
/// (facts §0 row 1); scopes and audience are not looked at (row 15).
pub(crate) fn user_of_bearer(world: &World, token: &str) -> Option<String> {
    if let Some(uid) = external_issuer::user_of(&world.read(), token) {
        return Some(uid);
    }
    let (id, uid, alive) = found(&world.read(), token)?;
    if alive {
        return Some(uid);
    }
    world.write().oidc.grants.remove(&id);
    None
}

fn found(state: &State, token: &str) -> Option<(u64, String, bool)> {
    let settings = &state.oidc.settings;
    if !settings.bearer_validation || !settings.installed {
        return None;
    }
    let grant = state.oidc.grant_of_access_token(token)?;
    let alive = state.now() <= grant.accepted_until(settings);
    Some((grant.id, grant.uid.clone(), alive))
}
