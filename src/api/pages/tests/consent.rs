//! The way of a consent through the browser.

use super::site::{Site, state_of};
use crate::auth::Principal;
use crate::auth::consent::ConsentLinks;
use crate::auth::consent::tests::AtNextcloud;
use crate::auth::oidc::{IdTokenError, ProviderProblem};
use crate::ids::UserId;
use chrono::TimeDelta;
use http::StatusCode;
use sqlx::PgPool;

const PAGE: &str = "/oauth/authorize-nextcloud";
const BACK: &str =
    "/oauth/authorize-nextcloud?state=a%26b&return_to=https%3A%2F%2Fcloud.example.org%2Fsettings";

async fn flows(pool: &PgPool) -> i64 {
    sqlx::query_scalar!(r#"select count(*) as "count!" from oauth_flows"#)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_link_alone_starts_nothing_and_the_button_does(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let page = browser.get(BACK).await;
    assert_eq!(page.status, StatusCode::OK);
    for told in [
        "mcp.example.org",
        "cloud.example.org",
        "refresh token",
        "Allow access",
        "take it back",
    ] {
        assert!(page.html.contains(told), "{told}: {}", page.html);
    }
    assert_eq!(flows(&pool).await, 0);
    let to = browser.allow(BACK).await;
    assert_eq!(to.origin().ascii_serialization(), "https://cloud.example.org");
    assert_eq!(flows(&pool).await, 1);
    let done = browser.come_back(&to, "alice").await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.html.contains("<strong>alice</strong>"), "{}", done.html);
    assert!(
        done.html
            .contains("https://cloud.example.org/settings?state=a%26b"),
        "{}",
        done.html
    );
    assert_eq!(site.world.stored(), ["alice"]);
    let app = browser.get("/app").await;
    assert_eq!(app.status, StatusCode::OK, "the consent logged alice in");
}

