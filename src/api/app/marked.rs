//! A text in pieces, some of which are marked.

use crate::search::Highlight;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) is_marked: bool,
}

/// Cuts `text` at the borders of the places (code points, in order, apart). Together the pieces are the text.
pub(super) fn pieces(text: &str, places: &[Highlight]) -> Vec<Piece> {
    let mut chars = text.chars();
    let mut at = 0;
    let mut pieces = Vec::new();
    let mut take = |to: usize, is_marked: bool| {
        let text: String = chars.by_ref().take(to.saturating_sub(at)).collect();
        at = at.max(to);
        if !text.is_empty() {
            pieces.push(Piece { text, is_marked });
        }
    };
    for place in places {
        take(place.start, false);
        take(place.end, true);
    }
    take(usize::MAX, false);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, places: &[(usize, usize)]) -> String {
        let places: Vec<Highlight> = places
            .iter()
            .map(|&(start, end)| Highlight { start, end })
            .collect();
        pieces(text, &places)
            .into_iter()
            .map(|piece| {
                if piece.is_marked {
                    format!("[{}]", piece.text)
                } else {
                    piece.text
                }
            })
            .collect()
    }

    #[test]
    fn places_are_code_points() {
        assert_eq!(
            shown("Die Fähre nach Öland 🦀", &[(4, 9), (15, 20)]),
            "Die [Fähre] nach [Öland] 🦀"
        );
        assert_eq!(shown("Fähre", &[(0, 5)]), "[Fähre]");
        assert_eq!(shown("Fähre", &[]), "Fähre");
        assert_eq!(shown("", &[]), "");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_places(text in ".{0,40}", mut cuts in proptest::collection::vec(0_usize..60, 0..8)) {
            cuts.sort_unstable();
            let places: Vec<Highlight> = cuts
                .chunks_exact(2)
                .map(|cut| Highlight { start: cut[0], end: cut[1] })
                .collect();
            let whole: String = pieces(&text, &places).into_iter().map(|piece| piece.text).collect();
            prop_assert_eq!(whole, text);
        }
    }
}
