//! What a start refuses.

use crate::harness::{ALICE, Setup, World};
use nextcloud_mcp_server::app::{RunningServer, StartOptions};
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment};
use nextcloud_sim::Simulator;

async fn start_error(world: &World, changes: &[(&str, &str)]) -> String {
    let mut env: Vec<(String, String)> = world.env.clone();
    for (name, value) in changes {
        env.retain(|(known, _)| known != name);
        env.push(((*name).to_owned(), (*value).to_owned()));
    }
    let pairs = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let overrides = CliOverrides {
        port: Some(0),
        ..CliOverrides::default()
    };
    let config = Config::load(&Environment::from_pairs(pairs), &overrides).unwrap();
    match RunningServer::start(config, StartOptions::default()).await {
        Ok(_) => panic!("the server must not start"),
        Err(error) => error.to_string(),
    }
}

/// T04: another key is refused and nothing is overwritten; the right one still works afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_encryption_key_is_refused() {
    let mut world = Setup::hybrid().start().await;
    world.provision(ALICE).await;
    world.stop().await;
    let other = "//////////////////////////////////////////8=";
    let message = start_error(&world, &[("TOKEN_ENCRYPTION_KEY", other)]).await;
    assert!(message.contains("TOKEN_ENCRYPTION_KEY"), "{message}");
    world.restart().await;
    world
        .until_status("scanned", |s| !s["last_sync_time"].is_null())
        .await;
}

/// C03: a schema that is newer than the binary is refused with instructions.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let mut world = Setup::hybrid().start().await;
    world.stop().await;
    let mut sql = world.sql().await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values (999999, 'from the future', true, '\\x00', 1)",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    let message = start_error(&world, &[]).await;
    assert!(message.contains("newer"), "{message}");
}

/// A database that belongs to another Nextcloud is refused by the scan, and nothing is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn another_nextcloud_changes_nothing() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"gannet");
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_titles(Some(ALICE), "gannet", "indexed", |t| t.len() == 1)
        .await;
    let mut sql = world.sql().await;
    sqlx::query("update installation set nextcloud_instance_id = 'another'")
        .execute(&mut sql)
        .await
        .unwrap();
    world.sim.world().delete_path("alice", "/a.txt");
    world.sim.world().put_file("alice", "/b.txt", b"puffin");
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        let error: Option<String> = sqlx::query_scalar("select last_error from scans limit 1")
            .fetch_one(&mut sql)
            .await
            .unwrap();
        if let Some(error) = error {
            assert!(error.contains("another"), "{error}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the scan never complained");
        crate::harness::pause().await;
    }
    assert_eq!(world.sync_status().await["indexed_documents"], 1);
}

/// Single-user mode needs no credentials on loopback and syncs the configured account.
#[tokio::test(flavor = "multi_thread")]
async fn single_user_mode_serves_the_configured_account() {
    let sim = Simulator::start().await;
    sim.world()
        .put_note("alice", "Kite", "", "A red kite over the dunes.");
    let world = Setup::single_user().start_with(sim).await;
    world
        .until_titles(None, "dunes", "the account is synced", |t| t == ["Kite"])
        .await;
}

/// With `MCP_ACCESS_TOKEN` only who presents it is let in.
#[tokio::test(flavor = "multi_thread")]
async fn single_user_mode_can_ask_for_a_token() {
    let world = Setup::single_user()
        .set("MCP_ACCESS_TOKEN", "a-long-random-token-for-tests")
        .start()
        .await;
    assert_eq!(world.mcp(None, "tools/list", serde_json::json!({})).await.0, 401);
    assert_eq!(
        world
            .mcp(Some(ALICE), "tools/list", serde_json::json!({}))
            .await
            .0,
        401
    );
}

/// `docs/configuration.md` is what `config-reference` prints.
#[test]
fn the_configuration_reference_is_up_to_date() {
    let printed = nextcloud_mcp_server::config::reference_markdown();
    let kept = std::fs::read_to_string("docs/configuration.md").unwrap();
    assert_eq!(
        kept.trim_end(),
        printed.trim_end(),
        "run: nextcloud-mcp-server config-reference > docs/configuration.md"
    );
}

/// Q12: another embedding never mixes with the old one: everything is embedded anew, nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn another_embedding_embeds_everything_anew() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"The gannet dives.");
    sim.world().put_file("alice", "/b.txt", b"The puffin digs.");
    let mut world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_status("keyword only", |s| s["indexed_documents"] == 2)
        .await;
    for (provider, dense) in [("embedded", 2), ("none", 0), ("embedded", 2)] {
        world.env.retain(|(name, _)| name != "EMBEDDING_PROVIDER");
        world
            .env
            .push(("EMBEDDING_PROVIDER".to_owned(), provider.to_owned()));
        world.restart().await;
        let complete = |s: &serde_json::Value| {
            s["hybrid_chunks"] == dense && s["indexed_documents"] == 2 && s["status"] == "idle"
        };
        world.until_status(provider, complete).await;
        world
            .until_titles(Some(ALICE), "gannet", provider, |t| {
                t.first().is_some_and(|title| title == "a.txt")
            })
            .await;
        let collections = std::fs::read_dir(world.data_dir().join("index"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count();
        assert_eq!(collections, 1, "the former embedding's files are gone");
    }
}
