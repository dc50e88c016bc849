//! What the recordings do not show: SEARCH's limits, streaming, notes as files, several addresses of one user.

use nextcloud_sim::{INSTANCE_ID, SharePermissions, Simulator};

use crate::client::{Answer, basic, header, send};

async fn dav(simulator: &Simulator, method: &str, path: &str, body: &str) -> Answer {
    let path = format!("/remote.php/dav{path}");
    let headers = [basic("bob", "bob-pass-1"), header("depth", "infinity")];
    send(simulator.address(), method, &path, &headers, body.as_bytes()).await
}

fn search(wanted: &str, limit: &str) -> String {
    format!(
        "<d:searchrequest xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns' xmlns:nc='http://nextcloud.org/ns'>\
         <d:basicsearch><d:select><d:prop><oc:fileid/><oc:permissions/><nc:share-attributes/></d:prop></d:select>\
         <d:from><d:scope><d:href>/files/bob</d:href><d:depth>infinity</d:depth></d:scope></d:from>\
         <d:where>{wanted}</d:where>{limit}</d:basicsearch></d:searchrequest>"
    )
}

fn ids(wanted: &[i64]) -> String {
    let parts: Vec<String> = wanted
        .iter()
        .map(|id| format!("<d:eq><d:prop><oc:fileid/></d:prop><d:literal>{id}</d:literal></d:eq>"))
        .collect();
    format!("<d:or>{}</d:or>", parts.concat())
}

fn entries(answer: &Answer) -> usize {
    answer.text().matches("<d:response>").count()
}

#[tokio::test]
async fn search_by_id_finds_what_its_user_may_open_now() {
    let simulator = Simulator::start().await;
    let world = simulator.world();
    let own = world.put_file("bob", "/own.md", "x");
    let shared = world.put_file("alice", "/s/shared.md", "x");
    let foreign = world.put_file("alice", "/private.md", "x");
    let hidden = world.put_file("alice", "/v/view.md", "x");
    let share = world.share("alice", "/s", "bob", SharePermissions::read_only());
    world.share("alice", "/v", "bob", SharePermissions::view_only());
    let query = search(&ids(&[own, shared, foreign, hidden]), "");
    let answer = dav(&simulator, "SEARCH", "/", &query).await;
    assert_eq!((answer.status, entries(&answer)), (207, 3));
    let text = answer.text();
    assert!(text.contains("/remote.php/dav/files/bob/s/shared.md"), "{text}");
    assert!(
        text.contains("&quot;download&quot;,&quot;value&quot;:false"),
        "{text}"
    );
    assert!(!text.contains("private"), "{text}");
    world.unshare(share);
    assert_eq!(entries(&dav(&simulator, "SEARCH", "/", &query).await), 2);
}

#[tokio::test]
async fn search_takes_a_hundred_operators_and_returns_a_hundred_by_default() {
    let simulator = Simulator::start().await;
    let files: Vec<i64> = (0..150)
        .map(|n| simulator.world().put_file("bob", &format!("/f/{n:03}.md"), "x"))
        .collect();
    let hundred = dav(&simulator, "SEARCH", "/", &search(&ids(&files[..100]), "")).await;
    assert_eq!((hundred.status, entries(&hundred)), (207, 100));
    let more = dav(&simulator, "SEARCH", "/", &search(&ids(&files[..101]), "")).await;
    assert_eq!(more.status, 500);
    assert!(more.text().contains("maximum operator limit of 100 exceeded"));
    let all = "<d:like><d:prop><d:getcontenttype/></d:prop><d:literal>text/%</d:literal></d:like>";
    assert_eq!(
        entries(&dav(&simulator, "SEARCH", "/", &search(all, "")).await),
        100
    );
    let page = "<d:limit><d:nresults>5000</d:nresults><nc:firstresult>20</nc:firstresult></d:limit>";
    assert_eq!(
        entries(&dav(&simulator, "SEARCH", "/", &search(all, page)).await),
        130
    );
    let both = format!(
        "<d:and>{all}<d:like><d:prop><d:displayname/></d:prop><d:literal>01%</d:literal></d:like></d:and>"
    );
    assert_eq!(
        entries(&dav(&simulator, "SEARCH", "/", &search(&both, "")).await),
        10
    );
}

#[tokio::test]
async fn ten_thousand_files_are_listed_in_one_request() {
    let simulator = Simulator::start().await;
    for folder in 0..500 {
        for file in 0..20 {
            simulator
                .world()
                .put_file("bob", &format!("/d{folder}/f{file}.txt"), "x");
        }
    }
    let answer = dav(&simulator, "PROPFIND", "/files/bob/", "").await;
    assert!(answer.complete);
    assert_eq!(entries(&answer), 10_501);
}

