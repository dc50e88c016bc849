//! Filters by type, folder and time.

use crate::search::filters::Filters;
use crate::search::test_support::{World, ids, principal};
use crate::search::{SearchError, SearchRequest, SearchResponse, tenant};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

fn budget() -> SearchRequest {
    SearchRequest {
        query: "budget".into(),
        ..SearchRequest::default()
    }
}

fn sorted(response: &SearchResponse) -> Vec<&str> {
    let mut ids = ids(response);
    ids.sort_unstable();
    ids
}

async fn world(pool: PgPool) -> World {
    let world = World::new(pool);
    world
        .add(1, "budget", &[("alice", "note", "/Notes/budget.md")])
        .await;
    world
        .add(2, "budget", &[("alice", "file", "/Work/budget.md")])
        .await;
    world
        .add(3, "budget", &[("alice", "file", "/Workshop/budget.md")])
        .await;
    world
        .add(
            4,
            "budget",
            &[
                ("alice", "file", "/100% sure_/budget.md"),
                ("bob", "file", "/Work/b.md"),
            ],
        )
        .await;
    world
        .sql("update documents set modified_at = '2026-03-01T00:00:00Z' where native_id = '2'")
        .await;
    world
}

#[sqlx::test(migrations = "./migrations")]
async fn types_are_those_that_this_reader_sees(pool: PgPool) {
    let world = world(pool).await;
    let of = |types: &[&str]| SearchRequest {
        doc_types: Some(types.iter().map(ToString::to_string).collect()),
        ..budget()
    };
    assert_eq!(
        sorted(&world.search("alice", of(&["note"])).await.unwrap()),
        ["1"]
    );
    assert_eq!(
        sorted(&world.search("alice", of(&["file"])).await.unwrap()),
        ["2", "3", "4"]
    );
    assert_eq!(
        sorted(&world.search("alice", of(&[])).await.unwrap()),
        ["1", "2", "3", "4"]
    );
    assert_eq!(world.search("bob", of(&["note"])).await.unwrap().total_found, 0);
    let refused = world.search("alice", of(&["note", "mail"])).await.unwrap_err();
    assert!(matches!(refused, SearchError::Invalid(text) if text.contains("file, note")));
}

#[sqlx::test(migrations = "./migrations")]
async fn folders_are_whole_folders_and_their_names_are_no_patterns(pool: PgPool) {
    let world = world(pool).await;
    let below = |folders: &[&str]| SearchRequest {
        path_prefixes: folders.iter().map(ToString::to_string).collect(),
        ..budget()
    };
    assert_eq!(
        sorted(&world.search("alice", below(&["/Work"])).await.unwrap()),
        ["2"]
    );
    assert_eq!(
        sorted(&world.search("alice", below(&["Work/", "/Notes"])).await.unwrap()),
        ["1", "2"]
    );
    assert_eq!(
        sorted(&world.search("alice", below(&["/100% sure_"])).await.unwrap()),
        ["4"]
    );
    assert_eq!(
        sorted(&world.search("alice", below(&["/%"])).await.unwrap()),
        [""; 0]
    );
    assert_eq!(
        sorted(&world.search("alice", below(&["/"])).await.unwrap()).len(),
        4
    );
    assert_eq!(
        sorted(&world.search("bob", below(&["/100% sure_"])).await.unwrap()),
        [""; 0]
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn bounds_of_time_are_inclusive(pool: PgPool) {
    let world = world(pool).await;
    let march: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
    let after = SearchRequest {
        modified_after: Some(march),
        ..budget()
    };
    assert_eq!(sorted(&world.search("alice", after).await.unwrap()), ["2"]);
    let before = SearchRequest {
        modified_before: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..budget()
    };
    assert_eq!(
        sorted(&world.search("alice", before).await.unwrap()),
        ["1", "3", "4"]
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn candidates_can_be_filtered_after_the_index_has_answered(pool: PgPool) {
    let world = world(pool).await;
    let alice = principal("alice");
    let work = Filters {
        folders: vec!["/Work".into()],
        ..Filters::default()
    };
    let listed = tenant::matching(&world.pool, &alice, &work, None, 10)
        .await
        .unwrap();
    let among = tenant::matching(&world.pool, &alice, &work, Some(&listed), 10)
        .await
        .unwrap();
    assert_eq!((listed.len(), &among), (1, &listed));
    assert!(
        tenant::matching(&world.pool, &alice, &work, Some(&[]), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_filter_that_leaves_most_documents_is_applied_to_the_candidates(pool: PgPool) {
    let world = world(pool).await;
    // More documents than a query to the index may list; only those of `world` have chunks.
    world
        .sql(
            "with added as (
                insert into documents (family, native_id, etag, state, visible_generation)
                select 'file', 'x' || n, 'e', 'indexed', 1 from generate_series(1, 20001) n returning id)
             insert into document_readers (document_id, uid, doc_type, path, title, seen_scan)
             select id, 'alice', 'file', '/many/' || id, 't', 1 from added",
        )
        .await;
    let files = SearchRequest {
        doc_types: Some(vec!["file".into()]),
        ..budget()
    };
    let answer = world.search("alice", files).await.unwrap();
    assert_eq!((sorted(&answer), answer.total_found), (vec!["2", "3", "4"], 3));
}
