//! The routes of the management API that answer from documents, as Astrolabe calls them.

use crate::consent::{Consented, prepared, start};
use crate::harness::{ALICE, Account, BOB, Setup};
use nextcloud_sim::Simulator;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const ADMIN: Account = Account {
    uid: "admin",
    password: "admin",
};
/// Only what a test says is scanned again.
pub const NO_RESCAN: (&str, &str) = ("VECTOR_SYNC_SCAN_INTERVAL", "3600");
pub const SEARCH: &str = "/api/v1/search";
pub const VIZ: &str = "/api/v1/vector-viz/search";
const PURGE: &str = "/api/v1/vector-sync/purge";

/// A server and the access tokens that Astrolabe sends.
pub struct Astrolabe {
    pub server: Consented,
    pub tokens: BTreeMap<&'static str, String>,
}

impl Astrolabe {
    pub async fn start(setup: Setup, sim: Simulator) -> Self {
        let server = start(setup, sim).await;
        let world = server.world.sim.world();
        let token = |user| {
            let issued = world
                .oidc()
                .issue(user, &server.client.id, "openid profile", Some(&server.url));
            (user, issued.access_token)
        };
        let tokens = ["alice", "bob", "admin"].into_iter().map(token).collect();
        Self { server, tokens }
    }

    pub async fn call(&self, method: Method, path: &str, user: Option<&str>, body: &str) -> (u16, Value) {
        let mut request = self
            .server
            .world
            .http
            .request(method, format!("{}{path}", self.server.url))
            .body(body.to_owned());
        if let Some(user) = user {
            request = request.bearer_auth(&self.tokens[user]);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} is not JSON: {text}"));
        (status, body)
    }

    async fn post(&self, path: &str, user: &str, body: &Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(user), &body.to_string()).await
    }

    async fn ok(&self, path: &str, user: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, user, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert!(answer.get("error").is_none(), "{path}: {answer}");
        answer
    }

    async fn passage(&self, user: &str, doc_type: &str, id: impl std::fmt::Display) -> (u16, Value) {
        let path =
            format!("/api/v1/chunk-context?doc_type={doc_type}&doc_id={id}&start=4&end=12&context=500");
        self.call(Method::GET, &path, Some(user), "").await
    }

    async fn until_indexed(&self, documents: i64) {
        self.server
            .world
            .until_status("indexed", |status| {
                status["indexed_documents"] == documents && status["pending_documents"] == 0
            })
            .await;
    }

    /// How often Nextcloud saw a token that came by the management API.
    pub fn bearers_sent_on(&self) -> usize {
        self.server
            .world
            .sim
            .world()
            .count_where(|request| request.scheme.as_deref() == Some("bearer"))
    }
}

pub fn rows(answer: &Value) -> &Vec<Value> {
    answer["results"].as_array().expect("results")
}

/// S01, S06: identical documents of two people; each learns of the own one only, and counts tell nothing.
#[tokio::test(flavor = "multi_thread")]
async fn identical_documents_stay_apart_at_every_route() {
    let sim = prepared().await;
    let text = b"The treasure lies under the oak.";
    let hers = sim.world().put_file("alice", "/secret.md", text);
    let his = sim.world().put_file("bob", "/secret.md", text);
    let astrolabe = Astrolabe::start(
        Setup::hybrid()
            .set("EMBEDDING_PROVIDER", "embedded")
            .set(NO_RESCAN.0, NO_RESCAN.1),
        sim,
    )
    .await;
    astrolabe.server.world.provision(ALICE).await;
    astrolabe.server.world.provision(BOB).await;
    astrolabe
        .server
        .world
        .until_status("both complete", |s| {
            s["hybrid_chunks"] == 2 && s["pending_documents"] == 0
        })
        .await;
    astrolabe.server.world.sim.world().clear_requests();
    for (user, own, foreign) in [("alice", hers, his), ("bob", his, hers)] {
        for path in [SEARCH, VIZ] {
            for algorithm in ["semantic", "bm25", "hybrid"] {
                // S03: a name in the body is nobody's.
                let body = json!({"query": "treasure under the oak", "algorithm": algorithm,
                                  "user_id": "alice", "include_pca": true});
                let answer = astrolabe.ok(path, user, &body).await;
                let ids: Vec<&Value> = rows(&answer).iter().map(|row| &row["id"]).collect();
                assert_eq!(ids, [&json!(own.to_string())], "{path} {algorithm}");
                assert_eq!(answer["total_found"], 1);
                assert!(!answer.to_string().contains(&foreign.to_string()), "{answer}");
            }
        }
        let (status, passage) = astrolabe.passage(user, "file", own).await;
        assert_eq!(status, 200, "{passage}");
        assert_eq!(passage["chunk_text"], "treasure");
        assert_eq!(passage["before_context"], "The ");
        assert_eq!(passage["after_context"], " lies under the oak.");
        let (foreign_status, foreign_answer) = astrolabe.passage(user, "file", foreign).await;
        let (status, missing) = astrolabe.passage(user, "file", 999_999_999).await;
        assert_eq!((foreign_status, status), (404, 404));
        let told = |answer: &Value, id: &str| answer["error"].to_string().replace(id, "N");
        assert_eq!(
            told(&foreign_answer, &foreign.to_string()),
            told(&missing, "999999999")
        );
        assert_eq!(
            (&missing["success"], &foreign_answer["success"]),
            (&json!(false), &json!(false))
        );
        let (status, other_type) = astrolabe.passage(user, "deck_card", own).await;
        assert_eq!(status, 404, "{other_type}");
    }
    assert_eq!(astrolabe.bearers_sent_on(), 0, "O15");
}

