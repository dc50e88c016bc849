//! The properties of files and folders.

use super::escape;
use super::xml::{DAV, Element, NC, OC};
use crate::clock::http_date;
use crate::sharing;
use crate::world::{Located, State};

/// A property's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Property {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The prefix that the multistatus declares for its namespace.
    pub(super) fn prefix(&self) -> Option<&'static str> {
        match self.namespace.as_str() {
            DAV => Some("d"),
            OC => Some("oc"),
            NC => Some("nc"),
            _ => None,
        }
    }

    /// Whether Sabre writes an empty value as a pair of tags.
    pub(super) fn closes_empty(&self) -> bool {
        matches!(self.name.as_str(), "mount-type" | "lock")
    }
}

/// Which properties a request asks for.
pub(super) struct Asked {
    /// Everything usual; what a resource lacks is left out instead of reported as missing.
    pub(super) all: bool,
    folder: Vec<Property>,
    file: Vec<Property>,
}

impl Asked {
    /// What a PROPFIND without a body gets.
    pub(super) fn usual() -> Self {
        let dav = |names: &[&str]| names.iter().map(|name| Property::new(DAV, name)).collect();
        Self {
            all: true,
            folder: dav(&[
                "getlastmodified",
                "resourcetype",
                "quota-used-bytes",
                "quota-available-bytes",
                "getetag",
            ]),
            file: dav(&[
                "getlastmodified",
                "getcontentlength",
                "resourcetype",
                "getetag",
                "getcontenttype",
            ]),
        }
    }

    /// The children of a `d:prop` element.
    pub(super) fn listed(prop: &Element) -> Self {
        let names: Vec<Property> = prop
            .children
            .iter()
            .map(|child| Property::new(&child.namespace, &child.name))
            .collect();
        Self {
            all: false,
            folder: names.clone(),
            file: names,
        }
    }

    pub(super) fn of(&self, folder: bool) -> &[Property] {
        if folder { &self.folder } else { &self.file }
    }
}

/// A property's value as XML; `None` if the resource does not have it.
pub(super) fn value(
    state: &State,
    uid: &str,
    path: &str,
    located: Located<'_>,
    property: &Property,
) -> Option<String> {
    match property.namespace.as_str() {
        DAV => dav_value(state, uid, path, located, &property.name),
        OC => oc_value(state, uid, path, located, &property.name),
        NC => nc_value(state, located, &property.name),
        _ => None,
    }
}

fn dav_value(state: &State, uid: &str, path: &str, located: Located<'_>, name: &str) -> Option<String> {
    let node = located.node;
    let folder = node.is_folder();
    Some(match name {
        "getetag" => format!("&quot;{}&quot;", state.etag(uid, path, located)),
        "getlastmodified" => http_date(node.modified),
        "creationdate" => "1970-01-01T00:00:00+00:00".to_owned(),
        "resourcetype" if folder => "<d:collection/>".to_owned(),
        "resourcetype" => String::new(),
        "displayname" if path == "/" => escape(uid).into_owned(),
        "displayname" => escape(path.rsplit('/').next().unwrap_or_default()).into_owned(),
        "getcontenttype" if !folder => escape(node.mime()).into_owned(),
        "getcontentlength" if !folder => node.size.to_string(),
        "quota-used-bytes" if folder => state.size(uid, path, located).to_string(),
        "quota-available-bytes" if folder => "-3".to_owned(),
        _ => return None,
    })
}

fn oc_value(state: &State, uid: &str, path: &str, located: Located<'_>, name: &str) -> Option<String> {
    let node = located.node;
    Some(match name {
        "fileid" => node.id.to_string(),
        "id" => full_id(node.id),
        "permissions" => located.letters(),
        "size" => state.size(uid, path, located).to_string(),
        "tags" => String::new(),
        "favorite" => {
            let favorite = state
                .user(uid)
                .is_some_and(|user| user.favorites.contains(&node.id));
            u8::from(favorite).to_string()
        }
        "owner-id" => escape(&node.owner).into_owned(),
        "owner-display-name" => escape(&state.display_name(&node.owner)).into_owned(),
        "share-types" => {
            let shared = state.shares.values().any(|share| share.node == node.id);
            let tag = "<oc:share-type>0</oc:share-type>";
            if shared { tag.to_owned() } else { String::new() }
        }
        "checksums" => {
            let checksum = node.checksum.as_deref()?;
            format!("<oc:checksum>{}</oc:checksum>", escape(checksum))
        }
        "comments-count" => "0".to_owned(),
        _ => return None,
    })
}

fn nc_value(state: &State, located: Located<'_>, name: &str) -> Option<String> {
    let node = located.node;
    let count = |folders: bool| {
        let children = node.children()?;
        let matching = children
            .values()
            .filter(|id| state.node(**id).is_some_and(|child| child.is_folder() == folders));
        Some(matching.count().to_string())
    };
    Some(match name {
        "has-preview" => (!node.is_folder()).to_string(),
        "mount-type" if located.via.is_some() => "shared".to_owned(),
        "mount-type" | "system-tags" => String::new(),
        "lock" if !node.is_folder() => String::new(),
        "creation_time" => "0".to_owned(),
        "upload_time" if !node.is_folder() => node.changed.to_string(),
        "contained-file-count" => return count(false),
        "contained-folder-count" => return count(true),
        "share-attributes" => {
            let attributes = located.via.and_then(sharing::attributes);
            escape(attributes.as_deref().unwrap_or("[]")).into_owned()
        }
        _ => return None,
    })
}

/// `oc:id` and `OC-FileId`: eight digits and the instance id.
pub(super) fn full_id(id: i64) -> String {
    format!("{id:08}{}", crate::INSTANCE_ID)
}
