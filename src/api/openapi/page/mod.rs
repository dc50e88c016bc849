//! `/api/docs`: the description for people. Public, like the document that it is made from.

mod fields;
mod operation;

use super::document::document;
use crate::api::ApiError;
use crate::api::pages::{FormTargets, Layout, page};
use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use operation::{Group, groups};

/// Before every path of the page: it stands one step below where the others begin, whatever comes before.
const BASE: &str = "..";

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    layout: Layout,
    paragraphs: Vec<String>,
    ways: Vec<Way>,
    groups: Vec<Group>,
}

/// A way to sign in.
struct Way {
    name: String,
    about: String,
}

impl ApiPage {
    fn new() -> Result<Self, serde_json::Error> {
        let document = serde_json::to_value(document())?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let ways = document["components"]["securitySchemes"].as_object();
        Ok(Self {
            layout: Layout {
                title: "HTTP API".to_owned(),
                base: BASE.to_owned(),
                viewer: None,
                version: env!("CARGO_PKG_VERSION"),
            },
            paragraphs: text(&document["info"]["description"])
                .split("\n\n")
                .map(str::to_owned)
                .collect(),
            ways: ways
                .into_iter()
                .flatten()
                .map(|(name, way)| Way {
                    name: name.clone(),
                    about: text(&way["description"]),
                })
                .collect(),
            groups: groups(&document),
        })
    }
}

/// The page.
pub(in crate::api) async fn docs() -> Response {
    match ApiPage::new() {
        Ok(content) => page(StatusCode::OK, &content, FormTargets::Own),
        Err(error) => ApiError::internal(error).into_response(),
    }
}
