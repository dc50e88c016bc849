//! Languages: what a text is written in, and what an embedding model understands.

use whatlang::{Detector, Lang};

/// Code points of a text that are looked at.
const SAMPLE: usize = 4_000;
/// Letters below which no guess is made: a name and an address have no language.
const LEAST_LETTERS: usize = 24;
/// Confidence below which a text counts as not recognised.
const LEAST_CONFIDENCE: f64 = 0.6;

/// Languages with a Snowball stemmer and a list of stop words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// العربية
    Arabic,
    /// Dansk
    Danish,
    /// Nederlands
    Dutch,
    /// English; also where no language was recognised.
    English,
    /// Suomi
    Finnish,
    /// Français
    French,
    /// Deutsch
    German,
    /// Ελληνικά
    Greek,
    /// Magyar
    Hungarian,
    /// Italiano
    Italian,
    /// Norsk
    Norwegian,
    /// Português
    Portuguese,
    /// Română
    Romanian,
    /// Русский
    Russian,
    /// Español
    Spanish,
    /// Svenska
    Swedish,
    /// Türkçe
    Turkish,
}

/// Language, ISO 639-1 code, name of stemmer and stop words, the detector's name.
const KNOWN: [(Language, &str, &str, Lang); 17] = [
    (Language::Arabic, "ar", "arabic", Lang::Ara),
    (Language::Danish, "da", "danish", Lang::Dan),
    (Language::Dutch, "nl", "dutch", Lang::Nld),
    (Language::English, "en", "english", Lang::Eng),
    (Language::Finnish, "fi", "finnish", Lang::Fin),
    (Language::French, "fr", "french", Lang::Fra),
    (Language::German, "de", "german", Lang::Deu),
    (Language::Greek, "el", "greek", Lang::Ell),
    (Language::Hungarian, "hu", "hungarian", Lang::Hun),
    (Language::Italian, "it", "italian", Lang::Ita),
    (Language::Norwegian, "no", "norwegian", Lang::Nob),
    (Language::Portuguese, "pt", "portuguese", Lang::Por),
    (Language::Romanian, "ro", "romanian", Lang::Ron),
    (Language::Russian, "ru", "russian", Lang::Rus),
    (Language::Spanish, "es", "spanish", Lang::Spa),
    (Language::Swedish, "sv", "swedish", Lang::Swe),
    (Language::Turkish, "tr", "turkish", Lang::Tur),
];

impl Language {
    /// All of them, in the order of their names.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|row| row.0)
    }

    /// ISO 639-1, as it is stored.
    pub fn code(self) -> &'static str {
        KNOWN[self as usize].1
    }

    /// The language of a stored code.
    pub fn from_code(code: &str) -> Option<Self> {
        KNOWN.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// As the engine calls stemmer and stop words.
    pub(super) fn name(self) -> &'static str {
        KNOWN[self as usize].2
    }

    fn lang(self) -> Lang {
        KNOWN[self as usize].3
    }

    fn of_lang(lang: Lang) -> Option<Self> {
        KNOWN.iter().find(|row| row.3 == lang).map(|row| row.0)
    }
}

/// The language of a document's text; `None` when it is short, mixed, or none of ours.
pub fn detect(text: &str) -> Option<Language> {
    let sample = match text.char_indices().nth(SAMPLE) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    if sample.chars().filter(|c| c.is_alphabetic()).count() < LEAST_LETTERS {
        return None;
    }
    let info = Detector::new().detect(sample)?;
    (info.confidence() >= LEAST_CONFIDENCE)
        .then(|| Language::of_lang(info.lang()))
        .flatten()
}

/// Which of `among` a few words are written in, judged by their letters; `None` when that says little.
pub(super) fn of_few_words(text: &str, among: &[Language]) -> Option<Language> {
    let allowed = among.iter().map(|language| language.lang()).collect();
    let info = Detector::with_allowlist(allowed).detect(text)?;
    (info.confidence() >= LEAST_CONFIDENCE)
        .then(|| Language::of_lang(info.lang()))
        .flatten()
}

/// Whether the embedding model of this identity understands the language. Models that nothing is known about are
/// taken to understand all of them.
pub fn speaks(identity: &str, language: Language) -> bool {
    language == Language::English || !is_english_only(&identity.to_lowercase())
}

fn is_english_only(model: &str) -> bool {
    const ENGLISH: [&str; 12] = [
        "all-minilm",
        "all-mpnet",
        "all-distilroberta",
        "multi-qa-m",
        "msmarco-",
        "mxbai-embed-large",
        "nomic-embed-text",
        "snowflake-arctic-embed",
        "e5-small-v2",
        "e5-base-v2",
        "e5-large-v2",
        "gte-",
    ];
    const EVERY: [&str; 7] = [
        "multilingual",
        "arctic-embed2",
        "embed-m-v2",
        "embed-l-v2",
        "embed-text-v2",
        "gte-qwen",
        "-m3",
    ];
    let has = |parts: &[&str]| parts.iter().any(|part| model.contains(part));
    let says_english = model
        .split(['-', '_', '@', ':', '/', '.'])
        .any(|part| part == "en");
    (has(&ENGLISH) || says_english) && !has(&EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_names() {
        for (place, language) in Language::all().enumerate() {
            assert_eq!(language as usize, place);
            assert_eq!(Language::from_code(language.code()), Some(language));
        }
        assert_eq!(Language::from_code("tlh"), None);
    }

    #[test]
    fn texts_are_recognised() {
        for (text, language) in [
            (
                "The ferry leaves at nine in the morning and comes back in the evening, except on Sundays.",
                Language::English,
            ),
            (
                "Die Fähre fährt morgens um neun ab und kommt am Abend zurück, außer an Sonntagen.",
                Language::German,
            ),
            (
                "Le bac part à neuf heures du matin et revient le soir, sauf le dimanche et les jours fériés.",
                Language::French,
            ),
            (
                "Паром отправляется в девять часов утра и возвращается вечером, кроме воскресенья.",
                Language::Russian,
            ),
        ] {
            assert_eq!(detect(text), Some(language), "{text}");
        }
    }

    #[test]
    fn names_and_numbers_have_no_language() {
        for text in ["", "Anna Becker", "IMG_2024-05-01 12:30 4711", "{}[]();=>"] {
            assert_eq!(detect(text), None, "{text}");
        }
    }

    #[test]
    fn models_are_known_by_their_names() {
        let german = |identity| speaks(identity, Language::German);
        for english in [
            "all-MiniLM-L6-v2-int8@384",
            "ollama:nomic-embed-text@768",
            "bge-small-en-v1.5-0a1b2c3d@384",
            "snowflake-arctic-embed:m@768",
        ] {
            assert!(
                !german(english) && speaks(english, Language::English),
                "{english}"
            );
        }
        for every in [
            "paraphrase-multilingual-MiniLM-L12-v2-0a1b2c3d@384",
            "bge-m3@1024",
            "text-embedding-3-small@1536",
            "nomic-embed-text-v2-moe@768",
            "granite-embedding@768",
        ] {
            assert!(german(every), "{every}");
        }
    }
}
