//! OAuth mode with the official MCP client for Python, Nextcloud's `oidc` app or `oidc-provider` as its provider.

use crate::harness::{ALICE, PATIENCE};
use crate::world::{Caller, Setup, World, until};
use crate::{person, software};
use nextcloud_sim::{BrowserSession, OidcClient, RecordedRequest, Simulator, TokenType};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::process::Command;

/// Runs `mcp_client.py` as alice; what it printed.
async fn run(world: &World, settings: Value) -> Value {
    let mut all = json!({
        "server": world.url("/mcp"),
        "login": ALICE.uid,
        "password": ALICE.password,
    });
    let object = all.as_object_mut().unwrap();
    object.extend(settings.as_object().unwrap().clone());
    let child = Command::new(software::python())
        .arg(software::script("mcp_client.py"))
        .arg(all.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python starts");
    let output = tokio::time::timeout(2 * PATIENCE, child.wait_with_output()).await;
    let output = output.expect("the client ends in time").unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the client gave up: {problem}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// OAuth mode at a Nextcloud that takes bearers and has a file and a note of alice; the server's own client there
/// is named as the resource, so that it may introspect tokens for itself (facts §3).
async fn nextcloud_world() -> World {
    nextcloud_world_of(Setup::oauth()).await
}

async fn nextcloud_world_of(setup: Setup) -> World {
    let nextcloud = Simulator::start().await;
    let setup = setup.with_client();
    let (id, secret) = crate::identity_provider::SERVER_CLIENT;
    let own = OidcClient::new(&format!("{}/oauth/callback", setup.url()))
        .credentials(id, secret)
        .resource_url(&format!("{}/mcp", setup.url()));
    nextcloud
        .world()
        .put_file("alice", "/Documents/plan.md", "# The harvest festival");
    let oidc = nextcloud.world().oidc();
    oidc.set_bearer_validation(true);
    oidc.create_client(own);
    let world = World::at_nextcloud(setup, nextcloud).await;
    world.until_provider_is_known().await;
    world
}

fn listing() -> Value {
    json!({"tool": "nc_webdav_list_directory", "arguments": {"path": "/Documents"}})
}

/// The client got in, saw the tools and alice's file.
fn assert_listed(report: &Value) {
    assert_eq!(report["first"]["status"], 401, "{report:#}");
    let tools = report["tools"].as_array().unwrap();
    assert!(tools.contains(&json!("nc_webdav_list_directory")), "{report:#}");
    let result = report["results"].as_array().unwrap().last().unwrap();
    assert_eq!(result["is_error"], false, "{report:#}");
    assert!(result["structured"].to_string().contains("plan.md"), "{report:#}");
}

#[tokio::test]
async fn j14_a_client_that_registers_itself_at_nextcloud_gets_in() {
    let world = nextcloud_world().await;
    world.nextcloud.world().oidc().set_dynamic_registration(true);
    for mode in ["auto", "legacy"] {
        let report = run(&world, json!({"mode": mode, "calls": [listing()]})).await;
        assert_listed(&report);
        assert_eq!(report["asked"].as_array().unwrap().len(), 1, "{report:#}");
        assert_eq!(report["asked"][0]["resource"], world.url("/mcp"), "{report:#}");
        assert_eq!(report["asked"][0]["code_challenge_method"], "S256");
    }
}

#[tokio::test]
async fn where_everybody_registers_opaque_tokens_are_introspected() {
    let nextcloud = Simulator::start().await;
    nextcloud
        .world()
        .put_file("alice", "/Documents/plan.md", "# The harvest festival");
    let oidc = nextcloud.world().oidc();
    oidc.set_bearer_validation(true);
    oidc.set_dynamic_registration(true);
    let world = World::at_nextcloud(Setup::oauth(), nextcloud).await;
    world.until_provider_is_known().await;
    let report = run(&world, json!({"calls": [listing()]})).await;
    assert_listed(&report);
    let asked = |path: &str| {
        let asked = |request: &&RecordedRequest| request.path.ends_with(path);
        world.nextcloud.world().requests().iter().filter(asked).count()
    };
    assert_eq!(asked("/apps/oidc/register"), 2, "server and client");
    assert_eq!(asked("/apps/oidc/introspect"), 1);
}

#[tokio::test]
async fn a_client_made_by_the_administrator_gets_in_with_jwts() {
    let world = nextcloud_world().await;
    let client = OidcClient::new("http://127.0.0.1:1/callback").token_type(TokenType::Jwt);
    let client = world.nextcloud.world().oidc().create_client(client);
    let report = run(
        &world,
        json!({
            "client": {
                "client_id": client.id,
                "client_secret": client.secret,
                "token_endpoint_auth_method": "client_secret_post",
            },
            "calls": [listing()],
        }),
    )
    .await;
    assert_listed(&report);
    assert_eq!(report["client_id"], client.id.as_str());
}

#[tokio::test]
async fn a_client_searches_what_was_indexed_on_the_consent() {
    let setup = Setup::oauth()
        .set("VECTOR_SYNC_ENABLED", "true")
        .set("EMBEDDING_PROVIDER", "none")
        .set("VECTOR_SYNC_SCAN_INTERVAL", "1");
    let world = nextcloud_world_of(setup).await;
    let browser = BrowserSession::signing_in_as(ALICE.uid, ALICE.password);
    let page = person::allow_in(browser, ALICE.uid, &world.url("/oauth/authorize-nextcloud")).await;
    assert_eq!(page.status, 200, "{}", page.body);

    let oidc = world.nextcloud.world().oidc();
    let client = OidcClient::new("http://127.0.0.1:1/callback").token_type(TokenType::Jwt);
    let client = oidc.create_client(client);
    let scopes = "openid semantic.read files.read";
    let tokens = oidc.issue("alice", &client.id, scopes, Some(&world.url("/mcp")));
    let alice = Caller::Bearer(tokens.access_token.clone());
    until("alice's file is found", async || {
        let found = world
            .call_ok(&alice, "search", json!({"query": "festival"}))
            .await;
        found["results"].as_array().is_some_and(|hits| !hits.is_empty())
    })
    .await;

    let report = run(
        &world,
        json!({
            "client": {"client_id": client.id, "client_secret": client.secret},
            "tokens": {"access_token": tokens.access_token, "scope": scopes},
            "calls": [{"tool": "search", "arguments": {"query": "festival"}}],
        }),
    )
    .await;
    let result = &report["results"][0];
    assert_eq!(result["is_error"], false, "{report:#}");
    assert_eq!(
        result["structured"]["results"][0]["title"], "plan.md",
        "{report:#}"
    );
    assert_eq!(report["asked"], json!([]), "nobody is sent to a browser");
}

#[tokio::test]
async fn j13_a_token_with_too_few_scopes_is_stepped_up() {
    let world = nextcloud_world().await;
    let client = OidcClient::new("http://127.0.0.1:1/callback").token_type(TokenType::Jwt);
    let oidc = world.nextcloud.world().oidc();
    let client = oidc.create_client(client);
    let resource = world.url("/mcp");
    let tokens = oidc.issue("alice", &client.id, "openid notes.read", Some(&resource));
    let report = run(
        &world,
        json!({
            "client": {
                "client_id": client.id,
                "client_secret": client.secret,
                "token_endpoint_auth_method": "client_secret_post",
            },
            "tokens": {"access_token": tokens.access_token, "scope": "openid notes.read"},
            "calls": [
                {"tool": "nc_notes_search_notes", "arguments": {"query": "plan"}},
                {"tool": "nc_webdav_list_directory", "arguments": {"path": "/Documents"}},
            ],
        }),
    )
    .await;
    let lists = |name: &str, tool: &str| report[name].as_array().unwrap().contains(&json!(tool));
    assert!(lists("tools", "nc_notes_search_notes"), "{report:#}");
    assert!(!lists("tools", "nc_webdav_list_directory"), "{report:#}");
    assert_eq!(report["asked"].as_array().unwrap().len(), 1, "{report:#}");
    let asked = report["asked"][0]["scope"].as_str().unwrap();
    for scope in ["notes.read", "files.read"] {
        assert!(asked.split(' ').any(|one| one == scope), "{asked}");
    }
    for result in report["results"].as_array().unwrap() {
        assert_eq!(result["is_error"], false, "{report:#}");
    }
    let statuses = report["requests"].as_array().unwrap().iter();
    let refused = statuses.filter(|request| request[2] == 403).count();
    assert_eq!(refused, 1, "{report:#}");
}

#[tokio::test]
async fn a_client_gets_in_through_another_provider() {
    let nextcloud = Simulator::start().await;
    nextcloud
        .world()
        .put_file("alice", "/Documents/plan.md", "# The harvest festival");
    let setup = Setup::oauth().with_client();
    let mut settings = crate::identity_provider::IdentityProvider::settings(&setup.url(), &nextcloud.url());
    // Clients ask for every scope of the tools, so the provider has to know them.
    settings["scopes"] = json!([
        "notes.read",
        "notes.write",
        "files.read",
        "files.write",
        "semantic.read"
    ]);
    let (world, provider) = World::at_provider_with(setup, nextcloud, settings).await;
    world.consent_ok("alice").await;
    let status = json!({"tool": "check_provisioning_status"});
    let report = run(&world, json!({"calls": [status, listing()]})).await;
    assert_listed(&report);
    assert_eq!(report["asked"].as_array().unwrap().len(), 1, "{report:#}");
    assert_eq!(provider.counts().await.registrations, 1, "the Python client");
}
