//! REPORT `oc:filter-files`: favourites and system tags.

use std::collections::BTreeSet;

use super::multistatus::Multistatus;
use super::props::Asked;
use super::xml::{OC, parse};
use super::{Target, error};
use crate::http::{Incoming, Reply};
use crate::world::State;

pub(super) fn report(state: &State, request: &Incoming, target: &Target) -> Reply {
    if state.locate(&target.uid, &target.path).is_none() {
        return error::no_such_file(&target.path);
    }
    let Some(root) = parse(&request.body).filter(|root| root.is(OC, "filter-files")) else {
        return error::bad_request("The request body is not a filter-files report");
    };
    let rules = root
        .child("filter-rules")
        .map_or(&[][..], |rules| &rules.children);
    if rules.is_empty() {
        return error::bad_request("Missing filter-rule block in request");
    }
    let mut wanted: Vec<&BTreeSet<i64>> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.is(OC, "systemtag")) {
        let tag = rule
            .text
            .trim()
            .parse::<i64>()
            .ok()
            .and_then(|id| state.tags.get(&id));
        let Some(tag) = tag else {
            return error::precondition_failed("", "Cannot filter by non-existing tag");
        };
        wanted.push(&tag.files);
    }
    if rules.iter().any(|rule| rule.is(OC, "favorite")) {
        wanted.extend(state.user(&target.uid).map(|user| &user.favorites));
    }
    let asked = root.child("prop").map_or_else(Asked::usual, Asked::listed);
    let mut answer = Multistatus::new(state, &target.uid, &target.prefix);
    state.walk(&target.uid, &target.path, None, &mut |path, located| {
        if !wanted.is_empty() && wanted.iter().all(|files| files.contains(&located.node.id)) {
            answer.add(path, located, &asked);
        }
    });
    answer.reply("application/xml; charset=utf-8")
}
