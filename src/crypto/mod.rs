//! Secrets at rest: AES-256-GCM with key ids and bound context.
//!
//! | file | concept |
//! |---|---|
//! | `envelope` | the text form of a ciphertext, and what it is bound to |
//! | `keyring` | the current and the previous key |
//! | `sealed_columns` | where in the database envelopes stand |
//! | `rotation` | moving all of them to the current key |

mod envelope;
mod keyring;
mod rotation;
mod sealed_columns;

pub use envelope::{EnvelopeContext, EnvelopeError};
pub use keyring::Keyring;
pub use rotation::{ColumnReport, RotationReport, left_under_other_keys, rotate_keys};
