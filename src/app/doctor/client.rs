//! The OAuth client of this server: configured and known to the provider, or registered and mortal.

use super::super::Foundation;
use super::{Finding, consents};
use crate::auth::oidc::{
    ClientAuthMethod, ClientCredentials, ClientSource, DYNAMIC_CLIENT_ADVICE, IdpAnswer, IdpHttp,
    IdpHttpError, OAuthUrls, ProviderMetadata, create_client_command,
};
use crate::config::Config;
use crate::db::DbError;
use chrono::{DateTime, Utc};
use http::StatusCode;

const NAME: &str = "oauth client";
/// No token looks like this.
const NO_TOKEN: &str = "doctor";

/// What there is, in the absence of a provider to ask.
pub(super) fn without_provider(config: &Config, urls: &OAuthUrls) -> Finding {
    match &config.oidc.client_id {
        Some(id) => Finding::skipped(
            NAME,
            format!("{id}, not checked"),
            "repair the identity provider first",
        ),
        None => Finding::skipped(NAME, "none is configured", create_lines(urls)),
    }
}

pub(super) async fn check(
    config: &Config,
    foundation: &Foundation,
    http: &IdpHttp,
    metadata: &ProviderMetadata,
    method: ClientAuthMethod,
    urls: &OAuthUrls,
) -> Finding {
    if let Some(id) = &config.oidc.client_id {
        let client = ClientCredentials {
            id: id.clone(),
            secret: config.oidc.client_secret.clone(),
            source: ClientSource::Configured,
        };
        // Without introspection there is no question that changes nothing.
        let answer = match &metadata.introspection_endpoint {
            Some(endpoint) => Some(
                http.post_form(endpoint, &[("token", NO_TOKEN)], &client.authentication(method))
                    .await,
            ),
            None => None,
        };
        return judge_configured(id, answer, urls);
    }
    match registered(foundation, &metadata.issuer).await {
        Ok(registered) => judge_dynamic(metadata, registered, urls),
        Err(error) => Finding::problem(NAME, error.to_string(), "check DATABASE_URL"),
    }
}

/// The commands for a lasting client, and where its parts go.
fn create_lines(urls: &OAuthUrls) -> String {
    format!(
        "{}\nset NEXTCLOUD_OIDC_CLIENT_ID and NEXTCLOUD_OIDC_CLIENT_SECRET to what it prints",
        create_client_command(urls)
    )
}

fn judge_configured(id: &str, answer: Option<Result<IdpAnswer, IdpHttpError>>, urls: &OAuthUrls) -> Finding {
    match answer {
        Some(Ok(answer)) if answer.status == StatusCode::OK => {
            Finding::ok(NAME, format!("{id} is known to the identity provider"))
        }
        Some(Ok(answer)) if matches!(answer.status.as_u16(), 400 | 401) => Finding::problem(
            NAME,
            format!("{id} or its secret is refused by the identity provider"),
            format!("occ oidc:list\n{}", create_lines(urls)),
        ),
        Some(Ok(answer)) => Finding {
            fix: None,
            ..Finding::skipped(
                NAME,
                format!("{id}, not checked: HTTP {}", answer.status.as_u16()),
                "",
            )
        },
        Some(Err(error)) => Finding {
            fix: None,
            ..Finding::skipped(NAME, format!("{id}, not checked: {error}"), "")
        },
        None => Finding::ok(NAME, format!("{id}, checked at the first consent")),
    }
}

/// A client that this server registered.
struct Registered {
    id: String,
    expires_at: Option<DateTime<Utc>>,
}

async fn registered(foundation: &Foundation, issuer: &str) -> Result<Option<Registered>, DbError> {
    if !consents::stand(foundation).await {
        return Ok(None);
    }
    let row = sqlx::query!(
        "select client_id, expires_at from oauth_clients where issuer = $1",
        issuer
    )
    .fetch_optional(foundation.pool())
    .await?;
    Ok(row.map(|row| Registered {
        id: row.client_id,
        expires_at: row.expires_at,
    }))
}

fn judge_dynamic(metadata: &ProviderMetadata, registered: Option<Registered>, urls: &OAuthUrls) -> Finding {
    let own = metadata.is_own_nextcloud;
    let fix = if own {
        create_lines(urls)
    } else {
        format!(
            "register {} at the provider by hand, and set NEXTCLOUD_OIDC_CLIENT_ID and NEXTCLOUD_OIDC_CLIENT_SECRET",
            urls.callback()
        )
    };
    if metadata.registration_endpoint.is_none() {
        let detail = "none is configured, and the identity provider registers none";
        return Finding::problem(NAME, detail, fix);
    }
    match registered {
        Some(Registered { id, expires_at: None }) if !own => {
            Finding::ok(NAME, format!("{id}, registered by this server, does not expire"))
        }
        Some(Registered { id, expires_at }) => {
            let end = expires_at.map_or_else(String::new, |end| {
                format!(" until {}", end.format("%Y-%m-%d %H:%M UTC"))
            });
            Finding::warning(NAME, format!("{id}{end}. {DYNAMIC_CLIENT_ADVICE}"), fix)
        }
        None => Finding::warning(
            NAME,
            "none is configured: this server will register one, which may expire and take its consents with it",
            fix,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::auth::oidc::testing::{config, own_nextcloud};
    use bytes::Bytes;
    use http::HeaderMap;
    use url::Url;

    const CREATE: &str = "occ oidc:create \"Nextcloud MCP Server\" https://mcp.example.test/oauth/callback";

    fn urls() -> OAuthUrls {
        OAuthUrls::new(&config("https://cloud.example.test", &[]))
    }

    fn asked(status: StatusCode) -> Finding {
        let answer = IdpAnswer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        judge_configured("abc", Some(Ok(answer)), &urls())
    }

    #[test]
    fn a_refused_client_gives_the_exact_line() {
        let known = asked(StatusCode::OK);
        assert_eq!(known.state, State::Ok);
        for status in [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST] {
            let refused = asked(status);
            assert_eq!(refused.state, State::Problem);
            assert!(refused.fix.unwrap().contains(CREATE));
        }
        let away = asked(StatusCode::BAD_GATEWAY);
        assert_eq!(away.state, State::Skipped);
    }

    #[test]
    fn without_a_client_it_depends_on_the_provider() {
        let mut metadata = own_nextcloud("https://cloud.example.test");
        let none = judge_dynamic(&metadata, None, &urls());
        assert_eq!(none.state, State::Problem);
        assert!(none.fix.unwrap().starts_with(CREATE));
        metadata.registration_endpoint = Url::parse("https://cloud.example.test/apps/oidc/register").ok();
        assert_eq!(judge_dynamic(&metadata, None, &urls()).state, State::Warning);
        let registered = |expires_at| {
            Some(Registered {
                id: "dcr".to_owned(),
                expires_at,
            })
        };
        let mortal = judge_dynamic(&metadata, registered(Some(DateTime::UNIX_EPOCH)), &urls());
        assert_eq!(mortal.state, State::Warning);
        assert!(
            mortal.detail.contains("until 1970-01-01 00:00 UTC"),
            "{}",
            mortal.detail
        );
        metadata.is_own_nextcloud = false;
        assert_eq!(
            judge_dynamic(&metadata, registered(None), &urls()).state,
            State::Ok
        );
    }
}
