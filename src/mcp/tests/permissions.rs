//! What a caller is shown and may use: scopes of its token, apps of its user.

use super::*;
use crate::auth::scopes::ScopeSet;

fn with_scopes(scopes: &str) -> Caller {
    alice().restricted_to(Some(ScopeSet::parse(scopes)))
}

async fn names(client: &mut Client) -> Vec<String> {
    let listed = client.tools().await;
    let tools = listed["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn m07_only_what_the_token_allows_is_listed_in_the_same_order() {
    let clock = manual_clock();
    let mut all = Client::connect(server(&Arc::default(), &clock)).await;
    let all = names(&mut all).await;
    for (scopes, prefixes) in [
        (
            "notes.read",
            ["nc_notes_search_notes", "nc_notes_get_note"].as_slice(),
        ),
        (
            "files:write",
            &["nc_webdav_write_file", "nc_webdav_move_resource"],
        ),
        ("semantic.read", &["nc_semantic_search", "search", "fetch"]),
    ] {
        let server = server(&Arc::default(), &clock);
        let mut client = Client::connect_as(with_scopes(scopes), server).await;
        let listed = names(&mut client).await;
        let mut in_order = all.iter();
        assert!(
            listed.iter().all(|name| in_order.any(|other| other == name)),
            "{listed:?}"
        );
        for expected in prefixes {
            assert!(listed.iter().any(|name| name == expected), "{scopes}: {listed:?}");
        }
        assert!(listed.len() < all.len());
    }
    for scopes in ["", "openid profile email", "notes.readx mail.read"] {
        let server = server(&Arc::default(), &clock);
        let mut client = Client::connect_as(with_scopes(scopes), server).await;
        assert!(names(&mut client).await.is_empty(), "{scopes}");
    }
}

#[tokio::test]
async fn what_the_user_took_back_asks_for_no_better_token() {
    let fakes = Arc::<Fakes>::default();
    let server = server(&fakes, &manual_clock());
    let narrowed =
        || with_scopes("notes.read semantic.read openid").narrowed_to(Some(ScopeSet::parse("notes.read")));
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "nc_semantic_search", "arguments": {"query": "x"}},
    });
    let body = call.to_string();
    assert_eq!(server.missing_scopes(&narrowed(), body.as_bytes()), None);
    let mut client = Client::connect_as(narrowed(), server).await;
    let listed = names(&mut client).await;
    assert!(listed.iter().any(|name| name == "nc_notes_get_note"));
    assert!(!listed.iter().any(|name| name == "nc_semantic_search"));
    let refused = client.call("nc_semantic_search", json!({"query": "x"})).await;
    assert_eq!(
        refused["error"]["data"],
        json!({"error": "not_allowed", "scopes_required": ["semantic.read"]})
    );
    assert!(fakes.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn j13_a_call_without_the_scope_is_refused_by_the_server_too() {
    let fakes = Arc::<Fakes>::default();
    let server = server(&fakes, &manual_clock());
    let mut client = Client::connect_as(with_scopes("notes.read openid"), server).await;
    let refused = client.call("nc_semantic_search", json!({"query": "x"})).await;
    assert_eq!(
        refused["error"]["data"],
        json!({"error": "insufficient_scope", "scopes_required": ["semantic.read"]})
    );
    assert!(fakes.requests.lock().unwrap().is_empty());
    let listed = client.request("resources/list", json!({})).await;
    assert_eq!(listed["result"]["resources"][0]["uri"], "nc://capabilities");
}

#[tokio::test]
async fn j13_resources_are_scope_checked() {
    let server = server(&Arc::default(), &manual_clock());
    let mut client = Client::connect_as(with_scopes("files.read"), server).await;
    for (list, field) in [
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let listed = client.request(list, json!({})).await;
        assert_eq!(listed["result"][field], json!([]), "{list}");
    }
    for (uri, scope) in [("nc://capabilities", "openid"), ("nc://Notes/1", "notes.read")] {
        let refused = client.request("resources/read", json!({"uri": uri})).await;
        assert_eq!(
            refused["error"]["data"]["scopes_required"],
            json!([scope]),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn m07_tools_of_a_disabled_app_are_not_listed_and_say_so() {
    let (fakes, clock) = (Arc::<Fakes>::default(), manual_clock());
    *fakes.apps.lock().unwrap() = Some(BTreeSet::from(["files".to_owned()]));
    let mut client = Client::connect(server(&fakes, &clock)).await;
    for _ in 0..3 {
        let listed = names(&mut client).await;
        assert!(
            listed.iter().all(|name| !name.starts_with("nc_notes_")),
            "{listed:?}"
        );
        assert_eq!(listed.len(), 15);
    }
    let refused = client.call("nc_notes_get_note", json!({"note_id": 1})).await;
    assert_eq!(
        refused["result"]["content"][0]["text"],
        "nc_notes_get_note failed: the Notes app is not enabled for this user. Only an administrator of Nextcloud \
         can enable it."
    );
    let templates = client.request("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"], json!([]));
    let refused = client
        .request("resources/read", json!({"uri": "nc://Notes/1"}))
        .await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("the Notes app is not enabled"), "{message}");
    assert_eq!(fakes.asked_apps.load(Ordering::SeqCst), 1, "cached");
    *fakes.apps.lock().unwrap() = Some(BTreeSet::from(["notes".to_owned()]));
    clock.advance(Duration::from_mins(5));
    assert_eq!(names(&mut client).await.len(), 22);
}

#[tokio::test]
async fn apps_are_not_asked_for_a_token_that_reaches_none() {
    let fakes = Arc::<Fakes>::default();
    let server = server(&fakes, &manual_clock());
    let mut client = Client::connect_as(with_scopes("files.read"), server).await;
    names(&mut client).await;
    assert_eq!(fakes.asked_apps.load(Ordering::SeqCst), 0);
}

#[test]
fn the_body_tells_which_scope_is_missing() {
    let server = server(&Arc::default(), &manual_clock());
    let caller = with_scopes("notes.read");
    let missing = |body: &str| {
        let missing = server.missing_scopes(&caller, body.as_bytes());
        missing.map(|scopes| scopes.to_string())
    };
    let call = |name: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#)
    };
    assert_eq!(
        missing(&call("nc_notes_create_note")).as_deref(),
        Some("notes.write")
    );
    assert_eq!(missing(&call("nc_notes_get_note")), None);
    assert_eq!(missing(&call("no_such_tool")), None, "the handler knows better");
    let escaped =
        r#"{"method":"tools\/call","params":{"arguments":{"name":"nc_notes_get_note"},"name":"fet\u0063h"}}"#;
    assert_eq!(missing(escaped).as_deref(), Some("semantic.read"));
    let read = r#"{"method":"resources/read","params":{"uri":"nc://capabilities"}}"#;
    assert_eq!(missing(read).as_deref(), Some("openid"));
    let deep = format!(
        r#"{{"method":"tools/list","params":{{"x":{}}}}}"#,
        "[".repeat(10_000)
    );
    for other in ["", "[]", "{", "null", r#"{"method":"tools/list"}"#, &deep] {
        assert_eq!(missing(other), None, "{other}");
    }
    assert_eq!(
        server.scopes().to_string(),
        "files.read files.write notes.read notes.write openid semantic.read"
    );
}
