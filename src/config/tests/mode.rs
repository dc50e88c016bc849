//! Which mode a set of variables means, and what each mode demands.

use super::*;

#[test]
fn both_credentials_make_it_single_user() {
    let Mode::SingleUserBasic { login_name, password } = load(&SINGLE).unwrap().mode else {
        panic!("not single-user")
    };
    assert_eq!(
        (login_name.as_str(), password.expose_secret()),
        ("alice", "s3cret-value")
    );
}

#[test]
fn neither_credential_makes_it_oauth() {
    assert!(matches!(
        load(&[]).unwrap().mode,
        Mode::OAuth {
            offline_access: false
        }
    ));
    let offline = load(&[
        ("ENABLE_BACKGROUND_OPERATIONS", "yes"),
        ("TOKEN_ENCRYPTION_KEY", KEY),
    ])
    .unwrap();
    assert!(matches!(offline.mode, Mode::OAuth { offline_access: true }));
    assert!(offline.encryption.is_some());
}

#[test]
fn the_hybrid_environment_loads() {
    let config = load(&[
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
        ("ENABLE_OFFLINE_ACCESS", "true"),
        ("VECTOR_SYNC_ENABLED", "true"),
        ("TOKEN_ENCRYPTION_KEY", KEY),
        ("NEXTCLOUD_OIDC_CLIENT_ID", "id"),
        ("NEXTCLOUD_OIDC_CLIENT_SECRET", "client-secret"),
    ])
    .unwrap();
    assert!(matches!(config.mode, Mode::Hybrid));
    assert_eq!(config.mode.status_name(), "multi_user_basic");
    assert!(config.sync.enabled);
    assert_eq!(
        config.encryption.unwrap().current.first_chunk::<3>(),
        Some(&[0, 1, 2])
    );
}

#[test]
fn the_explicit_mode_and_the_flags_decide() {
    let explicit = load(&[("MCP_DEPLOYMENT_MODE", "multi_user_basic")]).unwrap();
    assert!(matches!(explicit.mode, Mode::MultiUserBasic));
    let forced = CliOverrides {
        oauth: Some(true),
        ..CliOverrides::default()
    };
    let config = load_with(&SINGLE, &forced).unwrap();
    assert!(matches!(config.mode, Mode::OAuth { .. }));
    assert_eq!(config.warnings.len(), 1);
    let basic = CliOverrides {
        oauth: Some(false),
        ..CliOverrides::default()
    };
    assert_eq!(
        blamed(load_with(&[], &basic)),
        ["NEXTCLOUD_USERNAME", "NEXTCLOUD_PASSWORD"]
    );
    let multi = load_with(&[("ENABLE_MULTI_USER_BASIC_AUTH", "1")], &basic).unwrap();
    assert!(matches!(multi.mode, Mode::MultiUserBasic));
    for other in ["login_flow", "oauth_single_audience", "smithery"] {
        assert_eq!(
            blamed(load(&[("MCP_DEPLOYMENT_MODE", other)])),
            ["MCP_DEPLOYMENT_MODE"]
        );
    }
}

#[test]
fn one_credential_asks_for_the_other() {
    assert_eq!(blamed(load(&SINGLE[..1])), ["NEXTCLOUD_PASSWORD"]);
    assert_eq!(blamed(load(&SINGLE[1..])), ["NEXTCLOUD_USERNAME"]);
}

#[test]
fn contradictions_are_all_named() {
    let mut pairs = SINGLE.to_vec();
    pairs.push(("ENABLE_MULTI_USER_BASIC_AUTH", "true"));
    assert_eq!(blamed(load(&pairs)), ["NEXTCLOUD_USERNAME", "NEXTCLOUD_PASSWORD"]);
    pairs.push(("MCP_DEPLOYMENT_MODE", "oauth"));
    assert_eq!(
        blamed(load(&pairs)),
        [
            "NEXTCLOUD_USERNAME",
            "NEXTCLOUD_PASSWORD",
            "ENABLE_MULTI_USER_BASIC_AUTH"
        ]
    );
    let mut single_with_client = SINGLE.to_vec();
    single_with_client.push(("NEXTCLOUD_OIDC_CLIENT_ID", "id"));
    assert_eq!(blamed(load(&single_with_client)), ["NEXTCLOUD_OIDC_CLIENT_ID"]);
}

#[test]
fn sync_needs_a_background_credential() {
    let pairs = [
        ("VECTOR_SYNC_ENABLED", "true"),
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
    ];
    assert_eq!(blamed(load(&pairs)), ["VECTOR_SYNC_ENABLED"]);
    assert_eq!(blamed(load(&pairs[..1])), ["VECTOR_SYNC_ENABLED"]);
}

#[test]
fn stored_credentials_need_a_key() {
    let errors = load(&[("ENABLE_OFFLINE_ACCESS", "true")]).unwrap_err();
    assert_eq!(errors.problems()[0].variable, "TOKEN_ENCRYPTION_KEY");
    assert!(errors.to_string().contains("openssl rand -base64 32"));
}
