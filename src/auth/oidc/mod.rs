//! This server as an OAuth client of the identity provider: Nextcloud's own `oidc` app or another.
//!
//! | file | concept |
//! |---|---|
//! | `urls` | which of the configured URLs is used where |
//! | `metadata` | the discovery document, checked |
//! | `provider` | the identity provider as it is known now |
//! | `client` | which OAuth client this server is |
//! | `token` | the token endpoint |
//! | `id_token` | who consented |

mod client;
mod id_token;
mod metadata;
mod provider;
mod token;
mod urls;

pub use client::{ClientCredentials, ClientError, ClientSource, OAuthClient};
pub use id_token::{IdTokenClaims, IdTokenError, IdTokens};
pub use metadata::ProviderMetadata;
pub use provider::{IdentityProvider, ProviderProblem};
pub use token::{CodeExchange, RemoteRevocation, TokenAnswer, TokenEndpoint, TokenFailure};
pub use urls::OAuthUrls;
