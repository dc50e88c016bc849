//! A change of the embedding model (fault case Q12).

use crate::harness::{ALICE, PATIENCE, Setup, pause};
use nextcloud_sim::Simulator;
use serde_json::json;
use std::time::Instant;

/// The same model from its directory has another identity: every vector is made anew, and searches by meaning go on
/// meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn the_former_index_answers_while_another_model_embeds() {
    let sim = Simulator::start().await;
    sim.world()
        .put_file("alice", "/otter.md", b"Otters hold hands while they sleep.");
    let setup = Setup::hybrid().set("EMBEDDING_PROVIDER", "embedded");
    let mut world = setup.start_with(sim).await;
    world.provision(ALICE).await;
    world
        .until_status("embedded", |status| status["indexed_documents"] == 1)
        .await;
    let directories = |world: &crate::harness::World| {
        let entries = std::fs::read_dir(world.data_dir().join("index")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("chunks-")).collect();
        names.sort();
        names
    };
    let before = directories(&world);
    assert_eq!(before.len(), 1);

    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/all-MiniLM-L6-v2-int8");
    world.stop().await;
    world
        .env
        .push(("EMBEDDING_MODEL_DIR".to_owned(), model.to_owned()));
    world.restart().await;
    // From the first moment on, with what may be missing told, until nothing is missing any more.
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        let answer = world
            .call_ok(
                Some(ALICE),
                "nc_semantic_search",
                json!({"query": "animals that sleep hand in hand", "algorithm": "semantic"}),
            )
            .await;
        assert_eq!(answer["results"][0]["title"], "otter.md", "{answer}");
        match answer["degraded"].as_str() {
            Some(note) => told |= note.contains("embedding model has changed"),
            None => break,
        }
        assert!(Instant::now() < deadline, "the change never ends: {answer}");
        pause().await;
    }
    assert!(told, "nobody was told of the change");

    // The former collection goes at the next look.
    world.restart().await;
    let after = directories(&world);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before);
}
