//! What a provider says of a token, whichever way it was asked, and whom the token was made for (DESIGN §4).

use super::Audience;
use crate::auth::oidc::OAuthUrls;
use crate::auth::scopes::ScopeSet;
use crate::config::Config;
use chrono::{DateTime, Utc};

/// What a token is, by a provider that was believed.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// The issuer that vouches for the subject.
    pub(super) issuer: String,
    /// `sub`.
    pub(super) subject: String,
    /// Whom it was made for.
    pub(super) made_for: MadeFor,
    /// `client_id`, else `azp`.
    pub(super) client_id: Option<String>,
    /// `None`: the way in which it was checked tells of no scopes (userinfo). A JWT or an introspection answer without
    /// them has none.
    pub(super) scopes: Option<ScopeSet>,
    /// When it ends; `None`: the provider does not tell.
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// Whom a token was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MadeFor {
    /// The audiences that it names; none when it names none.
    Named(Vec<String>),
    /// This server: the way in which it was checked leaves no other.
    ThisServer,
}

/// Which tokens this server takes.
#[derive(Debug, Clone)]
pub struct AudienceRules {
    /// This server's URL, and it with `/mcp`.
    own: [String; 2],
    /// `ALLOWED_MGMT_CLIENT`.
    management_clients: Vec<String>,
}

impl AudienceRules {
    /// The rules that follow from the configuration.
    pub fn new(config: &Config) -> Self {
        Self::of(
            OAuthUrls::new(config).audiences(),
            config.oidc.management_clients.clone(),
        )
    }

    /// `own`: audiences that name this server; `management_clients`: clients whose tokens the management API takes
    /// whatever audience they name.
    pub fn of(own: [String; 2], management_clients: Vec<String>) -> Self {
        Self {
            own: own.map(|url| url.trim_end_matches('/').to_owned()),
            management_clients,
        }
    }

    /// Whether one of `audiences` is this server. A slash at the end makes no other resource: clients copy the
    /// configured URL with or without it.
    pub(super) fn name_this_server<T: AsRef<str>>(&self, audiences: &[T]) -> bool {
        audiences.iter().any(|audience| {
            self.own
                .iter()
                .any(|own| own == audience.as_ref().trim_end_matches('/'))
        })
    }

    /// Whether a token may be used at `audience` (case J02). No scope is asked for here.
    pub(super) fn admit(&self, audience: Audience, evidence: &Evidence) -> bool {
        match &evidence.made_for {
            MadeFor::ThisServer => true,
            MadeFor::Named(audiences) => {
                self.name_this_server(audiences)
                    || (audience == Audience::Management
                        && evidence
                            .client_id
                            .as_ref()
                            .is_some_and(|client| self.management_clients.contains(client)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(audiences: &[&str], client: Option<&str>) -> Evidence {
        Evidence {
            issuer: String::new(),
            subject: String::new(),
            made_for: MadeFor::Named(audiences.iter().map(|&audience| audience.to_owned()).collect()),
            client_id: client.map(str::to_owned),
            scopes: None,
            expires_at: None,
        }
    }

    #[test]
    fn j02_a_token_must_name_this_server_or_come_from_an_allowed_client_of_the_management_api() {
        let own = [
            "https://mcp.example.org".into(),
            "https://mcp.example.org/mcp".into(),
        ];
        let rules = AudienceRules::of(own, vec!["astrolabe".into()]);
        let admitted =
            |audience, audiences: &[&str], client| rules.admit(audience, &evidence(audiences, client));
        for audience in [Audience::Mcp, Audience::Management] {
            for named in [
                "https://mcp.example.org",
                "https://mcp.example.org/",
                "https://mcp.example.org/mcp",
            ] {
                assert!(admitted(audience, &["https://other.example", named], Some("any")));
            }
            for other in [
                "https://mcp.example.org/other",
                "https://mcp.example.org.evil.example",
                "https://MCP.example.org",
                "",
            ] {
                assert!(!admitted(audience, &[other], Some("any")), "{other}");
            }
            assert!(!admitted(audience, &[], None));
        }
        assert!(admitted(Audience::Management, &["astrolabe"], Some("astrolabe")));
        assert!(!admitted(Audience::Management, &["astrolabe"], None));
        assert!(!admitted(Audience::Mcp, &["astrolabe"], Some("astrolabe")));
    }

    #[test]
    fn without_a_list_only_the_audience_counts() {
        let rules = AudienceRules::of(["https://a".into(), "https://a/mcp".into()], Vec::new());
        assert!(!rules.admit(Audience::Management, &evidence(&["x"], Some(""))));
        assert!(rules.admit(Audience::Management, &evidence(&["https://a"], None)));
    }
}