#[tokio::test]
async fn a_note_is_a_file_with_the_same_id() {
    let simulator = Simulator::start().await;
    let world = simulator.world();
    world.notes_path("bob", "Documents/My notes");
    let note = world.put_note("bob", "Plan", "Work/2026", "text");
    let path = "/Documents/My notes/Work/2026/Plan.md";
    assert_eq!(world.file_id("bob", path), Some(note));
    let file = world.put_file("bob", "/Documents/My notes/loose.txt", "also a note");
    world.put_file("bob", "/Documents/elsewhere.md", "no note");
    let list = "/index.php/apps/notes/api/v1/notes";
    let headers = [basic("bob", "bob-pass-1")];
    let answer = send(simulator.address(), "GET", list, &headers, b"").await;
    let found = answer.json();
    let ids: Vec<i64> = found
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|n| n["id"].as_i64())
        .collect();
    assert_eq!(ids, [note, file]);
    assert_eq!(found[0]["category"], "Work/2026");
    let one = format!("{list}/{note}");
    assert_eq!(
        send(simulator.address(), "DELETE", &one, &headers, b"")
            .await
            .status,
        200
    );
    assert_eq!(world.file_id("bob", "/Documents/My notes/Work"), None);
}

#[tokio::test]
async fn the_uid_in_paths_may_differ_from_the_login_name() {
    let simulator = Simulator::start().await;
    simulator.world().add_user("u-4711", "carol", "carol-pass", &[]);
    simulator.world().put_file("u-4711", "/a.md", "hello");
    let headers = [basic("carol", "carol-pass")];
    let get = |path: &'static str| send(simulator.address(), "GET", path, &headers, b"");
    let answer = get("/remote.php/dav/files/u-4711/a.md").await;
    assert_eq!(
        (answer.text().as_str(), answer.header("x-user-id")),
        ("hello", Some("u-4711"))
    );
    assert_eq!(get("/remote.php/dav/files/carol/a.md").await.status, 404);
    assert_eq!(get("/remote.php/webdav/a.md").await.text(), "hello");
}

#[tokio::test]
async fn a_read_only_share_refuses_writing_and_can_be_declined() {
    let simulator = Simulator::start().await;
    let world = simulator.world();
    let id = world.put_file("alice", "/s/a.md", "x");
    world.share("alice", "/s", "bob", SharePermissions::read_only());
    for (method, path) in [
        ("PUT", "/files/bob/s/a.md"),
        ("PUT", "/files/bob/s/b.md"),
        ("MKCOL", "/files/bob/s/d"),
        ("DELETE", "/files/bob/s/a.md"),
    ] {
        assert_eq!(
            dav(&simulator, method, path, "y").await.status,
            403,
            "{method} {path}"
        );
    }
    let listing = dav(
        &simulator,
        "PROPFIND",
        "/files/bob/s",
        "<d:propfind xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns'><d:prop><oc:id/></d:prop></d:propfind>",
    )
    .await;
    assert!(
        listing
            .text()
            .contains(&format!("<oc:id>{id:08}{INSTANCE_ID}</oc:id>"))
    );
    assert_eq!(dav(&simulator, "DELETE", "/files/bob/s", "").await.status, 204);
    assert_eq!(world.file_id("bob", "/s"), None);
    assert_eq!(world.file_id("alice", "/s/a.md"), Some(id));
}

#[tokio::test]
async fn unchanged_notes_are_pruned_to_their_ids() {
    let simulator = Simulator::start().await;
    let world = simulator.world();
    let old = world.put_note("bob", "Old", "", "x");
    world.advance_clock(10);
    let new = world.put_note("bob", "New", "", "y");
    let path = format!(
        "/index.php/apps/notes/api/v1/notes?pruneBefore={}",
        world.now() - 5
    );
    let headers = [basic("bob", "bob-pass-1")];
    let answer = send(simulator.address(), "GET", &path, &headers, b"").await;
    let list = answer.json();
    assert_eq!(list[0]["id"], new);
    assert_eq!(list[0]["content"], "y");
    assert_eq!(list[1], serde_json::json!({"id": old}));
}

#[tokio::test]
async fn a_missing_notes_app_is_a_page_not_found() {
    let simulator = Simulator::start().await;
    simulator.world().notes_app_enabled(false);
    let headers = [basic("bob", "bob-pass-1"), header("ocs-apirequest", "true")];
    let get = |path: &'static str| send(simulator.address(), "GET", path, &headers, b"");
    assert_eq!(get("/index.php/apps/notes/api/v1/notes").await.status, 404);
    let capabilities = get("/ocs/v2.php/cloud/capabilities?format=json").await.json();
    let apps = &capabilities["ocs"]["data"]["capabilities"];
    assert!(apps["files"].is_object() && apps["notes"].is_null());
}
