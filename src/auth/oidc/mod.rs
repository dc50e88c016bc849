//! This server as an OAuth client of the identity provider: Nextcloud's own `oidc` app or another.
//!
//! | file | concept |
//! |---|---|
//! | `urls` | which of the configured URLs is used where |
//! | `http` | HTTP to the identity provider |
//! | `metadata`, `discovery` | the discovery document: its checked form, the checks |
//! | `provider`, `known_provider` | the identity provider as it is known now, asked in the background |
//! | `key_set`, `key_store` | its keys, in memory and for the hours in which it is away |
//! | `client`, `registered_client` | which OAuth client this server is |
//! | `registration`, `client_store` | dynamic registration, and what came of it |
//! | `authorization` | the authorization request, PKCE |
//! | `token`, `token_endpoint` | the token endpoint |
//! | `token_response`, `token_failure` | what its answers mean |
//! | `jws` | signed tokens and the keys that verify them |
//! | `id_token`, `provider_id_tokens` | who consented |

mod authorization;
mod client;
mod client_store;
mod configured_client;
mod discovery;
mod http;
mod id_token;
mod jws;
mod key_set;
mod key_store;
mod known_provider;
mod metadata;
mod provider;
mod provider_id_tokens;
mod registered_client;
mod registration;
mod token;
mod token_endpoint;
mod token_failure;
mod token_response;
mod urls;

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
pub(crate) mod testing;

pub use self::http::{IDP_TIMEOUT, IdpAnswer, IdpHttp, IdpHttpError};
pub use authorization::{AuthorizationRequest, CONSENT_SCOPES, Pkce};
pub use client::{
    ClientAuthMethod, ClientAuthentication, ClientCredentials, ClientError, ClientSource, OAuthClient,
};
pub use configured_client::ConfiguredClient;
pub use id_token::{IdTokenClaims, IdTokenError, IdTokens};
pub use jws::{Claims, JwsError, LEEWAY, audiences, check_times, verify_jws};
pub use known_provider::KnownProvider;
pub use metadata::ProviderMetadata;
pub use provider::{IdentityProvider, ProviderProblem};
pub use provider_id_tokens::ProviderIdTokens;
pub use registered_client::{RegisteredClient, RegisteredClientParts};
pub use registration::{CLIENT_NAME, DYNAMIC_CLIENT_ADVICE, create_client_command};
pub use token::{CodeExchange, RemoteRevocation, TokenAnswer, TokenEndpoint, TokenFailure};
pub use token_endpoint::HttpTokenEndpoint;
pub use urls::OAuthUrls;
