//! `/app/search` in Chromium: what is found is marked, and the picture can be turned.

use crate::identity_provider::IdentityProvider;
use crate::software;
use crate::world::{Caller, Setup, World, until};
use nextcloud_sim::Simulator;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

/// What the person saw.
#[derive(Debug, Deserialize)]
struct Seen {
    arrived: String,
    titles: Vec<String>,
    links: Vec<String>,
    marks: Vec<String>,
    /// Pixels of the picture that are not empty.
    inked: u64,
    /// The picture's angles and zoom: at first, after dragging, after scrolling.
    before: String,
    turned: String,
    zoomed: String,
    hint: String,
    /// The page is wider than the screen.
    wide: bool,
    /// What the browser complains about: scripts, the content security policy.
    complaints: Vec<String>,
}

#[tokio::test]
async fn the_search_page_marks_what_it_found_and_draws_it() {
    let nextcloud = Simulator::start().await;
    for (path, text) in [
        (
            "/Boats/ferry.md",
            "# Ferry\n\nThe ferry to the island leaves at seven. <script>alert(1)</script>",
        ),
        (
            "/Boats/harbour.md",
            "# Harbour\n\nTickets for ferries are sold at the harbour office.",
        ),
        (
            "/Garden/beans.md",
            "# Beans\n\nRunner beans are sown in May, after the ferry season opens.",
        ),
    ] {
        nextcloud.world().put_file("alice", path, text);
    }
    nextcloud
        .world()
        .put_file("bob", "/secret.md", "# The ferry of bob");
    let setup = Setup::hybrid()
        .with_client()
        .set("EMBEDDING_PROVIDER", "embedded");
    let settings = IdentityProvider::settings(&setup.url(), &nextcloud.url());
    let (world, _provider) = World::at_provider_with(setup, nextcloud, settings).await;
    world.consent_ok("alice").await;
    let alice = Caller::Basic {
        login: "alice",
        password: crate::harness::ALICE.password,
    };
    until("alice's files are embedded", async || {
        let status = world
            .call_ok(&alice, "nc_get_vector_sync_status", json!({}))
            .await;
        status["hybrid_chunks"].as_u64() >= Some(3)
    })
    .await;

    let wanted = json!({
        "chromium": software::chromium(),
        "address": world.url("/app/search"),
        "login": "alice",
        "query": "ferry",
        "picture": dotenvy::var("PICTURES_OF_THE_SEARCH_PAGE").ok(),
    });
    let output = Command::new(software::node())
        .arg(software::script("browser/search.mjs"))
        .arg(wanted.to_string())
        .env("EXTERNAL_NODE_MODULES", software::node_modules())
        .output()
        .await
        .expect("node starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen: Seen = serde_json::from_slice(&output.stdout).expect("what was seen");

    assert!(seen.arrived.ends_with("/app/search"), "{}", seen.arrived);
    assert_eq!(seen.titles.len(), 3, "one's own documents only: {seen:?}");
    assert!(seen.links.iter().all(|link| link.contains("/f/")), "{seen:?}");
    let marked: Vec<String> = seen.marks.iter().map(|mark| mark.to_lowercase()).collect();
    assert!(marked.iter().any(|mark| mark == "ferry"), "{marked:?}");
    assert!(
        marked.iter().any(|mark| mark == "ferries"),
        "words with one stem: {marked:?}"
    );
    assert!(seen.inked > 500, "points are drawn: {}", seen.inked);
    assert!(
        seen.before != seen.turned && seen.turned != seen.zoomed,
        "{seen:?}"
    );
    assert!(seen.hint.starts_with("1: "), "{}", seen.hint);
    assert!(!seen.wide && seen.complaints.is_empty(), "{seen:?}");
}
