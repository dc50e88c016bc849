//! Nextcloud: reachable, its version, the configured account, the brute-force protection.

use super::{Finding, State};
use crate::config::{Config, Mode};
use crate::nextcloud::{Credential, Nextcloud, ServerStatus};
use serde_json::Value;
use std::net::IpAddr;
use tokio::net::{UdpSocket, lookup_host};

/// Of the finding that says whether it answers.
pub(super) const NAME: &str = "nextcloud";
/// The oldest release that still gets the apps this server needs.
const OLDEST_VERSION: u32 = 30;

pub(super) async fn check(config: &Config, client: &Nextcloud) -> Vec<Finding> {
    let status = match client.status().await {
        Ok(status) => status,
        Err(error) => {
            let fix = format!(
                "curl {}/status.php   # from this machine; it must answer JSON",
                host(config)
            );
            return vec![Finding::problem(NAME, error.to_string(), fix)];
        }
    };
    let mut findings = vec![reachable(config, &status)];
    if status.maintenance {
        return findings;
    }
    if let Mode::SingleUserBasic { login_name, password } = &config.mode {
        let credential = Credential::Basic {
            login_name: login_name.clone(),
            password: password.clone(),
        };
        findings.push(match client.current_user(&credential).await {
            Ok(user) => Finding::ok("account", format!("logged in as {}", user.id())),
            Err(error) => {
                let fix = "make a new app password under Settings → Security and set NEXTCLOUD_PASSWORD";
                Finding::problem("account", error.to_string(), fix)
            }
        });
    } else {
        let protection = match client.public_capabilities().await {
            Ok(capabilities) => brute_force(&capabilities, own_address(config).await),
            Err(error) => Finding {
                fix: None,
                ..Finding::skipped("brute-force", error.to_string(), "")
            },
        };
        findings.push(protection);
    }
    findings
}

fn host(config: &Config) -> &str {
    config.nextcloud.host.as_str().trim_end_matches('/')
}

fn reachable(config: &Config, status: &ServerStatus) -> Finding {
    if !status.installed {
        return Finding::problem(NAME, "not installed yet", "occ maintenance:install");
    }
    if status.maintenance {
        return Finding::warning(NAME, "in maintenance mode", "occ maintenance:mode --off");
    }
    let detail = format!("version {} at {}", status.version, host(config));
    let major = status
        .version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST_VERSION) {
        let fix = format!("upgrade Nextcloud to {OLDEST_VERSION} or newer; measured with 34");
        return Finding::warning(NAME, detail, fix);
    }
    Finding::ok(NAME, detail)
}

/// Nextcloud tells anybody what its protection thinks of the address that asks: `capabilities.bruteforce`.
/// After ten wrong passwords from one address everybody behind it is locked out (facts §0 row 8).
fn brute_force(capabilities: &Value, address: Option<IpAddr>) -> Finding {
    const NAME: &str = "brute-force";
    let protection = &capabilities["capabilities"]["bruteforce"];
    let listed = protection["allow-listed"].as_bool();
    let delay = protection["delay"].as_u64().unwrap_or(0);
    let (shown, fix) = match address {
        Some(address) => {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            (
                address.to_string(),
                format!("occ config:app:set bruteForce whitelist_0 --value {address}/{bits}"),
            )
        }
        None => (
            "this server's address".to_owned(),
            "occ config:app:set bruteForce whitelist_0 --value <this server's address>/32".to_owned(),
        ),
    };
    let fix = format!(
        "{fix}\n(whitelist_0 taken? use the next number. Behind a proxy Nextcloud sees another address unless its \
         trusted_proxies name that proxy)"
    );
    match (listed, delay) {
        (Some(true), _) => Finding::ok(NAME, "this server is on Nextcloud's allow-list"),
        (_, 1..) => Finding::problem(
            NAME,
            format!(
                "Nextcloud slows this server down by {delay} ms: too many wrong passwords came from {shown}"
            ),
            format!("occ security:bruteforce:reset {shown}\n{fix}"),
        ),
        (Some(false), _) => Finding::warning(
            NAME,
            format!("{shown} is not on the allow-list: ten wrong passwords of one client lock out all"),
            fix,
        ),
        (None, _) => Finding {
            state: State::Skipped,
            ..Finding::warning(NAME, "Nextcloud does not tell", fix)
        },
    }
}

/// The address from which this machine would send to Nextcloud. Nothing is sent.
async fn own_address(config: &Config) -> Option<IpAddr> {
    let host = config.nextcloud.host.host_str()?.trim_matches(['[', ']']);
    let port = config.nextcloud.host.port_or_known_default()?;
    let target = lookup_host((host, port)).await.ok()?.next()?;
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(target).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(delay: u64, listed: bool) -> Value {
        json!({"capabilities": {"bruteforce": {"delay": delay, "allow-listed": listed}}})
    }

    #[test]
    fn the_allow_list_line_can_be_pasted() {
        let address = "192.0.2.7".parse().ok();
        let finding = brute_force(&told(0, false), address);
        assert_eq!(finding.state, State::Warning);
        let fix = finding.fix.unwrap();
        assert_eq!(
            fix.lines().next(),
            Some("occ config:app:set bruteForce whitelist_0 --value 192.0.2.7/32")
        );
        assert_eq!(brute_force(&told(0, true), address).state, State::Ok);
        let six = brute_force(&told(0, false), "2001:db8::7".parse().ok());
        assert!(six.fix.unwrap().contains("2001:db8::7/128"));
    }

    #[test]
    fn a_throttled_address_is_a_problem_and_silence_is_none() {
        assert_eq!(brute_force(&told(200, false), None).state, State::Problem);
        assert_eq!(brute_force(&json!({}), None).state, State::Skipped);
    }
}
