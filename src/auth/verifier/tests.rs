use super::*;
use crate::auth::testing::{FakeNextcloud, basic, client, manual_clock, verifier};
use std::sync::atomic::Ordering;

const SECOND: Duration = Duration::from_secs(1);

async fn check(verifier: &BasicVerifier, name: &str, password: &str, from: u8) -> Result<String, AuthError> {
    verifier
        .verify_credential(&basic(name, password), client(from), Freshness::Cached)
        .await
        .map(|principal| principal.user().to_string())
}

#[tokio::test]
async fn b05_an_accepted_password_is_asked_again_after_a_minute() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
    clock.advance(59 * SECOND);
    fake.set_password("alice", "changed");
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
    assert_eq!(fake.asked(), 1);
    clock.advance(SECOND);
    assert_eq!(
        check(&verifier, "alice", "right", 1).await,
        Err(AuthError::Refused(Challenge::Basic))
    );
    assert_eq!(fake.asked(), 2);
}

#[tokio::test]
async fn a_client_that_loops_with_a_wrong_password_sends_one_attempt() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    for _ in 0..50 {
        assert_eq!(
            check(&verifier, "alice", "wrong", 1).await,
            Err(AuthError::Refused(Challenge::Basic))
        );
    }
    assert_eq!(fake.asked(), 1);
}

#[tokio::test]
async fn a_loop_of_an_hour_stays_below_the_limit_of_nextcloud() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    for _ in 0..1800 {
        assert_eq!(
            check(&verifier, "alice", "wrong", 1).await,
            Err(AuthError::Refused(Challenge::Basic))
        );
        clock.advance(SECOND);
    }
    assert!(fake.asked() <= GLOBAL_FAILURES, "{} attempts", fake.asked());
}

#[tokio::test]
async fn one_address_has_three_guesses_and_known_credentials_go_on() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
    for guess in 0..3 {
        let refused = check(&verifier, "alice", &format!("guess-{guess}"), 1).await;
        assert_eq!(refused, Err(AuthError::Refused(Challenge::Basic)));
    }
    let asked = fake.asked();
    let throttled = check(&verifier, "alice", "guess-3", 1).await;
    assert_eq!(
        throttled,
        Err(AuthError::Throttled {
            retry_after: CLIENT_WINDOW
        })
    );
    assert_eq!(fake.asked(), asked, "a throttled guess never reaches Nextcloud");
    clock.advance(2 * 60 * SECOND);
    assert_eq!(
        check(&verifier, "alice", "right", 1).await,
        Ok("alice".into()),
        "it worked before"
    );
    assert_eq!(
        check(&verifier, "alice", "guess-4", 2).await,
        Err(AuthError::Refused(Challenge::Basic))
    );
}

#[tokio::test]
async fn six_failures_from_anywhere_stop_all_guessing() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    for from in 0..6 {
        let refused = check(&verifier, "alice", &format!("guess-{from}"), from).await;
        assert_eq!(refused, Err(AuthError::Refused(Challenge::Basic)));
    }
    let throttled = check(&verifier, "alice", "guess-6", 7).await;
    assert_eq!(
        throttled,
        Err(AuthError::Throttled {
            retry_after: GLOBAL_WINDOW
        })
    );
    clock.advance(GLOBAL_WINDOW);
    assert_eq!(check(&verifier, "alice", "right", 7).await, Ok("alice".into()));
}

#[tokio::test]
async fn a_burst_of_guesses_from_many_addresses_stays_below_ten() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    let guesses = (0..100).map(|n| {
        let verifier = verifier.clone();
        async move { check(&verifier, "alice", &format!("guess-{n}"), n).await }
    });
    let answers = futures::future::join_all(guesses).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(fake.asked() < 10, "{} attempts", fake.asked());
}

#[tokio::test]
async fn equal_credentials_are_checked_once_at_a_time() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    let calls = (0..50).map(|_| check(&verifier, "alice", "right", 1));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer == &Ok("alice".into())));
    assert_eq!(fake.asked(), 1);
}

#[tokio::test]
async fn an_outage_is_no_refusal_and_is_not_cached() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    fake.down.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        let answer = check(&verifier, "alice", "right", 1).await;
        assert_eq!(
            answer,
            Err(AuthError::Unavailable {
                retry_after: UNAVAILABLE_RETRY
            })
        );
    }
    fake.down.store(false, Ordering::Relaxed);
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
}

#[tokio::test]
async fn a_credential_that_worked_is_no_guess_after_an_outage() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
    for from in 0..6 {
        let refused = check(&verifier, "alice", &format!("guess-{from}"), from).await;
        assert_eq!(refused, Err(AuthError::Refused(Challenge::Basic)));
    }
    clock.advance(2 * 60 * SECOND);
    fake.down.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let answer = check(&verifier, "alice", "right", 1).await;
        assert!(matches!(answer, Err(AuthError::Unavailable { .. })), "{answer:?}");
    }
    fake.down.store(false, Ordering::Relaxed);
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
    verifier.refuse(&basic("alice", "right")).await;
    clock.advance(31 * SECOND);
    assert_eq!(
        check(&verifier, "alice", "right", 1).await,
        Err(AuthError::Refused(Challenge::Basic)),
        "a refused credential is a guess again, and the budgets are spent"
    );
    assert_eq!(
        fake.asked(),
        10,
        "once at first, six guesses, two in the outage, once after it"
    );
}

#[tokio::test]
async fn a_live_check_asks_although_an_acceptance_is_cached() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    let alice = basic("alice", "right");
    for expected in 1..=2 {
        verifier
            .verify_credential(&alice, client(1), Freshness::Live)
            .await
            .unwrap();
        assert_eq!(fake.asked(), expected);
    }
}

#[tokio::test]
async fn a_credential_that_nextcloud_refused_in_a_request_is_refused_here_too() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
    let verifier = verifier(&fake, &clock);
    assert_eq!(check(&verifier, "alice", "right", 1).await, Ok("alice".into()));
    verifier.refuse(&basic("alice", "right")).await;
    assert_eq!(
        check(&verifier, "alice", "right", 1).await,
        Err(AuthError::Refused(Challenge::Basic))
    );
    assert_eq!(fake.asked(), 1);
}

#[test]
fn neighbours_in_one_ipv6_network_share_a_budget() {
    let first: IpAddr = "2001:db8:1:2::1".parse().unwrap();
    let second: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
    assert_eq!(budget_address(first), budget_address(second));
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    assert_eq!(budget_address(mapped), "192.0.2.7".parse::<IpAddr>().unwrap());
}

#[tokio::test]
async fn the_password_is_not_in_the_debug_text() {
    let (fake, clock) = (FakeNextcloud::with_user("alice", "right-secret"), manual_clock());
    let verifier = verifier(&fake, &clock);
    check(&verifier, "alice", "right-secret", 1).await.unwrap();
    assert!(!format!("{verifier:?}").contains("right-secret"));
}
