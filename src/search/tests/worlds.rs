//! Seeded random worlds: what a reader is answered, and what Nextcloud is asked, must be the same as in the world
//! that never held the documents he may not open. The index double knows no IDF, so that scores are compared too:
//! with a real one BM25's IDF counts every reader's documents (docs/search.md).
//!
//! `ISOLATION_WORLDS` sets how many worlds each of the four tests makes; `scripts/bench` sets 2,500.

use crate::search::test_support::{Reader, World};
use crate::search::{Algorithm, Fusion, Granularity, SearchRequest, SearchResponse};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sqlx::PgPool;

const WORDS: [&str; 7] = ["apple", "pear", "plum", "fig", "quince", "medlar", "cherry"];

/// A world without documents, whose ids begin at 1 again. Truncating takes ten times as long.
const EMPTY: &str = "delete from documents; delete from access_sets; delete from users;
    select setval(pg_get_serial_sequence(name, 'id'), 1, false)
    from unnest(array['documents', 'chunks', 'access_sets']) as name;";

/// Who may open a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    /// Bob.
    ByBob,
    /// Bob and Alice.
    ByBoth,
    /// Alice.
    ByAlice,
    /// The index still names Bob as a reader; Nextcloud does not any more.
    NoLonger,
}

impl Readable {
    fn now(self) -> bool {
        matches!(self, Self::ByBob | Self::ByBoth)
    }

    fn readers(self, path: &str) -> Vec<Reader<'_>> {
        let (alice, bob) = (("alice", "file", path), ("bob", "note", path));
        match self {
            Self::ByBob => vec![bob],
            Self::ByAlice => vec![alice],
            Self::ByBoth | Self::NoLonger => vec![alice, bob],
        }
    }
}

#[derive(Debug, Clone)]
struct Document {
    paragraphs: Vec<Vec<usize>>,
    readable: Readable,
    folder: usize,
}

#[derive(Debug, Clone)]
struct Plan {
    documents: Vec<Document>,
    query: Vec<usize>,
    algorithm: Algorithm,
    fusion: Fusion,
    granularity: Granularity,
    limit: usize,
    offset: usize,
    threshold: f32,
    in_folder: bool,
}

fn text(words: &[usize]) -> String {
    words
        .iter()
        .map(|word| WORDS[*word])
        .collect::<Vec<_>>()
        .join(" ")
}

fn words(most: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..WORDS.len(), 1..most)
}

/// Worlds whose unreadable documents are of these kinds.
fn plans(unreadable: Readable) -> impl Strategy<Value = Plan> {
    let readable = prop_oneof![Just(Readable::ByBob), Just(Readable::ByBoth), Just(unreadable)];
    let document = (proptest::collection::vec(words(6), 1..4), readable, 0_usize..3).prop_map(
        |(paragraphs, readable, folder)| Document {
            paragraphs,
            readable,
            folder,
        },
    );
    let request = (
        words(4),
        prop_oneof![
            Just(Algorithm::Hybrid),
            Just(Algorithm::Semantic),
            Just(Algorithm::Bm25)
        ],
        prop_oneof![Just(Fusion::Rrf), Just(Fusion::Dbsf)],
        prop_oneof![Just(Granularity::Chunk), Just(Granularity::Document)],
        1_usize..6,
        0_usize..4,
        prop_oneof![Just(0.0_f32), Just(0.4)],
        any::<bool>(),
    );
    (proptest::collection::vec(document, 1..9), request).prop_map(|(documents, request)| {
        let (query, algorithm, fusion, granularity, limit, offset, threshold, in_folder) = request;
        Plan {
            documents,
            query,
            algorithm,
            fusion,
            granularity,
            limit,
            offset,
            threshold,
            in_folder,
        }
    })
}

/// Bob's answer, and the ids that Nextcloud was asked about.
async fn answer(pool: &PgPool, plan: &Plan, with_unreadable: bool) -> (SearchResponse, Vec<String>) {
    sqlx::raw_sql(EMPTY).execute(pool).await.unwrap();
    let world = World::new(pool.clone());
    for (id, document) in (1_i64..).zip(&plan.documents) {
        if !with_unreadable && !document.readable.now() {
            continue;
        }
        let paragraphs: Vec<String> = document.paragraphs.iter().map(|words| text(words)).collect();
        let path = format!("/Box {}/{id}.md", document.folder);
        let readers = document.readable.readers(&path);
        world.add(id, &paragraphs.join("\n\n"), &readers).await;
        if !document.readable.now() {
            world.check.revoke(id);
        }
    }
    let request = SearchRequest {
        query: text(&plan.query),
        algorithm: plan.algorithm,
        fusion: plan.fusion,
        granularity: plan.granularity,
        limit: plan.limit,
        offset: plan.offset,
        score_threshold: plan.threshold,
        path_prefixes: if plan.in_folder {
            vec!["/Box 1".into()]
        } else {
            Vec::new()
        },
        context_chars: 20,
        ..SearchRequest::default()
    };
    let answer = world.search("bob", request).await.unwrap();
    (answer, world.check.asked_ids())
}

/// Makes as many worlds as asked for; `compare` sees both answers.
async fn each_world(
    pool: &PgPool,
    seed: u8,
    unreadable: Readable,
    compare: impl Fn(&Plan, (SearchResponse, Vec<String>), (SearchResponse, Vec<String>)),
) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, not of the server"
    )]
    let count: usize = std::env::var("ISOLATION_WORLDS").map_or(50, |count| count.parse().expect("a number"));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..count {
        let plan = plans(unreadable).new_tree(&mut runner).unwrap().current();
        let with = answer(pool, &plan, true).await;
        let without = answer(pool, &plan, false).await;
        compare(&plan, with, without);
    }
}

/// Others' documents change neither the answer nor what Nextcloud is asked.
async fn others_documents_change_nothing(pool: &PgPool, seed: u8) {
    each_world(pool, seed, Readable::ByAlice, |plan, with, without| {
        assert_eq!(with, without, "{plan:?}");
    })
    .await;
}

/// A document that Nextcloud refuses now changes no result and no count; only that something was dropped is told.
async fn lost_documents_change_no_result(pool: &PgPool, seed: u8) {
    each_world(pool, seed, Readable::NoLonger, |plan, (with, _), (without, _)| {
        let shown =
            |answer: &SearchResponse| (answer.hits.clone(), answer.total_found, answer.verified_chunks);
        assert_eq!(shown(&with), shown(&without), "{plan:?}");
    })
    .await;
}

#[sqlx::test(migrations = "./migrations")]
async fn s01_others_documents_change_nothing(pool: PgPool) {
    others_documents_change_nothing(&pool, 1).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn s01_others_documents_change_nothing_in_more_worlds(pool: PgPool) {
    others_documents_change_nothing(&pool, 2).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn s04_lost_documents_change_no_result(pool: PgPool) {
    lost_documents_change_no_result(&pool, 3).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn s04_lost_documents_change_no_result_in_more_worlds(pool: PgPool) {
    lost_documents_change_no_result(&pool, 4).await;
}
