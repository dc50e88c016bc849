//! Documents, login, consent: answered as a real Nextcloud was recorded (status, headers, JSON keys, error texts,
//! redirects, claims).

use std::time::Duration;

use super::replay::{JWT, Replay};

#[tokio::test]
async fn documents() {
    let mut replay = Replay::start().await;
    replay
        .play(&[
            "discovery_wellknown",
            "discovery_wellknown_index",
            "discovery_oauth_as_metadata",
            "discovery_apps",
            "discovery_apps_pretty",
            "jwks",
            "revocation_endpoint_missing",
        ])
        .await;
    replay.world().oidc().set_dynamic_registration(true);
    replay.play(&["discovery_dcr_enabled"]).await;
    replay.finish();
}

#[tokio::test]
async fn silent_grant() {
    let mut replay = Replay::start().await;
    replay
        .play(&[
            "auth/login_form_get",
            "auth/login_form_post",
            "authorize_bad_client",
            "authorize_bad_redirect",
            "authorize_bad_response_type",
            "authorize_prompt_none_anon",
            "flow_default_noconsent_1_authorize_anon",
            "flow_default_noconsent_2_redirect",
            "flow_default_noconsent_3_login_post",
            "flow_default_noconsent_4_redirect",
            "flow_default_noconsent_5_authorize_authed",
            "token_code_opaque",
        ])
        .await;
    replay.finish();
}

#[tokio::test]
async fn asked_for_consent() {
    let mut replay = Replay::start().await;
    replay.world().oidc().set_allow_user_settings(true);
    replay
        .world()
        .oidc()
        .set_refresh_expire_time(Some(Duration::from_hours(7 * 24)));
    replay
        .play(&[
            "flow_consent_1_authorize_anon",
            "flow_consent_2_redirect",
            "flow_consent_3_login_post",
            "flow_consent_4_redirect",
            "flow_consent_5_authorize_authed",
            "flow_consent_6_redirect",
            "flow_consent_7_consent_grant",
            "flow_consent_8_redirect",
            "token_after_consent",
        ])
        .await;
    replay.play(&["flow_consent_second_1_authorize"]).await;
    replay.world().oidc().withdraw_consent("bob", JWT);
    replay
        .play(&[
            "token_refresh_after_consent_revoked",
            "introspect_after_consent_revoked",
        ])
        .await;
    replay.finish();
}

#[tokio::test]
async fn consent_decisions() {
    let mut replay = Replay::start().await;
    replay.world().oidc().set_allow_user_settings(true);
    for first in [
        "consent_deny_1_authorize",
        // The session of the flow with a changed scope.
        "consents_list",
        "prompt_none_consent_needed",
    ] {
        replay.session(first, "bob", "bob-pass-1").await;
    }
    replay
        .play(&[
            "consent_deny_1_authorize",
            "consent_deny_2_page",
            "consent_grant_no_requesttoken",
            "consent_deny_3_post",
            "prompt_none_consent_needed",
            "flow_prompt_none_scope_changed_1_authorize",
            "flow_prompt_none_scope_changed_2_redirect",
            "flow_prompt_none_scope_changed_3_consent_grant",
            "flow_prompt_none_scope_changed_4_redirect",
        ])
        .await;
    replay.play(&["consents_list"]).await;
    // Rows are counted over all tables: after four clients comes the first consent.
    replay.same("/api/consents/2", "/api/consents/5");
    replay.same_session("consent_revoke", "consents_list");
    replay.play(&["consent_revoke"]).await;
    replay.finish();
}

#[tokio::test]
async fn maintenance() {
    let mut replay = Replay::start().await;
    replay.world().set_maintenance(true);
    replay
        .play(&["base/maintenance_oidc_token", "base/maintenance_discovery"])
        .await;
    replay.finish();
}

#[test]
fn every_copied_recording_is_played() {
    let played = [
        include_str!("recorded.rs"),
        include_str!("recorded_clients.rs"),
        include_str!("recorded_tokens.rs"),
    ]
    .concat();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/oidc");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().path();
        let name = name.file_stem().unwrap().to_str().unwrap().to_owned();
        // Three families are played by composed names.
        let family = [
            "refresh_after_expired_token_used_",
            "userinfo_jwt_resource_",
            "introspect_jwt_resource_",
        ]
        .iter()
        .any(|family| name.starts_with(family));
        let used = family || played.contains(&format!("\"{name}\""));
        assert!(used, "{name}");
    }
}
