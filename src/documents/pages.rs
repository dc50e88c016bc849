//! Where the pages of a document begin in its text.

use serde::{Deserialize, Serialize};

/// Between two pages of a text: the end of a paragraph.
const SEPARATOR: &str = "\n\n";

/// The first code point of each page, ascending. There is at least one page, and the first begins at 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Pages(Vec<usize>);

impl Pages {
    /// Puts pages one after the other and notes where each begins. A page without text begins where the next one does.
    pub fn join(pages: &[String]) -> (String, Self) {
        let mut text = String::with_capacity(pages.iter().map(|page| page.len() + SEPARATOR.len()).sum());
        let mut starts = Vec::with_capacity(pages.len().max(1));
        let mut length = 0;
        for page in pages {
            let page = page.trim();
            if !page.is_empty() && !text.is_empty() {
                text.push_str(SEPARATOR);
                length += SEPARATOR.len();
            }
            starts.push(length);
            text.push_str(page);
            length += page.chars().count();
        }
        if let Some(first) = starts.first_mut() {
            *first = 0;
        } else {
            starts.push(0);
        }
        (text, Self(starts))
    }

    /// How many pages there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The page, from 1, that holds most of the code points from `start` up to `end`; the earlier one of equals.
    pub fn page_of(&self, start: usize, end: usize) -> usize {
        // Of pages that begin at the same place only the last one has text.
        let first = self.0.partition_point(|page| *page <= start).max(1);
        let mut best = (first, 0);
        for page in first..=self.count() {
            let begin = self.0.get(page - 1).copied().unwrap_or_default().max(start);
            if begin >= end {
                break;
            }
            let next = self.0.get(page).copied().unwrap_or(usize::MAX);
            let held = next.min(end).saturating_sub(begin);
            if held > best.1 {
                best = (page, held);
            }
        }
        best.0
    }
}

/// Starts that do not ascend from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("page starts must ascend from 0")]
pub struct UnorderedPages;

impl TryFrom<Vec<usize>> for Pages {
    type Error = UnorderedPages;

    fn try_from(starts: Vec<usize>) -> Result<Self, UnorderedPages> {
        if starts.first() == Some(&0) && starts.is_sorted() {
            Ok(Self(starts))
        } else {
            Err(UnorderedPages)
        }
    }
}

impl From<Pages> for Vec<usize> {
    fn from(pages: Pages) -> Self {
        pages.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn join(pages: &[&str]) -> (String, Pages) {
        let pages: Vec<String> = pages.iter().map(|page| (*page).to_owned()).collect();
        Pages::join(&pages)
    }

    #[test]
    fn a_passage_belongs_to_the_page_that_holds_most_of_it() {
        let (text, pages) = join(&["äöü 😀", "second page", "third"]);
        assert_eq!(text, "äöü 😀\n\nsecond page\n\nthird");
        assert_eq!(pages.count(), 3);
        assert_eq!(pages.page_of(0, 5), 1);
        assert_eq!(pages.page_of(7, 18), 2);
        assert_eq!(pages.page_of(3, 18), 2, "two code points before, eleven after");
        assert_eq!(pages.page_of(0, 9), 1);
        assert_eq!(pages.page_of(20, 25), 3);
        assert_eq!(pages.page_of(0, 25), 2);
    }

    #[test]
    fn empty_pages_count_and_hold_nothing() {
        let (text, pages) = join(&["", "one", " \n", "two", ""]);
        assert_eq!(text, "one\n\ntwo");
        assert_eq!(pages.count(), 5);
        assert_eq!(pages.page_of(0, 3), 2);
        assert_eq!(pages.page_of(5, 8), 4);
        assert_eq!(join(&[]).1.count(), 1);
    }

    #[test]
    fn starts_from_elsewhere_are_checked() {
        assert!(serde_json::from_str::<Pages>("[0,3,3,9]").is_ok());
        for wrong in ["[]", "[1]", "[0,5,4]"] {
            assert!(serde_json::from_str::<Pages>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_page_is_found_where_it_stands(pages in proptest::collection::vec("[a-zé世🎉\u{301} \n]{0,20}", 1..12)) {
            let (text, starts) = Pages::join(&pages);
            prop_assert_eq!(starts.count(), pages.len());
            let points: Vec<char> = text.chars().collect();
            let offsets: Vec<usize> = starts.clone().into();
            prop_assert!(Pages::try_from(offsets.clone()).is_ok());
            for (index, page) in pages.iter().enumerate() {
                let page = page.trim();
                if page.is_empty() {
                    continue;
                }
                let end = offsets[index] + page.chars().count();
                let there: String = points[offsets[index]..end].iter().collect();
                prop_assert_eq!(&there, page);
                prop_assert_eq!(starts.page_of(offsets[index], end), index + 1);
            }
        }
    }
}