/// S08, S04: what was deleted or is shared no more a moment ago is not shown, whatever the index holds.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_at_nextcloud_is_gone_from_the_answers() {
    let sim = prepared().await;
    let deleted = sim.world().put_file("alice", "/gone.md", b"The gannet dives.");
    let kept = sim.world().put_file("alice", "/kept.md", b"The gannet nests.");
    let astrolabe = Astrolabe::start(Setup::hybrid().set(NO_RESCAN.0, NO_RESCAN.1), sim).await;
    astrolabe.server.world.provision(ALICE).await;
    astrolabe.until_indexed(2).await;
    let query = json!({"query": "gannet"});
    assert_eq!(rows(&astrolabe.ok(SEARCH, "alice", &query).await).len(), 2);

    let sim = astrolabe.server.world.sim.world();
    sim.delete_path("alice", "/gone.md");
    sim.clear_requests();
    let answer = astrolabe.ok(SEARCH, "alice", &query).await;
    assert_eq!(rows(&answer)[0]["id"], kept.to_string());
    assert_eq!((rows(&answer).len(), &answer["total_found"]), (1, &json!(1)));
    assert_eq!(sim.request_count(), 1, "one request verifies them all");
    let answer = astrolabe.ok(VIZ, "alice", &query).await;
    assert_eq!((rows(&answer).len(), &answer["total_documents"]), (1, &json!(1)));
    assert_eq!(answer["coordinates_3d"], json!([]));
    assert_eq!(astrolabe.passage("alice", "file", deleted).await.0, 404);
    assert_eq!(astrolabe.passage("alice", "file", kept).await.0, 200);

    // Nothing unverified is shown while Nextcloud is away.
    sim.set_maintenance(true);
    let (status, answer) = astrolabe.post(SEARCH, "alice", &query).await;
    assert!(
        status == 503 || !answer["degraded"].is_null(),
        "{status} {answer}"
    );
    assert!(
        answer.get("results").is_none_or(|rows| rows == &json!([])),
        "{answer}"
    );
    let (status, answer) = astrolabe.passage("alice", "file", kept).await;
    assert_eq!(status, 503, "{answer}");
}

