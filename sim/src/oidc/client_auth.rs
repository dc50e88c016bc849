//! Client authentication: `client_secret_post`, `client_secret_basic`, or the same fields in a JSON body.

use crate::auth::Credentials;
use crate::http::Incoming;
use crate::world::State;

/// Why a client is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Unknown,
    WrongSecret,
}

/// The row of the client that sent a request. A public client needs no secret.
pub(super) fn client_of(state: &State, request: &Incoming) -> Result<u64, Refused> {
    let (id, secret) = match Credentials::of(request) {
        Credentials::Basic { login, password } => (login, password),
        _ => (
            request.text("client_id").unwrap_or_default(),
            request.text("client_secret").unwrap_or_default(),
        ),
    };
    let (row, client) = state.oidc.client(&id).ok_or(Refused::Unknown)?;
    if client.facts.public || client.facts.secret == secret {
        Ok(row)
    } else {
        Err(Refused::WrongSecret)
    }
}
