//! Reading what a client sent, with the texts that the contract gives the errors. Numbers may come as text.

use crate::api::ApiError;
use crate::api::openapi::UNIX_SECONDS;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Code points of the longest name in a list of types.
pub(super) const MAX_NAME: usize = 64;
/// Most entries of a list of types.
pub(super) const MAX_NAMES: usize = 64;

/// Named values: the fields of a JSON object, or the parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Params(Map<String, Value>);

impl Params {
    /// The fields of a JSON object. The content type does not matter.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, ApiError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(bad("Invalid JSON body: must be an object")),
            Err(error) => Err(bad("Invalid JSON body").with_message(error.to_string())),
        }
    }

    /// The parameters of a query; of those with the same name the last one counts.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect(),
        )
    }

    /// `null` is the same as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.get(name)
            .map(|value| value.as_str().ok_or_else(|| invalid(name, "a string")))
            .transpose()
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        self.get(name).map_or(Ok(default), |value| {
            value.as_bool().ok_or_else(|| invalid(name, "a boolean"))
        })
    }

    pub(super) fn integer(
        &self,
        name: &str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, ApiError> {
        Ok(self.optional_integer(name, range)?.unwrap_or(default))
    }

    pub(super) fn optional_integer(
        &self,
        name: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = whole(value).ok_or_else(|| invalid(name, "an integer"))?;
        let inside = usize::try_from(number)
            .ok()
            .filter(|number| range.contains(number));
        let (min, max) = range.into_inner();
        inside
            .map(Some)
            .ok_or_else(|| invalid(name, &format!("between {min} and {max}")))
    }

    /// A number between 0 and 1; 0 when absent.
    pub(super) fn share(&self, name: &str) -> Result<f32, ApiError> {
        self.number(name, 0.0..=1.0, 0.0)
    }

    pub(super) fn number(
        &self,
        name: &str,
        range: RangeInclusive<f32>,
        default: f32,
    ) -> Result<f32, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let number: f64 = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| invalid(name, "a number"))?;
        let (min, max) = range.into_inner();
        if !(f64::from(min)..=f64::from(max)).contains(&number) {
            return Err(invalid(name, &format!("between {min} and {max}")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "nobody needs more digits")]
        let number = number as f32;
        Ok(number)
    }

    /// RFC 3339 text or Unix seconds.
    pub(super) fn moment(&self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let rfc3339 = value
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text.trim()).ok())
            .map(|moment| moment.to_utc());
        let seconds = || {
            let seconds = i64::try_from(whole(value)?).ok()?;
            DateTime::from_timestamp(seconds, 0).filter(|_| UNIX_SECONDS.contains(&seconds))
        };
        rfc3339
            .or_else(seconds)
            .map(Some)
            .ok_or_else(|| invalid(name, "an RFC 3339 time or Unix seconds"))
    }

    /// A short list of short names, such as document types.
    pub(super) fn names(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        let Some(names) = self.texts(name)? else {
            return Ok(None);
        };
        let fits = names.len() <= MAX_NAMES && names.iter().all(|name| name.chars().count() <= MAX_NAME);
        if fits {
            Ok(Some(names))
        } else {
            Err(invalid(name, "at most 64 names of at most 64 characters"))
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let texts = value.as_array().and_then(|list| {
            list.iter()
                .map(|entry| entry.as_str().map(str::to_owned))
                .collect()
        });
        texts.map(Some).ok_or_else(|| invalid(name, "a list of strings"))
    }
}

/// What a JSON object says. A list of its values is no object, though serde would take one for it.
pub(super) fn of_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let fields: Map<String, Value> = serde_json::from_slice(body)?;
    T::deserialize(Value::Object(fields))
}

/// A 400 in the contract's words.
pub(super) fn bad(error: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, error)
}

fn invalid(name: &str, wanted: &str) -> ApiError {
    bad(format!("Invalid {name}: must be {wanted}"))
}

