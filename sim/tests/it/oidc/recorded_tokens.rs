//! The token endpoint and what tokens are good for, as recorded.

use std::time::Duration;

use super::replay::{JWT, OPAQUE, REMOVED, Replay};

const ALL: &str = "openid profile offline_access";
const FULL: &str = "openid profile email offline_access notes.read";

#[tokio::test]
async fn token_from_code() {
    let mut replay = Replay::start().await;
    for (name, scopes, resource) in [
        ("token_without_offline_access", "openid profile", None),
        ("token_consent_without_offline", "openid profile", None),
        ("token_jwt_via_localhost", ALL, None),
        ("token_wrong_redirect_uri", ALL, None),
        ("token_no_pkce_conf", ALL, None),
        ("token_public_code", ALL, None),
        ("token_public_no_pkce", ALL, None),
        ("token_jwt_resource_none", FULL, None),
        ("token_jwt_resource_mcp", FULL, Some("http://127.0.0.1:8000/mcp")),
        ("token_jwt_resource_other", FULL, Some("https://other.example/")),
        ("token_jwt_resource_same", FULL, Some("http://127.0.0.1:8000")),
    ] {
        replay.code(name, scopes, resource, None).await;
        replay.play(&[name]).await;
    }
    replay.play(&["token_public_refresh"]).await;
    replay
        .code("token_missing_verifier", ALL, None, Some("left out"))
        .await;
    replay.play(&["token_missing_verifier"]).await;
    replay
        .code("token_wrong_verifier", ALL, None, Some("another"))
        .await;
    replay
        .play(&["token_wrong_verifier", "token_right_verifier_after_wrong"])
        .await;
    replay.code("token_code_expired", ALL, None, None).await;
    replay.world().advance(Duration::from_secs(902));
    replay.play(&["token_code_expired"]).await;
    replay.world().oidc().set_refresh_expire_time(None);
    replay.code("token_refresh_never", ALL, None, None).await;
    replay.play(&["token_refresh_never"]).await;
    replay.finish();
}

#[tokio::test]
async fn refresh() {
    let mut replay = Replay::start().await;
    replay.refresh_token("token_refresh_rotates", OPAQUE, ALL);
    replay
        .play(&[
            "introspect_refresh_token_is_inactive",
            "token_refresh_rotates",
            "token_refresh_reuse_old",
            "token_refresh_after_reuse_attempt",
            "token_refresh_wrong_secret",
            "token_refresh_no_secret",
            "token_refresh_unknown_client",
            "token_refresh_other_client",
            "token_refresh_client_secret_basic",
            "token_refresh_json_body",
            "token_refresh_with_scope",
            "token_refresh_garbage",
            "token_missing_refresh",
            "token_missing_grant",
            "token_unsupported_grant",
            "token_device_grant",
        ])
        .await;
    replay.refresh_token("token_refresh_client_removed", REMOVED, ALL);
    replay.world().oidc().delete_client(REMOVED);
    replay.play(&["token_refresh_client_removed"]).await;
    let oidc = replay.world().oidc();
    oidc.set_expire_time(Duration::from_secs(4));
    oidc.set_refresh_expire_time(Some(Duration::from_secs(6)));
    replay.code("token_short_expiry", ALL, None, None).await;
    replay.play(&["token_short_expiry"]).await;
    replay.refresh_token("token_refresh_expired", JWT, ALL);
    replay.world().advance(Duration::from_secs(12));
    replay
        .play(&["token_refresh_expired", "token_refresh_expired_second_try"])
        .await;
    replay.refresh_token("token_refresh_user_disabled", JWT, ALL);
    replay.world().disable_user("alice");
    replay.play(&["token_refresh_user_disabled"]).await;
    replay.world().set_password("alice", "another");
    replay.play(&["token_refresh_after_password_change"]).await;
    replay.refresh_token("token_refresh_user_deleted", JWT, ALL);
    replay.world().delete_user("alice");
    replay.play(&["token_refresh_user_deleted"]).await;
    replay.finish();
}

