//! The token endpoint over HTTP, and how a refresh token is ended there.

use super::token_response::LenientTokens;
use super::{
    ClientAuthMethod, ClientCredentials, CodeExchange, IdentityProvider, IdpAnswer, IdpHttp, IdpHttpError,
    OAuthClient, ProviderMetadata, RemoteRevocation, TokenAnswer, TokenEndpoint, TokenFailure, token_failure,
};
use crate::clock::SharedClock;
use async_trait::async_trait;
use futures::future::BoxFuture;
use http::StatusCode;
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    StandardRevocableToken, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Limit for a refresh or code exchange: below a third of the broker's lease of 60 s (DESIGN §3).
const TOKEN_TIMEOUT: Duration = Duration::from_secs(15);

/// An OAuth client of the `oauth2` crate with our lenient answer.
type Client = oauth2::Client<
    BasicErrorResponse,
    LenientTokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What the `oauth2` crate makes of an answer; the answer itself is kept beside it.
type Outcome = Result<LenientTokens, RequestTokenError<IdpHttpError, BasicErrorResponse>>;

/// The token endpoint of the known provider. Nothing is retried here: a refresh token is good for one attempt.
#[derive(Debug)]
pub struct HttpTokenEndpoint {
    http: IdpHttp,
    provider: Arc<dyn IdentityProvider>,
    clients: Arc<dyn OAuthClient>,
    clock: SharedClock,
}

impl HttpTokenEndpoint {
    /// The endpoint of `provider`, asked as one of `clients`.
    pub fn new(
        http: IdpHttp,
        provider: Arc<dyn IdentityProvider>,
        clients: Arc<dyn OAuthClient>,
        clock: SharedClock,
    ) -> Self {
        Self {
            http,
            provider,
            clients,
            clock,
        }
    }

    /// Provider and client for a request in the name of `client_id`. A client whose secret is gone was replaced by a
    /// new registration; its grants are lost with it (facts §0 row 16).
    async fn parties(
        &self,
        client_id: &str,
    ) -> Result<(Arc<ProviderMetadata>, ClientCredentials), TokenFailure> {
        let provider = self.provider.metadata()?;
        let client = self.clients.by_id(client_id).await?.ok_or_else(|| {
            TokenFailure::InvalidClient(format!(
                "the client {client_id}, which the grant was given to, is no longer this server's"
            ))
        })?;
        Ok((provider, client))
    }

    fn failure(
        &self,
        error: RequestTokenError<IdpHttpError, BasicErrorResponse>,
        answer: &Captured,
    ) -> TokenFailure {
        match (error, answer.take()) {
            (RequestTokenError::Request(error), _) => token_failure::of_transport(error),
            (_, Some(answer)) => token_failure::of_answer(&answer, self.clock.now()),
            (error, None) => TokenFailure::Unreachable(format!("the request cannot be built: {error}")),
        }
    }

    fn answered(&self, outcome: Outcome, answer: &Captured) -> Result<TokenAnswer, TokenFailure> {
        match outcome {
            Ok(tokens) => Ok(tokens.into()),
            Err(error) => Err(self.failure(error, answer)),
        }
    }

    /// RFC 7009 §2.1; an unknown token is answered like a known one.
    async fn revoke(
        &self,
        endpoint: &Url,
        client: &ClientCredentials,
        refresh_token: &SecretString,
    ) -> Result<(), TokenFailure> {
        let fields = [
            ("token", refresh_token.expose_secret()),
            ("token_type_hint", "refresh_token"),
        ];
        let authentication = client.authentication(self.provider.client_auth_method());
        let answer = self
            .http
            .post_form(endpoint, &fields, &authentication)
            .await
            .map_err(token_failure::of_transport)?;
        if answer.status == StatusCode::OK {
            return Ok(());
        }
        Err(token_failure::of_answer(&answer, self.clock.now()))
    }
}

#[async_trait]
impl TokenEndpoint for HttpTokenEndpoint {
    async fn exchange_code(&self, exchange: &CodeExchange) -> Result<TokenAnswer, TokenFailure> {
        let (provider, credentials) = self.parties(&exchange.client_id).await?;
        let client = oauth_client(&provider, &credentials, self.provider.client_auth_method())
            .set_redirect_uri(RedirectUrl::from_url(exchange.redirect_uri.clone()));
        let captured = Captured::new(self.http.clone());
        let outcome = client
            .exchange_code(AuthorizationCode::new(exchange.code.expose_secret().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(
                exchange.code_verifier.expose_secret().to_owned(),
            ))
            .request_async(&captured)
            .await;
        self.answered(outcome, &captured)
    }

    async fn refresh(
        &self,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> Result<TokenAnswer, TokenFailure> {
        let (provider, credentials) = self.parties(client_id).await?;
        let client = oauth_client(&provider, &credentials, self.provider.client_auth_method());
        let captured = Captured::new(self.http.clone());
        let outcome = client
            .exchange_refresh_token(&RefreshToken::new(refresh_token.expose_secret().to_owned()))
            .request_async(&captured)
            .await;
        self.answered(outcome, &captured)
    }

    async fn end(
        &self,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> Result<RemoteRevocation, TokenFailure> {
        let (provider, client) = self.parties(client_id).await?;
        if let Some(endpoint) = &provider.revocation_endpoint {
            match self.revoke(endpoint, &client, refresh_token).await {
                Ok(()) => return Ok(RemoteRevocation::Revoked),
                // `unsupported_token_type` (RFC 7009 §2.2.1): rotation is left.
                Err(TokenFailure::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        match self.refresh(client_id, refresh_token).await {
            Ok(_thrown_away) => Ok(RemoteRevocation::RotatedAway),
            Err(TokenFailure::InvalidGrant(_)) => Ok(RemoteRevocation::AlreadyDead),
            Err(failure) => Err(failure),
        }
    }
}

fn oauth_client(
    provider: &ProviderMetadata,
    credentials: &ClientCredentials,
    method: ClientAuthMethod,
) -> Client {
    let client = oauth2::Client::new(ClientId::new(credentials.id.clone()))
        .set_token_uri(TokenUrl::from_url(provider.token_endpoint.clone()))
        .set_auth_type(match method {
            ClientAuthMethod::Basic => AuthType::BasicAuth,
            ClientAuthMethod::Post => AuthType::RequestBody,
        });
    match &credentials.secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
        None => client,
    }
}

/// Sends for the `oauth2` crate and keeps the answer: what a failure means stands in status and headers too.
struct Captured {
    http: IdpHttp,
    answer: Mutex<Option<IdpAnswer>>,
}

impl Captured {
    fn new(http: IdpHttp) -> Self {
        Self {
            http,
            answer: Mutex::new(None),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, IdpHttpError> {
        let answer = self.http.send(request, TOKEN_TIMEOUT).await?;
        let mut response = HttpResponse::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers.clone();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(response)
    }

    fn take(&self) -> Option<IdpAnswer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'c> AsyncHttpClient<'c> for Captured {
    type Error = IdpHttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, IdpHttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests;
