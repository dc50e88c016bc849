//! The recorded answers of `CalDAV` and `CardDAV`.

use crate::replay::Recording;
use crate::server::Request;
use nextcloud_mcp_server::nextcloud::groupware::{
    Collection, CollectionChanges, CollectionKey, CollectionKind, CollectionObject, Objects,
};
use nextcloud_mcp_server::nextcloud::{NextcloudError, UserSession};
use std::path::Path;

/// Plays one recording to `ask`, which must send what was recorded.
async fn play<T>(name: &str, ask: impl AsyncFnOnce(&UserSession) -> T) -> (T, Request) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/{name}.json"));
    let recording = Recording::load(&file);
    let (server, session) = recording.served().await;
    let result = ask(&session).await;
    let sent = server.requests().remove(0);
    assert_eq!(
        (sent.method.as_str(), sent.target.as_str()),
        recording.asked(),
        "{name}"
    );
    (result, sent)
}

async fn home(name: &str, kind: CollectionKind) -> Result<Vec<Collection>, NextcloudError> {
    play(name, async |session| session.collections(kind).await)
        .await
        .0
}

async fn changes(name: &str, token: &str) -> Result<CollectionChanges, NextcloudError> {
    let kind = if name.starts_with("caldav") {
        CollectionKind::Calendar
    } else {
        CollectionKind::AddressBook
    };
    let uri = if name.starts_with("caldav") {
        "rec-cal"
    } else {
        "contacts"
    };
    let (result, sent) = play(name, async |session| {
        session.collection_changes(kind, uri, token).await
    })
    .await;
    let body = String::from_utf8(sent.body).unwrap();
    assert!(
        body.contains(&format!("<d:sync-token>{token}</d:sync-token>")),
        "{body}"
    );
    result
}

async fn objects(name: &str, kind: CollectionKind, wanted: Objects<'_>) -> Vec<CollectionObject> {
    let uri = if kind == CollectionKind::Calendar {
        "rec-cal"
    } else {
        "contacts"
    };
    let ask = async |session: &UserSession| session.collection_objects(kind, uri, wanted).await;
    play(name, ask).await.0.unwrap()
}

#[tokio::test]
async fn a_home_shows_calendars_and_nothing_else() {
    let found = home("caldav/home_depth1", CollectionKind::Calendar)
        .await
        .unwrap();
    let lines: Vec<String> = found
        .iter()
        .map(|calendar| {
            format!(
                "{} {:?} {} {} {}",
                calendar.uri,
                calendar.name,
                calendar.owner.as_deref().unwrap_or("-"),
                calendar.ctag.as_deref().unwrap_or("-"),
                calendar.sync_token.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "personal \"Personal\" principals/users/alice http://sabre.io/ns/sync/5 http://sabre.io/ns/sync/5",
            "contact_birthdays \"Contact birthdays\" principals/users/alice http://sabre.io/ns/sync/2 http://sabre.io/ns/sync/2",
            "app-generated--deck--board-1 \"Deck: Welcome to Nextcloud Deck!\" - - -",
            "app-generated--deck--board-2 \"Deck: bboard\" - - -",
            "app-generated--deck--board-3 \"Deck: HB\" - - -",
        ]
    );
    let alice = nextcloud_mcp_server::ids::UserId::new("alice");
    assert_eq!(CollectionKey::of(&found[0], &alice).part(), "alice/personal");
    // Recorded of somebody else's home, which this client never asks for.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/caldav/other_user_calendar.json");
    let (_server, session) = Recording::load(&path).served().await;
    assert!(matches!(
        session.collections(CollectionKind::Calendar).await,
        Err(NextcloudError::NotFound(_))
    ));
}

#[tokio::test]
async fn a_home_shows_address_books() {
    let found = home("carddav/home_depth1", CollectionKind::AddressBook)
        .await
        .unwrap();
    let tokens: Vec<_> = found
        .iter()
        .map(|book| (book.uri.as_str(), book.ctag.as_deref(), book.sync_token.is_some()))
        .collect();
    assert_eq!(
        tokens,
        [
            ("contacts", Some("2"), true),
            ("z-server-generated--system", Some("15"), true),
            (
                "z-app-generated--contactsinteraction--recent",
                Some("http://sabre.io/ns/sync/1795410320"),
                false
            ),
        ]
    );
}

#[tokio::test]
async fn changes_are_told_since_a_token() {
    let initial = changes("caldav/sync_initial", "").await.unwrap();
    assert_eq!(initial.changed, ["e1.ics", "e2.ics", "t1.ics"]);
    let token = "http://sabre.io/ns/sync/5";
    assert_eq!(
        (initial.token.as_deref(), initial.truncated),
        (Some(token), false)
    );
    let delta = changes("caldav/sync_delta", token).await.unwrap();
    assert_eq!((delta.changed.len(), delta.gone), (0, vec!["e2.ics".to_owned()]));
    let card = changes("carddav/sync_delta", "http://sabre.io/ns/sync/4")
        .await
        .unwrap();
    assert_eq!(card.gone, ["c1.vcf"]);
    let cards = changes("carddav/sync_initial", "").await.unwrap();
    assert_eq!(cards.changed, ["c1.vcf", "default"]);
}

/// Facts §8: an unknown number is no error, garbage is.
#[tokio::test]
async fn an_unknown_token_looks_like_no_changes_and_garbage_is_refused() {
    let unknown = changes("caldav/sync_bad_token", "http://sabre.io/ns/sync/99999")
        .await
        .unwrap();
    assert_eq!((unknown.changed.len(), unknown.gone.len()), (0, 0));
    assert_eq!(unknown.token.as_deref(), Some("http://sabre.io/ns/sync/6"));
    let garbage = changes("caldav/sync_garbage_token", "garbage").await;
    assert!(
        matches!(garbage, Err(NextcloudError::Forbidden(_))),
        "{garbage:?}"
    );
}

#[tokio::test]
async fn contents_come_many_at_a_time_and_what_is_gone_is_left_out() {
    let names = ["e1.ics".to_owned(), "none.ics".to_owned()];
    let found = objects(
        "caldav/multiget",
        CollectionKind::Calendar,
        Objects::Named(&names),
    )
    .await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].name.as_str(), found[0].etag.as_str()),
        ("e1.ics", "95a19d165c2a4be1bc931c60b1f35439")
    );
    assert!(found[0].data.as_deref().unwrap().contains("SUMMARY:Two"));
    let all = objects("caldav/query_timerange", CollectionKind::Calendar, Objects::All).await;
    let names: Vec<&str> = all.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(names, ["e1.ics", "e2.ics"]);
    let cards = objects("carddav/query_filter", CollectionKind::AddressBook, Objects::All).await;
    assert!(
        cards[0].data.as_deref().unwrap().contains("FN:Ann2\r\n"),
        "{cards:?}"
    );
}
