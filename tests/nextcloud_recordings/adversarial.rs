//! Answers and conditions that no healthy server gives.

use crate::server::{Reply, Server, basic};
use bytes::Bytes;
use futures::StreamExt;
use nextcloud_mcp_server::clock::ManualClock;
use nextcloud_mcp_server::ids::UserId;
use nextcloud_mcp_server::nextcloud::{
    Depth, FileQuery, Nextcloud, NextcloudError, Precondition, UserSession,
};
use std::sync::Arc;

pub const ONE_FILE: &str = "<?xml version=\"1.0\"?><d:multistatus xmlns:d=\"DAV:\" xmlns:oc=\"http://owncloud.org/ns\">\
    <d:response><d:href>/remote.php/dav/files/alice/a.txt</d:href><d:propstat><d:prop><oc:fileid>7</oc:fileid>\
    <d:getetag>&quot;e7&quot;</d:getetag><d:resourcetype/></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
    </d:response></d:multistatus>";

pub fn clock() -> Arc<ManualClock> {
    ManualClock::at("2026-11-23T05:00:00Z".parse().unwrap())
}

pub async fn alice(replies: Vec<Reply>) -> (Server, UserSession) {
    let server = Server::start(replies).await;
    let session = server.session(clock(), "alice");
    (server, session)
}

#[tokio::test]
async fn a_cut_listing_is_an_error_after_its_entries() {
    let length = ONE_FILE.len() - "</d:multistatus>".len();
    for reply in [
        Reply::new(207, ONE_FILE).cut_at(length),
        Reply::new(207, ONE_FILE).chunked().cut_at(length),
        Reply::new(207, &ONE_FILE[..length]),
    ] {
        let (_server, session) = alice(vec![reply]).await;
        let mut seen = 0;
        let result = session
            .propfind_each("/", Depth::Infinity, &mut |_entry| seen += 1)
            .await;
        assert!(matches!(result, Err(NextcloudError::Malformed(_))), "{result:?}");
        assert_eq!(seen, 1);
    }
}

#[tokio::test]
async fn an_empty_or_wrong_success_is_no_listing() {
    for reply in [
        Reply::new(200, ""),
        Reply::new(207, ""),
        Reply::new(200, ONE_FILE),
        Reply::new(207, "<d:multistatus xmlns:d=\"DAV:\"/>"),
        Reply::new(207, "<!DOCTYPE html><html></html>"),
        Reply::new(204, ""),
    ] {
        let (_server, session) = alice(vec![reply]).await;
        let result = session.propfind("/", Depth::One).await;
        assert!(matches!(result, Err(NextcloudError::Malformed(_))), "{result:?}");
    }
}

