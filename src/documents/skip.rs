//! Why a document has no text.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A lasting reason why no text can be had from a document; a new version of it gets a new chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// No bytes, or nothing but blanks.
    Empty,
    /// Above the configured size limit.
    TooLarge,
    /// More text or unpacked data inside than can be read safely (a decompression bomb, for one).
    TooLargeInside,
    /// A format that this server does not read.
    Unsupported,
    /// Called text, but holds binary data.
    Binary,
    /// Its character encoding cannot be told.
    Undecodable,
    /// End-to-end encrypted or protected by a password.
    Encrypted,
    /// Damaged, or nested so deeply that it cannot be read safely.
    Malformed,
    /// Pages without text, and no OCR service is configured.
    NoTextLayer,
    /// The OCR service found no text either.
    NothingRecognised,
}

impl SkipReason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Empty,
        Self::TooLarge,
        Self::TooLargeInside,
        Self::Unsupported,
        Self::Binary,
        Self::Undecodable,
        Self::Encrypted,
        Self::Malformed,
        Self::NoTextLayer,
        Self::NothingRecognised,
    ];

    /// Stable code, stored in `documents.reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::TooLargeInside => "too_large_inside",
            Self::Unsupported => "unsupported",
            Self::Binary => "binary",
            Self::Undecodable => "undecodable",
            Self::Encrypted => "encrypted",
            Self::Malformed => "malformed",
            Self::NoTextLayer => "no_text_layer",
            Self::NothingRecognised => "nothing_recognised",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }

    /// A sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "The file is empty.",
            Self::TooLarge => "The file is larger than the configured limit.",
            Self::TooLargeInside => "Unpacked, the file holds more than can be read safely.",
            Self::Unsupported => "Files of this type are not read.",
            Self::Binary => "The file holds binary data although its type says text.",
            Self::Undecodable => "The file's character encoding is not known.",
            Self::Encrypted => "The file is encrypted.",
            Self::Malformed => "The file is damaged or too deeply nested to be read safely.",
            Self::NoTextLayer => "The file has no text layer: its pages are pictures.",
            Self::NothingRecognised => "The OCR service found no text in the file.",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for SkipReason {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_read_back() {
        for reason in SkipReason::ALL {
            assert_eq!(SkipReason::from_code(reason.as_str()), Some(reason));
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.as_str(), "one code in every place");
        }
        assert_eq!(SkipReason::from_code("no such code"), None);
    }
}