/// S07: bad input is refused with the name of the field; without a grant the way to one is told.
#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_and_a_missing_grant_leads_to_the_consent_page() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/a.md", b"gannet");
    let astrolabe = Astrolabe::start(Setup::hybrid().set(NO_RESCAN.0, NO_RESCAN.1), sim).await;
    astrolabe.server.world.provision(ALICE).await;
    astrolabe.until_indexed(1).await;

    let long = "a".repeat(1 << 20);
    for (body, status, named) in [
        ("", 400, "JSON"),
        ("[]", 400, "JSON"),
        (r#"{"query": "x", "score_threshold": NaN}"#, 400, "JSON"),
        (
            r#"{"query": "x", "score_threshold": "NaN"}"#,
            400,
            "score_threshold",
        ),
        (
            r#"{"query": "x", "score_threshold": -0.5}"#,
            400,
            "score_threshold",
        ),
        (r#"{"query": "x", "limit": 0}"#, 400, "limit"),
        (r#"{"query": "x", "limit": -1}"#, 400, "limit"),
        (r#"{"query": "x", "limit": 1000000000}"#, 400, "limit"),
        (r#"{"query": "x", "offset": 1e300}"#, 400, "offset"),
        (r#"{"query": 5}"#, 400, "query"),
        (r#"{"query": "a\u0000b"}"#, 400, "NUL"),
        (r#"{"query": "x", "granularity": "page"}"#, 400, "granularity"),
        (r#"{"query": "x", "rerank": "yes"}"#, 400, "rerank"),
        (r#"{"query": "x", "rerank": true}"#, 422, "rerank_not_configured"),
        (r#"{"query": "x", "doc_types": "note"}"#, 400, "doc_types"),
        (
            r#"{"query": "x", "algorithm": "magic"}"#,
            422,
            "unsupported_search_type",
        ),
    ] {
        for path in [SEARCH, VIZ] {
            let (got, answer) = astrolabe.call(Method::POST, path, Some("alice"), body).await;
            assert_eq!(got, status, "{path} {body}: {answer}");
            assert!(
                answer["error"].as_str().unwrap().contains(named),
                "{body}: {answer}"
            );
        }
    }
    let (status, answer) = astrolabe.post(SEARCH, "alice", &json!({ "query": long })).await;
    assert_eq!(status, 400, "{answer}");
    // Keyword search only: what is not there is told, and so is what is.
    let (status, answer) = astrolabe
        .post(SEARCH, "alice", &json!({"query": "x", "algorithm": "semantic"}))
        .await;
    assert_eq!((status, &answer["requested"]), (422, &json!("semantic")));
    assert_eq!(answer["supported_search_types"], json!(["bm25"]));
    for nothing in [
        json!({"query": ""}),
        json!({"query": "gannet", "doc_types": ["deck_card"]}),
    ] {
        let answer = astrolabe.ok(SEARCH, "alice", &nothing).await;
        assert_eq!(
            (&answer["results"], &answer["total_found"]),
            (&json!([]), &json!(0))
        );
    }
    let (status, answer) = astrolabe.post(VIZ, "alice", &json!({"limit": 5})).await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("Missing required parameter: query"))
    );

    let consent = format!("{}/oauth/authorize-nextcloud", astrolabe.server.url);
    let without_grant = [
        astrolabe.post(SEARCH, "bob", &json!({"query": "gannet"})).await,
        astrolabe.post(VIZ, "bob", &json!({"query": "gannet"})).await,
        astrolabe.passage("bob", "file", 5).await,
        astrolabe.call(Method::GET, "/api/v1/apps", Some("bob"), "").await,
    ];
    for (status, answer) in without_grant {
        assert_eq!((status, &answer["error"]), (428, &json!("Provisioning required")));
        let beginning: String = answer["message"].as_str().unwrap().chars().take(100).collect();
        assert!(beginning.contains(&consent), "{beginning}");
    }
    for (method, path) in [
        (Method::POST, SEARCH),
        (Method::POST, VIZ),
        (Method::POST, PURGE),
        (Method::GET, "/api/v1/chunk-context"),
        (Method::GET, "/api/v1/apps"),
    ] {
        let (status, answer) = astrolabe.call(method, path, None, "").await;
        assert_eq!(
            (status, &answer["error"]),
            (401, &json!("Unauthorized")),
            "{path}"
        );
    }
}

/// Without sync the routes are there and say so, to anybody.
#[tokio::test(flavor = "multi_thread")]
async fn without_sync_the_routes_say_so() {
    let astrolabe = Astrolabe::start(
        Setup::hybrid().set("VECTOR_SYNC_ENABLED", "false"),
        prepared().await,
    )
    .await;
    astrolabe.server.world.provision(ALICE).await;
    for (method, path) in [
        (Method::POST, SEARCH),
        (Method::POST, VIZ),
        (Method::POST, PURGE),
        (Method::GET, "/api/v1/chunk-context"),
    ] {
        let (status, answer) = astrolabe.call(method, path, None, "").await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(answer["error"], "Vector sync is disabled on this server");
    }
    let (status, answer) = astrolabe
        .call(Method::GET, "/api/v1/apps", Some("alice"), "")
        .await;
    assert_eq!(status, 200, "{answer}");
}

/// Purging is for administrators, whom Nextcloud names now; it takes a type off everybody.
#[tokio::test(flavor = "multi_thread")]
async fn only_an_administrator_purges() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/a.md", b"gannet");
    sim.world().put_note("alice", "Kept", "", "gannet");
    let astrolabe = Astrolabe::start(Setup::hybrid().set(NO_RESCAN.0, NO_RESCAN.1), sim).await;
    astrolabe.server.world.provision(ALICE).await;
    astrolabe.until_indexed(2).await;
    let files = json!({"doc_types": ["file", "deck_card"]});
    assert_eq!(astrolabe.post(PURGE, "alice", &files).await.0, 403);
    let (status, told) = astrolabe.post(PURGE, "admin", &files).await;
    assert_eq!(status, 428, "nobody can tell");
    let shown: String = told["message"].as_str().unwrap().chars().take(100).collect();
    assert!(shown.contains("/oauth/authorize-nextcloud"), "{told}");
    astrolabe.server.world.provision(ADMIN).await;
    for wrong in [json!({}), json!({"doc_types": []}), json!({"doc_types": "file"})] {
        let (status, answer) = astrolabe.post(PURGE, "admin", &wrong).await;
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("Bad request")),
            "{wrong}"
        );
    }
    let answer = astrolabe.ok(PURGE, "admin", &files).await;
    assert_eq!(answer, json!({"purged": {"file": 1, "deck_card": 0}}));
    let answer = astrolabe.ok(SEARCH, "alice", &json!({"query": "gannet"})).await;
    assert_eq!(rows(&answer).len(), 1);
    assert_eq!(rows(&answer)[0]["doc_type"], "note");
    let line: (String, String) =
        sqlx::query_as("select actor_uid, detail from audit_events where action = 'index_purge'")
            .fetch_one(&mut astrolabe.server.world.sql().await)
            .await
            .unwrap();
    assert_eq!(line.0, "admin");
    assert_eq!(
        line.1,
        "took out of the index: 0 of type deck_card, 1 of type file"
    );
}
