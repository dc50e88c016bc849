//! Files that take a parser: pages, lasting reasons, and files that harm whoever reads them.

use crate::documents::{Content, ExtractError, ExtractedText, FileFault, InProcessExtractor, TextExtractor};
use crate::nextcloud::NextcloudError;
use crate::sync::test_support::World;
use async_trait::async_trait;
use sqlx::PgPool;
use std::sync::Arc;

const PDF: &[u8] = include_bytes!("../../../tests/samples/ferry.pdf");
const DOCX: &[u8] = include_bytes!("../../../tests/samples/ferry.docx");

#[sqlx::test]
async fn passages_know_their_page(pool: PgPool) {
    let world = World::keyword_only(pool);
    world.cloud.put_bytes("alice", "/ferry.pdf", PDF);
    world.cloud.put_bytes("alice", "/ferry.docx", DOCX);
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let counts: Vec<(String, Option<i32>)> = sqlx::query_as(
        "select r.path, d.page_count from documents d join document_readers r on r.document_id = d.id order by 1",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(
        counts,
        [
            ("/ferry.docx".to_owned(), None),
            ("/ferry.pdf".to_owned(), Some(3))
        ]
    );
    let pages: Vec<(String, Option<i32>)> = sqlx::query_as(
        "select substr(t.text, c.start_offset + 1, c.end_offset - c.start_offset), c.page_number
         from chunks c join document_texts t using (document_id, generation)
         join documents d on d.id = c.document_id where d.page_count is not null order by c.ordinal",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let page_of = |words: &str| {
        let found = pages.iter().find(|(text, _)| text.contains(words));
        found.and_then(|(_, page)| *page)
    };
    assert_eq!(page_of("Schwimmwesten"), Some(1), "{pages:?}");
    assert!(pages.iter().all(|(_, page)| page.is_some_and(|page| page <= 3)));
    world.assert_index_true().await;
}

#[sqlx::test]
async fn n01_what_cannot_be_read_says_why(pool: PgPool) {
    let world = World::keyword_only(pool);
    for (name, bytes) in [
        (
            "scanned.pdf",
            &include_bytes!("../../../tests/samples/scanned.pdf")[..],
        ),
        (
            "secret.pdf",
            include_bytes!("../../../tests/samples/encrypted.pdf"),
        ),
        (
            "secret.docx",
            include_bytes!("../../../tests/samples/encrypted.docx"),
        ),
        ("cut.docx", &DOCX[..DOCX.len() / 2]),
        ("empty.pdf", b""),
    ] {
        world
            .cloud
            .put_bytes("alice", &format!("/{name}"), bytes.to_vec());
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let status = world.status().status(None).await.unwrap();
    let skipped: Vec<(&str, i64)> = status
        .skipped
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count))
        .collect();
    assert_eq!(
        skipped,
        [
            ("empty", 1),
            ("encrypted", 2),
            ("malformed", 1),
            ("no_text_layer", 1)
        ]
    );
    world.clock.advance(std::time::Duration::from_hours(25));
    world.scan().await;
    assert_eq!(
        world.engine.index_text_turn().await.unwrap(),
        0,
        "it stays so until the file changes, also after a full walk"
    );
}

#[sqlx::test]
async fn a_scan_is_read_again_when_there_is_somebody_to_read_it(pool: PgPool) {
    let world = World::keyword_only(pool);
    let scan = include_bytes!("../../../tests/samples/scanned.pdf");
    world.cloud.put_bytes("alice", "/scan.pdf", scan.to_vec());
    world.cloud.put_bytes("alice", "/empty.md", b"  ".to_vec());
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    assert_eq!(world.engine.retry_scans_without_text().await.unwrap(), 1);
    assert_eq!(world.engine.index_text_turn().await.unwrap(), 1);
    let reason =
        "select reason from documents where mime_type is null and state = 'skipped' order by reason limit 1";
    assert_eq!(
        world.one::<String>(reason).await,
        "empty",
        "only scans are taken back"
    );
}

