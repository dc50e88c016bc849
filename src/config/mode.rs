//! The authentication mode.

use super::reader::Reader;
use super::variables;
use crate::ids::LoginName;
use secrecy::SecretString;

/// How MCP callers are authenticated and which credential works in the background (DESIGN §1).
#[derive(Debug, Clone)]
pub enum Mode {
    /// One configured account; the MCP client is trusted.
    SingleUserBasic {
        /// `NEXTCLOUD_USERNAME`.
        login_name: LoginName,
        /// `NEXTCLOUD_PASSWORD`.
        password: SecretString,
    },
    /// Basic per request, checked at Nextcloud, never stored; no background sync.
    MultiUserBasic,
    /// Multi-user Basic for MCP, stored background credentials per user.
    Hybrid,
    /// OAuth bearer tokens.
    OAuth {
        /// `ENABLE_OFFLINE_ACCESS`.
        offline_access: bool,
    },
}

impl Mode {
    /// Whether users may hand over a background credential.
    pub fn stores_credentials(&self) -> bool {
        matches!(self, Self::Hybrid | Self::OAuth { offline_access: true })
    }

    /// `auth_mode` of `/api/v1/status`: `basic`, `multi_user_basic` or `oauth`.
    pub fn status_name(&self) -> &'static str {
        match self {
            Self::SingleUserBasic { .. } => "basic",
            Self::MultiUserBasic | Self::Hybrid => "multi_user_basic",
            Self::OAuth { .. } => "oauth",
        }
    }
}

/// What the variables ask for, before the credentials are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SingleUser,
    MultiUser,
    OAuth,
}

/// The variables that decide the mode.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    explicit: Option<Kind>,
    multi_user: bool,
    username: bool,
    password: bool,
    /// `--oauth` or `--no-oauth`.
    forced_oauth: Option<bool>,
}

impl Mode {
    /// The mode: a flag forces, then `MCP_DEPLOYMENT_MODE`, then
    /// `ENABLE_MULTI_USER_BASIC_AUTH`, then both credentials make it single-user and neither OAuth.
    /// `None` when a problem was recorded that leaves it open.
    pub(super) fn load(reader: &mut Reader<'_>, forced_oauth: Option<bool>) -> Option<Self> {
        let wishes = Wishes {
            explicit: explicit(reader),
            multi_user: reader.flag(variables::ENABLE_MULTI_USER_BASIC_AUTH, false),
            username: reader.is_set(variables::NEXTCLOUD_USERNAME),
            password: reader.is_set(variables::NEXTCLOUD_PASSWORD),
            forced_oauth,
        };
        let offline_access = reader.flag(variables::ENABLE_OFFLINE_ACCESS, false);
        let kind = wishes.kind(reader);
        wishes.report_contradictions(reader, kind);
        match kind {
            Kind::SingleUser => {
                if offline_access {
                    reader.warn("ENABLE_OFFLINE_ACCESS has no effect in single-user mode: the configured user works in the background");
                }
                let login_name = reader.text(variables::NEXTCLOUD_USERNAME).map(LoginName::new);
                let password = reader.secret(variables::NEXTCLOUD_PASSWORD);
                Some(Self::SingleUserBasic {
                    login_name: login_name?,
                    password: password?,
                })
            }
            Kind::MultiUser if offline_access => Some(Self::Hybrid),
            Kind::MultiUser => Some(Self::MultiUserBasic),
            Kind::OAuth => Some(Self::OAuth { offline_access }),
        }
    }
}

fn explicit(reader: &mut Reader<'_>) -> Option<Kind> {
    let value = reader.text(variables::MCP_DEPLOYMENT_MODE)?;
    let problem = match value.to_ascii_lowercase().as_str() {
        "single_user_basic" => return Some(Kind::SingleUser),
        "multi_user_basic" => return Some(Kind::MultiUser),
        "oauth" => return Some(Kind::OAuth),
        "oauth_single_audience" | "oauth_token_exchange" => "that OAuth flavour belongs to another server",
        "login_flow" => "Nextcloud's login flow is not a mode of this server",
        _ => "unknown mode",
    };
    let fix = "Write single_user_basic, multi_user_basic or oauth, or unset it.";
    reader.problem(variables::MCP_DEPLOYMENT_MODE, problem, fix);
    None
}

impl Wishes {
    fn kind(self, reader: &mut Reader<'_>) -> Kind {
        let asks_for_multi_user = self.explicit == Some(Kind::MultiUser) || self.multi_user;
        match self.forced_oauth {
            Some(true) => {
                if asks_for_multi_user || self.username || self.password {
                    reader.warn("--oauth stands above the variables that ask for Basic authentication; they are ignored");
                }
                Kind::OAuth
            }
            Some(false) if asks_for_multi_user => Kind::MultiUser,
            Some(false) => Kind::SingleUser,
            None => match self.explicit {
                Some(kind) => kind,
                None if self.multi_user => Kind::MultiUser,
                // One of the two is a mistake: read as single-user, so that the other is asked for.
                None if self.username || self.password => Kind::SingleUser,
                None => Kind::OAuth,
            },
        }
    }

    fn report_contradictions(self, reader: &mut Reader<'_>, kind: Kind) {
        let credentials = [
            (
                variables::NEXTCLOUD_USERNAME,
                self.username,
                variables::NEXTCLOUD_PASSWORD,
            ),
            (
                variables::NEXTCLOUD_PASSWORD,
                self.password,
                variables::NEXTCLOUD_USERNAME,
            ),
        ];
        for (variable, is_set, other) in credentials {
            match kind {
                Kind::SingleUser if !is_set => {
                    let problem = format!("required in single-user mode beside {}", other.name);
                    let fix = format!("Set it, or unset {} for OAuth or multi-user mode.", other.name);
                    reader.problem(variable, problem, fix);
                }
                Kind::MultiUser if is_set => {
                    let fix = "Unset it: every request brings its own credentials.";
                    reader.problem(variable, "contradicts multi-user mode", fix);
                }
                Kind::OAuth if is_set && self.forced_oauth.is_none() => {
                    reader.problem(
                        variable,
                        "contradicts OAuth mode",
                        "Unset it, or force the mode with --oauth.",
                    );
                }
                _ => {}
            }
        }
        if self.forced_oauth.is_none() && self.multi_user && kind != Kind::MultiUser {
            reader.problem(
                variables::ENABLE_MULTI_USER_BASIC_AUTH,
                "contradicts MCP_DEPLOYMENT_MODE",
                "Keep one of the two.",
            );
        }
    }
}
