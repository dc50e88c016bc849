//! Access tokens of callers, verified: one verifier for `/mcp` and for the management API.
//!
//! | file | concept |
//! |---|---|
//! | `verified` | what a verified token says; the trait |
//! | `token_verifier` | the verifier: which way a token is checked, and whose it is |
//! | `answers` | what was found out lately, bounded and never kept as tokens |
//! | `evidence` | what a provider says of a token, and whom it was made for |
//! | `jwt` | tokens that carry their claims, by signature |
//! | `introspection` | opaque tokens, by asking (RFC 7662) |
//! | `userinfo` | by the userinfo endpoint, where the operator chose it |

mod answers;
mod evidence;
mod introspection;
mod jwt;
mod token_verifier;
mod userinfo;
mod verified;

pub use evidence::AudienceRules;
pub use token_verifier::{TokenVerifier, TokenVerifierParts};
pub use verified::{Audience, BearerError, BearerVerifier, VerifiedBearer};

#[cfg(test)]
mod tests;