/// An integer, also as text or as a float without a fraction (PHP and JavaScript send both).
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").unwrap_or(&text).parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    fn of(body: &Value) -> Params {
        Params::of_body(body.to_string().as_bytes()).unwrap()
    }

    fn told(error: &ApiError) -> String {
        let body: Value = serde_json::from_slice(&error.body(None)).unwrap();
        body["error"].as_str().unwrap().to_owned()
    }

    #[test]
    fn s07_numbers_may_be_text_and_each_bound_is_named() {
        for good in [json!(7), json!("7"), json!(7.0), json!(" 7 ")] {
            assert_eq!(
                of(&json!({ "limit": good }))
                    .integer("limit", 1..=100, 20)
                    .unwrap(),
                7
            );
        }
        assert_eq!(
            of(&json!({"limit": null})).integer("limit", 1..=100, 20).unwrap(),
            20
        );
        for (wrong, text) in [
            (json!(0), "Invalid limit: must be between 1 and 100"),
            (json!(-1), "Invalid limit: must be between 1 and 100"),
            (json!(1_000_000_000), "Invalid limit: must be between 1 and 100"),
            (
                json!("9223372036854775808"),
                "Invalid limit: must be between 1 and 100",
            ),
            (json!(1.5), "Invalid limit: must be an integer"),
            (json!(1e300), "Invalid limit: must be an integer"),
            (json!("many"), "Invalid limit: must be an integer"),
            (json!([1]), "Invalid limit: must be an integer"),
            (json!(true), "Invalid limit: must be an integer"),
        ] {
            let error = of(&json!({"limit": wrong}))
                .integer("limit", 1..=100, 20)
                .unwrap_err();
            assert_eq!(told(&error), text, "{wrong}");
        }
    }

    #[test]
    fn s07_shares_are_finite_and_between_0_and_1() {
        for (value, expected) in [(json!(0.2), 0.2), (json!("1"), 1.0), (json!(0), 0.0)] {
            let share = of(&json!({ "x": value })).share("x").unwrap();
            assert!((share - expected).abs() < 1e-6);
        }
        for wrong in ["NaN", "inf", "-0.1", "1.0001", "x"] {
            assert!(of(&json!({ "x": wrong })).share("x").is_err(), "{wrong}");
        }
        assert!(Params::of_body(br#"{"x": NaN}"#).is_err(), "no JSON");
    }

    #[test]
    fn moments_are_rfc_3339_or_unix_seconds() {
        let expected = DateTime::from_timestamp(1_772_323_200, 0);
        for value in [
            json!("2026-03-01T01:00:00+01:00"),
            json!(1_772_323_200),
            json!("1772323200"),
        ] {
            assert_eq!(of(&json!({ "t": value })).moment("t").unwrap(), expected);
        }
        for wrong in [json!("yesterday"), json!(i64::MAX), json!({})] {
            assert!(of(&json!({ "t": wrong })).moment("t").is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_hold_texts_only_and_are_bounded() {
        assert_eq!(of(&json!({"d": ["note"]})).names("d").unwrap().unwrap(), ["note"]);
        for wrong in [
            json!("note"),
            json!([1]),
            json!(vec!["x"; 65]),
            json!(["x".repeat(65)]),
        ] {
            assert!(of(&json!({ "d": wrong })).names("d").is_err());
        }
    }

    #[test]
    fn a_list_is_no_object() {
        #[derive(Debug, Deserialize)]
        struct Named {
            name: Option<String>,
        }
        let named: Named = of_object(br#"{"name": "a"}"#).unwrap();
        assert_eq!(named.name.as_deref(), Some("a"));
        assert!(of_object::<Named>(br#"["a"]"#).is_err());
        assert!(of_object::<Named>(b"[null]").is_err());
    }

    #[test]
    fn a_query_is_read_like_a_body() {
        let params = Params::of_query(Some("start=3&start=4&doc_type=no%20te&%ff=%ff"));
        assert_eq!(params.integer("start", 0..=10, 0).unwrap(), 4);
        assert_eq!(params.text("doc_type").unwrap(), Some("no te"));
    }

    proptest! {
        #[test]
        fn no_body_and_no_query_makes_reading_panic(text in ".{0,60}") {
            if let Ok(params) = Params::of_body(text.as_bytes()) {
                let _ = params.integer("a", 0..=1, 0);
            }
            let params = Params::of_query(Some(&text));
            let _ = (params.share("a"), params.moment("a"), params.names("a"));
        }
    }
}
