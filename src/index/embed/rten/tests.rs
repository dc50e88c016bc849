use super::*;
use crate::index::onnx::synthetic::{Synthetic, WORDS};
use std::time::Duration;

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn similar_texts_are_near_and_batches_agree() {
    let embedder = RtenEmbedder::built_in(2).unwrap();
    let all = texts(&[
        "How do I reset my password?",
        "Steps to change a forgotten login secret",
        "The recipe needs two eggs and a cup of flour, stirred slowly until smooth.",
    ]);
    let together = embedder.embed(all.clone(), Priority::Background).await.unwrap();
    assert!(cosine(&together[0], &together[1]) > cosine(&together[0], &together[2]) + 0.2);
    for (text, vector) in all.into_iter().zip(&together) {
        assert_eq!(vector.len(), embedder.dimension());
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
        let alone = embedder.embed(vec![text], Priority::Interactive).await.unwrap();
        // Dynamic quantisation scales by the batch, so the values differ a little.
        assert!(cosine(&alone[0], vector) > 0.98, "{}", cosine(&alone[0], vector));
    }
}

#[tokio::test]
async fn long_texts_are_cut_and_empty_ones_work() {
    let embedder = RtenEmbedder::built_in(1).unwrap();
    let long = "word ".repeat(5_000);
    let cut = "word ".repeat(254);
    let vectors = embedder
        .embed(texts(&[&long, &cut, ""]), Priority::Background)
        .await
        .unwrap();
    assert!(cosine(&vectors[0], &vectors[1]) > 0.999);
    assert_eq!(vectors[2].len(), 384);
    assert!(
        embedder
            .embed(vec![], Priority::Background)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_query_does_not_wait_behind_indexing() {
    let embedder = Arc::new(RtenEmbedder::built_in(1).unwrap());
    let load = texts(&["a sentence about the harvest of apples in autumn"; 400]);
    let indexing = tokio::spawn({
        let embedder = Arc::clone(&embedder);
        async move {
            embedder
                .embed(load, Priority::Background)
                .await
                .map(|vectors| vectors.len())
        }
    });
    let query = embedder.embed(texts(&["apples"]), Priority::Interactive);
    tokio::time::timeout(Duration::from_secs(30), query)
        .await
        .unwrap()
        .unwrap();
    assert!(!indexing.is_finished());
    assert_eq!(indexing.await.unwrap().unwrap(), 400);
}

#[tokio::test]
async fn a_model_directory_is_loaded_and_a_wrong_one_refused() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/all-MiniLM-L6-v2-int8");
    let embedder = RtenEmbedder::load(&dir, 1).unwrap();
    assert!(
        embedder.identity().starts_with("all-MiniLM-L6-v2-int8-") && embedder.identity().ends_with("@384")
    );
    let built_in = RtenEmbedder::built_in(1).unwrap();
    let (one, other) = tokio::join!(
        embedder.embed(texts(&["budget plan"]), Priority::Interactive),
        built_in.embed(texts(&["budget plan"]), Priority::Interactive),
    );
    assert!(cosine(&one.unwrap()[0], &other.unwrap()[0]) > 0.999);

    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        RtenEmbedder::load(empty.path(), 1),
        Err(EmbeddingError::Model(_))
    ));
    std::fs::write(empty.path().join("config.json"), r#"{"hidden_size": 384}"#).unwrap();
    std::fs::write(empty.path().join("model.onnx"), "garbage").unwrap();
    let broken = RtenEmbedder::load(empty.path(), 1).unwrap();
    let result = broken.embed(texts(&["x"]), Priority::Interactive).await;
    assert!(matches!(result, Err(EmbeddingError::Model(_))));
}

#[test]
fn batches_hold_similar_lengths_within_the_budget() {
    let embedder = RtenEmbedder::built_in(1).unwrap();
    let texts: Vec<String> = (0..50).map(|n| "x".repeat((n * 37) % 1_200)).collect();
    let batches = embedder.batches(&texts);
    let mut places: Vec<usize> = batches.concat();
    places.sort_unstable();
    assert!(places.into_iter().eq(0..50));
    for batch in batches {
        let longest = batch
            .iter()
            .map(|at| (texts[*at].len() / 4 + 2).min(256))
            .max()
            .unwrap();
        assert!(batch.len() * longest <= BATCH_TOKENS);
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let mut vector = vector.to_vec();
    crate::index::embed::unit_length(&mut vector);
    vector
}

fn near(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[tokio::test]
async fn any_bert_like_directory_works() {
    // A direction for each word; `[CLS]` and `[SEP]` lie apart from them.
    let mut table = vec![vec![0.0; 4]; WORDS.len()];
    (table[2][3], table[3][3], table[4][0], table[5][1], table[7][2]) = (1.0, 1.0, 1.0, 1.0, -2.0);
    let cases: [(&[&str], bool, &str, [f32; 4]); 5] = [
        (
            &["input_ids", "attention_mask", "token_type_ids"],
            false,
            "",
            [1.0, 1.0, 0.0, 2.0],
        ),
        // RoBERTa's graphs have no token types; some have no mask.
        (
            &["input_ids", "attention_mask"],
            false,
            "mean_tokens",
            [1.0, 1.0, 0.0, 2.0],
        ),
        (&["input_ids"], true, "mean_tokens", [1.0, 1.0, 0.0, 2.0]),
        (
            &["input_ids", "attention_mask"],
            true,
            "cls_token",
            [0.0, 0.0, 0.0, 1.0],
        ),
        (
            &["input_ids", "attention_mask"],
            false,
            "max_tokens",
            [1.0, 1.0, 0.0, 1.0],
        ),
    ];
    let mut identities = std::collections::BTreeSet::new();
    for (inputs, unigram, pooling, expected) in cases {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("tiny");
        std::fs::create_dir_all(dir.join("1_Pooling")).unwrap();
        let model = Synthetic {
            inputs,
            table: table.clone(),
            logits: false,
            unigram,
        };
        model.write(&dir);
        if !pooling.is_empty() {
            let config = format!(r#"{{"pooling_mode_{pooling}": true}}"#);
            std::fs::write(dir.join("1_Pooling/config.json"), config).unwrap();
        }
        let embedder = RtenEmbedder::load(&dir, 1).unwrap();
        // The longer neighbour makes padding.
        let vectors = embedder
            .embed(
                texts(&["red green", "ferry ferry ferry ferry"]),
                Priority::Background,
            )
            .await
            .unwrap();
        assert!(
            near(&vectors[0], &unit(&expected)),
            "{inputs:?} {pooling}: {:?}",
            vectors[0]
        );
        // Longer than its positions.
        let long = embedder
            .embed(vec!["red ".repeat(500)], Priority::Interactive)
            .await
            .unwrap();
        assert!(cosine(&long[0], &long[0]) > 0.99);
        assert_eq!(embedder.max_tokens(), 32);
        identities.insert(embedder.identity().rsplit_once('-').unwrap().1.to_owned());
    }
    assert!(
        identities.contains("cls@4") && identities.contains("max@4"),
        "{identities:?}"
    );
}
