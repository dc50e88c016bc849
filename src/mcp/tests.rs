//! The list of tools, and the tools that need no Nextcloud session.

use super::server::{McpServer, McpServerParts, SemanticBackend};
use super::{
    CapabilitySource, DocumentSearch, DocumentSearchError, EnabledApps, Links, ProvisioningServices,
    StatusCache, StatusSource,
};
use crate::auth::testing::{FakeNextcloud, NoSessions, basic, manual_clock, verifier};
use crate::auth::{Caller, Principal};
use crate::clock::ManualClock;
use crate::db::DbError;
use crate::ids::UserId;
use crate::nextcloud::CurrentUser;
use crate::search::{Highlight, SearchDocument, SearchHit, SearchRequest, SearchResponse, Snippet};
use crate::sync::{DeadLetter, SyncStatus};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

mod client;
mod permissions;
mod provisioning;

use client::Client;

#[derive(Default)]
struct Fakes {
    asked_status: AtomicUsize,
    requests: Mutex<Vec<(UserId, SearchRequest)>>,
    asked_apps: AtomicUsize,
    /// `None`: nobody can tell.
    apps: Mutex<Option<BTreeSet<String>>>,
    /// The model that reranks where that is asked for; `None`: it cannot be.
    reranker: Option<&'static str>,
}

#[async_trait]
impl StatusSource for Fakes {
    async fn status(&self, user: Option<&UserId>) -> Result<SyncStatus, DbError> {
        self.asked_status.fetch_add(1, Ordering::SeqCst);
        let indexed_documents = user.map_or(100, |_| 7);
        Ok(SyncStatus {
            status: "idle".into(),
            indexed_documents,
            ..SyncStatus::default()
        })
    }