#[tokio::test]
async fn what_an_access_token_is_good_for() {
    let mut replay = Replay::start().await;
    replay
        .play(&[
            "userinfo_no_token",
            "userinfo_bad_token",
            "introspect_unknown_token",
        ])
        .await;
    replay.access_token("userinfo_opaque", OPAQUE, ALL, None);
    replay
        .play(&[
            "userinfo_opaque",
            "introspect_opaque_active",
            "introspect_bad_client",
            "introspect_foreign_client_inactive",
        ])
        .await;
    for (kind, resource) in [
        ("none", None),
        ("mcp", Some("http://127.0.0.1:8000/mcp")),
        ("other", Some("https://other.example/")),
        ("same", Some("http://127.0.0.1:8000")),
    ] {
        let userinfo = format!("userinfo_jwt_resource_{kind}");
        replay.access_token(&userinfo, JWT, FULL, resource);
        replay
            .play(&[&userinfo, &format!("introspect_jwt_resource_{kind}")])
            .await;
    }
    replay.world().oidc().set_expire_time(Duration::from_secs(4));
    replay.access_token("userinfo_jwt_t1_expires_in4", JWT, ALL, None);
    replay
        .play(&["userinfo_jwt_t1_expires_in4", "introspect_jwt_t1_expires_in4"])
        .await;
    replay.world().advance(Duration::from_secs(5));
    replay
        .play(&["userinfo_jwt_t5_expires_in4", "introspect_jwt_t5_expires_in4"])
        .await;
    replay.world().advance(Duration::from_secs(5));
    replay
        .play(&["introspect_jwt_t9_expires_in4", "userinfo_jwt_t9_expires_in4"])
        .await;
    replay.access_token("userinfo_user_disabled", JWT, ALL, None);
    replay.world().disable_user("alice");
    replay.play(&["userinfo_user_disabled"]).await;
    replay.world().enable_user("alice");
    replay.access_token("auth/getapppassword_bearer", JWT, ALL, None);
    replay.play(&["auth/getapppassword_bearer"]).await;
    replay.access_token("auth/bearer_user_disabled_ocs", JWT, ALL, None);
    replay.access_token("auth/bearer_user_disabled_dav", JWT, ALL, None);
    replay.world().disable_user("alice");
    replay
        .play(&["auth/bearer_user_disabled_ocs", "auth/bearer_user_disabled_dav"])
        .await;
    replay.finish();
}

#[tokio::test]
async fn an_old_token_after_its_refresh() {
    let mut replay = Replay::start().await;
    replay.access_token("userinfo_old_token_after_refresh", OPAQUE, ALL, None);
    replay.world().oidc().withdraw_consent("alice", OPAQUE);
    replay
        .play(&[
            "userinfo_old_token_after_refresh",
            "introspect_old_token_after_refresh",
        ])
        .await;
    replay.code("token_code_reuse", ALL, None, None).await;
    replay.redeem_first("token_code_reuse").await;
    replay.play(&["token_code_reuse"]).await;
    replay
        .play(&["token_refresh_after_code_reuse", "userinfo_after_code_reuse"])
        .await;
    replay.finish();
}

#[tokio::test]
async fn bearers() {
    let mut replay = Replay::start().await;
    for (set, client) in [
        ("v8.10.1_provider_validation_opaque", OPAQUE),
        ("v8.10.1_provider_validation_jwt", JWT),
        ("v8.10.1_default_opaque", OPAQUE),
    ] {
        let is_on = set.contains("validation");
        replay.world().oidc().set_bearer_validation(is_on);
        replay.access_token(&format!("bearer/{set}/ocs_user"), client, ALL, None);
        for name in [
            "ocs_user",
            "ocs_user_no_header",
            "ocs_user_v1",
            "ocs_capabilities",
            "apppassword_create",
            "shares_list",
            "notes_list",
            "notes_list_pretty_ocsheader",
            "notes_create",
            "notes_settings",
            "dav_propfind",
            "dav_put",
        ] {
            replay.play(&[&format!("bearer/{set}/{name}")]).await;
        }
    }
    replay.finish();
}

#[tokio::test]
async fn an_expired_access_token_in_use() {
    let mut replay = Replay::start().await;
    let oidc = replay.world().oidc();
    oidc.set_expire_time(Duration::from_secs(4));
    oidc.set_refresh_expire_time(Some(Duration::from_mins(10)));
    for (kind, client) in [("opaque", OPAQUE), ("jwt", JWT)] {
        for place in ["control", "introspect", "userinfo", "ocs_bearer", "dav_bearer"] {
            let name = format!("refresh_after_expired_token_used_{kind}_{place}");
            let token = replay.refresh_token(&name, client, ALL);
            replay.world().advance(Duration::from_secs(9));
            replay.present(place, client, &token).await;
            replay.play(&[&name]).await;
        }
    }
    replay.finish();
}
