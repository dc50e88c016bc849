//! `nc_notes_search_notes`: words of the query among title, category and content of every note.

use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use crate::nextcloud::Note;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Notes fetched in one request.
const PAGE: u32 = 500;
/// Results returned; `total_found` tells how many there were.
const MOST_RESULTS: usize = 100;
/// Code points of the longest query.
const MAX_QUERY: usize = 10_000;
/// Weight of a word found in the title, the category, the content.
const WEIGHTS: [f64; 3] = [1.0, 0.8, 0.6];
/// Half of the words, found in the content.
const LEAST_SCORE: f64 = 0.3;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Words to look for.
    query: String,
}

#[derive(Debug, Serialize, JsonSchema, PartialEq)]
struct Found {
    id: i64,
    title: String,
    category: String,
    /// 0 to 1.
    score: Option<f64>,
    url: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SearchNotes {
    #[serde(flatten)]
    answered: Answered,
    results: Vec<Found>,
    query: String,
    total_found: usize,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_search_notes",
        "Search notes",
        "Find notes by words in title, category and content. Returns ids and titles, best first; read one with \
         nc_notes_get_note.",
        Effect::Reads,
        Scope::NOTES_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<SearchNotes, ToolError> {
    if arguments.query.chars().count() > MAX_QUERY {
        return Err(ToolError::Arguments(format!(
            "argument `query` must hold at most {MAX_QUERY} characters"
        )));
    }
    let words = words(&arguments.query);
    let nextcloud = context.nextcloud().await?;
    let mut results = Vec::new();
    let mut cursor: Option<String> = None;
    while !words.is_empty() {
        let page = nextcloud.notes_page(PAGE, cursor.as_deref(), true).await?;
        results.extend(page.notes.into_iter().filter_map(|note| {
            let score = score(&words, &note);
            let url = Some(context.services.links.note(note.id));
            (score >= LEAST_SCORE).then_some(Found {
                id: note.id,
                title: note.title,
                category: note.category,
                score: Some(score),
                url,
            })
        }));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    results.sort_by(|a, b| {
        b.score
            .partial_cmp(&a.score)
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(a.id.cmp(&b.id))
    });
    let total_found = results.len();
    results.truncate(MOST_RESULTS);
    Ok(SearchNotes {
        answered: context.answered(),
        results,
        query: arguments.query,
        total_found,
    })
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Mean over the query's words of the best place where each is found.
fn score(words: &[String], note: &Note) -> f64 {
    let places = [&note.title, &note.category, &note.content].map(|text| text.to_lowercase());
    let of_word = |word: &String| {
        places
            .iter()
            .zip(WEIGHTS)
            .find(|(place, _)| place.contains(word.as_str()))
            .map_or(0.0, |(_, weight)| weight)
    };
    let count = u32::try_from(words.len()).unwrap_or(u32::MAX).max(1);
    words.iter().map(of_word).sum::<f64>() / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(title: &str, content: &str) -> Note {
        serde_json::from_value(serde_json::json!({"id": 1, "title": title, "content": content})).unwrap()
    }

    #[test]
    fn titles_count_more_than_content_and_all_words_more_than_some() {
        let query = words("Budget 2026!");
        assert_eq!(query, ["2026", "budget"]);
        let in_title = score(&query, &note("Budget 2026", ""));
        let in_content = score(&query, &note("Plan", "the budget of 2026"));
        let half = score(&query, &note("Plan", "the budget"));
        assert!(
            in_title > in_content && in_content > half,
            "{in_title} {in_content} {half}"
        );
        assert!((in_title - 1.0).abs() < 1e-9);
        assert!(half >= LEAST_SCORE);
        assert!(score(&query, &note("Recipe", "cake")) < LEAST_SCORE);
    }
}
