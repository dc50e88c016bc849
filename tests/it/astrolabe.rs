//! Every recorded request of Astrolabe is answered with the fields that Astrolabe reads (facts §9), in the types that it
//! reads them as.

use crate::consent::prepared;
use crate::harness::{ALICE, Setup};
use crate::management_search::{ADMIN, Astrolabe, NO_RESCAN, SEARCH, VIZ, rows};
use crate::pdf::{self, Content};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const WEBHOOKS: &str = "/api/v1/webhooks";
/// The webhook panel as it is used: looked at, one preset on, looked at, another on, the first off.
const PANEL: [&str; 13] = [
    "webhook_presets__GET_api_v1_webhooks",
    "presets_triggers_refresh__GET_api_v1_webhooks",
    "webhook_preset_enable_notes__POST_api_v1_webhooks",
    "webhook_preset_enable_notes__POST_api_v1_webhooks_2",
    "webhook_preset_enable_notes__POST_api_v1_webhooks_3",
    "webhook_presets_after__GET_api_v1_webhooks",
    "webhook_preset_enable_calendar__POST_api_v1_webhooks",
    "webhook_preset_enable_calendar__POST_api_v1_webhooks_2",
    "webhook_preset_enable_calendar__POST_api_v1_webhooks_3",
    "webhook_preset_disable_notes__GET_api_v1_webhooks",
    "webhook_preset_disable_notes__DELETE_api_v1_webhooks_1",
    "webhook_preset_disable_notes__DELETE_api_v1_webhooks_2",
    "webhook_preset_disable_notes__DELETE_api_v1_webhooks_3",
];

/// One request as Astrolabe sent it to a stub.
struct Recorded {
    name: String,
    method: Method,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Recorded {
    /// All of them; what ends a grant comes last.
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/astrolabe/to_mcp");
        let mut all: Vec<Self> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| Self::load(&entry.unwrap().path()))
            .collect();
        all.sort_by_key(|recorded| (recorded.path.contains("/revoke"), recorded.name.clone()));
        all
    }

    fn load(file: &Path) -> Self {
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let request = &recording["request"];
        Self {
            name: file.file_stem().unwrap().to_str().unwrap().to_owned(),
            method: request["method"].as_str().unwrap().parse().unwrap(),
            path: request["path"].as_str().unwrap().to_owned(),
            headers: serde_json::from_value(request["headers"].clone()).unwrap(),
            body: request["body"].as_str().unwrap().to_owned(),
        }
    }

    /// Sent with today's credential in place of the one of that day. The answer, which must be no error.
    async fn send(&self, astrolabe: &Astrolabe) -> Value {
        let world = &astrolabe.server.world;
        let mut request = world
            .http
            .request(
                self.method.clone(),
                format!("{}{}", astrolabe.server.url, self.path),
            )
            .body(self.body.clone());
        for (name, value) in &self.headers {
            request = match (name.as_str(), value.as_str()) {
                ("Host" | "Content-Length", _) => request,
                ("Authorization", "Bearer (of alice)") => request.bearer_auth(&astrolabe.tokens["alice"]),
                ("Authorization", "Bearer (of admin)") => request.bearer_auth(&astrolabe.tokens["admin"]),
                ("Authorization", "Basic (of alice)") => {
                    request.basic_auth("alice", Some(world.sim.world().app_password("alice")))
                }
                ("Authorization", other) => panic!("whose is {other}?"),
                _ => request.header(name, value),
            };
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{}: {text}", self.name);
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer.get("error").is_none(), "{}: {text}", self.name);
        answer
    }

    /// The fields that Astrolabe reads are there.
    fn check(&self, answer: &Value) {
        let name = self.name.as_str();
        match self.path.split('?').next().unwrap() {
            "/api/v1/status" => check_status(answer, name),
            "/api/v1/vector-sync/status" => read(
                answer,
                name,
                &[
                    ("status", Value::is_string),
                    ("indexed_documents", Value::is_u64),
                    ("pending_documents", Value::is_u64),
                    ("last_sync_time", |value| value.is_string() || value.is_null()),
                    ("documents_per_second", Value::is_number),
                    ("errors_24h", Value::is_u64),
                ],
            ),
            SEARCH => {
                check_results(answer, name);
                read(answer, name, &[("total_found", Value::is_u64)]);
                assert!(
                    name.contains("paged") || !rows(answer).is_empty(),
                    "{name}: {answer}"
                );
            }
            VIZ => check_plot(answer, name),
            "/api/v1/chunk-context" => {
                read(
                    answer,
                    name,
                    &[("page_number", |value| value.is_u64() || value.is_null())],
                );
                assert_eq!(answer["success"], true);
                assert_eq!(answer["chunk_text"], "Hello worl");
                assert_eq!(answer["before_context"], "");
                assert_eq!(answer["after_context"], "d, said the note.");
            }
            "/api/v1/pdf-preview" => {
                read(
                    answer,
                    name,
                    &[("page_number", Value::is_u64), ("total_pages", Value::is_u64)],
                );
                assert_eq!(answer["success"], true);
                let picture = STANDARD.decode(answer["image"].as_str().unwrap()).unwrap();
                assert!(picture.starts_with(b"\x89PNG"), "{name}");
            }
            "/api/v1/apps" => {
                let apps = answer["apps"].as_array().unwrap();
                assert!(apps.iter().all(Value::is_string) && apps.contains(&json!("notes")));
            }
            "/api/v1/users/alice/session" => {
                assert_eq!(answer["background_access_granted"], true);
                let details = &answer["background_access_details"];
                read(
                    details,
                    name,
                    &[
                        ("provisioned_at", Value::is_string),
                        ("scopes", |value| value.is_array() || value.is_null()),
                    ],
                );
            }
            "/api/v1/users/admin/revoke" | "/api/v1/users/alice/app-password" => {
                assert_eq!(answer["success"], true, "{name}");
            }
            other => panic!("{name}: nobody checks {other}"),
        }
    }
}

