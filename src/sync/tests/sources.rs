//! Several sources beside each other, and sources that list by parts.

use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::sync::sources::{Content, Coverage, Event, KnownState, ListedItem, Sink, Source, WantedItem};
use crate::sync::test_support::World;
use crate::sync::{Remote, ScanReport, SyncError, Touched, wake_touched};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::PgPool;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// What the calendars of everybody are.
#[derive(Default)]
struct Shelf {
    /// Version, and ids with texts, by part.
    parts: BTreeMap<String, (String, BTreeMap<String, String>)>,
    /// Ids that the next delta names as gone.
    gone: Vec<String>,
    /// Parts that the source looked into.
    looked: Vec<String>,
    absent: Option<String>,
    fault: Option<fn() -> NextcloudError>,
    fetched: Vec<Vec<String>>,
}

/// A source of parts.
#[derive(Default)]
struct Shelves(Mutex<Shelf>);

impl Shelves {
    fn put(&self, part: &str, version: &str, id: &str, text: &str) {
        let mut store = self.0.lock().unwrap();
        let (current, items) = store.parts.entry(part.to_owned()).or_default();
        version.clone_into(current);
        items.insert(id.to_owned(), text.to_owned());
    }

    fn change(&self, change: impl FnOnce(&mut Shelf)) {
        change(&mut self.0.lock().unwrap());
    }

    fn looked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().looked)
    }
}

#[async_trait]
impl Source for Shelves {
    fn name(&self) -> &'static str {
        "deck"
    }

    fn family(&self) -> &'static str {
        "deck_card"
    }

    async fn list(&self, _: &dyn Remote, known: &KnownState, sink: Sink<'_>) -> Result<Coverage, SyncError> {
        let mut store = self.0.lock().unwrap();
        if let Some(fault) = store.fault {
            return Err(fault().into());
        }
        if let Some(why) = &store.absent {
            return Ok(Coverage::Absent(why.clone()));
        }
        let parts: HashMap<String, String> = store
            .parts
            .iter()
            .map(|(part, (version, _))| (part.clone(), version.clone()))
            .collect();
        let mut listed = Vec::new();
        for (part, (version, items)) in &store.parts {
            if known.parts.get(part) == Some(version) {
                continue;
            }
            listed.push(part.clone());
            for (id, text) in items {
                sink(Event::Item(ListedItem {
                    native_id: id.clone(),
                    etag: text.clone(),
                    mime_type: None,
                    size: 0,
                    modified: None,
                    doc_type: "deck_card",
                    path: format!("/{part}/{id}"),
                    part: part.clone(),
                    title: id.clone(),
                    keyword_only: false,
                    skip: None,
                }));
            }
        }
        store.looked.clone_from(&listed);
        Ok(Coverage::Parts {
            version: format!("{parts:?}").len().to_string(),
            parts,
            listed,
            gone: std::mem::take(&mut store.gone),
        })
    }

    async fn fetch(&self, remote: &dyn Remote, item: &WantedItem) -> Result<Content, NextcloudError> {
        let mut many = self.fetch_many(remote, std::slice::from_ref(item)).await?;
        many.remove(&item.native_id)
            .ok_or_else(|| NextcloudError::NotFound(item.native_id.clone()))
    }

    async fn fetch_many(
        &self,
        _: &dyn Remote,
        items: &[WantedItem],
    ) -> Result<HashMap<String, Content>, NextcloudError> {
        let mut store = self.0.lock().unwrap();
        let ids: Vec<String> = items.iter().map(|item| item.native_id.clone()).collect();
        store.fetched.push(ids.clone());
        if let Some(fault) = store.fault {
            return Err(fault());
        }
        let texts = store.parts.values().flat_map(|(_, items)| items.clone());
        Ok(texts
            .filter(|(id, _)| ids.contains(id))
            .map(|(id, text)| {
                let content = Content {
                    bytes: Bytes::from(text),
                    mime_type: Some("text/markdown".to_owned()),
                };
                (id, content)
            })
            .collect())
    }

    async fn version(&self, _: &dyn Remote) -> Result<String, NextcloudError> {
        let store = self.0.lock().unwrap();
        let parts: HashMap<&String, &String> = store
            .parts
            .iter()
            .map(|(part, (version, _))| (part, version))
            .collect();
        Ok(format!("{parts:?}").len().to_string())
    }
}

