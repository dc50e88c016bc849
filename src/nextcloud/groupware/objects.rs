//! What is in a calendar or address book, and what changed in it.

use super::home::BODY_LIMIT;
use super::key::encode;
use super::multistatus::{self, CALDAV, CARDDAV, DAV, Multistatus};
use super::{CollectionChanges, CollectionKind, CollectionObject, Objects};
use crate::nextcloud::dav::dav_method;
use crate::nextcloud::http::{Call, bare_etag};
use crate::nextcloud::{NextcloudError, UserSession};
use reqwest::StatusCode;
use std::fmt::Write as _;

/// What is asked of a contact: everything that becomes text. A photo alone is often larger than all the rest.
const CARD: [&str; 18] = [
    "VERSION",
    "UID",
    "FN",
    "N",
    "NICKNAME",
    "ORG",
    "TITLE",
    "ROLE",
    "EMAIL",
    "TEL",
    "ADR",
    "BDAY",
    "NOTE",
    "URL",
    "CATEGORIES",
    "REV",
    "ANNIVERSARY",
    "IMPP",
];

impl CollectionKind {
    /// Namespace of its reports.
    fn namespace(self) -> &'static str {
        match self {
            Self::Calendar => CALDAV,
            Self::AddressBook => CARDDAV,
        }
    }

    /// Local name of the property that holds the content.
    fn data(self) -> &'static str {
        match self {
            Self::Calendar => "calendar-data",
            Self::AddressBook => "address-data",
        }
    }

    /// The properties of a report, with or without the content.
    fn requested(self, content: bool) -> String {
        let data = match self {
            _ if !content => String::new(),
            Self::Calendar => "<x:calendar-data/>".to_owned(),
            Self::AddressBook => {
                let names: String = CARD
                    .iter()
                    .flat_map(|name| ["<x:prop name=\"", name, "\"/>"])
                    .collect();
                format!("<x:address-data>{names}</x:address-data>")
            }
        };
        format!("<d:prop><d:getetag/>{data}</d:prop>")
    }

    /// Body of a query for everything.
    fn query(self) -> String {
        let (namespace, prop) = (self.namespace(), self.requested(true));
        match self {
            Self::Calendar => format!(
                "<x:calendar-query xmlns:d=\"DAV:\" xmlns:x=\"{namespace}\">{prop}<x:filter>\
                 <x:comp-filter name=\"VCALENDAR\"/></x:filter></x:calendar-query>"
            ),
            Self::AddressBook => format!(
                "<x:addressbook-query xmlns:d=\"DAV:\" xmlns:x=\"{namespace}\">{prop}</x:addressbook-query>"
            ),
        }
    }

    /// Body of a multiget.
    fn multiget(self, folder: &str, names: &[String], content: bool) -> String {
        let report = match self {
            Self::Calendar => "calendar-multiget",
            Self::AddressBook => "addressbook-multiget",
        };
        let mut body = format!(
            "<x:{report} xmlns:d=\"DAV:\" xmlns:x=\"{}\">{}",
            self.namespace(),
            self.requested(content)
        );
        for name in names {
            // A String never fails to be written to.
            let _ = write!(body, "<d:href>{folder}/{}</d:href>", encode(name));
        }
        let _ = write!(body, "</x:{report}>");
        body
    }
}

impl UserSession {
    /// REPORT `sync-collection` from `token`. [`NextcloudError::Forbidden`] means that Nextcloud knows the token to be
    /// none; one that it merely does not know (it was restored, it forgot old changes) looks like no changes or fewer
    /// (facts §8).
    pub async fn collection_changes(
        &self,
        kind: CollectionKind,
        uri: &str,
        token: &str,
    ) -> Result<CollectionChanges, NextcloudError> {
        let body = format!(
            "<d:sync-collection xmlns:d=\"DAV:\"><d:sync-token>{}</d:sync-token><d:sync-level>1</d:sync-level>\
             <d:prop><d:getetag/></d:prop></d:sync-collection>",
            quick_xml::escape::escape(token)
        );
        let folder = format!("{}/{}", kind.home(self.user())?, encode(uri));
        let Multistatus {
            responses,
            sync_token,
        } = self.groupware_report(&folder, body, None, BODY_LIMIT).await?;
        let mut changes = CollectionChanges {
            token: sync_token,
            ..CollectionChanges::default()
        };
        for response in responses {
            match (response.status, response.name_in(&folder)) {
                (Some(507), _) => changes.truncated = true,
                (Some(404), Some(name)) => changes.gone.push(name),
                (None | Some(200), Some(name)) => changes.changed.push(name),
                // The collection itself, whose properties changed.
                (None | Some(200 | 404), None) => {}
                (Some(status), _) => return Err(multistatus::listed_with(status)),
            }
        }
        Ok(changes)
    }

    /// REPORT: objects of a collection.
    pub async fn collection_objects(
        &self,
        kind: CollectionKind,
        uri: &str,
        wanted: Objects<'_>,
    ) -> Result<Vec<CollectionObject>, NextcloudError> {
        self.collection_objects_within(kind, uri, wanted, BODY_LIMIT)
            .await
    }

    /// As [`UserSession::collection_objects`]; an answer of more than `limit` bytes is [`NextcloudError::TooLarge`].
    pub async fn collection_objects_within(
        &self,
        kind: CollectionKind,
        uri: &str,
        wanted: Objects<'_>,
        limit: u64,
    ) -> Result<Vec<CollectionObject>, NextcloudError> {
        let folder = format!("{}/{}", kind.home(self.user())?, encode(uri));
        let body = match wanted {
            Objects::All => kind.query(),
            Objects::Named(names) => kind.multiget(&folder, names, true),
            Objects::Present(names) => kind.multiget(&folder, names, false),
        };
        let document = self.groupware_report(&folder, body, Some("1"), limit).await?;
        let mut objects = Vec::new();
        for response in document.responses {
            let Some(name) = response.name_in(&folder) else {
                return Err(multistatus::malformed("an object is not in its collection"));
            };
            match response.status {
                None | Some(200) => {}
                Some(403 | 404) => continue,
                Some(status) => return Err(multistatus::listed_with(status)),
            }
            // Without an ETag there is nothing of it for this user.
            let Some(etag) = response.value(DAV, "getetag") else {
                continue;
            };
            objects.push(CollectionObject {
                name,
                etag: bare_etag(etag).to_owned(),
                data: response.value(kind.namespace(), kind.data()).map(str::to_owned),
            });
        }
        Ok(objects)
    }

    /// How deep a `sync-collection` goes stands in its body.
    async fn groupware_report(
        &self,
        folder: &str,
        body: String,
        depth: Option<&str>,
        limit: u64,
    ) -> Result<Multistatus, NextcloudError> {
        let mut call = Call::new(dav_method(b"REPORT")?, format!("{folder}/"));
        if let Some(depth) = depth {
            call = call.header("depth", depth)?;
        }
        let call = call
            .header("content-type", "application/xml; charset=utf-8")?
            .body(body)
            .streamed();
        let answer = self.send(call).await?.only(&[StatusCode::MULTI_STATUS])?;
        multistatus::parse(&answer.bytes(limit).await?)
    }
}
