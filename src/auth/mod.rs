//! Who is asking, and with which credential work is done for them.
//!
//! | file | concept |
//! |---|---|
//! | `principal` | the verified identity |
//! | `credentials` | the background credential, whatever kind |
//! | `basic` | the `Authorization: Basic` header |
//! | `budget` | how many wrong passwords may reach Nextcloud |
//! | `verifier` | Basic credentials checked at Nextcloud, cached, single-flight |
//! | `caller` | a verified caller and its Nextcloud session |
//! | `gate` | who may use `/mcp`, per mode |
//! | `oauth_gate` | the gate of OAuth mode: access tokens, pass-through or the stored credential |
//! | `app_passwords`, `app_password_store` | background credentials that users hand over |
//! | `membership` | the row of a user, as credentials come and go |
//! | `stored`, `configured` | the two [`CredentialProvider`]s |
//! | `nothing_stored` | the same where nothing may be stored |
//! | `error` | why a caller is refused |
//! | `oidc` | this server as an OAuth client: discovery, client, token endpoint, ID tokens |
//! | `identities` | who a subject of the identity provider is at Nextcloud |
//! | `grants` | consented refresh tokens: store, broker, revocation |
//! | `access` | what a user has granted, whatever kind of credential |
//! | `bearer` | access tokens of callers, verified |
//! | `scopes` | what a token or a grant allows here |
//! | `consent` | consent and login flows, links to the consent page |
//! | `browser` | sessions of the pages |

mod app_password_store;
mod app_passwords;
mod basic;
mod budget;
mod caller;
mod configured;
mod credentials;
mod error;
mod gate;
mod membership;
mod nothing_stored;
mod oauth_gate;
mod principal;
mod stored;
mod verifier;

pub mod access;
pub mod bearer;
pub mod browser;
pub mod consent;
pub mod grants;
mod identities;
pub mod oidc;
pub mod scopes;

#[cfg(test)]
pub(crate) mod testing;

pub use app_password_store::PgAppPasswordStore;
pub use app_passwords::{
    AppPasswordError, AppPasswordStore, AppPasswords, RemovalError, StoredAppPassword, SyncTrigger, Withdrawn,
};
pub use basic::{BasicHeaderError, parse_basic};
pub use budget::{SlidingWindow, WindowFull};
pub use caller::{Caller, OpenSession, RejectedCredential};
pub use configured::ConfiguredCredentials;
pub use credentials::{CredentialError, CredentialProvider, Rejection};
pub use error::{AuthError, BearerFault, Challenge, OAuthChallenge};
pub use gate::McpGate;
pub use identities::{Identities, IdentityError};
pub use nothing_stored::NothingStored;
pub use oauth_gate::OAuthGate;
pub use principal::Principal;
pub use stored::StoredCredentials;
pub(crate) use verifier::budget_address;
pub use verifier::{BasicVerifier, Freshness, IdentityCheck};
