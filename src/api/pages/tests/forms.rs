//! Forms, cookies and headers.

use super::site::Site;
use http::StatusCode;
use sqlx::PgPool;

const CONSENT: &str = "/oauth/authorize-nextcloud";
const FORMS: [&str; 3] = [CONSENT, "/app/revoke", "/oauth/logout"];

#[sqlx::test(migrations = "./migrations")]
async fn o13_forms_of_other_sites_change_nothing(pool: PgPool) {
    let site = Site::new(&pool);
    let mut alice = site.browser();
    alice.log_in("alice").await;
    alice.get(CONSENT).await;
    let own = [
        alice.get(CONSENT).await.csrf(CONSENT),
        alice.get("/app").await.csrf("/app/revoke"),
        alice.get("/app").await.csrf("/oauth/logout"),
    ];
    let mut mallory = site.browser();
    mallory.log_in("mallory").await;
    let foreign = [
        mallory.get(CONSENT).await.csrf(CONSENT),
        mallory.get("/app").await.csrf("/app/revoke"),
        mallory.get("/app").await.csrf("/oauth/logout"),
    ];
    for (index, form) in FORMS.into_iter().enumerate() {
        let right = [("csrf", own[index].as_str())];
        // With the cookie only, with a token of another browser, with one of another form.
        let wrong = [foreign[index].as_str(), own[(index + 1) % 3].as_str(), ""];
        assert_eq!(
            alice.post(form, &[]).await.status,
            StatusCode::FORBIDDEN,
            "{form}"
        );
        for token in wrong {
            let page = alice.post(form, &[("csrf", token)]).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{form}");
        }
        for from in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.test"),
            ("origin", "null"),
        ] {
            let page = alice.post_with(form, &right, &[from]).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{form} {from:?}");
        }
    }
    assert!(site.access.revoked.lock().unwrap().is_empty());
    assert_eq!(alice.get("/app").await.status, StatusCode::OK, "still logged in");
    for (index, form) in FORMS.into_iter().enumerate() {
        let page = alice.post(form, &[("csrf", own[index].as_str())]).await;
        assert!(page.status.is_success() || page.status.is_redirection(), "{form}");
    }
    assert_eq!(*site.access.revoked.lock().unwrap(), ["alice"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn o14_every_page_is_unframeable_and_not_stored(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let anonymous = [
        browser.get(CONSENT).await,
        browser.get("/oauth/callback?state=x").await,
        browser.post(CONSENT, &[]).await,
    ];
    let to = browser.allow(CONSENT).await;
    let consented = browser.come_back(&to, "alice").await;
    let app = browser.get("/app").await;
    let csrf = app.csrf("/oauth/logout");
    let logged_out = browser.post("/oauth/logout", &[("csrf", &csrf)]).await;
    for page in anonymous.iter().chain([&consented, &app, &logged_out]) {
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        for part in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.html.contains("<html lang=\"en\">"));
        assert!(!page.html.contains("<script"));
        assert!(!page.html.contains("style="), "the policy would drop it");
    }
    let policy = anonymous[0].header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https://cloud.example.org"),
        "{policy}"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn cookies_are_bound_to_this_host_and_hidden_from_scripts(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let to = browser.allow(CONSENT).await;
    let given = browser.get(CONSENT).await;
    let done = browser.come_back(&to, "alice").await;
    let lines: Vec<&str> = given
        .headers
        .get_all("set-cookie")
        .iter()
        .chain(done.headers.get_all("set-cookie"))
        .map(|line| line.to_str().unwrap())
        .collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        assert!(line.starts_with("__Host-mcp_"), "{line}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(line.contains(attribute), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    assert!(browser.cookies.contains_key("__Host-mcp_session"));
    assert!(!browser.cookies.contains_key("__Host-mcp_flow"), "used up");
}

#[sqlx::test(migrations = "./migrations")]
async fn the_style_sheet_is_served(pool: PgPool) {
    let site = Site::new(&pool);
    let mut browser = site.browser();
    let style = browser.get("/app/assets/style.css").await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    let icon = browser.get("/app/assets/icon.svg").await;
    assert_eq!(icon.header("content-type"), "image/svg+xml");
}
