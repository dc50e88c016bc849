//! Passages, context and whole documents, counted in code points.

use crate::search::context::{ChunkContext, Slice};
use crate::search::test_support::{World, principal};
use crate::search::{SearchError, SearchRequest};
use sqlx::PgPool;

const TEXT: &str = "🦀🦀 née\n\ncafé crème 🍰\n\nשלום 🌍 end";

async fn world(pool: PgPool) -> World {
    let world = World::new(pool);
    world.add(1, TEXT, &[("alice", "note", "/Notes/a.md")]).await;
    world
}

#[sqlx::test(migrations = "./migrations")]
async fn excerpts_and_context_are_cut_at_code_points(pool: PgPool) {
    let world = world(pool).await;
    let request = SearchRequest {
        query: "crème".into(),
        context_chars: 5,
        limit: 1,
        ..SearchRequest::default()
    };
    let hit = world.search("alice", request).await.unwrap().hits.remove(0);
    assert_eq!(hit.excerpt, "café crème 🍰");
    assert_eq!((hit.chunk_start_offset, hit.chunk_end_offset), (8, 20));
    assert_eq!((hit.chunk_index, hit.total_chunks), (1, 3));
    assert_eq!(hit.before_context.as_deref(), Some("née\n\n"));
    assert_eq!(hit.after_context.as_deref(), Some("\n\nשלו"));
    assert!(hit.has_more_before && hit.has_more_after);
    let slice: String = TEXT
        .chars()
        .skip(hit.chunk_start_offset)
        .take(hit.chunk_end_offset - hit.chunk_start_offset)
        .collect();
    assert_eq!(slice, hit.excerpt);
}

#[sqlx::test(migrations = "./migrations")]
async fn context_ends_where_the_text_ends(pool: PgPool) {
    let world = world(pool).await;
    let request = SearchRequest {
        query: "crème".into(),
        context_chars: 10_000,
        limit: 1,
        ..SearchRequest::default()
    };
    let hit = world.search("alice", request).await.unwrap().hits.remove(0);
    let whole = [
        hit.before_context.unwrap(),
        hit.excerpt,
        hit.after_context.unwrap(),
    ]
    .concat();
    assert_eq!(whole, TEXT);
    assert!(!hit.has_more_before && !hit.has_more_after);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_document_is_fetched_whole_by_the_type_its_reader_sees(pool: PgPool) {
    let world = world(pool).await;
    let alice = principal("alice");
    let found = world
        .service
        .document_checked(&alice, &world.check, "note", "1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.text.as_str(), found.title.as_str()),
        (TEXT, "alice: /Notes/a.md")
    );
    assert_eq!(found.url, "https://cloud.example.org/index.php/apps/notes/note/1");
    assert_eq!(
        world
            .service
            .document_checked(&alice, &world.check, "file", "1")
            .await
            .unwrap(),
        None
    );
    let unknown = world
        .service
        .document_checked(&alice, &world.check, "mail", "1")
        .await;
    assert!(matches!(unknown, Err(SearchError::Invalid(text)) if text.contains("file, note")));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_chunk_is_shown_with_what_stands_around_it(pool: PgPool) {
    let world = world(pool).await;
    let alice = principal("alice");
    let at = async |start, end, context| {
        let slice = Slice::new(start, end, context).unwrap();
        world
            .service
            .chunk_context_checked(&alice, &world.check, ("note", "1"), slice)
            .await
            .unwrap()
    };
    let indexed = ChunkContext {
        chunk_text: "café crème 🍰".into(),
        before_context: "\n\n".into(),
        after_context: "\n\n".into(),
        has_more_before: true,
        has_more_after: true,
        page_number: None,
        chunk_index: Some(1),
        total_chunks: 3,
    };
    assert_eq!(at(8, 20, 2).await, Some(indexed));
    let other = at(0, 2, 0).await.unwrap();
    assert_eq!(
        (
            other.chunk_text.as_str(),
            other.chunk_index,
            other.has_more_before
        ),
        ("🦀🦀", None, false)
    );
    assert_eq!(
        at(9_999_999, 10_000_000, 10_000).await,
        None,
        "beyond the end of the text"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_document_without_a_visible_text_is_not_found(pool: PgPool) {
    let world = world(pool).await;
    world.sql("update documents set visible_generation = 0").await;
    let found = world
        .service
        .document_checked(&principal("alice"), &world.check, "note", "1")
        .await
        .unwrap();
    assert_eq!(found, None);
}
