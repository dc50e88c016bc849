//! Events, tasks and contacts.

use super::{Family, instance};
use crate::ids::UserId;
use crate::nextcloud::groupware::{
    self, CollectionKey, CollectionKind, CollectionObject, ObjectKey, Objects,
};
use crate::nextcloud::{NextcloudError, UserSession};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::try_join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::{BTreeMap, HashSet};
use url::Url;

/// Objects in one multiget.
const PER_REQUEST: usize = 100;

/// Largest answer to one question, in bytes: only shared events are asked for with their content.
const ANSWER_LIMIT: u64 = 8 * 1024 * 1024;

/// Collections that are asked at once.
const AT_ONCE: usize = 4;

/// Calendars or address books: one multiget per collection answers for all objects in it.
#[derive(Debug, Clone, Copy)]
pub struct GroupwareFamily {
    kind: CollectionKind,
}

impl GroupwareFamily {
    /// Events and tasks.
    pub fn calendars() -> Self {
        Self {
            kind: CollectionKind::Calendar,
        }
    }

    /// Contacts.
    pub fn address_books() -> Self {
        Self {
            kind: CollectionKind::AddressBook,
        }
    }

    /// The collections that the user sees now. The address of somebody else's is a name that the user can give to an
    /// own one, so only the owner that Nextcloud tells proves whose it is.
    async fn seen(self, session: &UserSession) -> Result<HashSet<CollectionKey>, NextcloudError> {
        match session.collections(self.kind).await {
            Ok(collections) => Ok(groupware::by_key(collections, session.user())
                .into_keys()
                .collect()),
            Err(NextcloudError::NotFound(_) | NextcloudError::Forbidden(_)) => Ok(HashSet::new()),
            Err(error) => Err(error),
        }
    }

    /// Those of `names` that the user may read in one collection.
    async fn readable_in(
        self,
        session: &UserSession,
        key: &CollectionKey,
        names: &[String],
    ) -> Result<Vec<String>, NextcloudError> {
        // Of a shared event Nextcloud may show a busy time only, which the content alone tells.
        let masked = self.kind == CollectionKind::Calendar && !key.belongs_to(session.user());
        let wanted = if masked {
            Objects::Named(names)
        } else {
            Objects::Present(names)
        };
        let uri = key.uri_for(session.user());
        let objects = match session
            .collection_objects_within(self.kind, &uri, wanted, ANSWER_LIMIT)
            .await
        {
            Ok(objects) => objects,
            // The collection is gone, or shared with this user no more.
            Err(NextcloudError::NotFound(_) | NextcloudError::Forbidden(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(objects
            .into_iter()
            .filter(|object| !masked || is_shown(object))
            .map(|object| key.object(&object.name).native_id())
            .collect())
    }
}

/// Whether a shared event is shown as it is.
fn is_shown(object: &CollectionObject) -> bool {
    let calendar = object.data.as_deref().and_then(groupware::calendar);
    calendar.is_some_and(|calendar| groupware::is_public(&calendar))
}

#[async_trait]
impl Family for GroupwareFamily {
    fn name(&self) -> &'static str {
        match self.kind {
            CollectionKind::Calendar => "calendar",
            CollectionKind::AddressBook => "contact",
        }
    }

    fn doc_types(&self) -> &'static [&'static str] {
        match self.kind {
            CollectionKind::Calendar => &["calendar"],
            CollectionKind::AddressBook => &["contact"],
        }
    }

    fn batch_size(&self) -> usize {
        PER_REQUEST
    }

    async fn readable(
        &self,
        session: &UserSession,
        native_ids: &[String],
        instance: Option<&str>,
    ) -> Result<HashSet<String>, NextcloudError> {
        let mut by_collection: BTreeMap<CollectionKey, Vec<String>> = BTreeMap::new();
        for key in native_ids.iter().filter_map(|id| ObjectKey::parse(id)) {
            by_collection.entry(key.collection).or_default().push(key.name);
        }
        if by_collection.is_empty() {
            return Ok(HashSet::new());
        }
        instance::check(session, instance).await?;
        if by_collection.keys().any(|key| !key.belongs_to(session.user())) {
            let seen = self.seen(session).await?;
            by_collection.retain(|key, _| key.belongs_to(session.user()) || seen.contains(key));
        }
        let by_collection: Vec<_> = by_collection.iter().collect();
        let mut readable = Vec::new();
        for some in by_collection.chunks(AT_ONCE) {
            let asked = some
                .iter()
                .map(|(key, names)| self.readable_in(session, key, names));
            readable.extend(try_join_all(asked).await?);
        }
        // Only what was asked about.
        let asked: HashSet<&String> = native_ids.iter().collect();
        Ok(readable
            .into_iter()
            .flatten()
            .filter(|id| asked.contains(id))
            .collect())
    }

    /// As Nextcloud's own search links: the Calendar app takes the address of the event, the Contacts app the contact's
    /// UID, after which clients name the card.
    fn url(&self, public_url: &Url, reader: &UserId, _doc_type: &str, native_id: &str) -> String {
        let base = public_url.as_str().trim_end_matches('/');
        let Some(ObjectKey { collection, name }) = ObjectKey::parse(native_id) else {
            return public_url.to_string();
        };
        let uri = collection.uri_for(reader);
        match self.kind {
            CollectionKind::Calendar => {
                let root = public_url.path().trim_end_matches('/');
                let reader = reader.as_str().replace(' ', "%20");
                let address = format!("{root}/remote.php/dav/calendars/{reader}/{uri}/{name}");
                let address = encode(&STANDARD.encode(address));
                format!("{base}/index.php/apps/calendar/edit/{address}")
            }
            CollectionKind::AddressBook => {
                let uid = name.strip_suffix(".vcf").unwrap_or(&name);
                let contact = encode(&format!("{uid}~{uri}"));
                format!("{base}/index.php/apps/contacts/direct/contact/{contact}")
            }
        }
    }
}

/// One path segment.
fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::families::simulated;
    use nextcloud_sim::Simulator;

