//! Who is asking, and with which credential work is done for them.

mod credentials;
mod principal;

pub use credentials::{CredentialError, CredentialProvider};
pub use principal::Principal;
