//! The properties that listings ask for, and how they become a [`DavEntry`].

use super::DavEntry;
use super::path::FilesRoot;
use crate::nextcloud::NextcloudError;
use crate::nextcloud::http::bare_etag;
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Namespaces of the answers.
pub(super) const DAV: &str = "DAV:";
const OWNCLOUD: &str = "http://owncloud.org/ns";
const NEXTCLOUD: &str = "http://nextcloud.org/ns";

/// `d:prop` of every PROPFIND and the selection of every SEARCH.
pub(super) const REQUESTED: &str = "<d:prop><oc:fileid/><oc:id/><d:getetag/><d:getlastmodified/>\
    <d:getcontentlength/><oc:size/><d:getcontenttype/><d:resourcetype/><oc:permissions/><oc:favorite/>\
    <oc:owner-id/><nc:share-attributes/></d:prop>";

/// Declarations of the prefixes that [`REQUESTED`] uses.
pub(super) const NAMESPACES: &str =
    "xmlns:d=\"DAV:\" xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\"";

/// A property with a text value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    FileId,
    Id,
    ETag,
    LastModified,
    ContentLength,
    Size,
    ContentType,
    Permissions,
    Favorite,
    Owner,
    ShareAttributes,
}

impl Property {
    pub(super) fn named(namespace: &str, name: &str) -> Option<Self> {
        Some(match (namespace, name) {
            (OWNCLOUD, "fileid") => Self::FileId,
            (OWNCLOUD, "id") => Self::Id,
            (DAV, "getetag") => Self::ETag,
            (DAV, "getlastmodified") => Self::LastModified,
            (DAV, "getcontentlength") => Self::ContentLength,
            (OWNCLOUD, "size") => Self::Size,
            (DAV, "getcontenttype") => Self::ContentType,
            (OWNCLOUD, "permissions") => Self::Permissions,
            (OWNCLOUD, "favorite") => Self::Favorite,
            (OWNCLOUD, "owner-id") => Self::Owner,
            (NEXTCLOUD, "share-attributes") => Self::ShareAttributes,
            _ => return None,
        })
    }
}

/// The values of one resource.
#[derive(Debug, Default)]
pub(super) struct Properties {
    values: Vec<(Property, String)>,
    /// `d:resourcetype` holds `d:collection`.
    pub(super) is_folder: bool,
}

impl Properties {
    pub(super) fn set(&mut self, property: Property, value: &str) {
        self.values.push((property, value.trim().to_owned()));
    }

    /// Adds those of another `propstat` with status 200.
    pub(super) fn merge(&mut self, other: Self) {
        self.values.extend(other.values);
        self.is_folder |= other.is_folder;
    }

    fn take(&mut self, property: Property) -> Option<String> {
        let position = self.values.iter().position(|(have, _)| *have == property)?;
        Some(self.values.swap_remove(position).1).filter(|value| !value.is_empty())
    }

    fn number(&mut self, property: Property) -> Result<Option<i64>, NextcloudError> {
        let Some(value) = self.take(property) else {
            return Ok(None);
        };
        let number = value
            .parse()
            .map_err(|_invalid| malformed(&format!("{property:?} is not a number")))?;
        Ok(Some(number))
    }

    /// The entry. Only the file id is indispensable: without it nothing can be said about the resource.
    pub(super) fn into_entry(mut self, href: &str, root: &FilesRoot) -> Result<DavEntry, NextcloudError> {
        let file_id = self
            .number(Property::FileId)?
            .ok_or_else(|| malformed("a resource has no file id"))?;
        let size = match self.number(Property::Size)? {
            Some(size) => Some(size),
            None => self.number(Property::ContentLength)?,
        };
        let last_modified = self
            .take(Property::LastModified)
            .and_then(|date| http_date(&date));
        let share_attributes = self.take(Property::ShareAttributes);
        Ok(DavEntry {
            file_id,
            path: root.local_path(href)?,
            is_folder: self.is_folder,
            etag: self
                .take(Property::ETag)
                .map(|etag| bare_etag(&etag).to_owned())
                .unwrap_or_default(),
            // A folder that was not scanned yet has the size -1.
            size: size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            content_type: self.take(Property::ContentType),
            last_modified,
            permissions: self.take(Property::Permissions).unwrap_or_default(),
            download_disabled: share_attributes.is_some_and(|json| download_disabled(&json)),
            favorite: self.take(Property::Favorite).is_some_and(|value| value == "1"),
            owner: self.take(Property::Owner),
            instance_id: self.take(Property::Id).and_then(|id| instance_id(&id, file_id)),
        })
    }
}

fn malformed(what: &str) -> NextcloudError {
    NextcloudError::Malformed(what.to_owned())
}

/// An HTTP date.
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|date| date.with_timezone(&Utc))
}

/// `oc:id` is the file id, filled with zeros to eight digits, and the instance id.
fn instance_id(id: &str, file_id: i64) -> Option<String> {
    let instance = id.strip_prefix(&format!("{file_id:08}"))?;
    (!instance.is_empty()).then(|| instance.to_owned())
}

#[derive(Deserialize)]
struct ShareAttribute {
    #[serde(default)]
    scope: String,
    #[serde(default)]
    key: String,
    /// `enabled` before Nextcloud 30.
    #[serde(alias = "enabled")]
    value: Option<serde_json::Value>,
}

/// Facts §7: `[{"scope":"permissions","key":"download","value":false}]`. What cannot be read counts as a ban.
fn download_disabled(json: &str) -> bool {
    match serde_json::from_str::<Vec<ShareAttribute>>(json) {
        Ok(attributes) => attributes.iter().any(|attribute| {
            attribute.scope == "permissions"
                && attribute.key == "download"
                && attribute.value != Some(serde_json::Value::Bool(true))
        }),
        Err(_unreadable) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_attributes_that_ban_downloading() {
        assert!(download_disabled(
            r#"[{"scope":"permissions","key":"download","value":false}]"#
        ));
        assert!(download_disabled(
            r#"[{"scope":"permissions","key":"download","enabled":false}]"#
        ));
        assert!(download_disabled("garbage"));
        assert!(!download_disabled("[]"));
        assert!(!download_disabled(
            r#"[{"scope":"permissions","key":"download","value":true}]"#
        ));
        assert!(!download_disabled(
            r#"[{"scope":"fileRequest","key":"enabled","value":false}]"#
        ));
    }

    #[test]
    fn the_instance_id_follows_the_file_id() {
        assert_eq!(
            instance_id("00000180ocno1i5gzrr1", 180).as_deref(),
            Some("ocno1i5gzrr1")
        );
        assert_eq!(
            instance_id("1234567890ocx", 1_234_567_890).as_deref(),
            Some("ocx")
        );
        assert_eq!(instance_id("00000181ocno1i5gzrr1", 180), None);
        assert_eq!(instance_id("00000180", 180), None);
    }
}