    async fn readable(sim: &Simulator, reader: &str, ids: &[&str]) -> Vec<String> {
        let session = simulated::session(sim, reader);
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let family = GroupwareFamily::calendars();
        let mut found: Vec<String> = family
            .readable(&session, &ids, None)
            .await
            .unwrap()
            .into_iter()
            .collect();
        found.sort();
        found
    }

    /// Bob makes a calendar that is called as one of Alice's would be if she shared it.
    #[tokio::test]
    async fn a_self_made_calendar_does_not_prove_that_somebody_elses_is_readable() {
        let sim = Simulator::start().await;
        let world = sim.world();
        world
            .calendar("alice", "personal")
            .put_event("e1.ics", "Salaries", &[]);
        world
            .calendar("bob", "personal_shared_by_alice")
            .put_event("e1.ics", "Mine", &[]);
        let id = "alice/personal/e1.ics";
        assert_eq!(readable(&sim, "alice", &[id]).await, [id]);
        let own = "bob/personal_shared_by_alice/e1.ics";
        assert_eq!(readable(&sim, "bob", &[id, own]).await, [own]);
        // Shared beside it: nobody knows which of the two answers.
        world.calendar("alice", "personal").share_with("bob");
        assert_eq!(readable(&sim, "bob", &[id, own]).await, [own]);

        world
            .calendar("alice", "team")
            .put_event("e2.ics", "Standup", &[])
            .put_event("e3.ics", "Dismissal", &["CLASS:CONFIDENTIAL"])
            .share_with("bob");
        let (open, secret) = ("alice/team/e2.ics", "alice/team/e3.ics");
        assert_eq!(readable(&sim, "bob", &[open, secret, id]).await, [open]);
    }

    #[test]
    fn links_lead_to_the_collection_as_the_reader_sees_it() {
        let below = Url::parse("https://example.org/nextcloud/").unwrap();
        let link = |family: GroupwareFamily, reader: &str, id: &str| {
            family.url(&below, &UserId::new(reader), family.doc_types()[0], id)
        };
        let event = "alice/personal/e1.ics";
        for (reader, address) in [
            (
                "alice",
                "/nextcloud/remote.php/dav/calendars/alice/personal/e1.ics",
            ),
            (
                "bob",
                "/nextcloud/remote.php/dav/calendars/bob/personal_shared_by_alice/e1.ics",
            ),
        ] {
            let url = link(GroupwareFamily::calendars(), reader, event);
            let encoded = url
                .strip_prefix("https://example.org/nextcloud/index.php/apps/calendar/edit/")
                .unwrap();
            let decoded = percent_encoding::percent_decode_str(encoded)
                .decode_utf8()
                .unwrap();
            assert_eq!(STANDARD.decode(&*decoded).unwrap(), address.as_bytes());
        }
        assert_eq!(
            link(GroupwareFamily::address_books(), "alice", "alice/contacts/c1.vcf"),
            "https://example.org/nextcloud/index.php/apps/contacts/direct/contact/c1%7Econtacts"
        );
        assert_eq!(
            link(GroupwareFamily::calendars(), "alice", "12"),
            "https://example.org/nextcloud/"
        );
    }
}