/// Whether a value is of the type that Astrolabe reads it as.
type IsOfType = fn(&Value) -> bool;

/// Each field is there and of its type.
fn read(object: &Value, what: &str, fields: &[(&str, IsOfType)]) {
    for (field, is_of_its_type) in fields {
        let value = object.get(field);
        let value = value.unwrap_or_else(|| panic!("{what} has no {field}: {object}"));
        assert!(is_of_its_type(value), "{what}: {field} is {value}");
    }
}

fn check_status(answer: &Value, name: &str) {
    read(
        answer,
        name,
        &[("version", Value::is_string), ("uptime_seconds", Value::is_u64)],
    );
    assert_eq!(answer["auth_mode"], "multi_user_basic");
    assert_eq!(answer["supports_app_passwords"], true);
    assert_eq!(answer["vector_sync_enabled"], true);
    // With an address here Astrolabe would not ask its own Nextcloud.
    assert_eq!(answer["oidc"].get("discovery_url"), None, "{answer}");
}

fn check_results(answer: &Value, name: &str) {
    let number_or_null: IsOfType = |value| value.is_u64() || value.is_null();
    for row in rows(answer) {
        read(
            row,
            name,
            &[
                ("id", Value::is_string),
                ("title", Value::is_string),
                ("doc_type", Value::is_string),
                ("score", Value::is_number),
                ("mime_type", Value::is_string),
                ("path", Value::is_string),
                ("board_id", number_or_null),
                ("card_id", number_or_null),
                ("page_number", number_or_null),
                ("page_count", number_or_null),
                ("chunk_index", Value::is_u64),
                ("total_chunks", Value::is_u64),
                ("chunk_start_offset", Value::is_u64),
                ("chunk_end_offset", Value::is_u64),
            ],
        );
    }
}

fn check_plot(answer: &Value, name: &str) {
    check_results(answer, name);
    read(
        answer,
        name,
        &[
            ("algorithm_used", Value::is_string),
            ("total_documents", Value::is_u64),
            ("coordinates_3d", Value::is_array),
            ("query_coords", Value::is_array),
        ],
    );
    for axis in ["pc1", "pc2", "pc3"] {
        assert!(answer["pca_variance"][axis].is_number(), "{name}: {answer}");
    }
    let is_point = |point: &Value| {
        let axes = point.as_array().unwrap();
        axes.len() == 3 && axes.iter().all(Value::is_number)
    };
    let points = answer["coordinates_3d"].as_array().unwrap();
    assert_eq!(points.len(), rows(answer).len(), "{name}: one for each result");
    assert!(
        points.iter().all(is_point) && is_point(&answer["query_coords"]),
        "{name}"
    );
    assert!(rows(answer).len() > 1, "{name}: {answer}");
    for row in rows(answer) {
        read(
            &row["metadata"],
            name,
            &[("path", Value::is_string), ("url", Value::is_string)],
        );
    }
}

/// The switches of Astrolabe's panel: it compares `event` and `eventFilter` by equality (facts §9).
#[derive(Debug, PartialEq)]
struct Switch {
    event: String,
    filter: Value,
}

impl Switch {
    fn wanted(recorded: &Recorded) -> Self {
        let body: Value = serde_json::from_str(&recorded.body).unwrap();
        Self {
            event: body["event"].as_str().unwrap().to_owned(),
            filter: body["event_filter"].clone(),
        }
    }