    async fn dead_letters(&self, _user: &UserId, _limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl DocumentSearch for Fakes {
    fn reranks(&self) -> bool {
        self.reranker.is_some()
    }

    async fn search(
        &self,
        caller: &Caller,
        request: SearchRequest,
    ) -> Result<SearchResponse, DocumentSearchError> {
        let algorithm_used = request.algorithm;
        let limit = request.limit;
        let rerank_model = self.reranker.filter(|_| request.rerank).map(str::to_owned);
        self.requests
            .lock()
            .unwrap()
            .push((caller.principal().user().clone(), request));
        let hits: Vec<SearchHit> = [("note", "12", 0.9), ("file", "45", 0.4)]
            .map(hit)
            .into_iter()
            .take(limit)
            .collect();
        Ok(SearchResponse {
            total_found: hits.len(),
            hits,
            algorithm_used,
            reranked: rerank_model.is_some(),
            rerank_model,
            verified_chunks: 2,
            dropped_documents: 0,
            degraded: None,
            credential_refused: false,
        })
    }

    async fn document(
        &self,
        _caller: &Caller,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, DocumentSearchError> {
        Ok((doc_type == "note" && id == "12").then(|| SearchDocument {
            title: "Plan".into(),
            text: "All of it".into(),
            path: "/Notes/Plan.md".into(),
            mime_type: Some("text/markdown".into()),
            url: "https://cloud.example.org/n/12".into(),
        }))
    }
}

#[async_trait]
impl CapabilitySource for Fakes {
    async fn apps(&self, _caller: &Caller) -> Option<BTreeSet<String>> {
        self.asked_apps.fetch_add(1, Ordering::SeqCst);
        self.apps.lock().unwrap().clone()
    }
}

fn hit((doc_type, id, score): (&str, &str, f32)) -> SearchHit {
    SearchHit {
        id: id.into(),
        doc_type: doc_type.into(),
        title: "Plan".into(),
        path: "/Notes/Plan.md".into(),
        category: String::new(),
        excerpt: "passage".into(),
        highlights: vec![Highlight { start: 0, end: 4 }],
        snippet: Snippet {
            text: "passage".into(),
            start: 0,
            highlights: vec![Highlight { start: 0, end: 4 }],
        },
        score,
        mime_type: None,
        modified_at: None,
        chunk_index: 0,
        total_chunks: 3,
        page_number: None,
        page_count: None,
        chunk_start_offset: 0,
        chunk_end_offset: 7,
        before_context: Some("before ".into()),
        after_context: None,
        has_more_before: false,
        has_more_after: true,
        url: "https://cloud.example.org/n/12".into(),
        board_id: None,
    }
}

fn server(fakes: &Arc<Fakes>, clock: &Arc<ManualClock>) -> McpServer {
    server_with(fakes, clock, None)
}

fn server_with(
    fakes: &Arc<Fakes>,
    clock: &Arc<ManualClock>,
    provisioning: Option<ProvisioningServices>,
) -> McpServer {
    let status = StatusCache::new(fakes.clone(), clock.clone());
    McpServer::new(McpServerParts {
        links: Links::new(&"https://cloud.example.org".parse().unwrap()),
        clock: clock.clone(),
        apps: EnabledApps::new(fakes.clone(), clock.clone()),
        semantic: Some(SemanticBackend {
            search: fakes.clone(),
            status,
        }),
        provisioning,
    })
}

fn alice() -> Caller {
    let user = CurrentUser::for_test("alice");
    let verifier = verifier(&FakeNextcloud::with_user("alice", "pw"), &manual_clock());
    Caller::new(
        Principal::verified(&user),
        basic("alice", "pw"),
        Arc::new(NoSessions),
        Arc::new(verifier),
    )
}

#[tokio::test]
async fn tools_are_listed_small_and_in_a_fixed_order() {
    let mut client = Client::connect(server(&Arc::default(), &manual_clock())).await;
    let listed = client.tools().await;
    let names: Vec<&str> = listed["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "nc_notes_create_note",
            "nc_notes_update_note",
            "nc_notes_append_content",
            "nc_notes_search_notes",
            "nc_notes_get_note",
            "nc_notes_get_attachment",
            "nc_notes_delete_note",
            "nc_webdav_list_directory",
            "nc_webdav_read_file",
            "nc_webdav_write_file",
            "nc_webdav_create_directory",
            "nc_webdav_delete_resource",
            "nc_webdav_move_resource",
            "nc_webdav_copy_resource",
            "nc_webdav_search_files",
            "nc_webdav_find_by_name",
            "nc_webdav_find_by_type",
            "nc_webdav_list_favorites",
            "nc_semantic_search",
            "nc_get_vector_sync_status",
            "search",
            "fetch",
        ]
    );
    let bytes = listed.to_string().len();
    assert!(bytes <= 60_000, "{bytes} bytes");
}

#[tokio::test]
async fn every_tool_declares_hints_schemas_and_no_identity() {
    let mut client = Client::connect(server(&Arc::default(), &manual_clock())).await;
    for tool in client.tools().await["tools"].as_array().unwrap() {
        let (name, hints) = (&tool["name"], &tool["annotations"]);
        assert_eq!(hints["openWorldHint"], true, "{name}");
        assert!(
            hints["readOnlyHint"] == true || hints["destructiveHint"].is_boolean(),
            "{name}"
        );
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{name}");
        assert!(
            tool["inputSchema"]["properties"].get("user_id").is_none(),
            "S03: {name}"
        );
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
    }
}

#[tokio::test]
async fn the_status_is_the_callers_and_cached_for_two_seconds() {
    let (fakes, clock) = (Arc::<Fakes>::default(), manual_clock());
    let mut client = Client::connect(server(&fakes, &clock)).await;
    for _ in 0..5 {
        let status = client.result("nc_get_vector_sync_status", json!({})).await;
        assert_eq!(
            (&status["indexed_documents"], &status["success"]),
            (&json!(7), &json!(true))
        );
    }
    assert_eq!(fakes.asked_status.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(2));
    client.result("nc_get_vector_sync_status", json!({})).await;
    assert_eq!(fakes.asked_status.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_search_runs_as_the_caller_and_returns_upstreams_fields() {
    let fakes = Arc::<Fakes>::default();
    let mut client = Client::connect(server(&fakes, &manual_clock())).await;
    let arguments = json!({
        "query": "plan", "include_context": true, "min_relevance": 0.5, "fusion": "dbsf",
        "modified_after": 1_772_323_200, "path_prefix": "/Notes", "path_prefixes": ["/Docs"],
    });
    let found = client.result("nc_semantic_search", arguments).await;
    assert_eq!(found["search_method"], "bm25_hybrid_dbsf");
    assert_eq!(
        found["results"].as_array().unwrap().len(),
        1,
        "0.4 is below min_relevance"
    );
    let row = &found["results"][0];
    assert_eq!((&row["id"], &row["doc_type"]), (&json!(12), &json!("note")));
    assert_eq!(row["marked_text"], "before <mark>passage</mark>");
    assert_eq!(row["has_after_truncation"], true);
    let (user, request) = fakes.requests.lock().unwrap()[0].clone();
    assert_eq!(user.as_str(), "alice");
    assert_eq!(
        (request.context_chars, request.path_prefixes),
        (300, vec!["/Docs".into(), "/Notes".to_owned()])
    );
    assert_eq!(request.modified_after.unwrap().timestamp(), 1_772_323_200);
}

#[tokio::test]
async fn a_reranked_answer_names_the_model() {
    let fakes = Arc::new(Fakes {
        reranker: Some("rerank-v3.5"),
        ..Fakes::default()
    });
    let mut client = Client::connect(server(&fakes, &manual_clock())).await;
    for (asked, model) in [(true, json!("rerank-v3.5")), (false, Value::Null)] {
        let arguments = json!({"query": "plan", "rerank": asked});
        let found = client.result("nc_semantic_search", arguments).await;
        assert_eq!(
            (&found["reranked"], &found["rerank_model"]),
            (&json!(asked), &model)
        );
    }
}

#[tokio::test]
async fn s07_bounds_of_a_search_are_named() {
    let mut client = Client::connect(server(&Arc::default(), &manual_clock())).await;
    for (arguments, expected) in [
        (
            json!({"query": "x", "limit": 0}),
            "`limit` must be between 1 and 100",
        ),
        (
            json!({"query": "x", "limit": -1}),
            "`limit` must be between 1 and 100",
        ),
        (
            json!({"query": "x", "limit": 1_000_000_000u64}),
            "`limit` must be between 1 and 100",
        ),
        (
            json!({"query": "x", "score_threshold": 1.5}),
            "`score_threshold` must be between 0 and 1",
        ),
        (
            json!({"query": "x", "score_threshold": "NaN"}),
            "`score_threshold` must be a number",
        ),
        (
            json!({"query": "x", "fusion": "magic"}),
            "`fusion` must be one of: rrf, dbsf",
        ),
        (
            json!({"query": "x", "user_id": "bob"}),
            "unknown argument `user_id`",
        ),
        (
            json!({"query": "x", "modified_after": "soon"}),
            "`modified_after` must be RFC 3339",
        ),
        (
            json!({"query": "x", "modified_after": "2026-02-01", "modified_before": "2026-01-01"}),
            "must not be later",
        ),
    ] {
        let answer = client.call("nc_semantic_search", arguments.clone()).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{arguments}: {message}");
    }
    let refused = client
        .call("nc_semantic_search", json!({"query": "x", "rerank": true}))
        .await;
    assert_eq!(refused["result"]["isError"], true);
}

#[tokio::test]
async fn connectors_search_and_fetch() {
    let mut client = Client::connect(server(&Arc::default(), &manual_clock())).await;
    let found = client.result("search", json!({"query": "plan"})).await;
    assert_eq!(
        found["results"][0],
        json!({"id": "note:12", "title": "Plan", "url": "https://cloud.example.org/n/12"})
    );
    let document = client.result("fetch", json!({"id": "note:12"})).await;
    assert_eq!(
        (&document["text"], &document["metadata"]["path"]),
        (&json!("All of it"), &json!("/Notes/Plan.md"))
    );
    let missing = client.call("fetch", json!({"id": "file:99"})).await;
    assert_eq!(missing["result"]["isError"], true);
    let text = missing["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("fetch failed: there is no document"), "{text}");
}
