//! Consented credentials: stored, kept alive, used in the background, and ended.
//!
//! | file | concept |
//! |---|---|
//! | `grant` | what a consent gives, and who stores it |
//! | `grant_state`, `grant_store` | the table `grants` |
//! | `lease` | one refresh at a time across processes |
//! | `schedule` | when to refresh, how long a token is used |
//! | `broker`, `refresh`, `single_flight` | access tokens for whoever needs one; refreshes ahead of time |
//! | `background` | the credential of background work: grant, else app password |
//! | `sink`, `mint` | storing a consent as `BACKGROUND_CREDENTIAL` says |
//! | `stored_access` | status, scopes, revocation |
//! | `allowed` | what users narrowed this server to |
//! | `pending`, `revocation` | what must still end elsewhere |
//! | `departed`, `doubt` | accounts that were deleted at Nextcloud, grants that stay in doubt |
//! | `upkeep` | what jobs do about all that |
//! | `assembly` | all of it put together |

mod allowed;
mod assembly;
mod background;
mod broker;
mod departed;
mod doubt;
mod grant;
mod grant_state;
mod grant_store;
mod lease;
mod mint;
mod pending;
mod refresh;
mod revocation;
mod schedule;
mod single_flight;
mod sink;
mod stored_access;
mod upkeep;

pub use allowed::{AllowedScopes, PgAllowedScopes, SyncCredentials};
pub use assembly::{Grants, GrantsParts};
pub use background::BackgroundCredentials;
pub use broker::{BrokerParts, TokenBroker};
pub use grant::{CredentialSink, GrantError, NewGrant};
pub use mint::AppPasswordApi;
pub(in crate::auth) use pending::PendingRevocations;
pub use sink::ConsentSink;
pub use stored_access::StoredAccess;
pub use upkeep::{DueUpkeep, GrantUpkeep, Upkeep};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
