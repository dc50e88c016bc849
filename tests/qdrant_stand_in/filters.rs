//! Filters: evaluated, and looked through for the tenant's.

use ::qdrant_client::qdrant::condition::ConditionOneOf;
use ::qdrant_client::qdrant::r#match::MatchValue;
use ::qdrant_client::qdrant::value::Kind;
use ::qdrant_client::qdrant::{Condition, Filter, PrefetchQuery, QueryPoints, Value};
use std::collections::HashMap;

/// Payload key of the access set.
const TENANT: &str = "acc";

/// A point's payload.
pub(super) type Payload = HashMap<String, Value>;

/// Whether only points of named tenants can pass: a `must` on the access set with at least one value. A condition
/// elsewhere widens or excludes; it does not confine.
pub(super) fn is_confined(filter: Option<&Filter>) -> bool {
    filter.is_some_and(|filter| filter.must.iter().any(names_tenants))
}

/// The same of a query and all its prefetches.
pub(super) fn is_confined_throughout(query: &QueryPoints) -> bool {
    fn prefetch(query: &PrefetchQuery) -> bool {
        is_confined(query.filter.as_ref()) && query.prefetch.iter().all(prefetch)
    }
    is_confined(query.filter.as_ref()) && query.prefetch.iter().all(prefetch)
}

fn names_tenants(condition: &Condition) -> bool {
    match field(condition) {
        Some((TENANT, MatchValue::Keywords(sets))) => !sets.strings.is_empty(),
        Some((TENANT, MatchValue::Keyword(_))) => true,
        _ => false,
    }
}

fn field(condition: &Condition) -> Option<(&str, &MatchValue)> {
    let Some(ConditionOneOf::Field(field)) = &condition.condition_one_of else {
        return None;
    };
    let value = field.r#match.as_ref()?.match_value.as_ref()?;
    Some((&field.key, value))
}

/// Whether a point passes; the text names what this stand-in does not know.
pub(super) fn passes(filter: Option<&Filter>, payload: &Payload) -> Result<bool, String> {
    let Some(filter) = filter else { return Ok(true) };
    if !filter.should.is_empty() || !filter.must_not.is_empty() || filter.min_should.is_some() {
        return Err("a filter of should, must_not or min_should".to_owned());
    }
    for condition in &filter.must {
        let Some((key, wanted)) = field(condition) else {
            return Err("a condition that is no match of a field".to_owned());
        };
        if !matches(payload.get(key), wanted)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn matches(value: Option<&Value>, wanted: &MatchValue) -> Result<bool, String> {
    Ok(match (value.and_then(|value| value.kind.as_ref()), wanted) {
        (Some(Kind::StringValue(value)), MatchValue::Keywords(wanted)) => wanted.strings.contains(value),
        (Some(Kind::StringValue(value)), MatchValue::Keyword(wanted)) => value == wanted,
        (Some(Kind::IntegerValue(value)), MatchValue::Integers(wanted)) => wanted.integers.contains(value),
        (Some(Kind::IntegerValue(value)), MatchValue::Integer(wanted)) => value == wanted,
        // The types differ: the server finds nothing then.
        (
            _,
            MatchValue::Keywords(_)
            | MatchValue::Keyword(_)
            | MatchValue::Integers(_)
            | MatchValue::Integer(_),
        ) => false,
        _ => return Err("a match that is neither keyword nor integer".to_owned()),
    })
}
