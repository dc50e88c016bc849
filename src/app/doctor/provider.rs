//! The identity provider: found, believable, with keys, and reachable for browsers.

use super::super::Foundation;
use super::{Finding, client};
use crate::auth::oidc::{
    IdentityProvider as _, IdpHttp, IdpHttpError, KnownProvider, OAuthUrls, ProviderMetadata, ProviderProblem,
};
use crate::config::Config;
use serde_json::Value;
use url::Url;

const NAME: &str = "identity provider";
const KEYS: &str = "signing keys";

pub(super) async fn check(config: &Config, foundation: Option<&Foundation>) -> Vec<Finding> {
    let Some(foundation) = foundation else {
        let fix = "repair the database first";
        return vec![Finding::skipped(NAME, "not checked without the database", fix)];
    };
    let http = match IdpHttp::new(&config.nextcloud) {
        Ok(http) => http,
        Err(error) => {
            return vec![Finding::problem(
                NAME,
                error.to_string(),
                "check NEXTCLOUD_CA_BUNDLE",
            )];
        }
    };
    let provider = KnownProvider::new(
        config,
        http.clone(),
        foundation.pool().clone(),
        foundation.clock.clone(),
        foundation.entropy.clone(),
    );
    let urls = OAuthUrls::new(config);
    match provider.fetch_once().await {
        Ok(metadata) => {
            let mut findings = vec![Finding::ok(NAME, known(&metadata))];
            findings.extend(login_address(&metadata, &config.server.public_url));
            findings.push(judge_keys(http.get_json(&metadata.jwks_uri).await));
            let method = provider.client_auth_method();
            findings.push(client::check(config, foundation, &http, &metadata, method, &urls).await);
            findings
        }
        Err(problem) => vec![
            unusable(&problem, config),
            client::without_provider(config, &urls),
        ],
    }
}

/// Nextcloud is the provider and does not answer.
pub(super) fn unasked(config: &Config) -> Vec<Finding> {
    vec![
        Finding::skipped(
            NAME,
            "not checked: it is at Nextcloud",
            "repair the line nextcloud first",
        ),
        client::without_provider(config, &OAuthUrls::new(config)),
    ]
}

fn known(metadata: &ProviderMetadata) -> String {
    let whose = if metadata.is_own_nextcloud {
        "Nextcloud's app oidc"
    } else {
        "an external one"
    };
    format!("{whose}, issuer {}", metadata.issuer)
}

fn unusable(problem: &ProviderProblem, config: &Config) -> Finding {
    let host = config.nextcloud.host.as_str().trim_end_matches('/');
    let fix = match (problem, &config.oidc.discovery_url) {
        (ProviderProblem::Unreachable(_), None) => format!(
            "occ app:install oidc   # or, if it is there: occ app:enable oidc\n\
             curl {host}/index.php/apps/oidc/openid-configuration   # must answer JSON"
        ),
        (ProviderProblem::Unreachable(_), Some(url)) => {
            format!("curl {url}   # must answer JSON; it is OIDC_DISCOVERY_URL")
        }
        (ProviderProblem::Refused(_), None) => {
            "NEXTCLOUD_PUBLIC_ISSUER_URL=<the issuer above>   # when the address is right\n\
             occ app:update oidc   # when something is missing in the document"
                .to_owned()
        }
        (ProviderProblem::Refused(_), Some(_)) => {
            "OIDC_DISCOVERY_URL, OIDC_ACCEPTED_ISSUERS and NEXTCLOUD_PUBLIC_ISSUER_URL must fit the provider"
                .to_owned()
        }
    };
    Finding::problem(NAME, problem.to_string(), fix)
}

/// Browsers are sent to the authorization endpoint: it must be an address for them.
fn login_address(metadata: &ProviderMetadata, server: &Url) -> Option<Finding> {
    let login = &metadata.authorization_endpoint;
    (server.scheme() == "https" && login.scheme() != "https").then(|| {
        Finding::warning(
            "login address",
            format!("browsers are sent to {login}, which is not https"),
            "NEXTCLOUD_PUBLIC_URL=https://cloud.example.com   # Nextcloud as browsers reach it",
        )
    })
}

fn judge_keys(answer: Result<Value, IdpHttpError>) -> Finding {
    let fix = "open the jwks_uri of the discovery document from this machine: it must list an RSA or EC key";
    match answer {
        Ok(set) => match set["keys"].as_array().map(Vec::len) {
            Some(0) | None => Finding::problem(KEYS, "none are published: no token can be checked", fix),
            Some(count) => Finding::ok(KEYS, format!("{count} published")),
        },
        Err(error) => Finding::problem(KEYS, error.to_string(), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::auth::oidc::testing::{config, own_nextcloud};
    use serde_json::json;

    #[test]
    fn an_unreachable_provider_gives_the_line_for_its_kind() {
        let away = ProviderProblem::Unreachable("HTTP 404".to_owned());
        let own = unusable(&away, &config("https://cloud.example.test", &[]));
        assert_eq!(own.state, State::Problem);
        assert!(own.fix.unwrap().contains("occ app:install oidc"));
        let url = "https://idp.example.test/.well-known/openid-configuration";
        let external = config("https://cloud.example.test", &[("OIDC_DISCOVERY_URL", url)]);
        assert!(
            unusable(&away, &external)
                .fix
                .unwrap()
                .starts_with(&format!("curl {url}"))
        );
    }

    #[test]
    fn a_refused_document_names_the_variable() {
        let refused = ProviderProblem::Refused("names the issuer http://nextcloud:8080".to_owned());
        let finding = unusable(&refused, &config("https://cloud.example.test", &[]));
        assert!(finding.detail.contains("http://nextcloud:8080"));
        assert!(finding.fix.unwrap().contains("NEXTCLOUD_PUBLIC_ISSUER_URL"));
    }

    #[test]
    fn browsers_are_not_sent_to_an_internal_address() {
        let server = Url::parse("https://mcp.example.test").unwrap();
        let internal = own_nextcloud("http://nextcloud:8080");
        assert_eq!(
            login_address(&internal, &server).map(|found| found.state),
            Some(State::Warning)
        );
        assert!(login_address(&own_nextcloud("https://cloud.example.test"), &server).is_none());
        let local = Url::parse("http://localhost:8000").unwrap();
        assert!(login_address(&internal, &local).is_none());
    }

    #[test]
    fn a_key_set_without_keys_is_a_problem() {
        assert_eq!(judge_keys(Ok(json!({"keys": [{"kty": "RSA"}]}))).state, State::Ok);
        assert_eq!(judge_keys(Ok(json!({"keys": []}))).state, State::Problem);
        assert_eq!(judge_keys(Err(IdpHttpError::Status(404))).state, State::Problem);
    }
}
