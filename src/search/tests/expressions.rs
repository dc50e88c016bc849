//! What people write into the box: phrases, filters, names; and what their results show.

use crate::search::test_support::{World, ids};
use crate::search::{Algorithm, Granularity, SearchError, SearchRequest, SearchResponse};
use sqlx::PgPool;

fn sorted(response: &SearchResponse) -> Vec<&str> {
    let mut ids = ids(response);
    ids.sort_unstable();
    ids
}

#[sqlx::test(migrations = "./migrations")]
async fn a_quoted_phrase_must_stand_in_passage_title_or_path(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(
            1,
            "the Ferry\n timetable of spring",
            &[("alice", "file", "/a.md")],
        )
        .await;
    world
        .add(2, "timetable of the ferry", &[("alice", "file", "/b.md")])
        .await;
    world
        .add(3, "something else", &[("alice", "file", "/Ferry timetable/c.md")])
        .await;
    world
        .add(
            4,
            "ends with the ferry\n\ntimetable begins here",
            &[("alice", "file", "/d.md")],
        )
        .await;
    assert_eq!(world.words("alice", "ferry timetable").await.hits.len(), 5);
    let quoted = world.words("alice", "\"ferry timetable\"").await;
    let mut found = sorted(&quoted);
    found.dedup();
    assert_eq!(found, ["1", "3", "4"], "also across the border of two passages");
    assert_eq!(quoted.degraded, None);
    assert_eq!(
        ids(&world.words("alice", "\"timetable of the ferry\"").await),
        ["2"]
    );
    assert_eq!(
        world.words("alice", "\"no such words\" ferry").await.total_found,
        0
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn words_that_stand_together_go_first(pool: PgPool) {
    let world = World::new(pool);
    world.add(1, "key bicycle", &[("alice", "file", "/a.md")]).await;
    world.add(2, "bicycle key", &[("alice", "file", "/b.md")]).await;
    assert_eq!(ids(&world.words("alice", "bicycle key").await), ["2", "1"]);
    assert_eq!(ids(&world.words("alice", "key bicycle").await), ["1", "2"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn filters_can_be_written_into_the_query(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(1, "budget", &[("alice", "note", "/Notes/budget.md")])
        .await;
    world
        .add(2, "budget", &[("alice", "file", "/Old/Work plans/x/budget.md")])
        .await;
    world
        .add(3, "budget", &[("alice", "file", "/Work plans 2/budget.md")])
        .await;
    world
        .sql("update documents set modified_at = '2026-03-01T00:00:00Z' where native_id = '2'")
        .await;
    for (query, found) in [
        ("budget type:note", vec!["1"]),
        ("type:FILES budget", vec!["2", "3"]),
        ("budget in:\"work plans\"", vec!["2"]),
        ("budget in:\"/work plans\"", vec![]),
        ("budget in:/old", vec!["2"]),
        ("budget in:notes in:old", vec!["1", "2"]),
        ("budget after:2026-03-01", vec!["2"]),
        ("budget before:2026-01-01", vec![]),
        ("budget before:2026-01-02", vec!["1", "3"]),
        ("type:note", vec![]),
    ] {
        let answer = world.words("alice", query).await;
        assert_eq!(sorted(&answer), found, "{query}");
        assert_eq!(answer.total_found, found.len(), "{query}");
    }
    for (query, named) in [("budget type:mail", "file, note"), ("budget after:soon", "soon")] {
        let request = SearchRequest {
            query: query.into(),
            ..SearchRequest::default()
        };
        let refused = world.search("alice", request).await.unwrap_err();
        assert!(
            matches!(&refused, SearchError::Invalid(text) if text.contains(named)),
            "{refused}"
        );
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_document_is_found_by_its_exact_name(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(
            1,
            "nothing of it",
            &[("alice", "file", "/x/report_2024-final.pdf")],
        )
        .await;
    for id in 2..6 {
        world
            .add(
                id,
                "report report 2024 final pdf",
                &[("alice", "file", "/y/other.md")],
            )
            .await;
    }
    world
        .sql("update document_readers set title = 'report_2024-final.pdf' where path like '/x/%'")
        .await;
    world.add(9, "secret", &[("bob", "file", "/bobs.md")]).await;
    world
        .sql("update document_readers set title = 'bobs.md' where uid = 'bob'")
        .await;
    for algorithm in [Algorithm::Hybrid, Algorithm::Bm25] {
        for name in ["report_2024-final.pdf", "REPORT_2024-final.pdf"] {
            let request = SearchRequest {
                query: name.into(),
                algorithm,
                ..SearchRequest::default()
            };
            let answer = world.search("alice", request).await.unwrap();
            assert_eq!(answer.hits[0].id, "1", "{algorithm:?} {name}");
        }
    }
    assert!(!ids(&world.words("alice", "bobs.md").await).contains(&"9"));
    let elsewhere = world.words("alice", "report_2024-final.pdf in:/y").await;
    assert!(!ids(&elsewhere).contains(&"1"), "the filters hold for names too");
}

#[sqlx::test(migrations = "./migrations")]
async fn the_readers_own_folders_lift_a_result(pool: PgPool) {
    let world = World::new(pool);
    world
        .add(1, "packing list", &[("alice", "file", "/a/list.md")])
        .await;
    world
        .add(
            2,
            "packing list",
            &[("alice", "file", "/Norway/list.md"), ("bob", "file", "/list.md")],
        )
        .await;
    world
        .add(3, "packing list", &[("bob", "file", "/b/list.md")])
        .await;
    assert_eq!(
        ids(&world.words("alice", "packing list norway").await),
        ["2", "1"]
    );
    let (one, other) = (
        world.words("bob", "packing list norway").await,
        world.words("bob", "packing list sweden").await,
    );
    assert_eq!(ids(&one), ids(&other), "a folder of Alice's is nothing to Bob");
}

#[sqlx::test(migrations = "./migrations")]
async fn passages_that_say_the_same_are_shown_once(pool: PgPool) {
    let world = World::new(pool);
    let passage = "the budget of the orchard for the coming year was agreed by all members who were there";
    let text = format!("{passage}\n\n{passage}!\n\nthe budget of the brewery\n\n{passage}");
    world.add(1, &text, &[("alice", "file", "/a.md")]).await;
    world.add(2, passage, &[("alice", "file", "/copy.md")]).await;
    let mut seen = Vec::new();
    for offset in 0..4 {
        let request = SearchRequest {
            query: "budget".into(),
            limit: 1,
            offset,
            ..SearchRequest::default()
        };
        let page = world.search("alice", request).await.unwrap();
        seen.extend(page.hits.into_iter().map(|hit| (hit.id, hit.excerpt)));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    let all = world.words("alice", "budget").await;
    assert_eq!(all.total_found, 3, "the copy in another document stays");
    let documents = SearchRequest {
        query: "budget".into(),
        granularity: Granularity::Document,
        ..SearchRequest::default()
    };
    assert_eq!(world.search("alice", documents).await.unwrap().total_found, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn results_show_where_they_match(pool: PgPool) {
    let world = World::new(pool);
    let text = format!(
        "🦀 before\n\nÄ {} the Ferry and its timetable {}",
        "x ".repeat(400),
        "y ".repeat(400)
    );
    world.add(1, &text, &[("alice", "file", "/a.md")]).await;
    let answer = world.words("alice", "ferry timetable").await;
    let hit = &answer.hits[0];
    let shown =
        |text: &str, start: usize, end: usize| text.chars().skip(start).take(end - start).collect::<String>();
    let words: Vec<String> = hit
        .highlights
        .iter()
        .map(|place| shown(&hit.excerpt, place.start, place.end))
        .collect();
    assert_eq!(words, ["Ferry", "timetable"]);
    let snippet = &hit.snippet;
    assert!(snippet.text.contains("the Ferry and its timetable"));
    let length = snippet.text.chars().count();
    assert_eq!(shown(&text, snippet.start, snippet.start + length), snippet.text);
    let place = snippet.highlights[0];
    assert_eq!(shown(&snippet.text, place.start, place.end), "Ferry");
}
