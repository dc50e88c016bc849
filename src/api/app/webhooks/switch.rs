//! `POST /app/webhooks`: switches a preset on or off, or does the upkeep now.

use crate::api::pages::{OwnForm, PagesState, Problem, Session, Visitor};
use crate::auth::CredentialError;
use crate::auth::browser::Form;
use crate::webhooks::{Preset, Reconciled, WebhookError, Webhooks};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

/// The fields of the forms.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct Wanted {
    /// `on`, `off`, or `put_right`.
    #[serde(default)]
    action: String,
    /// The id of the preset.
    #[serde(default)]
    preset: String,
}

/// Does it in the name of the user of the session, whom Nextcloud must let.
pub(in crate::api) async fn switch(
    State(state): State<PagesState>,
    visitor: Visitor,
    form: OwnForm<Wanted>,
) -> Response {
    let Some(session) = &visitor.session else {
        return Problem::not_logged_in(&state).response(&state, None);
    };
    let wanted = match form.of(Form::Webhooks, Some(&session.token)) {
        Ok(wanted) => wanted,
        Err(problem) => return problem.response(&state, Some(session)),
    };
    let Some(webhooks) = &state.parts().webhooks else {
        return unknown().response(&state, Some(session));
    };
    match carry_out(webhooks, session, &visitor, &wanted).await {
        Ok(Some(done)) => Redirect::to(&format!("{}/app?done={done}#webhooks", state.base())).into_response(),
        Ok(None) => unknown().response(&state, Some(session)),
        Err(error) => {
            tracing::warn!(%error, "webhooks could not be switched");
            problem(error, &state)
                .exit("Your access", format!("{}/app", state.base()))
                .response(&state, Some(session))
        }
    }
}

/// What the page says afterwards; `None`: nothing of this server's pages asked so.
async fn carry_out(
    webhooks: &Webhooks,
    session: &Session,
    visitor: &Visitor,
    wanted: &Wanted,
) -> Result<Option<&'static str>, WebhookError> {
    let principal = &session.principal;
    let done = match (wanted.action.as_str(), Preset::find(&wanted.preset)) {
        ("on", Some(preset)) => {
            webhooks.switch_on(principal, preset, &visitor.origin).await?;
            "switched_on"
        }
        ("off", Some(preset)) => {
            webhooks.switch_off(principal, preset, &visitor.origin).await?;
            "switched_off"
        }
        ("put_right", _) => match webhooks.put_right(principal).await? {
            Reconciled::Busy => return Err(WebhookError::Busy),
            Reconciled::NoManager => return Err(WebhookError::ConsentNeeded),
            Reconciled::NothingAsked | Reconciled::Done(_) => "put_right",
        },
        _ => return Ok(None),
    };
    Ok(Some(done))
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Nothing was changed",
        "This server does not know what was asked for. Open the page again.",
    )
}

fn problem(error: WebhookError, state: &PagesState) -> Problem {
    match error {
        WebhookError::ConsentNeeded | WebhookError::Credential(CredentialError::Unusable(_)) => Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "Your access is needed first",
            "This server manages webhooks in your name, and it has nothing of yours that works. Nothing was changed.",
        )
        .exit(
            "Allow background access",
            format!("{}/oauth/authorize-nextcloud", state.base()),
        ),
        WebhookError::Forbidden(reason) => Problem::new(
            StatusCode::FORBIDDEN,
            "Only administrators manage webhooks",
            "Nextcloud does not let your account do this. Nothing was changed.",
        )
        .quote(reason)
        .step(
            "An administrator can let a group of yours do it:",
            Some(r"occ admin-delegation:add 'OCA\WebhookListeners\Settings\Admin' GROUP".to_owned()),
        ),
        WebhookError::NoApp => Problem::new(
            StatusCode::BAD_GATEWAY,
            "Nextcloud has no webhooks",
            "The app that makes them is not enabled.",
        )
        .step("Enable it:", Some("occ app:enable webhook_listeners".to_owned())),
        WebhookError::Refused(reason) => Problem::new(
            StatusCode::BAD_GATEWAY,
            "Nextcloud does not have these events",
            "Usually the app that they belong to is not enabled.",
        )
        .quote(reason)
        .step("Enable the app, such as:", Some("occ app:enable tables".to_owned())),
        WebhookError::Busy => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Somebody else is at it",
            "Webhooks are being changed by another request. Please try again.",
        ),
        WebhookError::Store(error) => Problem::database(&error),
        WebhookError::NotFound | WebhookError::Nextcloud(_) | WebhookError::Credential(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not available at the moment",
            "Nextcloud cannot be asked now. What could not be done is not asked for any more; please try again.",
        ),
    }
}
