//! Results drawn as points.

use crate::index::half;
use crate::search::test_support::{World, embedding, principal};
use crate::search::{Algorithm, SearchMap, SearchRequest};
use sqlx::PgPool;

/// Vectors as phase 2 stores them.
async fn store_vectors(world: &World, texts: &[&str]) {
    for (n, text) in texts.iter().enumerate() {
        sqlx::query(
            "update chunks set dense = $2 where document_id =
                 (select id from documents where native_id = $1)",
        )
        .bind((n + 1).to_string())
        .bind(half::encode(&embedding(text)))
        .execute(&world.pool)
        .await
        .unwrap();
    }
}

async fn map(world: &World, uid: &str, algorithm: Algorithm) -> SearchMap {
    let request = SearchRequest {
        query: "budget".into(),
        algorithm,
        ..SearchRequest::default()
    };
    world
        .service
        .map_checked(&principal(uid), &world.check, &request)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn each_result_has_its_point_and_the_search_stays_the_same(pool: PgPool) {
    let world = World::new(pool);
    let texts = [
        "budget plan",
        "budget of spring",
        "budget and ferry",
        "budget later",
    ];
    for (id, text) in (1..).zip(texts) {
        world.add(id, text, &[("alice", "file", "/a.md")]).await;
    }
    store_vectors(&world, &texts[..3]).await;
    for algorithm in [Algorithm::Hybrid, Algorithm::Semantic, Algorithm::Bm25] {
        let drawn = map(&world, "alice", algorithm).await;
        assert_eq!(drawn.response.hits.len(), 4);
        let picture = drawn.picture.unwrap();
        assert_eq!(
            (picture.results.len(), picture.without_vector),
            (4, 1),
            "{algorithm:?}"
        );
        assert!(picture.query.is_some(), "{algorithm:?}");
        for (hit, point) in drawn.response.hits.iter().zip(&picture.results) {
            let at_center = point.iter().all(|value| value.abs() <= 0.0);
            assert_eq!(at_center, hit.id == "4", "{} {point:?}", hit.id);
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn s01_a_picture_holds_nothing_of_anothers_documents(pool: PgPool) {
    let world = World::new(pool);
    let texts = ["budget plan", "budget of spring", "budget secret"];
    for (id, reader) in (1..).zip(["bob", "bob", "alice"]) {
        let text = texts[usize::try_from(id - 1).unwrap()];
        world.add(id, text, &[(reader, "file", "/a.md")]).await;
    }
    store_vectors(&world, &texts).await;
    let before = map(&world, "bob", Algorithm::Hybrid).await;
    assert_eq!(before.picture.as_ref().unwrap().results.len(), 2);
    world.sql("delete from documents where native_id = '3'").await;
    assert_eq!(map(&world, "bob", Algorithm::Hybrid).await, before);
    assert_eq!(map(&world, "alice", Algorithm::Hybrid).await.picture, None);
}
