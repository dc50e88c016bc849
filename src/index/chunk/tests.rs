use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static CHUNKER: LazyLock<Chunker> = LazyLock::new(|| Chunker::built_in().unwrap());

fn slice(text: &str, chunk: &Chunk) -> String {
    text.chars()
        .skip(chunk.start)
        .take(chunk.end - chunk.start)
        .collect()
}

fn check(text: &str, markdown: bool) -> Vec<Chunk> {
    let chunks = CHUNKER.chunk(text, markdown);
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    for chunk in &chunks {
        assert!(chunk.start >= at && chunk.end > chunk.start && chunk.end <= characters.len());
        assert!(
            characters[at..chunk.start].iter().all(|c| c.is_whitespace()),
            "text between chunks"
        );
        let embedded = CHUNKER.embedding_text(
            &"a rather long title of a document ".repeat(5),
            &chunk.heading_path,
            &slice(text, chunk),
        );
        let tokens = CHUNKER.token_count(&embedded).unwrap();
        assert!(tokens <= 256, "{tokens} tokens in {embedded:?}");
        at = chunk.end;
    }
    assert!(
        characters[at..].iter().all(|c| c.is_whitespace()),
        "text after the last chunk"
    );
    chunks
}

#[test]
fn a_short_text_is_one_chunk() {
    let chunks = check("  Hello, world.\n", false);
    assert_eq!(
        chunks,
        [Chunk {
            start: 2,
            end: 15,
            heading_path: vec![]
        }]
    );
    assert!(check(" \n\t", true).is_empty());
}

#[test]
fn a_long_text_is_cut_at_sentences() {
    let text = "The committee met on Tuesday and decided nothing of importance. ".repeat(100);
    let chunks = check(&text, false);
    assert!(chunks.len() > 4);
    for chunk in &chunks {
        assert!(slice(&text, chunk).ends_with('.'), "{:?}", slice(&text, chunk));
    }
    // Budgets are used: no chunk but the last is below half of the passage's share.
    for chunk in &chunks[..chunks.len() - 1] {
        assert!(CHUNKER.token_count(&slice(&text, chunk)).unwrap() > 111);
    }
}

#[test]
fn headings_make_paths_and_fences_hide_them() {
    let filler = "Some words that fill this section with text. ".repeat(20);
    let text = format!(
        "Intro\n\n# A #\n{filler}\n## B\n{filler}\n```sh\n# not a heading\n```\n{filler}\n# C\n{filler}"
    );
    let chunks = check(&text, true);
    let path_of = |needle: &str| {
        let chunk = chunks
            .iter()
            .find(|chunk| slice(&text, chunk).contains(needle))
            .unwrap();
        chunk.heading_path.clone()
    };
    assert_eq!(path_of("Intro"), Vec::<String>::new());
    assert_eq!(path_of("## B"), ["A", "B"]);
    assert_eq!(path_of("# not a heading"), ["A", "B"]);
    assert_eq!(path_of("# C"), ["C"]);
    assert!(
        check(&text, false)
            .iter()
            .all(|chunk| chunk.heading_path.is_empty())
    );
}

#[test]
fn offsets_count_code_points() {
    let text = format!("🎉é {}", "übermäßig schöne Wörter 世界 ".repeat(100));
    for chunk in check(&text, false) {
        assert!(!slice(&text, &chunk).is_empty());
    }
}

#[test]
fn texts_without_blanks_stay_within_the_budget() {
    check(&"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(300), false);
    check(&"これは日本語の文章です。".repeat(200), false);
    check(&"한국어문장입니다".repeat(200), false);
    check(&"a-b_c/d=".repeat(500), false);
    let blank = format!("a{}b", " ".repeat(100_000));
    assert_eq!(check(&blank, false).len(), 2);
}

#[test]
fn embedding_text_names_title_and_headings() {
    let headings = ["Plans".to_owned(), "Budget".to_owned()];
    assert_eq!(
        CHUNKER.embedding_text("Report", &headings, "Text."),
        "Report\nPlans\nBudget\nText."
    );
    assert_eq!(
        CHUNKER.embedding_text("plans", &headings, "Text."),
        "plans\nBudget\nText."
    );
    assert_eq!(CHUNKER.embedding_text("", &[], "Text."), "Text.");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_cover_any_text(text in "([a-zA-Z]{1,12}[ ,.\n]{1,2}|# |```\n|\\PC{1,8}|[\u{300}-\u{36F}]|[가-힣ก-๛अ-ह]{1,90}|\n\n){0,300}", markdown: bool) {
        check(&text, markdown);
    }

    #[test]
    fn chunks_cover_control_characters(text in proptest::collection::vec(any::<char>(), 0..800)) {
        check(&text.into_iter().collect::<String>(), true);
    }
}
