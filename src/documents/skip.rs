//! Why a document has no text.

use std::fmt;

/// A lasting reason why no text can be had from a document; a new version of it gets a new chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// No bytes, or nothing but blanks.
    Empty,
    /// Above the configured size limit.
    TooLarge,
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
}

impl SkipReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::Empty,
        Self::TooLarge,
        Self::Unsupported,
        Self::Binary,
        Self::Undecodable,
        Self::Encrypted,
        Self::Malformed,
    ];

    /// Stable code, stored in `documents.reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Binary => "binary",
            Self::Undecodable => "undecodable",
            Self::Encrypted => "encrypted",
            Self::Malformed => "malformed",
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
            Self::Unsupported => "Files of this type are not read yet.",
            Self::Binary => "The file holds binary data although its type says text.",
            Self::Undecodable => "The file's character encoding is not known.",
            Self::Encrypted => "The file is encrypted.",
            Self::Malformed => "The file is damaged or too deeply nested to be read safely.",
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
        }
        assert_eq!(SkipReason::from_code("no such code"), None);
    }
}
