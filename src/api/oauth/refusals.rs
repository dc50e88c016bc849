//! What is said about a flow that did not begin or ended with nothing: what happened in plain words, and what to do.

use crate::api::pages::{PagesState, Problem};
use crate::auth::consent::{FlowStoreError, Refusal, Refused, StartError};
use crate::auth::oidc::create_client_command;
use http::StatusCode;

/// Lets access tokens of Nextcloud's own `oidc` app work at its APIs (facts §4).
const ACCEPT_BEARERS: &str =
    "occ config:system:set user_oidc oidc_provider_bearer_validation --value true --type boolean";
const INSTALL_USER_OIDC: &str = "occ app:install user_oidc";
const NOTHING_STORED: &str = "Nothing was stored.";

/// A link that leads elsewhere than it may.
pub(super) fn bad_link() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "This link is not valid",
        "It wants to send you on to an address that belongs neither to your Nextcloud nor to this server, or it is \
         damaged. Please go back to where you found it.",
    )
}

/// The callback of a flow that is not under way in this browser.
pub(super) fn unknown_flow(state: &PagesState) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "This step cannot be repeated",
        "It was already done, took longer than ten minutes, or was begun in another browser.",
    )
    .and("If you have just allowed access, look at your access page: it may already be there.")
    .exit("Your access", own_page(state, "/app"))
    .exit("Start again", own_page(state, "/oauth/authorize-nextcloud"))
}

/// No flow can begin.
pub(super) fn no_start(error: &StartError, state: &PagesState) -> Problem {
    match error {
        StartError::LinkUsed => Problem::new(
            StatusCode::BAD_REQUEST,
            "This link is no longer valid",
            "Such a link works once and for ten minutes only. Ask your assistant for a new one, or start without a link.",
        )
        .exit("Start without a link", own_page(state, "/oauth/authorize-nextcloud")),
        StartError::Provider(why) => provider_away(&why.to_string()),
        StartError::Links(error) => Problem::database(error),
        StartError::Store(FlowStoreError::TooMany) => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many at a time",
            "Too many logins have begun at your network's address and were not finished. Please try again in ten minutes.",
        ),
        StartError::Store(error) => Problem::database(error),
    }
}

/// A flow that came back and ended with nothing.
pub(super) fn refused(refused: Refused, state: &PagesState) -> Problem {
    let back = refused.back.clone();
    let was_consent = refused.was_consent;
    let problem = explain(refused.why, state);
    let problem = match back {
        Some(back) => problem.exit("Back to Nextcloud", back.as_str()),
        None => problem,
    };
    if was_consent {
        problem.and(NOTHING_STORED)
    } else {
        problem
    }
}

fn explain(why: Refusal, state: &PagesState) -> Problem {
    if !matches!(why, Refusal::UnknownFlow | Refusal::Denied) {
        tracing::warn!(%why, "a consent or login ended with nothing");
    }
    let again = || ("Try again", own_page(state, "/oauth/authorize-nextcloud"));
    let from = |status, title, text: &str| Problem::new(status, title, text);
    match why {
        Refusal::UnknownFlow => unknown_flow(state),
        Refusal::Denied => from(
            StatusCode::FORBIDDEN,
            "Access was not allowed",
            "You, or your Nextcloud, said no. That is fine: you can change your mind at any time.",
        )
        .exit(again().0, again().1),
        Refusal::ProviderError { code, description } => from(
            StatusCode::BAD_REQUEST,
            "The login service reported an error",
            "It sent you back without letting this server in. Its own words:",
        )
        .quote(description.map_or_else(|| code.clone(), |text| format!("{code}: {text}")))
        .exit(again().0, again().1),
        Refusal::InvalidCallback | Refusal::CodeRefused(_) => from(
            StatusCode::BAD_REQUEST,
            "The login could not be completed",
            "The answer of the login service was not valid, or came too late.",
        )
        .exit(again().0, again().1),
        Refusal::IdToken(_) => from(
            StatusCode::BAD_REQUEST,
            "The login could not be verified",
            "What the login service said about you could not be believed. If this happens again, please tell your \
             administrator.",
        )
        .exit(again().0, again().1),
        Refusal::ClientRefused(reason) => from(
            StatusCode::SERVICE_UNAVAILABLE,
            "This server is not known at the login service",
            "Your administrator must register it (again) and enter the new client id and secret. The login service says:",
        )
        .quote(reason)
        .step(
            "At Nextcloud, as administrator:",
            Some(create_client_command(&state.parts().urls)),
        ),
        Refusal::ProviderAway(reason) => provider_away(&reason),
        Refusal::AnotherUser { expected, actual } => Problem::new(
            StatusCode::FORBIDDEN,
            "This link was made for somebody else",
            format!("It was made for {expected}, and you are logged in to Nextcloud as {actual}."),
        )
        .and("If both accounts are yours, log out of Nextcloud, log in as the other one and ask for a new link."),
        Refusal::BearerRefused { is_own_nextcloud } => bearer_refused(is_own_nextcloud, state),
        Refusal::NoRefreshToken => no_refresh_token(state),
        Refusal::NotMinted(reason) => {
            let problem = from(
                StatusCode::FORBIDDEN,
                "Nextcloud made no app password",
                "Your login worked, but Nextcloud did not let this server make an app password for you. It says:",
            );
            or_app_password(problem.quote(reason), state)
        }
        Refusal::AccountDisabled => from(
            StatusCode::FORBIDDEN,
            "Your account is disabled",
            "Nextcloud says that your account is disabled. Please ask your administrator.",
        ),
        Refusal::NextcloudAway(_) => from(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nextcloud does not answer",
            "Your login worked, but Nextcloud could not be asked who you are. It may be in maintenance. Please try again \
             in a few minutes.",
        )
        .exit(again().0, again().1),
        Refusal::UnknownUser => from(
            StatusCode::FORBIDDEN,
            "You are not known at Nextcloud",
            "The login service knows you, but no Nextcloud account could be found for you. Nextcloud must accept the \
             login service's tokens, or you must have allowed background access before.",
        ),
        Refusal::Internal(error) => {
            tracing::error!(error = %error, "a consent or login could not be completed");
            from(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                "This server could not complete the step. Please try again; if it happens again, please tell your \
                 administrator.",
            )
            .exit(again().0, again().1)
        }
    }
}