    /// What the list shows, with the ids to delete by.
    fn listed(answer: &Value, name: &str) -> Vec<(i64, Self)> {
        let webhooks = answer["webhooks"].as_array().unwrap();
        webhooks
            .iter()
            .map(|webhook| {
                read(
                    webhook,
                    name,
                    &[
                        ("id", Value::is_i64),
                        ("event", Value::is_string),
                        ("eventFilter", |value| value.is_object() || value.is_null()),
                    ],
                );
                let shown = Self {
                    event: webhook["event"].as_str().unwrap().to_owned(),
                    filter: webhook["eventFilter"].clone(),
                };
                (webhook["id"].as_i64().unwrap(), shown)
            })
            .collect()
    }
}

/// The webhook panel's requests in the order of their use. Ids of that day become those of today.
async fn use_the_panel(astrolabe: &Astrolabe, mut recordings: BTreeMap<String, Recorded>) {
    let mut on: Vec<Switch> = Vec::new();
    let mut notes = Vec::new();
    for name in PANEL {
        let mut recorded = recordings
            .remove(name)
            .unwrap_or_else(|| panic!("{name} is not recorded"));
        match recorded.method.as_str() {
            "GET" => {
                let listed = Switch::listed(&recorded.send(astrolabe).await, name);
                let shown: Vec<&Switch> = listed.iter().map(|(_, switch)| switch).collect();
                assert_eq!(shown.len(), on.len(), "{name}: {shown:?}");
                assert!(
                    on.iter().all(|switch| shown.contains(&switch)),
                    "{name}: {shown:?}"
                );
                notes = listed
                    .into_iter()
                    .filter(|(_, switch)| switch.filter.is_object())
                    .map(|(id, _)| id)
                    .collect();
            }
            "POST" => {
                let answer = recorded.send(astrolabe).await;
                let wanted = Switch::wanted(&recorded);
                assert_eq!(answer["success"], true, "{name}");
                assert_eq!(answer["webhook"]["event"], wanted.event, "{name}");
                assert_eq!(answer["webhook"]["eventFilter"], wanted.filter, "{name}");
                on.push(wanted);
            }
            _ => {
                let id = notes.pop().expect("a webhook of the preset");
                recorded.path = format!("{WEBHOOKS}/{id}");
                assert_eq!(recorded.send(astrolabe).await["success"], true, "{name}");
            }
        }
    }
    assert!(recordings.is_empty(), "not used: {:?}", recordings.keys());
    let (_, rest) = astrolabe.call(Method::GET, WEBHOOKS, Some("admin"), "").await;
    let rest = Switch::listed(&rest, "afterwards");
    assert_eq!(rest.len(), 3);
    assert!(
        rest.iter().all(|(_, switch)| switch.event.contains("Calendar")),
        "{rest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_request_of_astrolabe_is_answered() {
    let sim = prepared().await;
    let note = sim
        .world()
        .put_note("alice", "Note", "", "Hello world, said the note.");
    sim.world().put_file("alice", "/s.txt", b"hello from a file");
    sim.world()
        .put_file("alice", "/x.pdf", pdf::pdf(&[Content::plain("")], 0));
    let setup = Setup::hybrid()
        .set("EMBEDDING_PROVIDER", "embedded")
        .set(NO_RESCAN.0, NO_RESCAN.1);
    let astrolabe = Astrolabe::start(setup, sim).await;
    astrolabe.server.world.provision(ALICE).await;
    astrolabe.server.world.provision(ADMIN).await;
    astrolabe
        .server
        .world
        .until_status("complete", |s| {
            s["hybrid_chunks"].as_u64() >= Some(2) && s["pending_documents"] == 0
        })
        .await;
    astrolabe.server.world.sim.world().clear_requests();
    let (panel, mut rest): (Vec<Recorded>, Vec<Recorded>) = Recorded::all()
        .into_iter()
        .partition(|recorded| recorded.path.starts_with(WEBHOOKS));
    assert_eq!((panel.len(), rest.len()), (13, 44));
    let by_name = panel
        .into_iter()
        .map(|recorded| (recorded.name.clone(), recorded));
    use_the_panel(&astrolabe, by_name.collect()).await;
    for recorded in &mut rest {
        // The note of that day is the one of today.
        recorded.path = recorded.path.replace("doc_id=163", &format!("doc_id={note}"));
        recorded.check(&recorded.send(&astrolabe).await);
    }
    assert_eq!(astrolabe.bearers_sent_on(), 0, "O15");
}
