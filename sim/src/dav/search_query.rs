//! The `d:basicsearch` language: where, order and limit.

use super::xml::{DAV, Element, NC, OC};
use crate::world::{Located, State};

/// More comparisons than this are an error (facts §7).
pub(super) const MOST_OPERATORS: usize = 100;

/// A property that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    DisplayName,
    ContentType,
    LastModified,
    UploadTime,
    Favorite,
    FileId,
    Size,
    OwnerId,
}

impl Field {
    fn of(element: &Element) -> Option<Self> {
        match (element.namespace.as_str(), element.name.as_str()) {
            (DAV, "displayname") => Some(Self::DisplayName),
            (DAV, "getcontenttype") => Some(Self::ContentType),
            (DAV, "getlastmodified") => Some(Self::LastModified),
            (NC, "upload_time") => Some(Self::UploadTime),
            (OC, "favorite") => Some(Self::Favorite),
            (OC, "fileid") => Some(Self::FileId),
            (OC, "size") => Some(Self::Size),
            (OC, "owner-id") => Some(Self::OwnerId),
            _ => None,
        }
    }
}

/// What a search filters by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Everything,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    IsFolder,
    Compare {
        field: Field,
        how: Comparison,
        literal: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Like,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Why a search is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    UnknownProperty,
    Malformed,
}

/// Reads one operator element.
pub(super) fn filter(element: &Element) -> Result<Filter, QueryError> {
    let parts = || element.children.iter().map(filter).collect::<Result<Vec<_>, _>>();
    let how = match element.name.as_str() {
        "and" => return Ok(Filter::And(parts()?)),
        "or" => return Ok(Filter::Or(parts()?)),
        "not" => {
            let inner = element.children.first().ok_or(QueryError::Malformed)?;
            return Ok(Filter::Not(Box::new(filter(inner)?)));
        }
        "is-collection" => return Ok(Filter::IsFolder),
        "eq" => Comparison::Equal,
        "like" => Comparison::Like,
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        _ => return Err(QueryError::Malformed),
    };
    let property = element.child("prop").and_then(|prop| prop.children.first());
    let property = property.ok_or(QueryError::Malformed)?;
    let literal = element.child("literal").ok_or(QueryError::Malformed)?;
    Ok(Filter::Compare {
        field: Field::of(property).ok_or(QueryError::UnknownProperty)?,
        how,
        literal: literal.text.trim().to_owned(),
    })
}

impl Filter {
    /// How many comparisons it has.
    pub(super) fn operators(&self) -> usize {
        match self {
            Self::Everything => 0,
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::operators).sum(),
            Self::Not(part) => part.operators(),
            Self::IsFolder | Self::Compare { .. } => 1,
        }
    }

    /// The ids that alone can match, if it is a choice of file ids: a short cut past the whole tree.
    pub(super) fn only_ids(&self) -> Option<Vec<i64>> {
        match self {
            Self::Compare {
                field: Field::FileId,
                how: Comparison::Equal,
                literal,
            } => Some(literal.parse().into_iter().collect()),
            Self::Or(parts) => {
                let lists: Option<Vec<Vec<i64>>> = parts.iter().map(Self::only_ids).collect();
                lists.map(|lists| lists.concat())
            }
            Self::And(parts) => parts.iter().find_map(Self::only_ids),
            _ => None,
        }
    }

    pub(super) fn matches(&self, state: &State, uid: &str, located: Located<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::And(parts) => parts.iter().all(|part| part.matches(state, uid, located)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(state, uid, located)),
            Self::Not(part) => !part.matches(state, uid, located),
            Self::IsFolder => located.node.is_folder(),
            Self::Compare { field, how, literal } => compare(state, uid, located, *field, *how, literal),
        }
    }
}

fn compare(
    state: &State,
    uid: &str,
    located: Located<'_>,
    field: Field,
    how: Comparison,
    literal: &str,
) -> bool {
    let node = located.node;
    match field {
        Field::DisplayName => text(&node.name, how, literal),
        Field::ContentType => text(node.mime(), how, literal),
        Field::OwnerId => text(&node.owner, how, literal),
        Field::LastModified => time(literal).is_some_and(|at| number(node.modified, how, at)),
        Field::UploadTime => time(literal).is_some_and(|at| number(node.changed, how, at)),
        Field::FileId => literal.parse().is_ok_and(|id| number(node.id, how, id)),
        Field::Size => {
            let size = i64::try_from(node.size).unwrap_or(i64::MAX);
            literal.parse().is_ok_and(|bytes| number(size, how, bytes))
        }
        Field::Favorite => {
            let favorite = state
                .user(uid)
                .is_some_and(|user| user.favorites.contains(&node.id));
            favorite == matches!(literal, "1" | "true" | "yes")
        }
    }
}

fn text(value: &str, how: Comparison, literal: &str) -> bool {
    match how {
        Comparison::Equal => value == literal,
        Comparison::Like => like(&value.to_lowercase(), &literal.to_lowercase()),
        Comparison::Greater => value > literal,
        Comparison::GreaterOrEqual => value >= literal,
        Comparison::Less => value < literal,
        Comparison::LessOrEqual => value <= literal,
    }
}

fn number(value: i64, how: Comparison, literal: i64) -> bool {
    match how {
        Comparison::Equal | Comparison::Like => value == literal,
        Comparison::Greater => value > literal,
        Comparison::GreaterOrEqual => value >= literal,
        Comparison::Less => value < literal,
        Comparison::LessOrEqual => value <= literal,
    }
}

/// Epoch seconds, RFC 3339 or an HTTP date.
fn time(literal: &str) -> Option<i64> {
    literal.parse().ok().or_else(|| {
        chrono::DateTime::parse_from_rfc3339(literal)
            .or_else(|_| chrono::DateTime::parse_from_rfc2822(literal))
            .ok()
            .map(|time| time.timestamp())
    })
}

/// SQL's LIKE: `%` any text, `_` one character.
fn like(value: &str, pattern: &str) -> bool {
    let mut rest: Vec<char> = pattern.chars().collect();
    let value: Vec<char> = value.chars().collect();
    rest.dedup_by(|a, b| *a == '%' && *b == '%');
    let (mut v, mut p, mut star, mut resume) = (0, 0, None, 0);
    while v < value.len() {
        if p < rest.len() && rest[p] == '%' {
            star = Some(p);
            resume = v;
            p += 1;
        } else if p < rest.len() && (rest[p] == '_' || rest[p] == value[v]) {
            v += 1;
            p += 1;
        } else if let Some(at) = star {
            p = at + 1;
            resume += 1;
            v = resume;
        } else {
            return false;
        }
    }
    rest[p..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_follows_sql() {
        for (value, pattern, expected) in [
            ("notes.md", "%.md", true),
            ("notes.md", "n%s%", true),
            ("notes.md", "n_tes.md", true),
            ("notes.md", "%.txt", false),
            ("", "%", true),
            ("aab", "%ab", true),
            ("text/plain", "text/", false),
        ] {
            assert_eq!(like(value, pattern), expected, "{value} like {pattern}");
        }
    }
}
