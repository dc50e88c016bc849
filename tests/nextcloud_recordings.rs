//! The recorded answers of a real Nextcloud through the client, over real HTTP; and answers that no healthy server
//! gives.
#![expect(clippy::unwrap_used, reason = "a helper that cannot set up its test fails it")]

#[path = "nextcloud_recordings/adversarial.rs"]
mod adversarial;
#[path = "nextcloud_recordings/expected.rs"]
mod expected;
#[path = "nextcloud_recordings/groupware.rs"]
mod groupware;
#[path = "nextcloud_recordings/host.rs"]
mod host;
#[path = "nextcloud_recordings/replay.rs"]
mod replay;
#[path = "nextcloud_recordings/replay_apps.rs"]
mod replay_apps;
#[path = "nextcloud_recordings/server.rs"]
mod server;

use expected::{EXPECTED, NOT_OURS, PLAYED};
use replay::Recording;
use std::collections::BTreeMap;
use std::path::Path;

const AREAS: [&str; 6] = ["base", "auth", "notes", "dav", "deck", "tables"];

#[tokio::test]
async fn every_recording_gives_its_typed_result() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut results = BTreeMap::new();
    let mut skipped = 0;
    for area in AREAS {
        for file in std::fs::read_dir(folder.join(area)).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{area}/{}", path.file_stem().unwrap().to_str().unwrap());
            let recording = Recording::load(&path);
            let Some(operation) = recording.operation() else {
                skipped += 1;
                continue;
            };
            let (line, sent) = recording.play(&operation).await;
            recording.check_request(&sent);
            results.insert(
                name.clone(),
                format!("{name} => {line}")
                    .chars()
                    .take(260)
                    .collect::<String>()
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    let got: Vec<String> = results.into_values().collect();
    let want: Vec<&str> = EXPECTED.trim_matches('\n').lines().collect();
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got, want);
    }
    assert_eq!(got.len(), want.len(), "every recording has its line");
    assert_eq!(got.len(), PLAYED);
    assert_eq!(
        skipped, NOT_OURS,
        "recordings of operations that the client does not have"
    );
}