#[sqlx::test]
async fn a_format_that_was_learnt_takes_its_skips_back(pool: PgPool) {
    let world = World::keyword_only(pool);
    world.cloud.put_bytes("alice", "/ferry.pdf", PDF);
    world.enqueue("alice").await;
    world.scan().await;
    // As an earlier version of the server left it.
    sqlx::query("update documents set state = 'skipped', reason = 'unsupported'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.clock.advance(std::time::Duration::from_hours(25));
    world.scan().await;
    world.settle().await;
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "indexed"
    );
}

/// Fails for files with a telling name, and reads the others.
struct Fragile;

#[async_trait]
impl TextExtractor for Fragile {
    async fn text(
        &self,
        content: &dyn Content,
        mime: Option<&str>,
        name: &str,
    ) -> Result<ExtractedText, ExtractError> {
        match name {
            "memory.pdf" => Err(FileFault::OutOfMemory.into()),
            "time.pdf" => Err(FileFault::TimedOut.into()),
            "crash.pdf" => Err(FileFault::Crashed.into()),
            "away.pdf" => Err(ExtractError::Later("no process could be started".to_owned())),
            "killed.pdf" => Err(ExtractError::Failed("somebody ended it".to_owned())),
            _ => InProcessExtractor.text(content, mime, name).await,
        }
    }
}

#[sqlx::test]
async fn n01_a_file_that_kills_its_reader_is_a_dead_letter_and_no_outage(pool: PgPool) {
    let world = World::reading_with(pool, Arc::new(Fragile));
    for name in ["memory.pdf", "time.pdf", "crash.pdf", "good.pdf"] {
        world.cloud.put_bytes("alice", &format!("/{name}"), PDF);
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let states: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "select r.path, d.state, d.reason from documents d join document_readers r on r.document_id = d.id order by 1",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let of = |path: &str| {
        let (_, state, reason) = states.iter().find(|(other, ..)| other == path).unwrap();
        (state.as_str(), reason.as_deref().unwrap_or_default())
    };
    assert_eq!(of("/good.pdf"), ("indexed", ""));
    for (path, word) in [
        ("/memory.pdf", "memory"),
        ("/time.pdf", "longer"),
        ("/crash.pdf", "crashed"),
    ] {
        let (state, reason) = of(path);
        assert_eq!(state, "dead", "{path}");
        assert!(reason.contains(word), "{path}: {reason}");
    }
    // A new version gets a new chance.
    world.cloud.rename("alice", "/crash.pdf", "/mended.pdf");
    world.cloud.put_bytes("alice", "/mended.pdf", PDF);
    world.rescan().await;
    world.settle().await;
    let dead = "select count(*) from documents where state = 'dead'";
    assert_eq!(world.one::<i64>(dead).await, 2);
}

#[sqlx::test]
async fn what_is_away_does_not_count_and_what_is_unclear_does(pool: PgPool) {
    let world = World::reading_with(pool, Arc::new(Fragile));
    world.cloud.put_bytes("alice", "/away.pdf", PDF);
    world.cloud.put_bytes("alice", "/killed.pdf", PDF);
    world.enqueue("alice").await;
    world.scan().await;
    for _ in 0..6 {
        world.settle().await;
        world.clock.advance(std::time::Duration::from_hours(1));
    }
    let states: Vec<(String, String)> = sqlx::query_as(
        "select r.path, d.state from documents d join document_readers r on r.document_id = d.id order by 1",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(
        states,
        [
            ("/away.pdf".to_owned(), "pending".to_owned()),
            ("/killed.pdf".to_owned(), "dead".to_owned())
        ]
    );
}

#[sqlx::test]
async fn a_credential_refused_while_opening_is_judged_as_everywhere(pool: PgPool) {
    let world = World::keyword_only(pool);
    world.cloud.put_bytes("alice", "/ferry.pdf", PDF);
    world.enqueue("alice").await;
    world.scan().await;
    world
        .cloud
        .fail("alice", "get /ferry.pdf", || NextcloudError::Unauthorized);
    world.settle().await;
    assert_eq!(world.cloud.rejected(), ["alice"]);
    world.cloud.heal();
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "pending"
    );
}