/// A world with files and the shelves, both scanned for alice.
async fn world(pool: PgPool) -> (World, Arc<Shelves>) {
    let shelves = Arc::new(Shelves::default());
    let world = World::reading(pool, &["files"], vec![shelves.clone()]);
    world.cloud.put("alice", "/x.md", "file text");
    world.enqueue("alice").await;
    (world, shelves)
}

async fn ids(world: &World) -> Vec<String> {
    sqlx::query_scalar("select native_id from documents where family = 'deck_card' order by 1")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

fn of_source<'a>(
    outcomes: &'a [crate::sync::ScanOutcome],
    source: &str,
) -> &'a Result<ScanReport, SyncError> {
    &outcomes
        .iter()
        .find(|outcome| outcome.source == source)
        .unwrap()
        .result
}

#[sqlx::test]
async fn documents_of_all_sources_are_indexed_and_fetched_together_where_that_is_possible(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    for id in ["1", "2", "3"] {
        shelves.put("board", "v1", id, &format!("card {id}"));
    }
    assert_eq!(world.scan().await.len(), 2);
    world.settle().await;
    let states = world.states().await;
    assert_eq!(states.len(), 4);
    assert!(
        states
            .iter()
            .all(|(_, state)| state == "searchable" || state == "indexed"),
        "{states:?}"
    );
    assert_eq!(shelves.0.lock().unwrap().fetched, [["1", "2", "3"]]);
    world.assert_index_true().await;
}

#[sqlx::test]
async fn a_source_that_fails_stops_no_other_and_loses_nothing(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    shelves.put("board", "v1", "1", "card");
    world.scan().await;
    world.settle().await;

    shelves.change(|store| store.fault = Some(|| NextcloudError::ServerError { status: 500 }));
    world.cloud.put("alice", "/y.md", "more");
    world.clock.advance(std::time::Duration::from_secs(301));
    let outcomes = world.engine.scan_due(9).await.unwrap();
    assert!(of_source(&outcomes, "files").is_ok());
    assert!(of_source(&outcomes, "deck").is_err());
    world.settle().await;
    assert_eq!(world.states().await.len(), 3);
    world.assert_index_true().await;

    let sources = world.status().sources(Some(&UserId::new("alice"))).await.unwrap();
    let failing: Vec<_> = sources
        .iter()
        .map(|source| (source.source.as_str(), source.failing))
        .collect();
    assert_eq!(failing, [("deck", 1), ("files", 0)]);
    assert!(sources[0].problem.as_deref().unwrap().contains("500"));
    let status = world.status().status(None).await.unwrap();
    assert_eq!(status.status, "idle", "a source that fails keeps nobody waiting");
}

#[sqlx::test]
async fn an_app_that_is_away_loses_its_documents_at_the_second_look_only(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    shelves.put("board", "v1", "1", "card");
    world.scan().await;
    world.settle().await;

    shelves.change(|store| store.absent = Some("the app is not installed".into()));
    let reports = world.rescan().await;
    assert!(
        reports
            .iter()
            .any(|report| report.absent && report.suspected == 1)
    );
    assert_eq!(ids(&world).await, ["1"]);
    let sources = world.status().sources(None).await.unwrap();
    assert_eq!(sources[0].problem.as_deref(), Some("the app is not installed"));

    // Back before the second look: nothing was lost.
    shelves.change(|store| store.absent = None);
    world.rescan().await;
    assert_eq!(ids(&world).await, ["1"]);
    assert_eq!(world.status().sources(None).await.unwrap()[0].problem, None);

    shelves.change(|store| store.absent = Some("the app is not installed".into()));
    world.rescan().await;
    world.rescan().await;
    assert_eq!(ids(&world).await, Vec::<String>::new());
    world.settle().await;
    world.assert_index_true().await;
}

#[sqlx::test]
async fn parts_are_listed_when_they_changed_and_gone_with_all_that_was_in_them(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    shelves.put("a", "1", "a1", "one");
    shelves.put("a", "1", "a2", "two");
    shelves.put("b", "1", "b1", "three");
    world.scan().await;
    assert_eq!(shelves.looked(), ["a", "b"]);
    world.rescan().await;
    assert_eq!(shelves.looked(), Vec::<String>::new());

    // Gone from a part that was listed.
    shelves.change(|store| {
        let part = store.parts.get_mut("a").unwrap();
        part.0 = "22".into();
        part.1.remove("a1");
    });
    world.rescan().await;
    assert_eq!(shelves.looked(), ["a"]);
    assert_eq!(ids(&world).await, ["a2", "b1"]);

    // Named as gone, in a part that was not listed.
    shelves.change(|store| store.gone = vec!["b1".into()]);
    world.rescan().await;
    assert_eq!(ids(&world).await, ["a2"]);

    // A part that is not there any more.
    shelves.change(|store| drop(store.parts.remove("a")));
    world.rescan().await;
    assert_eq!(ids(&world).await, Vec::<String>::new());
    world.settle().await;
    world.assert_index_true().await;
    assert_eq!(world.states().await.len(), 1, "the file stays");
}

