//! The home of a user: which calendars or address books there are, in one PROPFIND.

use super::key::encode;
use super::multistatus::{self, CALDAV, CALENDARSERVER, CARDDAV, DAV, Multistatus, OWNCLOUD};
use super::{Collection, CollectionKind};
use crate::ids::UserId;
use crate::nextcloud::dav::dav_method;
use crate::nextcloud::http::Call;
use crate::nextcloud::{NextcloudError, UserSession};
use reqwest::StatusCode;

/// Largest answer, in bytes: a calendar of ten thousand events with their contents is about ten megabytes.
pub(super) const BODY_LIMIT: u64 = 128 * 1024 * 1024;

/// Largest listing of a home, in bytes: some hundred bytes for each collection.
const HOME_LIMIT: u64 = 8 * 1024 * 1024;

const BODY: &str = "<d:propfind xmlns:d=\"DAV:\" xmlns:cs=\"http://calendarserver.org/ns/\" \
    xmlns:oc=\"http://owncloud.org/ns\"><d:prop><d:resourcetype/><d:displayname/><cs:getctag/><d:sync-token/>\
    <oc:owner-principal/></d:prop></d:propfind>";

impl CollectionKind {
    /// Path of a user's home, without a slash at its end.
    pub(super) fn home(self, user: &UserId) -> Result<String, NextcloudError> {
        if super::key::decode(&encode(user.as_str())).is_none() {
            return Err(NextcloudError::Rejected {
                status: 400,
                message: "the user id cannot stand in a path".to_owned(),
            });
        }
        let user = encode(user.as_str());
        Ok(match self {
            Self::Calendar => format!("/remote.php/dav/calendars/{user}"),
            Self::AddressBook => format!("/remote.php/dav/addressbooks/users/{user}"),
        })
    }

    /// The element in `d:resourcetype`.
    fn resource_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Calendar => (CALDAV, "calendar"),
            Self::AddressBook => (CARDDAV, "addressbook"),
        }
    }
}

impl UserSession {
    /// PROPFIND, Depth 1, on the home: every calendar or address book that the user sees, shared ones included; inboxes,
    /// the trash bin and subscriptions are none.
    pub async fn collections(&self, kind: CollectionKind) -> Result<Vec<Collection>, NextcloudError> {
        let home = kind.home(self.user())?;
        let call = Call::new(dav_method(b"PROPFIND")?, format!("{home}/"))
            .header("depth", "1")?
            .header("content-type", "application/xml; charset=utf-8")?
            .body(BODY)
            .streamed();
        let answer = self.send(call).await?.only(&[StatusCode::MULTI_STATUS])?;
        let document = multistatus::parse(&answer.bytes(HOME_LIMIT).await?)?;
        listed(&document, kind, &home)
    }
}

/// The collections in a listing of `home`. What is not listed counts as gone: what cannot be read is an error.
fn listed(
    document: &Multistatus,
    kind: CollectionKind,
    home: &str,
) -> Result<Vec<Collection>, NextcloudError> {
    // The home lists at least itself.
    if document.responses.is_empty() {
        return Err(multistatus::malformed("the listing is empty"));
    }
    let (namespace, name) = kind.resource_type();
    let mut collections = Vec::new();
    for response in &document.responses {
        if let Some(status) = response.status.filter(|status| *status != 200) {
            return Err(multistatus::listed_with(status));
        }
        if !response.is_a(namespace, name) {
            continue;
        }
        let uri = response
            .name_in(home)
            .ok_or_else(|| multistatus::malformed("the address of a collection cannot be read"))?;
        let text = |namespace, name| response.value(namespace, name).map(|text| text.trim().to_owned());
        collections.push(Collection {
            name: text(DAV, "displayname").unwrap_or_else(|| uri.clone()),
            owner: text(OWNCLOUD, "owner-principal"),
            ctag: text(CALENDARSERVER, "getctag"),
            sync_token: text(DAV, "sync-token"),
            uri,
        });
    }
    Ok(collections)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "/remote.php/dav/calendars/alice";

    fn calendars(responses: &str) -> Result<Vec<Collection>, NextcloudError> {
        let body = format!(
            "<d:multistatus xmlns:d=\"DAV:\" xmlns:c=\"{CALDAV}\">{}{responses}</d:multistatus>",
            calendar("personal")
        );
        listed(
            &multistatus::parse(body.as_bytes()).unwrap(),
            CollectionKind::Calendar,
            HOME,
        )
    }

    fn calendar(name: &str) -> String {
        format!(
            "<d:response><d:href>{HOME}/{name}/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/>\
             <c:calendar/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
        )
    }

    #[test]
    fn a_calendar_that_fails_is_not_taken_for_one_that_is_gone() {
        assert_eq!(calendars(&calendar("work")).unwrap().len(), 2);
        for status in [404, 423, 500, 503] {
            let failing = format!(
                "<d:response><d:href>{HOME}/work/</d:href><d:status>HTTP/1.1 {status} x</d:status></d:response>"
            );
            assert!(
                matches!(calendars(&failing), Err(NextcloudError::Malformed(_))),
                "{status}"
            );
        }
    }

    #[test]
    fn a_calendar_whose_name_cannot_be_read_is_an_error() {
        for name in ["%ff", "%2e%2e", "a%00b"] {
            assert!(
                matches!(calendars(&calendar(name)), Err(NextcloudError::Malformed(_))),
                "{name}"
            );
        }
    }
}
