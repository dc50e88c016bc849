//! The administrator's panel at `/app`, over the simulator's `webhook_listeners`.

use super::site::{Browser, Page, Site};
use crate::webhooks::tests::World;
use http::StatusCode;
use nextcloud_sim::{Effect, FaultRule};
use sqlx::PgPool;

const PANEL: &str = "Change notices";
const FORM: &str = "/app/webhooks";

/// Presses a button of the panel.
async fn press(browser: &mut Browser<'_>, csrf: &str, action: &str, preset: &str) -> Page {
    let fields = [("csrf", csrf), ("action", action), ("preset", preset)];
    browser.post(FORM, &fields).await
}

/// What stands between the heading of a preset and the next one.
fn line<'a>(page: &'a Page, preset: &str) -> &'a str {
    let rest = page.html.split_once(&format!("<h3 id=\"{preset}\">")).unwrap().1;
    rest.split("<h3 id=").next().unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn an_administrator_switches_presets_on_and_off(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let site = Site::with(&pool, Some(world.webhooks.clone()));
    let mut browser = site.browser();
    browser.log_in("admin").await;
    let page = browser.get("/app").await;
    assert!(page.html.contains(PANEL), "{}", page.html);
    assert!(line(&page, "files_sync").contains("Off"));
    let csrf = page.csrf(FORM);
    let done = press(&mut browser, &csrf, "on", "files_sync").await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, "/app?done=switched_on#webhooks")
    );
    assert!(world.sim.world().webhooks().len() > 3, "with companions");
    let page = browser.get("/app?done=switched_on").await;
    assert!(page.html.contains("Switched on."), "{}", page.html);
    let files = line(&page, "files_sync");
    for told in ["On</span>", "none yet", "admin", "Switch off"] {
        assert!(files.contains(told), "{told}: {files}");
    }
    let done = press(&mut browser, &csrf, "off", "files_sync").await;
    assert_eq!(done.location(), "/app?done=switched_off#webhooks");
    assert_eq!(world.sim.world().webhooks().len(), 0);
    let done = press(&mut browser, &csrf, "on", "forms_sync").await;
    assert_eq!(done.status, StatusCode::BAD_GATEWAY);
    assert!(done.html.contains("does not have these events"), "{}", done.html);
    for (action, preset) in [("on", "boats"), ("toggle", "files_sync"), ("", "")] {
        let page = press(&mut browser, &csrf, action, preset).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{action} {preset}");
    }
    assert_eq!(world.sim.world().webhooks().len(), 0);
}

/// O13 for this form, and for a browser without a session.
#[sqlx::test(migrations = "./migrations")]
async fn o13_other_sites_and_other_sessions_switch_nothing(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let site = Site::with(&pool, Some(world.webhooks.clone()));
    let (mut admin, mut other) = (site.browser(), site.browser());
    admin.log_in("admin").await;
    let page = admin.get("/app").await;
    let csrf = page.csrf(FORM);
    let fields = [
        ("csrf", csrf.as_str()),
        ("action", "on"),
        ("preset", "files_sync"),
    ];
    let foreign = admin
        .post_with(FORM, &fields, &[("sec-fetch-site", "cross-site")])
        .await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let revoke = page.csrf("/app/revoke");
    for wrong in ["", revoke.as_str()] {
        let page = press(&mut admin, wrong, "on", "files_sync").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    assert_eq!(
        press(&mut other, &csrf, "on", "files_sync").await.status,
        StatusCode::FORBIDDEN
    );
    other.log_in("admin").await;
    assert_eq!(
        press(&mut other, &csrf, "on", "files_sync").await.status,
        StatusCode::FORBIDDEN,
        "the token is another session's"
    );
    assert_eq!(world.sim.world().webhooks().len(), 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn whoever_may_not_manage_webhooks_sees_nothing_of_them(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    world.consent("alice").await;
    let site = Site::with(&pool, Some(world.webhooks.clone()));
    let mut admin = site.browser();
    admin.log_in("admin").await;
    let csrf = admin.get("/app").await.csrf(FORM);
    press(&mut admin, &csrf, "on", "files_sync").await;
    // Alice has a credential and is no administrator; bob has none.
    for uid in ["alice", "bob"] {
        let mut browser = site.browser();
        browser.log_in(uid).await;
        let page = browser.get("/app").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.html.contains(PANEL), "{}", page.html);
    }
    let before = world.sim.world().webhooks().len();
    let mut alice = site.browser();
    alice.log_in("alice").await;
    // No page shows them the form; they make it themselves.
    let token = alice.form_token(crate::auth::browser::Form::Webhooks);
    let refused = press(&mut alice, &token, "off", "files_sync").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.html.contains("admin-delegation"), "{}", refused.html);
    let mut bob = site.browser();
    bob.log_in("bob").await;
    let token = bob.form_token(crate::auth::browser::Form::Webhooks);
    let refused = press(&mut bob, &token, "off", "files_sync").await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_REQUIRED);
    assert!(
        refused.html.contains("/oauth/authorize-nextcloud"),
        "{}",
        refused.html
    );
    assert_eq!(world.sim.world().webhooks().len(), before);
}

#[sqlx::test(migrations = "./migrations")]
async fn each_problem_comes_with_what_helps(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let site = Site::with(&pool, Some(world.webhooks.clone()));
    let mut browser = site.browser();
    browser.log_in("admin").await;
    let csrf = browser.get("/app").await.csrf(FORM);
    press(&mut browser, &csrf, "on", "files_sync").await;
    sqlx::raw_sql(
        "insert into unannounced_changes (doc_type, changes, first_found_at, last_found_at)
         values ('file', 3, '2020-01-01', '2020-01-01')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let page = browser.get("/app").await;
    for told in [
        "Webhooks stay silent",
        "3 changes of files",
        "occ background-job:worker",
    ] {
        assert!(page.html.contains(told), "{told}: {}", page.html);
    }
    assert!(
        !page.html.contains("allow_local_remote_servers"),
        "its address is public"
    );

    // Another administrator's consent takes over; the panel says so meanwhile, and does it at a click.
    world
        .sim
        .world()
        .add_user("root", "root", "root-pass-1", &["admin"]);
    world.consent("root").await;
    world.end_consent("admin").await;
    site.access.revoked.lock().unwrap().push("admin".into());
    let mut root = site.browser();
    root.log_in("root").await;
    let page = root.get("/app").await;
    assert!(page.html.contains("Adoption under way"), "{}", page.html);
    let token = page.csrf(FORM);
    let done = press(&mut root, &token, "put_right", "").await;
    assert_eq!(done.location(), "/app?done=put_right#webhooks");
    let owners = world.sim.world().webhooks();
    assert!(owners.iter().all(|webhook| webhook["userId"] == "root"));
    let page = root.get("/app").await;
    assert!(!page.html.contains("Adoption under way"));

    // Whose own consent has ended is led to a new one, if webhooks stand in that name.
    world.end_consent("root").await;
    let page = root.get("/app").await;
    assert!(page.html.contains("Your access has ended"), "{}", page.html);
    assert!(page.html.contains("/oauth/authorize-nextcloud"));
    world.consent("root").await;

    let fault = FaultRule::new(Effect::Status(503)).path("/ocs/v2.php/apps/webhook_listeners/");
    world.sim.world().faults().set(fault);
    let page = root.get("/app").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.html.contains("Nextcloud cannot be asked now"),
        "{}",
        page.html
    );
}
