//! A change of the embedding model (fault case Q12).

use crate::harness::{ALICE, PATIENCE, Setup, World, pause};
use nextcloud_sim::Simulator;
use serde_json::json;
use std::path::Path;
use std::time::Instant;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/all-MiniLM-L6-v2-int8");

/// The directories of collections in the data directory.
fn collections(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.data_dir().join("index")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("chunks-")).collect();
    names.sort();
    names
}

/// Restarts with the model in `directory`. From the first moment on searches by meaning answer, with what may be missing
/// told, until nothing is missing any more.
async fn change_model(world: &mut World, directory: &Path) {
    let before = collections(world);
    assert_eq!(before.len(), 1);
    world.stop().await;
    world.env.retain(|(name, _)| name != "EMBEDDING_MODEL_DIR");
    let directory = directory.to_str().unwrap().to_owned();
    world.env.push(("EMBEDDING_MODEL_DIR".to_owned(), directory));
    world.restart().await;
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
    let after = collections(world);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before);
}

/// A directory with the built-in model, whose vectors are pooled otherwise: another model to all who look.
fn pooled_otherwise() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "tokenizer.json", "config.json"] {
        std::fs::copy(Path::new(MODEL).join(file), directory.path().join(file)).unwrap();
    }
    std::fs::create_dir(directory.path().join("1_Pooling")).unwrap();
    let pooling = json!({"word_embedding_dimension": 384, "pooling_mode_cls_token": true});
    std::fs::write(
        directory.path().join("1_Pooling/config.json"),
        pooling.to_string(),
    )
    .unwrap();
    directory
}

/// From the built-in model to one in a directory, and from that to one in another directory: every vector is made anew,
/// and the former model embeds queries meanwhile.
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
    change_model(&mut world, Path::new(MODEL)).await;
    let other = pooled_otherwise();
    change_model(&mut world, other.path()).await;
}