#[sqlx::test]
async fn users_get_the_scans_of_a_source_that_is_new(pool: PgPool) {
    let before = World::reading(pool.clone(), &["files"], Vec::new());
    before.cloud.put("alice", "/x.md", "text");
    before.enqueue("alice").await;
    before.scan().await;
    assert_eq!(before.one::<i64>("select count(*) from scans").await, 1);

    let after = World::reading(pool, &["files"], vec![Arc::new(Shelves::default())]);
    after.cloud.put("alice", "/x.md", "text");
    after.settle().await;
    assert_eq!(after.engine.scan_due(9).await.unwrap()[0].source, "deck");
    // The version before knows nothing of the scan and leaves it alone.
    after.clock.advance(std::time::Duration::from_secs(301));
    before.clock.advance(std::time::Duration::from_secs(301));
    let outcomes = before.engine.scan_due(9).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].source, "files");
}

#[sqlx::test]
async fn a_touch_wakes_the_scans_of_its_source_for_all_who_see_the_part(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    shelves.put("board", "1", "1", "card");
    world.cloud.put("bob", "/b.md", "text");
    world.enqueue("bob").await;
    world.scan().await;
    let wake = async |source: &'static str, part: Option<&str>| {
        let touched = Touched {
            user: UserId::new("alice"),
            source,
            family: if source == "deck" { "deck_card" } else { source },
            native_id: Some("1".to_owned()),
            path: part.map(str::to_owned),
        };
        let mut conn = world.pool.acquire().await.unwrap();
        let now = crate::clock::Clock::now(&*world.clock);
        let mut woken = wake_touched(&mut conn, &[touched], now).await.unwrap();
        woken.sort();
        woken
    };
    let both = [UserId::new("alice"), UserId::new("bob")];
    assert_eq!(wake("deck", Some("board")).await, both);
    assert_eq!(wake("deck", None).await, both, "both read the card");
    assert_eq!(wake("unheard_of", None).await, []);
    let due: i64 = world
        .one("select count(*) from scans where source = 'files' and woken_for is not null")
        .await;
    assert_eq!(due, 0);
    let woken = world.engine.scan_due(9).await.unwrap();
    assert_eq!(woken.len(), 1, "the others are given half a minute");
    assert_eq!((woken[0].source, woken[0].user.as_str()), ("deck", "alice"));
}

/// A wrong credential sent again would count towards the lock-out.
#[sqlx::test]
async fn a_refusal_while_many_are_fetched_is_not_repeated_one_by_one(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    for id in ["1", "2", "3"] {
        shelves.put("board", "v1", id, "card");
    }
    world.scan().await;
    shelves.change(|store| store.fault = Some(|| NextcloudError::Unauthorized));
    world.settle().await;
    assert_eq!(world.cloud.rejected(), ["alice"]);
    assert_eq!(shelves.0.lock().unwrap().fetched.len(), 1);
    assert_eq!(
        world
            .one::<i64>("select count(*) from documents where lease_until is not null")
            .await,
        0
    );
}

/// The numbers of two sources mean different things.
#[sqlx::test]
async fn equal_native_ids_of_two_families_are_two_documents(pool: PgPool) {
    let (world, shelves) = world(pool).await;
    let file = world.cloud.put("alice", "/Notes/a.md", "note text");
    for number in 0..12 {
        world
            .cloud
            .put("alice", &format!("/Notes/{number}.md"), "note text");
    }
    shelves.put("board", "1", &file.to_string(), "card text");
    world.scan().await;
    world.settle().await;
    let texts: Vec<(String, String)> = sqlx::query_as(
        "select d.family, t.text from documents d join document_texts t on t.document_id = d.id
         where d.native_id = $1 order by 1",
    )
    .bind(file.to_string())
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(
        texts,
        [
            ("deck_card".to_owned(), "card text".to_owned()),
            ("file".to_owned(), "note text".to_owned())
        ]
    );
}
