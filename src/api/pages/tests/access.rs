//! `/app`, login and logout.

use super::site::Site;
use http::StatusCode;
use sqlx::PgPool;
use std::time::Duration;

#[sqlx::test(migrations = "./migrations")]
async fn app_asks_for_a_login_and_shows_ones_own_access(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let page = browser.get("/app").await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/oauth/login?next=/app")
    );
    browser.log_in("alice").await;
    let page = browser.get("/app").await;
    assert_eq!(page.status, StatusCode::OK);
    for told in [
        "alice",
        "Allowed",
        "refresh token",
        "Logged in to this page",
        "1204",
        "980, 224 to follow",
        "&#60;b&#62;contract&#60;/b&#62; of 2019.pdf",
        "the PDF is damaged",
    ] {
        assert!(page.html.contains(told), "{told}: {}", page.html);
    }
    assert!(site.world.stored().is_empty(), "a login stores no credential");
}

#[sqlx::test(migrations = "./migrations")]
async fn every_page_leads_to_the_description_of_the_api_and_to_the_others_once_logged_in(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let stranger = browser.get("/oauth/callback?code=x&state=unknown").await;
    assert!(stranger.links_to("/api/docs"), "{}", stranger.html);
    assert!(!stranger.links_to("/app/search"), "{}", stranger.html);
    browser.log_in("alice").await;
    let page = browser.get("/app").await;
    for path in ["/app", "/app/search", "/api/docs"] {
        assert!(page.links_to(path), "{path}: {}", page.html);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn the_button_revokes_for_the_user_of_the_session(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    browser.log_in("alice").await;
    let csrf = browser.get("/app").await.csrf("/app/revoke");
    let fields = [("csrf", csrf.as_str()), ("user", "bob"), ("uid", "bob")];
    let page = browser.post("/app/revoke", &fields).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/app?done=revoked")
    );
    assert_eq!(*site.access.revoked.lock().unwrap(), ["alice"]);
    let page = browser.get("/app?done=revoked").await;
    assert!(page.html.contains("Your access was taken back"));
    assert!(page.html.contains("Allow background access"));
    let page = browser.post("/app/revoke", &fields).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "twice is fine");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_consent_can_be_taken_back_on_the_page_that_thanks_for_it(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let to = browser.allow("/oauth/authorize-nextcloud").await;
    let csrf = browser.come_back(&to, "alice").await.csrf("/app/revoke");
    let page = browser.post("/app/revoke", &[("csrf", &csrf)]).await;
    assert_eq!(page.location(), "/app?done=revoked");
    assert_eq!(*site.access.revoked.lock().unwrap(), ["alice"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn logging_out_ends_the_session_everywhere(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    browser.log_in("alice").await;
    let kept = browser.cookies.clone();
    let csrf = browser.get("/app").await.csrf("/oauth/logout");
    let page = browser.post("/oauth/logout", &[("csrf", &csrf)]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(browser.cookies.is_empty());
    browser.cookies = kept;
    let page = browser.get("/app").await;
    assert_eq!(
        page.status,
        StatusCode::SEE_OTHER,
        "the old cookie is worth nothing"
    );
    assert_eq!(
        browser.get("/oauth/logout").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_login_changes_the_session_and_idle_ones_end(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    browser.log_in("alice").await;
    let first = browser.cookies["__Host-mcp_session"].clone();
    browser.log_in("alice").await;
    assert_ne!(browser.cookies["__Host-mcp_session"], first);
    browser.cookies.insert("__Host-mcp_session".into(), first);
    assert_eq!(browser.get("/app").await.status, StatusCode::SEE_OTHER);
    browser.log_in("alice").await;
    site.world.clock.advance(Duration::from_hours(12));
    assert_eq!(browser.get("/app").await.status, StatusCode::SEE_OTHER);
}
