//! Dynamic registration, as recorded.

use std::time::Duration;

use super::replay::Replay;

const FULL: &str = "openid profile email offline_access notes.read";

#[tokio::test]
async fn registration() {
    let mut replay = Replay::start().await;
    replay.play(&["dcr_disabled"]).await;
    replay.world().oidc().set_dynamic_registration(true);
    replay
        .play(&[
            "dcr_register",
            "dcr_get_config",
            "dcr_get_config_bad_token",
            "dcr_put_config",
            "dcr_register_no_redirects",
            "dcr_register_bad_resource",
            "dcr_register_bad_scope",
            "dcr_register_minimal",
            "dcr_register_public_auth_none",
            "dcr_register_token_type_Bearer",
        ])
        .await;
    let scopes = "openid profile offline_access notes.read";
    replay.code("dcr_token", scopes, None, None).await;
    replay.play(&["dcr_token"]).await;
    // Refused ones count too: these are the ninth and tenth.
    replay
        .play(&[
            "dcr_register_no_redirects",
            "dcr_register_no_redirects",
            "base/ratelimit_429_dcr",
        ])
        .await;
    replay.finish();
}

#[tokio::test]
async fn registered_clients_end() {
    let mut replay = Replay::start().await;
    let oidc = replay.world().oidc();
    oidc.set_dynamic_registration(true);
    oidc.set_client_expire_time(Duration::from_secs(1));
    replay.registered("dcr_delete").await;
    replay.play(&["dcr_delete", "dcr_get_after_delete"]).await;
    let client = replay.registered("dcr_expired_get_config").await;
    replay.refresh_token("dcr_expired_client_refresh", &client, FULL);
    let scopes = "openid profile offline_access notes.read";
    replay.access_token("dcr_expired_client_introspect", &client, scopes, None);
    replay
        .session("dcr_expired_client_authorize", "alice", "alice-pass-1")
        .await;
    replay.world().advance(Duration::from_secs(3));
    replay
        .play(&[
            "dcr_expired_get_config",
            "dcr_expired_client_refresh",
            "dcr_expired_client_introspect",
            "dcr_expired_client_authorize",
            "dcr_expired_client_refresh_after_cleanup",
        ])
        .await;
    replay.finish();
}
