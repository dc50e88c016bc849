//! Replays recordings against a simulator, in an order, carrying over what differs: ids, etags, tokens.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nextcloud_sim::{Simulator, World};
use serde_json::Value;

use crate::client::{Answer, send};
use crate::shape::{json_shape, xml_shape};

/// Headers that must be present or absent as recorded.
const PRESENT: [&str; 20] = [
    "allow",
    "cache-control",
    "content-disposition",
    "content-range",
    "dav",
    "etag",
    "last-modified",
    "oc-etag",
    "oc-fileid",
    "retry-after",
    "www-authenticate",
    "x-nc-ownerid",
    "x-nc-permissions",
    "x-nextcloud-maintenance-mode",
    "x-notes-api-versions",
    "x-notes-chunk-cursor",
    "x-notes-chunk-pending",
    "x-oc-mtime",
    "x-user-id",
    "content-type",
];

/// Of these the value counts too.
const EQUAL: [&str; 9] = [
    "allow",
    "cache-control",
    "content-type",
    "dav",
    "retry-after",
    "www-authenticate",
    "x-notes-api-versions",
    "x-notes-chunk-pending",
    "x-user-id",
];

/// One step of a replay.
pub enum Step {
    /// Replay this recording (`area/name`) and compare.
    Play(&'static str),
    /// Replay it, comparing status and headers, but not the body.
    PlayHead(&'static str),
    /// Change the world.
    Do(fn(&World)),
    /// Create a file of alice's that the recordings know by this id.
    File(&'static str, i64),
    /// Create an app password of alice's that the recordings know as this.
    AppPassword(&'static str),
}

/// The first second after all recordings, so that their dates lie in the past.
const AFTER_RECORDINGS: i64 = 1_795_500_000;

/// Runs the steps on a fresh simulator; panics with all differences found.
pub async fn replay(steps: &[Step]) {
    let simulator = Simulator::start().await;
    let world = simulator.world();
    world.advance_clock((AFTER_RECORDINGS - world.now()).max(0));
    let mut mapped: Vec<(String, String)> = Vec::new();
    let mut differences = Vec::new();
    for step in steps {
        match step {
            Step::Do(change) => change(world),
            Step::File(path, id) => {
                let ours = world.put_file("alice", path, "12");
                mapped.push((id.to_string(), ours.to_string()));
            }
            Step::AppPassword(recorded) => {
                mapped.push(((*recorded).to_owned(), world.app_password_72("alice")));
            }
            Step::Play(name) | Step::PlayHead(name) => {
                let recording = load(name);
                let answer = ask(&simulator, &recording["request"], &mapped).await;
                let body = matches!(step, Step::Play(_));
                differences.extend(compare(name, &recording["response"], &answer, body));
                learn(&recording["response"], &answer, &mut mapped);
            }
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

pub fn load(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let file = folder.join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

async fn ask(simulator: &Simulator, request: &Value, mapped: &[(String, String)]) -> Answer {
    let skipped = ["host", "connection", "content-length", "accept-encoding"];
    let headers: Vec<(String, String)> = request["headers"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !skipped.contains(&name.to_lowercase().as_str()))
        .map(|(name, value)| (name.clone(), translate(value.as_str().unwrap(), mapped)))
        .collect();
    let path = translate(request["path"].as_str().unwrap(), mapped);
    let body = translate(request["body"].as_str().unwrap_or_default(), mapped);
    let method = request["method"].as_str().unwrap();
    send(simulator.address(), method, &path, &headers, body.as_bytes()).await
}

/// Replaces what the recordings know under another name, inside Basic headers too.
fn translate(text: &str, mapped: &[(String, String)]) -> String {
    if let Some(token) = text.strip_prefix("Basic ")
        && let Ok(decoded) = STANDARD.decode(token)
    {
        let plain = translate(std::str::from_utf8(&decoded).unwrap(), mapped);
        return format!("Basic {}", STANDARD.encode(plain));
    }
    for (recorded, ours) in mapped.iter().rev() {
        // Ids are short: they count only as a whole path segment or literal.
        let number = recorded.parse::<i64>().is_ok();
        let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
        if number && let Some(start) = path.strip_suffix(&format!("/{recorded}")) {
            return format!("{start}/{ours}{query}");
        }
        let literal = format!("<d:literal>{recorded}</d:literal>");
        if number && text.contains(&literal) {
            return text.replace(&literal, &format!("<d:literal>{ours}</d:literal>"));
        }
        if !number && text.contains(recorded) {
            return text.replace(recorded, ours);
        }
    }
    text.to_owned()
}

/// Remembers ids, etags, cursors and tokens of an answer.
fn learn(recorded: &Value, answer: &Answer, mapped: &mut Vec<(String, String)>) {
    for name in ["etag", "x-notes-chunk-cursor"] {
        if let (Some(theirs), Some(ours)) = (recorded_header(recorded, name), answer.header(name)) {
            mapped.push((
                theirs.trim_matches('"').to_owned(),
                ours.trim_matches('"').to_owned(),
            ));
        }
    }
    let theirs: Value = body_text(recorded).parse().unwrap_or_default();
    let ours: Value = answer.text().parse().unwrap_or_default();
    for pointer in ["/id", "/etag", "/ocs/data/apppassword"] {
        if let (Some(theirs), Some(ours)) = (theirs.pointer(pointer), ours.pointer(pointer)) {
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            mapped.push((plain(theirs), plain(ours)));
        }
    }
}

pub fn compare(name: &str, recorded: &Value, answer: &Answer, body: bool) -> Vec<String> {
    let mut differences = Vec::new();
    if recorded["status"] != answer.status {
        differences.push(format!(
            "{name}: status {} instead of {}",
            answer.status, recorded["status"]
        ));
    }
    for header in PRESENT {
        let (theirs, ours) = (recorded_header(recorded, header), answer.header(header));
        let equal = !EQUAL.contains(&header) || theirs.as_deref() == ours;
        if theirs.is_some() != ours.is_some() || !equal {
            differences.push(format!("{name}: header {header} {ours:?} instead of {theirs:?}"));
        }
    }
    let theirs = body_text(recorded);
    let kind = recorded_header(recorded, "content-type").unwrap_or_default();
    let starts_xml = theirs.starts_with("<?xml");
    let (theirs, ours) = if !body {
        return differences;
    } else if kind.contains("json") {
        (
            json_shape(&theirs.parse().unwrap_or_default()),
            json_shape(&answer.text().parse().unwrap_or_default()),
        )
    } else if starts_xml {
        (xml_shape(&theirs), xml_shape(&answer.text()))
    } else {
        return differences;
    };
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    let added: Vec<&String> = ours.difference(&theirs).collect();
    if !missing.is_empty() || !added.is_empty() {
        differences.push(format!("{name}: body lacks {missing:?}, has besides {added:?}"));
    }
    differences
}

pub fn recorded_header(recorded: &Value, name: &str) -> Option<String> {
    let headers = recorded["headers"].as_object().unwrap();
    let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let first = value.as_array().map_or(value, |values| &values[0]);
    first.as_str().map(str::to_owned)
}

pub fn body_text(recorded: &Value) -> String {
    recorded["body"].as_str().unwrap_or_default().to_owned()
}
