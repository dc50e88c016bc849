//! PROPPATCH: the favourite mark; any other property is refused.

use super::multistatus::{single, write_href, write_property};
use super::props::Property;
use super::xml::{Element, OC, parse};
use super::{Target, error};
use crate::http::{Incoming, Reply};
use crate::notes::set_favorite;
use crate::world::State;

pub(super) fn proppatch(state: &mut State, request: &Incoming, target: &Target) -> Reply {
    let Some(found) = state.locate(&target.uid, &target.path) else {
        return error::no_such_file(&target.path);
    };
    let (id, folder) = (found.node.id, found.node.is_folder());
    let Some(root) = parse(&request.body).filter(|root| root.name == "propertyupdate") else {
        return error::bad_request("The request body is not a propertyupdate document");
    };
    let mut properties = String::new();
    let mut known = true;
    for (action, element) in changes(&root) {
        let favorite = element.is(OC, "favorite");
        known &= favorite;
        if favorite {
            let on = action == "set" && !matches!(element.text.trim(), "" | "0" | "false");
            set_favorite(state, &target.uid, id, on);
        }
        let name = Property::new(&element.namespace, &element.name);
        write_property(&mut properties, &name, "");
    }
    let mut href = String::new();
    write_href(&mut href, &target.prefix, &target.path, folder);
    single(&href, &properties, if known { "200 OK" } else { "403 Forbidden" })
}

/// The properties of all `set` and `remove` blocks, each with its block's name.
fn changes(root: &Element) -> impl Iterator<Item = (&str, &Element)> {
    root.children.iter().flat_map(|block| {
        let properties = block.child("prop").map(|prop| prop.children.iter());
        properties
            .into_iter()
            .flatten()
            .map(|element| (block.name.as_str(), element))
    })
}
