//! The error body, and which errors a way of signing in brings along.

use std::collections::BTreeMap;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{AdditionalProperties, Components, ObjectBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// What every refusal holds.
pub(in crate::api) struct ErrorBody;

impl PartialSchema for ErrorBody {
    fn schema() -> RefOr<Schema> {
        let text = |about: &str| {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some(about))
        };
        let failed = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .enum_values(Some([false]))
            .description(Some("On routes whose success says `true` here."));
        ObjectBuilder::new()
            .description(Some(
                "What every refusal holds. Routes add fields that their contract names.",
            ))
            .property("error", text("What went wrong, in a few words."))
            .required("error")
            .property("message", text("What can be done about it."))
            .property("request_id", text("As in `X-Request-Id`; the log repeats it."))
            .property("success", failed)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for ErrorBody {}

/// One kind of refusal, as a component.
struct Refusal {
    status: &'static str,
    name: &'static str,
    about: &'static str,
    header: Option<(&'static str, &'static str)>,
}

const fn refusal(status: &'static str, name: &'static str, about: &'static str) -> Refusal {
    let header = None;
    Refusal {
        status,
        name,
        about,
        header,
    }
}

const fn later(status: &'static str, name: &'static str, about: &'static str) -> Refusal {
    let header = Some(("Retry-After", "Seconds after which asking again is worth it."));
    Refusal {
        status,
        name,
        about,
        header,
    }
}

const REFUSALS: [Refusal; 13] = [
    refusal(
        "400",
        "BadRequest",
        "Something that was sent has another form than described.",
    ),
    Refusal {
        status: "401",
        name: "Unauthorized",
        about: "No credential, or one that does not count.",
        header: Some(("WWW-Authenticate", "How to sign in (RFC 9110 §11.6.1).")),
    },
    refusal("403", "Forbidden", "Somebody else's, or for administrators."),
    refusal(
        "404",
        "NotFound",
        "There is no such thing that the caller may see, or this server's mode has no such route.",
    ),
    refusal(
        "413",
        "TooLarge",
        "The body, or the file that is asked for, is larger than this server takes.",
    ),
    refusal("415", "NotAPdf", "The file that is asked for is no PDF."),
    refusal(
        "422",
        "Unsupported",
        "Well formed, but not to be had at this server: `error` says why.",
    ),
    refusal(
        "428",
        "ConsentNeeded",
        "The caller must let this server ask Nextcloud in their name first; `message` begins with the address where.",
    ),
    later(
        "429",
        "TooManyRequests",
        "Too many attempts with this name from this address.",
    ),
    refusal("431", "HeadersTooLarge", "The headers are larger than 32 KiB."),
    refusal(
        "500",
        "Internal",
        "A fault of this server. Its cause stands in the log.",
    ),
    later("502", "BadGateway", "Nextcloud cannot do what was asked for now."),
    later(
        "503",
        "Unavailable",
        "The database, the index or Nextcloud is away, or this server is starting.",
    ),
];

fn reference(status: &str) -> Option<RefOr<Response>> {
    let refusal = REFUSALS.iter().find(|refusal| refusal.status == status)?;
    Some(Ref::from_response_name(refusal.name).into())
}

fn references(statuses: &[&str]) -> BTreeMap<String, RefOr<Response>> {
    statuses
        .iter()
        .filter_map(|status| Some(((*status).to_owned(), reference(status)?)))
        .collect()
}

macro_rules! refusals_to {
    ($($(#[$doc:meta])* $name:ident: $($status:literal)*;)*) => {$(
        $(#[$doc])*
        pub(in crate::api) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                references(&[$($status),*])
            }
        }
    )*};
}

refusals_to! {
    /// To whoever comes with an access token.
    ToBearer: "400" "401" "403" "503";
    /// To whoever comes with Basic credentials.
    ToBasic: "400" "401" "403" "429" "502" "503";
    /// To whoever hands over an app password.
    ToAppPasswords: "400" "401" "403" "429" "502";
    /// To whoever wants something of documents, besides [`ToBearer`].
    ToDocuments: "404" "428";
    /// To whoever searches, besides [`ToBearer`] and [`ToDocuments`].
    ToSearches: "422";
    /// To whoever wants a page drawn, besides [`ToBearer`] and [`ToDocuments`].
    ToPreviews: "413" "415" "422";
    /// To whoever delivers.
    ToDeliveries: "400" "401";
    /// To whoever manages webhooks, besides [`ToBearer`].
    ToWebhooks: "428" "502";
}

impl Refusal {
    fn component(&self) -> Response {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name())));
        let mut response = ResponseBuilder::new()
            .description(self.about)
            .content("application/json", body.build());
        if let Some((name, about)) = self.header {
            response = response.header(name, HeaderBuilder::new().description(Some(about)).build());
        }
        response.build()
    }
}

/// Adds the refusals as components, and to every operation those that stand before it: the bounds of a request, what
/// a mode leaves out, the time before the database has answered for the first time, and a fault of this server.
pub(super) fn add_to(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    components
        .schemas
        .insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    for refusal in &REFUSALS {
        let component = refusal.component().into();
        components.responses.insert(refusal.name.to_owned(), component);
    }
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            let mut statuses = vec!["431", "500"];
            if path != "/health/live" {
                statuses.push("503");
            }
            if operation.request_body.is_some() {
                statuses.push("413");
            }
            if operation.security.as_ref().is_some_and(|ways| !ways.is_empty()) {
                statuses.push("404");
            }
            for (status, refusal) in references(&statuses) {
                operation.responses.responses.entry(status).or_insert(refusal);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ];
    all.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_names_known_refusals_only() {
        assert_eq!(ToBearer::responses().len(), 4);
        assert_eq!(ToBasic::responses().len(), 6);
        assert_eq!(ToAppPasswords::responses().len(), 5);
        assert_eq!(ToDocuments::responses().len(), 2);
        assert_eq!(ToSearches::responses().len(), 1);
        assert_eq!(ToPreviews::responses().len(), 3);
        assert_eq!(ToDeliveries::responses().len(), 2);
        assert_eq!(ToWebhooks::responses().len(), 2);
        assert!(reference("418").is_none());
    }
}
