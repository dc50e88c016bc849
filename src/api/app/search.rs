//! `GET /app/search`: the user's own search, with what was found marked, and drawn as points.

use super::marked::{Piece, pieces};
use super::search_form::{Asked, SearchForm};
use crate::api::ApiError;
use crate::api::pages::{FormTargets, Layout, Moment, PagesState, Scripts, Visitor, page_with};
use crate::search::{Picture, SearchHit, SearchMap};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use url::form_urlencoded;

/// Results on one page.
const PAGE: usize = 20;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    layout: Layout,
    form: SearchForm,
    /// Nothing was asked yet.
    is_new: bool,
    /// Where the user consents; present when that is what helps.
    consent: Option<String>,
    /// Why nothing could be searched.
    problem: Option<String>,
    /// Why results may be missing.
    degraded: Option<String>,
    results: Vec<ResultLine>,
    /// Such as `1–20 of more than 20`.
    counted: String,
    previous: Option<String>,
    next: Option<String>,
    /// Where the query lies in the picture; `None`: no picture.
    map: Option<MapData>,
}

/// One result as it is shown.
struct ResultLine {
    number: usize,
    title: String,
    url: String,
    kind: &'static str,
    /// Colour of its point.
    doc_type: String,
    path: String,
    modified: Option<Moment>,
    passage: Vec<Piece>,
    cut_before: bool,
    cut_after: bool,
    percent: u32,
    /// `x,y,z`; empty: not in the picture.
    point: String,
}

struct MapData {
    query: String,
    /// Percent of the differences that the picture shows.
    shown: u32,
}

/// Shows it to whoever is logged in; sends others to the login.
pub(in crate::api) async fn search(
    State(state): State<PagesState>,
    visitor: Visitor,
    query: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Some(session) = &visitor.session else {
        return Redirect::to(&format!("{}/oauth/login?next=/app/search", state.base())).into_response();
    };
    let asked = query.unwrap_or_default().0;
    let documents = state.parts().documents.clone();
    let types = documents
        .as_ref()
        .map_or_else(Vec::new, |documents| documents.documents().search.doc_types());
    let mut content = SearchPage {
        layout: Layout::new(&state, "Search", Some(session)),
        is_new: asked.q.trim().is_empty(),
        form: SearchForm::of(&asked, &types),
        consent: None,
        problem: None,
        degraded: None,
        results: Vec::new(),
        counted: String::new(),
        previous: None,
        next: None,
        map: None,
    };
    let mut status = StatusCode::OK;
    match (documents, asked.request(PAGE)) {
        (None, _) => {
            content.problem = Some(
                "This server keeps no index, so there is nothing to search: its administrator can switch it on with \
                 VECTOR_SYNC_ENABLED=true."
                    .into(),
            );
        }
        (_, Err(problem)) => content.problem = Some(problem.to_owned()),
        (Some(_), Ok(_)) if content.is_new => {}
        (Some(documents), Ok(request)) => match documents.search_map(&session.principal, request).await {
            Ok(map) => content.show(&state, &asked, map),
            Err(error) => {
                status = content.failed(&state, &error);
                if status.is_server_error() {
                    tracing::error!(cause = error.cause(), "a search page failed");
                }
            }
        },
    }
    page_with(status, &content, FormTargets::Own, Scripts::Own)
}

impl SearchPage {
    fn show(&mut self, state: &PagesState, asked: &Asked, map: SearchMap) {
        let SearchMap { response, picture } = map;
        let from = asked.offset();
        let to = from + response.hits.len();
        self.counted = match (response.hits.is_empty(), response.total_found > to) {
            (true, _) => String::new(),
            (false, true) => format!("{}–{to} of more than {to}", from + 1),
            (false, false) => format!("{}–{to} of {}", from + 1, response.total_found),
        };
        let link = |offset: usize| format!("{}/app/search?{}", state.base(), asked.encoded(offset));
        self.previous = (from > 0).then(|| link(from.saturating_sub(PAGE)));
        self.next = (response.total_found > to).then(|| link(to));
        self.degraded = response.degraded;
        let points = picture.as_ref().map_or(&[][..], |picture| &picture.results[..]);
        self.results = response
            .hits
            .into_iter()
            .enumerate()
            .map(|(at, hit)| ResultLine::of(from + at + 1, hit, points.get(at)))
            .collect();
        self.map = picture.as_ref().map(MapData::of);
    }

    /// What a person can do about it; the status of the page.
    fn failed(&mut self, state: &PagesState, error: &ApiError) -> StatusCode {
        match error.status() {
            StatusCode::PRECONDITION_REQUIRED => {
                self.consent = Some(format!("{}/oauth/authorize-nextcloud", state.base()));
                StatusCode::OK
            }
            status if status.is_client_error() => {
                self.problem = Some(error.text().to_owned());
                status
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                self.problem = Some(format!(
                    "{} Please try again in a moment.",
                    sentence(error.text())
                ));
                StatusCode::SERVICE_UNAVAILABLE
            }
            status => {
                self.problem = Some(error.text().to_owned());
                status
            }
        }
    }
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

impl ResultLine {
    fn of(number: usize, hit: SearchHit, point: Option<&[f64; 3]>) -> Self {
        let shown = hit.snippet;
        let end = shown.start + shown.text.chars().count();
        Self {
            number,
            title: hit.title,
            url: hit.url,
            kind: kind_name(&hit.doc_type),
            doc_type: hit.doc_type,
            path: hit.path,
            modified: hit.modified_at.map(Moment),
            cut_before: shown.start > 0,
            cut_after: end < hit.chunk_end_offset || hit.chunk_index + 1 < hit.total_chunks,
            passage: pieces(&shown.text, &shown.highlights),
            percent: percent(f64::from(hit.score)),
            point: point.map(coordinates).unwrap_or_default(),
        }
    }
}

impl MapData {
    fn of(picture: &Picture) -> Self {
        Self {
            query: picture.query.as_ref().map(coordinates).unwrap_or_default(),
            shown: percent(picture.variance.iter().sum()),
        }
    }
}

fn coordinates(point: &[f64; 3]) -> String {
    let [x, y, z] = point;
    format!("{x:.4},{y:.4},{z:.4}")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100"
)]
fn percent(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u32
}

/// A document type as people call it.
pub(super) fn kind_name(doc_type: &str) -> &'static str {
    match doc_type {
        "note" => "Note",
        "file" => "File",
        "calendar" => "Calendar",
        "contact" => "Contact",
        "deck_card" => "Deck card",
        "table_row" => "Table row",
        _ => "Document",
    }
}

impl Asked {
    /// The same search from another result on, as a query string.
    fn encoded(&self, offset: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", &self.q),
            ("type", &self.r#type),
            ("folder", &self.folder),
            ("after", &self.after),
            ("before", &self.before),
            ("by", &self.by),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if offset > 0 {
            query.append_pair("from", &offset.to_string());
        }
        query.finish()
    }
}
