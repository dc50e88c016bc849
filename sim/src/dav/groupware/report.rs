//! REPORT on a collection: changes, queries, multigets.

use super::state::Object;
use super::{CALDAV, CARDDAV, Collection, Target, no_node};
use crate::dav::error;
use crate::dav::multistatus::escape;
use crate::dav::xml::{DAV, Element, parse};
use crate::http::{Incoming, Reply, decode};
use crate::world::State;

pub(super) fn report(state: &State, request: &Incoming, target: &Target, uri: &str) -> Reply {
    let Some(collection) = state.groupware.find(target.kind, &target.reader, uri) else {
        return no_node(uri);
    };
    let Some(root) = parse(&request.body) else {
        return error::bad_request("The request body is not XML");
    };
    let asked = root.child("prop").map_or(&[][..], |prop| &prop.children);
    match (root.namespace.as_str(), root.name.as_str()) {
        (DAV, "sync-collection") => sync(target, uri, collection, &root, asked),
        (CALDAV, "calendar-multiget") | (CARDDAV, "addressbook-multiget") => {
            let names: Vec<String> = root
                .children
                .iter()
                .filter(|child| child.is(DAV, "href"))
                .filter_map(|href| decode(href.text.trim()).rsplit('/').next().map(str::to_owned))
                .collect();
            // What is not there is left out.
            list(target, uri, collection, asked, |name, _| {
                names.iter().any(|other| other == name)
            })
        }
        (CALDAV, "calendar-query") => {
            let component = root
                .child("filter")
                .and_then(|filter| filter.child("comp-filter"))
                .and_then(|filter| filter.child("comp-filter"))
                .and_then(|filter| filter.attribute("name"))
                .map(str::to_lowercase);
            list(target, uri, collection, asked, |_, object| {
                component.as_deref().is_none_or(|name| object.component() == name)
            })
        }
        (CARDDAV, "addressbook-query") => {
            let filter = root
                .child("filter")
                .and_then(|filter| filter.child("prop-filter"));
            let wanted = filter.and_then(|filter| {
                let text = filter.child("text-match")?.text.to_lowercase();
                Some((filter.attribute("name")?.to_owned(), text))
            });
            list(target, uri, collection, asked, |_, object| {
                wanted.as_ref().is_none_or(|(name, text)| {
                    object
                        .property(name)
                        .is_some_and(|value| value.to_lowercase().contains(text))
                })
            })
        }
        _ => error::error(
            415,
            "Sabre\\DAV\\Exception\\ReportNotSupported",
            "This report is not simulated",
        ),
    }
}

/// A token that Nextcloud never gave is taken for one without changes, as long as it looks like one (facts §8).
fn sync(target: &Target, uri: &str, collection: &Collection, root: &Element, asked: &[Element]) -> Reply {
    let token = root.child("sync-token").map_or("", |token| token.text.trim());
    let number = token
        .strip_prefix("http://sabre.io/ns/sync/")
        .and_then(|number| number.parse::<u64>().ok());
    let names: Vec<&str> = match number {
        Some(number) => collection.since(number).into_iter().collect(),
        None if token.is_empty() => collection.objects.keys().map(String::as_str).collect(),
        None => return error::invalid_sync_token(),
    };
    let mut text = String::new();
    for name in names {
        let href = target.href(Some(uri), Some(name));
        let response = match collection.shown(name, &target.reader) {
            Some(object) => target
                .kind
                .response(&href, asked, |property| value(&object, property)),
            None => format!(
                "<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
            ),
        };
        text.push_str(&response);
    }
    target.kind.root(&format!(
        "{text}<d:sync-token>http://sabre.io/ns/sync/{}</d:sync-token>",
        collection.token
    ))
}

fn list(
    target: &Target,
    uri: &str,
    collection: &Collection,
    asked: &[Element],
    wanted: impl Fn(&str, &Object) -> bool,
) -> Reply {
    let mut text = String::new();
    for name in collection.objects.keys() {
        if let Some(object) = collection.shown(name, &target.reader)
            && wanted(name, &object)
        {
            let href = target.href(Some(uri), Some(name));
            text.push_str(
                &target
                    .kind
                    .response(&href, asked, |property| value(&object, property)),
            );
        }
    }
    target.kind.root(&text)
}

fn value(object: &Object, property: &Element) -> Option<String> {
    Some(match (property.namespace.as_str(), property.name.as_str()) {
        (DAV, "getetag") => format!("&quot;{}&quot;", object.etag),
        (CALDAV, "calendar-data") => escape(&object.data).into_owned(),
        (CARDDAV, "address-data") => escape(&card(object, property)).into_owned(),
        _ => return None,
    })
}

/// A card with the properties asked, or all of it.
fn card(object: &Object, property: &Element) -> String {
    let wanted: Vec<String> = property
        .children
        .iter()
        .filter_map(|child| child.attribute("name"))
        .map(str::to_uppercase)
        .collect();
    if wanted.is_empty() {
        return object.data.clone();
    }
    let mut keep = true;
    object
        .data
        .lines()
        .filter(|line| {
            // A folded line belongs to the one before.
            if !line.starts_with([' ', '\t']) {
                let name = line.split([':', ';']).next().unwrap_or_default().to_uppercase();
                keep = ["BEGIN", "END", "VERSION", "UID", "FN"].contains(&name.as_str())
                    || wanted.contains(&name);
            }
            keep
        })
        .flat_map(|line| [line.trim_end(), "\r\n"])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_comes_with_what_was_asked_of_it() {
        let object = Object {
            data: "BEGIN:VCARD\r\nFN:Ann\r\nPHOTO:aaaa\r\n bbbb\r\nEMAIL:a@b.c\r\nEND:VCARD\r\n".into(),
            etag: String::new(),
            modified: 0,
        };
        let asked = parse(
            b"<x:address-data xmlns:x='urn:ietf:params:xml:ns:carddav'><x:prop name='EMAIL'/></x:address-data>",
        )
        .unwrap();
        assert_eq!(
            card(&object, &asked),
            "BEGIN:VCARD\r\nFN:Ann\r\nEMAIL:a@b.c\r\nEND:VCARD\r\n"
        );
    }
}