fn provider_away(reason: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Logging in is not possible at the moment",
        "This server cannot use the login service of your Nextcloud now. Please try again later, or tell your \
         administrator what it says:",
    )
    .quote(reason)
}

fn bearer_refused(is_own_nextcloud: bool, state: &PagesState) -> Problem {
    let title = "Nextcloud does not accept this kind of access";
    let text = "Your login worked, but Nextcloud refuses the access that it gave. Only an administrator can change that.";
    let problem = Problem::new(StatusCode::FORBIDDEN, title, text);
    let problem = if is_own_nextcloud {
        problem
            .step(
                "The app user_oidc must be there:",
                Some(INSTALL_USER_OIDC.to_owned()),
            )
            .step(
                "It must accept the tokens of Nextcloud itself:",
                Some(ACCEPT_BEARERS.to_owned()),
            )
            .step("Then wait a few seconds and try again.", None)
            .exit("Try again", own_page(state, "/oauth/authorize-nextcloud"))
    } else {
        problem.and(
            "Logins come from a separate login service here, and Nextcloud does not accept that service's tokens for its \
             files. Access cannot be given this way.",
        )
    };
    or_app_password(problem, state)
}

/// The way without OAuth, where this server takes it.
fn or_app_password(problem: Problem, state: &PagesState) -> Problem {
    if !state.parts().takes_app_passwords {
        return problem;
    }
    problem
        .step(
            "Or, without an administrator: make an app password in Nextcloud's security settings and hand it over to \
             this server. The command asks for it:",
            Some(hand_over_command(state)),
        )
        .exit("Nextcloud's security settings", security_settings(state))
}

fn no_refresh_token(state: &PagesState) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "The access would not last",
        "Your login worked, but it came without a refresh token, so this server could use it for some minutes only. The \
         permission “offline_access” is missing.",
    )
    .step(
        "If Nextcloud showed you a list of permissions, leave “offline_access” ticked.",
        None,
    )
    .step(
        "Otherwise an administrator must allow the scope offline_access for this server's client, or tell the oidc app \
         to give refresh tokens always:",
        Some("occ config:app:set oidc provide_refresh_token_always --value true".to_owned()),
    )
    .exit("Try again", own_page(state, "/oauth/authorize-nextcloud"))
}

/// Asks for the password, so that it stands in no shell history.
fn hand_over_command(state: &PagesState) -> String {
    let address = state.parts().urls.server("/api/v1/users/YOUR-NAME/app-password");
    format!("curl -u YOUR-NAME -X POST {address}")
}

fn security_settings(state: &PagesState) -> String {
    state
        .parts()
        .urls
        .nextcloud_page("/index.php/settings/user/security")
}

fn own_page(state: &PagesState, path: &str) -> String {
    format!("{}{path}", state.base())
}

/// Somebody logged in, and the session could not be kept.
pub(super) fn no_session() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not available at the moment",
        "You are logged in at Nextcloud, but this server cannot reach its database. Please try again in a few minutes.",
    )
}