#[sqlx::test(migrations = "./migrations")]
async fn o01_unknown_replayed_expired_and_foreign_states_are_refused(pool: PgPool) {
    let site = Site::new(&pool);
    let (mut victim, mut attacker) = (site.browser(), site.browser());
    for query in [
        "",
        "?state=x&code=alice",
        "?code=alice",
        "?state=a&state=b&code=c",
    ] {
        for path in ["/oauth/callback", "/oauth/callback-nextcloud"] {
            let page = victim.get(&format!("{path}{query}")).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        }
    }
    let of_attacker = attacker.allow(PAGE).await;
    victim.get(PAGE).await;
    let page = victim.come_back(&of_attacker, "alice").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert_eq!(flows(&pool).await, 0, "the row is gone");
    let page = attacker.come_back(&of_attacker, "mallory").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);

    let late = victim.allow(PAGE).await;
    site.world.clock.advance(std::time::Duration::from_mins(10));
    let page = victim.come_back(&late, "alice").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.world.exchanges(), 0, "no token call was made");

    let once = victim.allow(PAGE).await;
    assert_eq!(victim.come_back(&once, "alice").await.status, StatusCode::OK);
    victim.get(PAGE).await;
    let again = victim.come_back(&once, "alice").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.world.exchanges(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn o03_a_refusal_at_the_provider_is_told_in_escaped_words(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let to = browser.allow(BACK).await;
    let denied = format!("/oauth/callback?error=access_denied&state={}", state_of(&to));
    let page = browser.get(&denied).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.html.contains("Access was not allowed"));
    assert!(page.html.contains("Nothing was stored"));
    assert!(
        page.html
            .contains("https://cloud.example.org/settings?state=a%26b")
    );

    let probe = "%3Cscript%3Ealert(1)%3C/script%3E%22%20onload=%22";
    let to = browser.allow(PAGE).await;
    let state = state_of(&to);
    for state in [state.as_str(), "unknown", probe] {
        let path = format!("/oauth/callback?error={probe}&error_description={probe}&state={state}");
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(!page.html.contains("\" onload"), "{}", page.html);
    }
    assert_eq!(site.world.exchanges(), 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_a_caller_sends_is_escaped_on_the_consent_page(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let page = browser
        .get("/oauth/authorize-nextcloud?state=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.html.contains("<script"), "{}", page.html);
}

#[sqlx::test(migrations = "./migrations")]
async fn o05_a_login_that_cannot_be_verified_gives_no_session(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    site.world
        .set(|behaviour| behaviour.id_token = Err(IdTokenError::Refused("nonce".into())));
    let login = browser.get("/oauth/login").await.location().parse().unwrap();
    let consent = browser.allow(PAGE).await;
    for from in [login, consent] {
        let page = browser.come_back(&from, "alice").await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.html.contains("could not be verified"));
    }
    assert!(!browser.cookies.contains_key("__Host-mcp_session"));
    assert!(site.world.stored().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn o06_other_destinations_are_refused(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    for evil in [
        "https%3A%2F%2Fevil.test%2F",
        "https%3A%2F%2Fcloud.example.org%40evil.test%2F",
        "https%3A%2F%2Fcloud.example.org%3A8443%2F",
        "%2F%2Fevil.test",
        "javascript%3Aalert(1)",
    ] {
        let page = browser.get(&format!("{PAGE}?return_to={evil}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{evil}");
        assert!(!page.html.contains("evil.test"));
    }
    let honest = browser.get(PAGE).await;
    let csrf = honest.csrf(PAGE);
    let forged = [("csrf", csrf.as_str()), ("return_to", "https://evil.test/")];
    assert_eq!(browser.post(PAGE, &forged).await.status, StatusCode::BAD_REQUEST);
    for evil in [
        "//evil.test",
        "https:evil.test",
        "https://evil.test",
        "/%5Cevil.test",
        "/%09/evil.test",
    ] {
        let page = browser.get(&format!("/oauth/login?next={evil}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{evil}");
    }
    assert_eq!(flows(&pool).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn o08_a_link_of_one_user_stores_nothing_for_another(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let alice = Principal::known_for_test("alice");
    let link = site.world.links.link_for(&alice).await.unwrap();
    let path = link.strip_prefix("https://mcp.example.org").unwrap().to_owned();
    let page = browser.get(&path).await;
    assert!(page.html.contains("made for the account <strong>alice</strong>"));
    let to = browser.allow(&path).await;
    let page = browser.come_back(&to, "bob").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.html.contains("made for alice"), "{}", page.html);
    assert!(site.world.stored().is_empty());
    assert!(!browser.cookies.contains_key("__Host-mcp_session"));
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "the link is used up");
    assert_eq!(
        site.world.parts.events.lock().unwrap()[0].subject,
        Some(UserId::new("alice"))
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn o09_a_consent_that_would_not_last_says_what_is_missing(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    site.world.set(|behaviour| behaviour.grants_refresh_token = false);
    let to = browser.allow(PAGE).await;
    let page = browser.come_back(&to, "alice").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.html.contains("offline_access"), "{}", page.html);
    assert!(page.html.contains("Nothing was stored"));
    assert!(site.world.stored().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_nextcloud_that_refuses_bearers_is_explained_with_the_command(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    site.world
        .set(|behaviour| behaviour.nextcloud = AtNextcloud::Refuses);
    let to = browser.allow(PAGE).await;
    let page = browser.come_back(&to, "alice").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let command =
        "occ config:system:set user_oidc oidc_provider_bearer_validation --value true --type boolean";
    assert!(page.html.contains(command), "{}", page.html);
    assert!(page.html.contains("/api/v1/users/YOUR-NAME/app-password"));

    site.world.set(|behaviour| behaviour.is_own_nextcloud = false);
    let to = browser.allow(PAGE).await;
    let page = browser.come_back(&to, "alice").await;
    assert!(!page.html.contains(command), "no setting helps");
    assert!(page.html.contains("Access cannot be given this way"));
    assert!(page.html.contains("/api/v1/users/YOUR-NAME/app-password"));
}

#[sqlx::test(migrations = "./migrations")]
async fn j10_a_provider_that_cannot_be_used_gives_503_with_the_reason(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let problem = ProviderProblem::Refused("the issuer is http://elsewhere".into());
    site.world.set(|behaviour| behaviour.provider = Err(problem));
    for path in [PAGE, "/oauth/login"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            page.html.contains("the issuer is http://elsewhere"),
            "{}",
            page.html
        );
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_registration_that_ends_is_told_before(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let page = browser.get(PAGE).await;
    assert!(!page.html.contains("occ oidc:create"));
    let end = crate::clock::Clock::now(&*site.world.clock) + TimeDelta::hours(1);
    site.world
        .set(|behaviour| behaviour.client_expires_at = Some(end));
    let page = browser.get(PAGE).await;
    assert!(page.html.contains("This access will end soon"));
    assert!(page.html.contains("occ oidc:create"), "{}", page.html);
    assert!(page.html.contains("https://mcp.example.org/oauth/callback"));
}
