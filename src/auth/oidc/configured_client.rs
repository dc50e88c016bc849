//! The OAuth client of the configuration, where nothing is stored and so none can be registered.

use super::registration::create_client_command;
use super::{ClientCredentials, ClientError, ClientSource, OAuthClient, OAuthUrls};
use crate::config::Config;
use async_trait::async_trait;
use secrecy::SecretString;

/// `NEXTCLOUD_OIDC_CLIENT_ID` and `NEXTCLOUD_OIDC_CLIENT_SECRET`.
#[derive(Debug)]
pub struct ConfiguredClient {
    id: Option<String>,
    secret: Option<SecretString>,
    urls: OAuthUrls,
}

impl ConfiguredClient {
    /// The client of `config`.
    pub fn new(config: &Config) -> Self {
        Self {
            id: config.oidc.client_id.clone(),
            secret: config.oidc.client_secret.clone(),
            urls: OAuthUrls::new(config),
        }
    }
}

#[async_trait]
impl OAuthClient for ConfiguredClient {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        match &self.id {
            Some(id) => Ok(ClientCredentials {
                id: id.clone(),
                secret: self.secret.clone(),
                source: ClientSource::Configured,
            }),
            None => Err(ClientError::NotConfigured {
                create: create_client_command(&self.urls),
            }),
        }
    }

    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        match self.current().await {
            Ok(client) => Ok((client.id == id).then_some(client)),
            Err(ClientError::NotConfigured { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
