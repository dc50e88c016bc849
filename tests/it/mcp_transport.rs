//! The MCP endpoint as a protocol peer sees it.

use crate::harness::{ALICE, Account, BOB, Setup};
use serde_json::{Value, json};

/// B03 and the mission's rule: wrong or missing credentials are a 401 before anything runs, and one wrong password
/// is one attempt at Nextcloud.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_checked_before_anything_runs() {
    let world = Setup::hybrid().start().await;
    for method in ["initialize", "tools/list", "tools/call", "resources/list"] {
        let (status, _) = world.mcp(None, method, json!({})).await;
        assert_eq!(status, 401, "{method}");
    }
    let response = world
        .http
        .post(world.url("/mcp"))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Basic realm="), "{challenge}");

    world.sim.world().clear_requests();
    let wrong = Account {
        uid: "alice",
        password: "wrong",
    };
    for _ in 0..5 {
        assert_eq!(world.mcp(Some(wrong), "tools/list", json!({})).await.0, 401);
    }
    assert_eq!(
        world.sim.world().count_where(|r| r.path.contains("/cloud/user")),
        1,
        "no loop"
    );
    assert_eq!(
        world.mcp(Some(ALICE), "tools/list", json!({})).await.0,
        200,
        "the right password still works"
    );
}

/// A colon belongs to the password (RFC 7617).
#[tokio::test(flavor = "multi_thread")]
async fn a_colon_in_the_password_works() {
    let world = Setup::hybrid().start().await;
    world.sim.world().add_user("carol", "carol", "a:b:c", &[]);
    let carol = Account {
        uid: "carol",
        password: "a:b:c",
    };
    assert_eq!(world.mcp(Some(carol), "tools/list", json!({})).await.0, 200);
}

/// The principal is what Nextcloud answers, not what the caller typed.
#[tokio::test(flavor = "multi_thread")]
async fn the_login_name_is_not_the_identity() {
    let world = Setup::hybrid().start().await;
    world
        .sim
        .world()
        .add_user("uid-4711", "dora@example.com", "dora-pass", &[]);
    world.sim.world().put_file("uid-4711", "/hello.txt", b"hi Dora");
    let dora = Account {
        uid: "dora@example.com",
        password: "dora-pass",
    };
    let read = world
        .call_ok(Some(dora), "nc_webdav_read_file", json!({"path": "hello.txt"}))
        .await;
    assert_eq!(read["content"], "hi Dora");
}

/// More failures than Nextcloud tolerates never reach it, and cached credentials go on.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_does_not_lock_everybody_out() {
    let world = Setup::hybrid().start().await;
    assert_eq!(world.mcp(Some(ALICE), "tools/list", json!({})).await.0, 200);
    world.sim.world().clear_requests();
    let mut statuses = Vec::new();
    for number in 0..30 {
        let guess = Account {
            uid: "alice",
            password: Box::leak(format!("guess-{number}").into_boxed_str()),
        };
        statuses.push(world.mcp(Some(guess), "tools/list", json!({})).await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(world.sim.world().count_where(|r| r.path.contains("/cloud/user")) <= 10);
    assert_eq!(
        world.mcp(Some(ALICE), "tools/list", json!({})).await.0,
        200,
        "alice goes on"
    );
}

/// M07: a small list in a fixed order.
#[tokio::test(flavor = "multi_thread")]
async fn the_tool_list_is_small_and_stable() {
    let world = Setup::hybrid().start().await;
    let (_, first) = world.mcp(Some(ALICE), "tools/list", json!({})).await;
    let (_, second) = world.mcp(Some(BOB), "tools/list", json!({})).await;
    assert_eq!(first, second);
    assert!(
        first.to_string().len() <= 60 * 1024,
        "{} bytes",
        first.to_string().len()
    );
    let tools = first["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for wanted in [
        "nc_notes_get_note",
        "nc_webdav_read_file",
        "nc_semantic_search",
        "search",
        "fetch",
    ] {
        assert!(names.contains(&wanted), "{wanted} in {names:?}");
    }
    for tool in tools {
        assert!(
            tool["annotations"].is_object(),
            "{} has annotations",
            tool["name"]
        );
    }
}

/// M01: a foreign Host or Origin is refused.
#[tokio::test(flavor = "multi_thread")]
async fn dns_rebinding_is_refused() {
    let world = Setup::hybrid().start().await;
    for (name, value) in [("host", "evil.example"), ("origin", "http://evil.example")] {
        let response = world
            .http
            .post(world.url("/mcp"))
            .basic_auth(ALICE.uid, Some(ALICE.password))
            .header("accept", "application/json, text/event-stream")
            .header(name, value)
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403, "{name}");
    }
}

