//! What a value may look like where a client may write it in several ways: numbers also as text, `null` for absent
//! (`src/api/v1/params.rs` reads them).

use serde_json::Value;
use std::ops::RangeInclusive;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{
    AnyOf, AnyOfBuilder, Array, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType,
    Type,
};

/// Text without NUL, which no store takes.
const WITHOUT_NUL: &str = r"^[^\u0000]*$";
/// Unix seconds of the years 1 to 9999.
pub(in crate::api) const UNIX_SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Where a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Written {
    /// In a JSON body: numbers as numbers or as text, `null` for absent.
    InBody,
    /// In a query, where everything is text.
    InQuery,
}

/// A parameter of a query.
pub(in crate::api) fn in_query(name: &str, required: bool, schema: Schema, example: Value) -> Parameter {
    let required = if required { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(required)
        .schema(Some(schema))
        .example(Some(example))
        .build()
}

fn nullable(kind: Type) -> SchemaType {
    SchemaType::from_iter([kind, Type::Null])
}

fn any_of(choices: impl IntoIterator<Item = ObjectBuilder>, about: &str, default: Option<Value>) -> Schema {
    let any: AnyOf = choices
        .into_iter()
        .chain([ObjectBuilder::new().schema_type(Type::Null)])
        .fold(AnyOfBuilder::new(), AnyOfBuilder::item)
        .description(Some(about))
        .default(default)
        .build();
    any.into()
}

fn digits(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
}

/// An integer within `range`.
pub(in crate::api) fn whole(
    written: Written,
    range: &RangeInclusive<usize>,
    default: Option<usize>,
    about: &str,
) -> Schema {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(*range.start()))
        .maximum(Some(*range.end()));
    match written {
        Written::InQuery => number
            .description(Some(about))
            .default(default.map(Value::from))
            .build()
            .into(),
        Written::InBody => any_of([number, digits(&up_to(range))], about, default.map(Value::from)),
    }
}

/// The texts that are integers within `range`, which ends with a power of ten, without leading zeros.
fn up_to(range: &RangeInclusive<usize>) -> String {
    let end = range.end().to_string();
    let zero = if range.contains(&0) { "0|" } else { "" };
    format!("^({zero}[1-9][0-9]{{0,{}}}|{end})$", end.len().saturating_sub(2))
}

/// A number between 0 and 1.
pub(in crate::api) fn share(about: &str) -> Schema {
    let number = ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(0.0))
        .maximum(Some(1.0));
    any_of(
        [number, digits(r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$")],
        about,
        Some(Value::from(0.0)),
    )
}

/// A point in time.
pub(in crate::api) fn days(about: &str) -> Schema {
    let rfc3339 = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let seconds = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(isize::try_from(*UNIX_SECONDS.start()).ok())
        .maximum(isize::try_from(*UNIX_SECONDS.end()).ok());
    any_of([rfc3339, seconds, digits(r"^(0|[1-9][0-9]{0,10})$")], about, None)
}

/// A text of at most `longest` code points and without NUL.
pub(in crate::api) fn text(longest: Option<usize>, about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(nullable(Type::String))
        .max_length(longest)
        .pattern(Some(WITHOUT_NUL))
        .description(Some(about))
}

/// A text that is there, of at most `longest` code points and without NUL.
pub(in crate::api) fn short_text(longest: Option<usize>) -> ObjectBuilder {
    any_text(longest).pattern(Some(WITHOUT_NUL))
}

/// A text that is there, of at most `longest` code points.
pub(in crate::api) fn any_text(longest: Option<usize>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).max_length(longest)
}

/// A text in which only some characters may stand.
pub(in crate::api) fn code(pattern: &str, longest: usize, about: &str) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(longest))
        .pattern(Some(pattern))
        .description(Some(about))
        .build()
        .into()
}

/// One of some words.
pub(in crate::api) fn one_of(words: &[&str], default: &str, about: &str) -> Schema {
    let words = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
    ObjectBuilder::new()
        .schema_type(nullable(Type::String))
        .enum_values(Some(words))
        .default(Some(Value::from(default)))
        .description(Some(about))
        .build()
        .into()
}

/// True or false.
pub(in crate::api) fn flag(default: bool, about: &str) -> Schema {
    ObjectBuilder::new()
        .schema_type(nullable(Type::Boolean))
        .default(Some(Value::from(default)))
        .description(Some(about))
        .build()
        .into()
}

/// A list, of at most `most` entries.
pub(in crate::api) fn list_of(entry: ObjectBuilder, most: Option<usize>, about: &str) -> Schema {
    let list: Array = ArrayBuilder::new()
        .schema_type(nullable(Type::Array))
        .items(entry)
        .max_items(most)
        .description(Some(about))
        .build();
    list.into()
}

/// An object of which nothing is said.
pub(in crate::api) fn some_object(about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(about))
}

/// Anything at all.
pub(in crate::api) fn any_value(about: &str) -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(about))
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_for_the_range() {
        assert_eq!(up_to(&(1..=100)), "^([1-9][0-9]{0,1}|100)$");
        assert_eq!(up_to(&(0..=1_000_000)), "^(0|[1-9][0-9]{0,5}|1000000)$");
    }
}
