//! S07 and the neighbours: searches out of bounds.

use crate::harness::{ALICE, Setup};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn searches_out_of_bounds_are_tool_errors_that_name_the_bound() {
    let world = Setup::hybrid().start().await;
    let cases: [(&str, Value, &str); 9] = [
        ("limit 0", json!({"query": "x", "limit": 0}), "limit"),
        ("limit -1", json!({"query": "x", "limit": -1}), "limit"),
        (
            "limit huge",
            json!({"query": "x", "limit": 1_000_000_000}),
            "limit",
        ),
        (
            "threshold",
            json!({"query": "x", "score_threshold": -0.5}),
            "score_threshold",
        ),
        ("1 MB query", json!({"query": "q".repeat(1 << 20)}), "query"),
        (
            "doc_types",
            json!({"query": "x", "doc_types": ["nonsense"]}),
            "nonsense",
        ),
        (
            "granularity",
            json!({"query": "x", "granularity": "page"}),
            "granularity",
        ),
        ("fusion", json!({"query": "x", "fusion": "magic"}), "fusion"),
        (
            "dates",
            json!({"query": "x", "modified_after": "yesterday"}),
            "modified_after",
        ),
    ];
    for (name, arguments, mentioned) in cases {
        let (status, body) = world
            .mcp(
                Some(ALICE),
                "tools/call",
                json!({"name": "nc_semantic_search", "arguments": arguments}),
            )
            .await;
        assert!(status < 500, "{name}");
        let failed = body.get("error").is_some() || body["result"]["isError"] == true;
        assert!(failed && body.to_string().contains(mentioned), "{name}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_queries_are_answered() {
    let world = Setup::hybrid().start().await;
    for query in ["", "   ", "\u{202e}rtl", "🦀🦀", "a\u{0}b", "' or 1=1 --", "%_\\"] {
        let call = json!({"name": "nc_semantic_search", "arguments": {"query": query}});
        let (status, body) = world.mcp(Some(ALICE), "tools/call", call).await;
        assert!(status < 500, "{query:?}: {body}");
        if query.contains('\0') {
            assert!(
                body["error"]["message"].as_str().unwrap().contains("NUL"),
                "{body}"
            );
        } else {
            assert_eq!(
                body["result"]["structuredContent"]["results"],
                json!([]),
                "{query:?}: {body}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_headers_are_refused() {
    let world = Setup::hybrid().start().await;
    let response = world
        .http
        .post(world.url("/mcp"))
        .header("authorization", format!("Basic {}", "A".repeat(64 * 1024)))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert!(
        [400, 401, 431].contains(&response.status().as_u16()),
        "{}",
        response.status()
    );
}
