//! The addresses at which webhooks are received, and by which those of this server are known at Nextcloud.

use crate::config::ServerConfig;

/// The address that is registered.
const RECEIVER: &str = "/webhooks/nextcloud";
/// The address that Astrolabe names when it registers by itself; served, never registered.
const CALLBACK: &str = "/api/v1/webhooks/callback";

/// Where Nextcloud delivers to.
#[derive(Debug, Clone)]
pub struct WebhookUris {
    registered: String,
    others: Vec<String>,
}

impl WebhookUris {
    /// `WEBHOOK_INTERNAL_URL`, else `NEXTCLOUD_MCP_SERVER_URL`.
    pub fn new(config: &ServerConfig) -> Self {
        let base = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        let public = base(&config.public_url);
        let internal = config.webhook_internal_url.as_ref().map(base);
        let internal = internal.unwrap_or_else(|| public.clone());
        let registered = format!("{internal}{RECEIVER}");
        let mut others = vec![format!("{internal}{CALLBACK}")];
        if public != internal {
            others.extend([format!("{public}{RECEIVER}"), format!("{public}{CALLBACK}")]);
        }
        Self { registered, others }
    }

    /// The one that every webhook of this server is registered with.
    pub fn registered(&self) -> &str {
        &self.registered
    }

    /// Others under which this server may have been registered: by itself before it moved, or by an Astrolabe without
    /// it. What stands there has no secret that counts.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CliOverrides, Config, Environment};

    fn uris(internal: Option<&str>) -> WebhookUris {
        let mut variables = vec![
            ("NEXTCLOUD_HOST", "http://nextcloud"),
            ("MCP_DEPLOYMENT_MODE", "multi_user_basic"),
            ("NEXTCLOUD_MCP_SERVER_URL", "https://mcp.example.org/"),
        ];
        variables.extend(internal.map(|url| ("WEBHOOK_INTERNAL_URL", url)));
        let config = Config::load(&Environment::from_pairs(variables), &CliOverrides::default()).unwrap();
        WebhookUris::new(&config.server)
    }

    #[test]
    fn the_internal_url_goes_before_the_public_one() {
        let public = uris(None);
        assert_eq!(public.registered(), "https://mcp.example.org/webhooks/nextcloud");
        assert_eq!(public.others().count(), 1);
        let internal = uris(Some("http://mcp:8000/base/"));
        assert_eq!(internal.registered(), "http://mcp:8000/base/webhooks/nextcloud");
        assert!(internal.others().any(|uri| uri == public.registered()));
    }
}
