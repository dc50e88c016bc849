//! A host in trouble: fault case Q06, maintenance, silence, nobody there.

use crate::adversarial::{ONE_FILE, alice, clock};
use crate::server::{Reply, Server, basic};
use nextcloud_mcp_server::ids::UserId;
use nextcloud_mcp_server::nextcloud::{Depth, Nextcloud, NextcloudError};
use std::time::Duration;

/// Fault case Q06: 503 for everybody must not become a storm, and work goes on when the host is back.
#[tokio::test]
async fn a_host_in_trouble_is_asked_ever_more_rarely() {
    let down = vec![Reply::new(503, "down"); 12];
    let server = Server::start([down, vec![Reply::new(207, ONE_FILE)]].concat()).await;
    let clock = clock();
    let session = server.session(clock.clone(), "alice");
    let mut refused = 0;
    for _second in 0..300 {
        for user in ["alice", "bob", "carol"] {
            let other = session
                .nextcloud()
                .session(UserId::new(user), basic())
                .background();
            let result = other.propfind("/", Depth::Zero).await;
            assert!(
                matches!(result, Err(NextcloudError::ServerError { status: 503 })),
                "{result:?}"
            );
            refused += 1;
        }
        clock.advance(Duration::from_secs(1));
    }
    let sent = server.requests().len();
    assert_eq!(refused, 900);
    assert!(
        (7..=11).contains(&sent),
        "{sent} requests reached the host in 300 s"
    );
    assert_eq!(session.nextcloud().requests_sent(), u64::try_from(sent).unwrap());
    while session.propfind("/", Depth::Zero).await.is_err() {
        clock.advance(Duration::from_secs(61));
    }
    session.propfind("/", Depth::Zero).await.unwrap();
}

#[tokio::test]
async fn maintenance_pauses_the_host_for_as_long_as_it_says() {
    let maintenance = Reply::new(503, "<html>")
        .with("Retry-After", "120")
        .with("X-Nextcloud-Maintenance-Mode", "1");
    let server = Server::start(vec![maintenance, Reply::new(207, ONE_FILE)]).await;
    let clock = clock();
    let session = server.session(clock.clone(), "alice");
    let wait = |error: NextcloudError| match error {
        NextcloudError::Maintenance { retry_after } => retry_after.unwrap().as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(session.propfind("/", Depth::Zero).await.unwrap_err()), 120);
    clock.advance(Duration::from_secs(100));
    assert_eq!(wait(session.propfind("/", Depth::Zero).await.unwrap_err()), 20);
    assert_eq!(server.requests().len(), 1);
    clock.advance(Duration::from_secs(20));
    assert_eq!(session.propfind("/", Depth::Zero).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_disabled_account_does_not_stop_the_others() {
    let disabled = "<?xml version=\"1.0\"?><d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\
        <s:exception>Sabre\\DAV\\Exception\\ServiceUnavailable</s:exception>\
        <s:message>OC\\User\\DisabledUserException: Account disabled</s:message></d:error>";
    let replies = [
        vec![Reply::new(503, disabled); 5],
        vec![Reply::new(207, ONE_FILE)],
    ]
    .concat();
    let (server, session) = alice(replies).await;
    for _ in 0..5 {
        assert!(matches!(
            session.propfind("/", Depth::Zero).await,
            Err(NextcloudError::AccountDisabled)
        ));
    }
    assert!(session.propfind("/", Depth::Zero).await.is_ok());
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn an_unreachable_host_is_named_without_url_or_secret() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut config = Server::start(vec![Reply::new(200, "")]).await.config();
    config.host.set_port(Some(port)).unwrap();
    let session = Nextcloud::new(&config, clock())
        .unwrap()
        .session(UserId::new("alice"), basic());
    for _ in 0..2 {
        let error = session.propfind("/private", Depth::Zero).await.unwrap_err();
        assert!(
            matches!(error, NextcloudError::Unreachable(_)) && error.is_transient(),
            "{error:?}"
        );
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("refused") && !text.contains("http") && !text.contains("private"),
            "{text}"
        );
    }
    assert_eq!(
        session.nextcloud().requests_sent(),
        1,
        "the second attempt fails at once"
    );
    assert!(!format!("{session:?}").contains("alice-pass-1"));
}

#[tokio::test]
async fn silence_ends_with_the_time_limit() {
    let silent = Reply::new(207, ONE_FILE).chunked().cut_at(300).hangs();
    let server = Server::start(vec![silent]).await;
    let mut config = server.config();
    config.timeout_seconds = 1;
    let session = Nextcloud::new(&config, clock())
        .unwrap()
        .session(UserId::new("alice"), basic());
    let (streamed, buffered) = tokio::join!(
        session.propfind("/", Depth::Infinity),
        session.propfind("/", Depth::Zero)
    );
    for result in [streamed, buffered] {
        let Err(NextcloudError::Unreachable(why)) = result else {
            panic!("{result:?}")
        };
        assert_eq!(why, "no answer in time");
    }
}
