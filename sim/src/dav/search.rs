//! SEARCH on `/remote.php/dav/`.

use super::error::{self, error};
use super::multistatus::Multistatus;
use super::props::Asked;
use super::search_query::{Filter, MOST_OPERATORS, QueryError, filter};
use super::xml::{DAV, Element, parse};
use crate::http::{Incoming, Reply, decode};
use crate::world::{Located, State};

/// What a search without a limit returns (facts §7).
const DEFAULT_LIMIT: usize = 100;

/// The content type of SEARCH answers, quoted unlike all others.
const XML: &str = "application/xml; charset=\"utf-8\"";

pub(super) fn search(state: &State, request: &Incoming, uid: &str) -> Reply {
    let Some(root) = parse(&request.body) else {
        return refused(
            "text/html; charset=UTF-8",
            "The request body is not well-formed XML",
        );
    };
    if !root.is(DAV, "searchrequest") {
        let message = format!(
            "Unexpected document type: {{{}}}{} for this Content-Type, \
             expected {{DAV:}}searchrequest or {{DAV:}}query-schema-discovery",
            root.namespace, root.name
        );
        return refused("text/html; charset=UTF-8", &message);
    }
    let Some(query) = root.child("basicsearch") else {
        return refused(XML, "missing basicsearch");
    };
    let wanted = match query.child("where").and_then(|part| part.children.first()) {
        Some(operator) => filter(operator),
        None => Ok(Filter::Everything),
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(QueryError::UnknownProperty) => {
            return refused(
                XML,
                "requested search property is not a valid property for this scope",
            );
        }
        Err(QueryError::Malformed) => return refused(XML, "invalid search operator"),
    };
    let operators = wanted.operators();
    if operators > MOST_OPERATORS {
        let message = format!(
            "Invalid search query, maximum operator limit of {MOST_OPERATORS} exceeded, got {operators} operators"
        );
        return error(500, "InvalidArgumentException", &message);
    }
    let Some(scope) = scope(query, uid) else {
        return error::not_found("Search is only supported on the own files");
    };
    if state.locate(uid, &scope).is_none() {
        return error::no_such_file(&scope);
    }
    let mut hits = find(state, uid, &scope, &wanted);
    sort(&mut hits, query.child("orderby"));
    let (skip, take) = window(query.child("limit"));
    let selected = query.child("select").and_then(|part| part.child("prop"));
    let asked = selected.map_or_else(Asked::usual, Asked::listed);
    let prefix = format!("/remote.php/dav/files/{uid}");
    let mut answer = Multistatus::new(state, uid, &prefix);
    for (path, located) in hits.into_iter().skip(skip).take(take) {
        answer.add(&path, located, &asked);
    }
    answer.reply(XML)
}

fn refused(content_type: &str, message: &str) -> Reply {
    Reply::new(400, content_type, message.to_owned())
}

/// `/files/<uid>/sub`, also with `/remote.php/dav` before it, as a path of the own tree.
fn scope(query: &Element, uid: &str) -> Option<String> {
    let href = query
        .child("from")?
        .child("scope")?
        .child("href")?
        .text
        .trim()
        .to_owned();
    let href = decode(&href);
    let path = href.find("/files/").map(|at| &href[at..])?;
    let rest = path.strip_prefix("/files/")?;
    let (owner, rest) = rest.split_once('/').unwrap_or((rest, ""));
    (owner == uid).then(|| super::normalize(rest))
}

fn find<'s>(state: &'s State, uid: &str, scope: &str, wanted: &Filter) -> Vec<(String, Located<'s>)> {
    let mut hits = Vec::new();
    if let Some(ids) = wanted.only_ids() {
        let below = format!("{}/", scope.trim_end_matches('/'));
        let mut unique = ids;
        unique.sort_unstable();
        unique.dedup();
        let paths = unique.into_iter().flat_map(|id| state.paths_of(uid, id));
        for path in paths.filter(|path| path == scope || path.starts_with(&below)) {
            if let Some(located) = state.locate(uid, &path)
                && wanted.matches(state, uid, located)
            {
                hits.push((path, located));
            }
        }
        return hits;
    }
    state.walk(uid, scope, None, &mut |path, located| {
        if wanted.matches(state, uid, located) {
            hits.push((path.to_owned(), located));
        }
    });
    hits
}

/// By file id unless the query says otherwise, so that pages never overlap.
fn sort(hits: &mut [(String, Located<'_>)], orderby: Option<&Element>) {
    hits.sort_by_key(|(_, located)| located.node.id);
    let orders = orderby.map_or(&[][..], |orderby| &orderby.children);
    for order in orders.iter().rev() {
        let property = order.child("prop").and_then(|prop| prop.children.first());
        match property.map(|property| property.name.as_str()) {
            Some("getlastmodified") => hits.sort_by_key(|(_, located)| located.node.modified),
            Some("displayname") => hits.sort_by(|a, b| a.1.node.name.cmp(&b.1.node.name)),
            Some("size") => hits.sort_by_key(|(_, located)| located.node.size),
            _ => {}
        }
        if order.child("descending").is_some() {
            hits.reverse();
        }
    }
}

/// How many hits to skip (`nc:firstresult`) and to return (`d:nresults`).
fn window(limit: Option<&Element>) -> (usize, usize) {
    let number = |name: &str| limit?.child(name)?.text.trim().parse::<usize>().ok();
    (
        number("firstresult").unwrap_or(0),
        number("nresults").unwrap_or(DEFAULT_LIMIT),
    )
}
