//! The fault knobs over HTTP, and the life of the server itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nextcloud_sim::{Effect, FaultRule, Simulator};

use crate::client::{Answer, basic, header, send};

async fn listing(simulator: &Simulator) -> Answer {
    let headers = [basic("alice", "alice-pass-1"), header("depth", "1")];
    send(
        simulator.address(),
        "PROPFIND",
        "/remote.php/dav/files/alice/",
        &headers,
        b"",
    )
    .await
}

async fn with_files() -> Simulator {
    let simulator = Simulator::start().await;
    for number in 0..5 {
        simulator.world().put_file("alice", &format!("/{number}.md"), "x");
    }
    simulator
}

fn entries(answer: &Answer) -> usize {
    answer.text().matches("<d:response>").count()
}

#[tokio::test]
async fn a_status_fault_passes_after_its_times() {
    let simulator = with_files().await;
    simulator.world().faults().set(
        FaultRule::new(Effect::StatusRetryAfter(503, 7))
            .method("PROPFIND")
            .times(1),
    );
    let broken = listing(&simulator).await;
    assert_eq!((broken.status, broken.header("retry-after")), (503, Some("7")));
    assert!(broken.text().contains("ServiceUnavailable"));
    assert_eq!(listing(&simulator).await.status, 207);
}

#[tokio::test]
async fn a_cut_body_is_seen_as_incomplete_and_a_truncated_one_is_not() {
    let simulator = with_files().await;
    let faults = simulator.world().faults();
    assert_eq!(entries(&listing(&simulator).await), 6);
    let cut = faults.set(FaultRule::new(Effect::CutBody(700)));
    let answer = listing(&simulator).await;
    assert!(!answer.complete);
    assert_eq!(answer.body.len(), 700);
    faults.clear(cut);
    faults.set(FaultRule::new(Effect::TruncateListing(2)));
    let answer = listing(&simulator).await;
    assert!(answer.complete);
    assert_eq!(entries(&answer), 2);
    faults.clear_all();
    faults.set(FaultRule::new(Effect::EmptyMultistatus));
    assert_eq!(entries(&listing(&simulator).await), 0);
    faults.clear_all();
    faults.set(FaultRule::new(Effect::InnerStatus(503)));
    let answer = listing(&simulator).await;
    assert_eq!(answer.status, 207);
    faults.clear_all();
    faults.set(FaultRule::new(Effect::EmptyAnswer));
    let empty = listing(&simulator).await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    faults.clear_all();
    faults.set(FaultRule::new(Effect::HtmlPage));
    let page = listing(&simulator).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=UTF-8"))
    );
    assert!(answer.text().contains("HTTP/1.1 503") && !answer.text().contains("HTTP/1.1 200"));
}

#[tokio::test]
async fn latency_delays_and_a_hanging_request_does_not_block_others() {
    let simulator = with_files().await;
    let faults = simulator.world().faults();
    faults.set(FaultRule::new(Effect::Latency(80)).times(1));
    let start = Instant::now();
    assert_eq!(listing(&simulator).await.status, 207);
    assert!(start.elapsed() >= Duration::from_millis(80));
    faults.set(FaultRule::new(Effect::Hang).times(1));
    let hanging = tokio::time::timeout(Duration::from_millis(100), listing(&simulator)).await;
    assert!(hanging.is_err());
    assert_eq!(listing(&simulator).await.status, 207);
}

#[tokio::test]
async fn requests_are_logged_with_who_and_how() {
    let simulator = with_files().await;
    listing(&simulator).await;
    let world = simulator.world();
    let requests = world.requests();
    assert_eq!((requests.len(), world.request_count()), (1, 1));
    assert_eq!(requests[0].user.as_deref(), Some("alice"));
    assert_eq!(requests[0].depth.as_deref(), Some("1"));
    assert_eq!(world.count_where(|request| request.method == "PROPFIND"), 1);
    world.clear_requests();
    assert_eq!(world.request_count(), 0);
}

#[tokio::test]
async fn a_stopped_nextcloud_refuses_connections_and_comes_back_with_its_data() {
    let simulator = with_files().await;
    let (address, world) = (simulator.address(), Arc::clone(simulator.world()));
    drop(simulator);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let again = Simulator::start_with(world, address).await.unwrap();
    assert_eq!(entries(&listing(&again).await), 6);
}
