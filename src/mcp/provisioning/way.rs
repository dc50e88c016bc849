//! How a user can give access now: the consent page, or an app password where no consent is possible.

use crate::auth::Principal;
use crate::auth::access::UserAccess;
use crate::auth::consent::{ConsentLinkError, ConsentLinks};
use crate::auth::oidc::{IdentityProvider, OAuthUrls};
use crate::mcp::error::ToolError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// What the provisioning tools work with.
#[derive(Debug, Clone)]
pub struct ProvisioningServices {
    /// What users have granted.
    pub access: Arc<dyn UserAccess>,
    /// Links to the consent page.
    pub links: Arc<dyn ConsentLinks>,
    /// Who would be asked for the consent.
    pub provider: Arc<dyn IdentityProvider>,
    /// Addresses of this server and of Nextcloud.
    pub urls: OAuthUrls,
}

/// How access is given.
#[derive(Debug)]
pub(in crate::mcp) struct Way {
    /// The consent page; works once, for ten minutes and for this principal only. `None`: not by OAuth.
    pub(in crate::mcp) url: Option<String>,
    /// What the user has to do.
    pub(in crate::mcp) message: String,
}

impl From<ConsentLinkError> for ToolError {
    fn from(error: ConsentLinkError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl ProvisioningServices {
    /// How `principal` gives access now.
    pub(in crate::mcp) async fn way(&self, principal: &Principal) -> Result<Way, ToolError> {
        let provider = match self.provider.metadata() {
            Ok(provider) => provider,
            Err(problem) => {
                return Ok(Way {
                    url: None,
                    message: format!(
                        "Access cannot be given by OAuth now: {problem}. {}",
                        self.by_app_password(principal)
                    ),
                });
            }
        };
        let url = self.links.link_for(principal).await?;
        let mut message = format!(
            "The user has to open {url} in a browser, signed in to Nextcloud as {}. The page says what will be stored \
             and asks first. The link works once, for ten minutes, and for this account only.",
            principal.user()
        );
        if !provider.is_own_nextcloud {
            message = format!(
                "{message} Sign-in is at {}. If the page says that Nextcloud refuses its tokens, access cannot be \
                 given by OAuth. {}",
                provider.issuer,
                self.by_app_password(principal)
            );
        }
        Ok(Way {
            url: Some(url),
            message,
        })
    }

    /// The way without OAuth.
    fn by_app_password(&self, principal: &Principal) -> String {
        let user = utf8_percent_encode(principal.user().as_str(), NON_ALPHANUMERIC);
        format!(
            "Instead the user can make an app password in Nextcloud (Settings → Security: {}) and hand it to this \
             server with POST {} as HTTP Basic authentication. It must not be pasted into this conversation.",
            self.urls.nextcloud_page("/settings/user/security"),
            self.urls.server(&format!("/api/v1/users/{user}/app-password")),
        )
    }
}
