//! Consent and login flows, and links to the consent page.
//!
//! | file | concept |
//! |---|---|
//! | `link`, `links` | links to the consent page that are bound to a principal |
//! | `return_to` | where a browser may be sent afterwards |
//! | `flow_store` | flows between their start and the callback |
//! | `service` | starts a flow |
//! | `finish` | ends it at the callback |
//! | `refusal` | why a flow ended with nothing |

mod finish;
mod flow_store;
mod link;
mod links;
mod refusal;
mod return_to;
mod service;

pub use finish::{CallbackQuery, Consented, Finished};
pub use flow_store::{FlowPurpose, FlowStore, FlowStoreError};
pub use link::{ConsentLinkError, ConsentLinks};
pub use links::PgConsentLinks;
pub use refusal::{Refusal, Refused};
pub use return_to::{LocalPath, NotAllowed, ReturnTo};
pub use service::{ConsentParts, ConsentService, ConsentTerms, LOGIN_SCOPES, StartError, StartedFlow};

#[cfg(test)]
pub(crate) mod tests;