#[tokio::test]
async fn an_empty_answer_of_the_json_apis_is_malformed() {
    for body in [
        "",
        "[]",
        "{}",
        "<html></html>",
        "[{\"id\":\"x\"}]",
        "[{\"id\":1,\"etag\":\"e\"",
    ] {
        let (server, session) = alice(vec![Reply::new(200, body)]).await;
        let user = server.nextcloud(clock()).current_user(&basic()).await;
        assert!(
            matches!(user, Err(NextcloudError::Malformed(_))),
            "{body}: {user:?}"
        );
        assert!(
            matches!(session.note(1).await, Err(NextcloudError::Malformed(_))),
            "{body}"
        );
        assert_eq!(
            session.notes_page(50, None, true).await.is_ok(),
            body == "[]",
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_empty_uid_is_nobody() {
    let body = "{\"ocs\":{\"meta\":{\"status\":\"ok\",\"statuscode\":200},\"data\":{\"id\":\"\"}}}";
    let server = Server::start(vec![Reply::new(200, body)]).await;
    let user = server.nextcloud(clock()).current_user(&basic()).await;
    assert!(matches!(user, Err(NextcloudError::Unauthorized)), "{user:?}");
}

#[tokio::test]
async fn redirects_are_followed_for_a_get_inside_the_origin_only() {
    let elsewhere = Server::start(vec![Reply::new(200, "{}")]).await;
    let there = elsewhere.base.join("/status.php?token=x").unwrap();
    for status in [301, 302, 303, 307, 308] {
        let (server, session) = alice(vec![Reply::new(status, "").with("Location", there.as_str())]).await;
        let error = session.download("/a", 10).await.unwrap_err().to_string();
        assert!(
            error.contains("NEXTCLOUD_HOST") && !error.contains("token"),
            "{error}"
        );
        assert_eq!(server.requests().len(), 1);

        let (server, session) = alice(vec![Reply::new(status, "").with("Location", "/elsewhere")]).await;
        let put = session
            .upload("/a", Bytes::from_static(b"x"), None, &Precondition::Any)
            .await;
        assert!(
            matches!(put, Err(NextcloudError::Rejected { status: got, .. }) if got == status),
            "{put:?}"
        );
        assert_eq!(server.requests().len(), 1, "a write is not sent twice");
    }
    assert!(
        elsewhere.requests().is_empty(),
        "the credential stays at its origin"
    );

    let moved = Reply::new(302, "").with("Location", "/next");
    let file = Reply::new(200, "text").with("ETag", "\"e\"");
    let (server, session) = alice(vec![moved.clone(), file]).await;
    assert_eq!(session.download("/a", 10).await.unwrap().bytes, "text");
    assert_eq!(server.requests()[1].target, "/next");
    assert_eq!(session.nextcloud().requests_sent(), 2);

    let (server, session) = alice(vec![moved]).await;
    assert!(matches!(
        session.download("/a", 10).await,
        Err(NextcloudError::Rejected { status: 302, .. })
    ));
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let body = vec![b'x'; 100_000];
    for reply in [Reply::new(200, body.clone()), Reply::new(200, body).chunked()] {
        let (_server, session) = alice(vec![reply.with("ETag", "\"e\"")]).await;
        assert!(matches!(
            session.download("/a", 99_999).await,
            Err(NextcloudError::TooLarge { limit: 99_999 })
        ));
        assert_eq!(
            session.download("/a", 100_000).await.unwrap().bytes.len(),
            100_000
        );
        let (length, end) = streamed(&session, 99_999).await;
        assert!(matches!(end, Err(NextcloudError::TooLarge { limit: 99_999 })) && length < 100_000);
        let (length, end) = streamed(&session, 100_000).await;
        assert!(end.is_ok() && length == 100_000, "{length} {end:?}");
    }
}

/// Length of what came before the end, and how it ended.
async fn streamed(session: &UserSession, limit: u64) -> (usize, Result<(), NextcloudError>) {
    let mut file = match session.open_file("/a", limit).await {
        Ok(file) => file,
        Err(error) => return (0, Err(error)),
    };
    let mut length = 0;
    while let Some(piece) = file.content.next().await {
        match piece {
            Ok(piece) => length += piece.len(),
            Err(error) => return (length, Err(error)),
        }
    }
    (length, Ok(()))
}

#[tokio::test]
async fn a_cut_download_is_not_a_short_file() {
    for reply in [
        Reply::new(200, "0123456789").cut_at(5),
        Reply::new(200, "0123456789").chunked().cut_at(5),
    ] {
        let (_server, session) = alice(vec![reply.with("ETag", "\"e\"")]).await;
        assert!(matches!(
            session.download("/a", 99).await,
            Err(NextcloudError::Malformed(_))
        ));
        let (_, end) = streamed(&session, 99).await;
        assert!(matches!(end, Err(NextcloudError::Malformed(_))), "{end:?}");
    }
}

#[tokio::test]
async fn unusual_names_arrive_as_they_are() {
    let reply = Reply::new(201, "").with("ETag", "\"new\"");
    let (server, session) = alice(vec![reply]).await;
    let guard = Precondition::Matches("old".to_owned());
    let done = session
        .upload(
            "/ü #?/100%41&+.md",
            Bytes::from_static(b"x"),
            Some("text/markdown"),
            &guard,
        )
        .await
        .unwrap();
    assert_eq!((done.created, done.etag.as_deref()), (true, Some("new")));
    let put = &server.requests()[0];
    assert_eq!(
        put.target,
        "/remote.php/dav/files/alice/%C3%BC%20%23%3F/100%2541%26%2B.md"
    );
    assert_eq!(put.headers["if-match"], "\"old\"");
    assert_eq!(
        (put.headers["content-type"].as_str(), put.body.as_slice()),
        ("text/markdown", b"x".as_slice())
    );
}

#[tokio::test]
async fn nothing_is_sent_for_a_path_that_climbs_or_is_the_root() {
    let (server, session) = alice(vec![Reply::new(204, "")]).await;
    let refused = |result: Result<(), NextcloudError>| {
        matches!(result, Err(NextcloudError::Rejected { status: 400, .. }))
    };
    assert!(refused(session.delete("/a/../..").await));
    assert!(refused(session.delete("/").await));
    assert!(refused(session.move_to("/a", "..", true, None).await.map(drop)));
    assert!(refused(session.move_to("/", "/b", true, None).await.map(drop)));
    assert!(refused(session.propfind("a\0", Depth::Zero).await.map(drop)));
    let many = FileQuery {
        file_ids: (0..101).collect(),
        limit: 101,
        ..FileQuery::default()
    };
    assert!(refused(session.search_files(&many).await.map(drop)));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_prefix_of_the_host_stands_in_every_url() {
    let server = Server::start(vec![Reply::new(201, "")]).await;
    let mut config = server.config();
    config.host = server.base.join("/nextcloud").unwrap();
    let session = Nextcloud::new(&config, clock())
        .unwrap()
        .session(UserId::new("ann x"), basic());
    session.copy_to("/a", "/b c", false, None).await.unwrap();
    let copy = &server.requests()[0];
    assert_eq!(copy.target, "/nextcloud/remote.php/dav/files/ann%20x/a");
    assert_eq!(
        copy.headers["destination"],
        format!("{}nextcloud/remote.php/dav/files/ann%20x/b%20c", server.base)
    );
    assert_eq!(copy.headers["overwrite"], "F");
}

#[tokio::test]
async fn the_target_of_a_move_is_checked_first() {
    let (server, session) = alice(vec![Reply::new(207, ONE_FILE), Reply::new(204, "")]).await;
    assert!(
        session
            .move_to("/b.txt", "/a.txt", true, Some("\"e7\""))
            .await
            .unwrap()
    );
    assert_eq!(
        server
            .requests()
            .iter()
            .map(|r| r.method.as_str())
            .collect::<Vec<_>>(),
        ["PROPFIND", "MOVE"]
    );
    for (reply, etag) in [(Reply::new(207, ONE_FILE), "e8"), (Reply::new(404, ""), "e7")] {
        let (server, session) = alice(vec![reply]).await;
        let result = session.move_to("/b.txt", "/a.txt", true, Some(etag)).await;
        assert!(
            matches!(result, Err(NextcloudError::PreconditionFailed { current: None })),
            "{result:?}"
        );
        assert_eq!(server.requests().len(), 1, "nothing was moved");
    }
}

#[tokio::test]
async fn a_note_that_the_app_cannot_read_has_no_text() {
    let note = "{\"id\":1,\"title\":\"t\",\"content\":\"an error message\",\"etag\":\"e\",\"error\":true}";
    let (_server, session) = alice(vec![Reply::new(200, note)]).await;
    assert!(matches!(session.note(1).await, Err(NextcloudError::Malformed(_))));
    let (_server, session) = alice(vec![Reply::new(200, format!("[{note}]"))]).await;
    let page = session.notes_page(50, None, true).await.unwrap();
    assert_eq!(
        (page.notes[0].content.as_str(), page.notes[0].etag.as_str()),
        ("", "")
    );
}

#[tokio::test]
async fn a_cursor_that_stands_still_ends_the_listing_with_an_error() {
    let (server, session) = alice(vec![Reply::new(200, "[]").with("X-Notes-Chunk-Cursor", "1-2-3")]).await;
    assert_eq!(
        session.notes_page(2, None, true).await.unwrap().next.as_deref(),
        Some("1-2-3")
    );
    let again = session.notes_page(2, Some("1-2-3"), true).await;
    assert!(matches!(again, Err(NextcloudError::Malformed(_))), "{again:?}");
    let target = &server.requests()[1].target;
    assert!(
        target.ends_with("/notes?chunkSize=2&chunkCursor=1-2-3"),
        "{target}"
    );
}

#[tokio::test]
async fn a_page_of_something_else_is_no_success() {
    let (_server, session) = alice(vec![Reply::new(200, "<html>please log in</html>")]).await;
    let malformed = |result: Result<(), NextcloudError>| matches!(result, Err(NextcloudError::Malformed(_)));
    let put = session
        .upload("/a", Bytes::from_static(b"x"), None, &Precondition::Any)
        .await;
    assert!(malformed(put.map(drop)));
    assert!(malformed(session.create_folder("/a").await.map(drop)));
    assert!(malformed(session.move_to("/a", "/b", true, None).await.map(drop)));
    assert!(malformed(session.delete("/a").await));
    assert!(malformed(session.delete_note(1).await));
    assert!(malformed(session.note_settings().await.map(drop)));
}
