//! Files that take a parser, through the real child process.

use crate::harness::{ALICE, Setup};
use bytes::Bytes;
use futures::stream;
use nextcloud_mcp_server::sandbox::Sandbox;
use nextcloud_sim::Simulator;
use serde_json::Value;
use std::io;

macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../samples/", $name)) as &[u8])
    };
}

const READABLE: [(&str, &[u8]); 10] = [
    sample!("ferry.docx"),
    sample!("ferry.xlsx"),
    sample!("ferry.pptx"),
    sample!("ferry.odt"),
    sample!("ferry.ods"),
    sample!("ferry.odp"),
    sample!("ferry.epub"),
    sample!("ferry.rtf"),
    sample!("ferry.eml"),
    sample!("ferry.pdf"),
];

/// Every format is read by a child that can do nothing but compute.
#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_read_by_a_confined_child() {
    let sandbox = Sandbox::new().with_program(env!("CARGO_BIN_EXE_nextcloud-mcp-server").into());
    for (name, bytes) in READABLE {
        let content = stream::iter([Ok::<_, io::Error>(Bytes::from_static(bytes))]);
        let text = sandbox
            .extract_text(None, name.to_owned(), content)
            .await
            .unwrap()
            .unwrap()
            .text;
        assert!(
            text.contains("Helgoland") || text.contains("Büsum"),
            "{name}: {text}"
        );
    }
}

/// Upload, sync, search: the passage with its page. N01: what cannot be read says why and stops nothing.
#[tokio::test(flavor = "multi_thread")]
async fn n01_files_are_found_with_their_pages_and_bad_ones_say_why() {
    let sim = Simulator::start().await;
    for (name, bytes) in READABLE {
        sim.world().put_file("alice", &format!("/Ferry/{name}"), bytes);
    }
    for (name, bytes) in [
        sample!("encrypted.pdf"),
        sample!("scanned.pdf"),
        sample!("scan.jpg"),
    ] {
        sim.world().put_file("alice", &format!("/Ferry/{name}"), bytes);
    }
    sim.world()
        .put_file("alice", "/Ferry/cut.docx", &READABLE[0].1[..20_000]);
    let world = Setup::hybrid().start_with(sim).await;
    world.provision(ALICE).await;
    let status = world
        .until_status("everything is read", |status| {
            status["indexed_documents"] == 11 && status["pending_documents"] == 0
        })
        .await;
    let skipped = &status["skipped"];
    assert_eq!(
        (
            &skipped["encrypted"],
            &skipped["no_text_layer"],
            &skipped["malformed"]
        ),
        (&Value::from(1), &Value::from(1), &Value::from(1)),
        "{status:#}"
    );
    let found = world.search(Some(ALICE), "Rückkehr Abend").await;
    let pdf = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|hit| hit["title"] == "ferry.pdf")
        .unwrap_or_else(|| panic!("{found:#}"));
    assert_eq!(pdf["page_count"], 3, "{pdf:#}");
    assert!(pdf["page_number"].is_u64(), "{pdf:#}");
    let pictures = world.titles(Some(ALICE), "scan.jpg").await;
    assert!(pictures.contains(&"scan.jpg".to_owned()), "{pictures:?}");
}