/// M03, M04, M08: bad requests are answered precisely, never with a 5xx.
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_4xx_or_tool_errors() {
    let world = Setup::hybrid().start().await;
    let (_, unknown_tool) = world
        .mcp(
            Some(ALICE),
            "tools/call",
            json!({"name": "no_such_tool", "arguments": {}}),
        )
        .await;
    assert_eq!(unknown_tool["error"]["code"], -32602, "{unknown_tool}");

    for arguments in [
        json!({"note_id": "seven"}),
        json!({}),
        json!({"note_id": 1, "extra": true}),
        json!({"note_id": 1.5}),
        json!({"note_id": 1e300}),
    ] {
        let (status, body) = world
            .mcp(
                Some(ALICE),
                "tools/call",
                json!({"name": "nc_notes_get_note", "arguments": arguments}),
            )
            .await;
        assert!(status < 500, "{arguments}: {status}");
        assert!(
            body.get("error").is_some() || body["result"]["isError"] == true,
            "{arguments}: {body}"
        );
    }

    let send = async |body: Vec<u8>, version: &str| {
        world
            .http
            .post(world.url("/mcp"))
            .basic_auth(ALICE.uid, Some(ALICE.password))
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", version)
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(send(b"{not json".to_vec(), "2025-11-25").await / 100, 4);
    assert_eq!(send(b"[]".to_vec(), "2025-11-25").await / 100, 4);
    assert_eq!(
        send(
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_vec(),
            "1999-01-01"
        )
        .await,
        400
    );
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(send(deep.into_bytes(), "2025-11-25").await / 100, 4);
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"x": "y".repeat(5 * 1024 * 1024)}});
    assert_eq!(send(large.to_string().into_bytes(), "2025-11-25").await, 413);
}

/// An old client shakes hands first.
#[tokio::test(flavor = "multi_thread")]
async fn initialize_answers_with_the_server_name() {
    let world = Setup::hybrid().start().await;
    let (status, body) = world
        .mcp(
            Some(ALICE),
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}}),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["result"]["serverInfo"]["name"], "Nextcloud MCP");
    assert_ne!(body["result"]["instructions"], Value::Null);
}

/// B09: OAuth mode offers no Basic.
#[tokio::test(flavor = "multi_thread")]
async fn oauth_mode_challenges_for_a_bearer_only() {
    let world = Setup::hybrid()
        .set("ENABLE_MULTI_USER_BASIC_AUTH", "false")
        .set("ENABLE_OFFLINE_ACCESS", "false")
        .set("VECTOR_SYNC_ENABLED", "false")
        .start()
        .await;
    let response = world
        .http
        .post(world.url("/mcp"))
        .basic_auth(ALICE.uid, Some(ALICE.password))
        .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(challenge.starts_with("Bearer"), "{challenge}");
    assert!(!challenge.contains("Basic"), "{challenge}");
}

/// M06: a client that hangs up gives its place at Nextcloud back.
#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_cancels_the_call() {
    use crate::harness::{PATIENCE, pause};
    use nextcloud_sim::{Effect, FaultRule, Simulator};
    use std::time::Instant;
    const SLOW: &str = "/remote.php/dav/files/alice/slow.txt";
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/slow.txt", b"at last");
    let world = Setup::hybrid()
        .set("VECTOR_SYNC_ENABLED", "false")
        .set("NEXTCLOUD_MAX_CONCURRENCY", "2")
        .set("NEXTCLOUD_TIMEOUT_SECONDS", "600")
        .start_with(sim)
        .await;
    assert_eq!(world.mcp(Some(ALICE), "tools/list", json!({})).await.0, 200);
    world
        .sim
        .world()
        .faults()
        .set(FaultRule::new(Effect::Hang).path(SLOW));
    // Twice the places: the third call gets one only if the first gave its own back.
    for call in 1..=4 {
        let body = json!({"jsonrpc": "2.0", "id": call, "method": "tools/call",
            "params": {"name": "nc_webdav_read_file", "arguments": {"path": "slow.txt"}}});
        let request = world
            .http
            .post(world.url("/mcp"))
            .basic_auth(ALICE.uid, Some(ALICE.password))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body);
        let calling = tokio::spawn(request.send());
        let deadline = Instant::now() + PATIENCE;
        while world.sim.world().count_where(|r| r.path == SLOW) < call {
            assert!(Instant::now() < deadline, "call {call} never reached Nextcloud");
            pause().await;
        }
        calling.abort();
    }
    world.sim.world().faults().clear_all();
    let read = world
        .call_ok(Some(ALICE), "nc_webdav_read_file", json!({"path": "slow.txt"}))
        .await;
    assert_eq!(read["content"], "at last");
}

/// M07: without the Notes app its tools are neither listed nor run, and come back within five minutes.
#[tokio::test(flavor = "multi_thread")]
async fn tools_of_a_disabled_app_are_hidden() {
    let world = Setup::hybrid().start().await;
    world.sim.world().notes_app_enabled(false);
    world.sim.world().clear_requests();
    for _ in 0..3 {
        let (_, listed) = world.mcp(Some(ALICE), "tools/list", json!({})).await;
        let tools = listed["result"]["tools"].as_array().unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert!(
            !names.iter().any(|name| name.starts_with("nc_notes_")),
            "{names:?}"
        );
        assert!(names.contains(&"nc_webdav_read_file"));
    }
    let call = json!({"name": "nc_notes_get_note", "arguments": {"note_id": 1}});
    let (_, refused) = world.mcp(Some(ALICE), "tools/call", call).await;
    let text = refused["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("the Notes app is not enabled"), "{text}");
    let asked = world
        .sim
        .world()
        .count_where(|r| r.path.contains("/cloud/capabilities"));
    assert_eq!(asked, 1, "cached");
}
