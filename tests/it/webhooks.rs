//! Astrolabe's webhook panel against the whole server: an administrator without a grant, with one, and a preset switched
//! on and off.

use crate::consent::{Consented, prepared, start};
use crate::harness::{Account, Setup};
use reqwest::Method;
use serde_json::{Value, json};

const ADMIN: Account = Account {
    uid: "admin",
    password: "admin",
};
const CALENDAR: [&str; 3] = [
    r"OCP\Calendar\Events\CalendarObjectCreatedEvent",
    r"OCP\Calendar\Events\CalendarObjectUpdatedEvent",
    r"OCP\Calendar\Events\CalendarObjectDeletedEvent",
];

async fn ask(
    server: &Consented,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let request = server
        .world
        .http
        .request(method, format!("{}/api/v1/webhooks{path}", server.url))
        .bearer_auth(token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_panel_leads_to_a_grant_and_its_switches_show_the_truth() {
    let hybrid = start(Setup::hybrid(), prepared().await).await;
    let nextcloud = hybrid.world.sim.world();
    let token_of = |user: &str| {
        let issued = nextcloud
            .oidc()
            .issue(user, &hybrid.client.id, "openid", Some(&hybrid.url));
        issued.access_token
    };
    let token = token_of("admin");

    let (status, refused) = ask(&hybrid, &token, Method::GET, "", None).await;
    assert_eq!(status, 428, "{refused}");
    let shown: String = refused["message"].as_str().unwrap().chars().take(100).collect();
    let consent_url = format!("{}/oauth/authorize-nextcloud", hybrid.url);
    assert!(shown.contains(&consent_url), "{shown}");

    let mut browser = hybrid.browser(ADMIN);
    assert_eq!(hybrid.consent_at(&mut browser, &consent_url).await.status, 200);
    let (status, listed) = ask(&hybrid, &token, Method::GET, "", None).await;
    assert_eq!((status, listed), (200, json!({"webhooks": []})));

    for event in CALENDAR {
        let body = json!({"event": event, "uri": "http://evil.example/api/v1/webhooks/callback"});
        let (status, registered) = ask(&hybrid, &token, Method::POST, "", Some(body)).await;
        assert_eq!(status, 200, "{registered}");
        assert!(registered.get("error").is_none());
        assert_eq!(registered["webhook"]["event"], event);
    }
    let ours = format!("{}/webhooks/nextcloud", hybrid.url);
    let standing = nextcloud.webhooks();
    assert!(
        standing.iter().all(|webhook| webhook["uri"] == ours),
        "{standing:?}"
    );
    assert!(
        standing
            .iter()
            .any(|webhook| webhook["event"].as_str().unwrap().ends_with("MovedToTrashEvent")),
        "a companion"
    );

    let (_, listed) = ask(&hybrid, &token, Method::GET, "", None).await;
    let listed = listed["webhooks"].as_array().unwrap().clone();
    assert_eq!(listed.len(), CALENDAR.len(), "{listed:?}");
    for webhook in &listed {
        assert_eq!(webhook["eventFilter"], Value::Null);
        let (status, removed) = ask(
            &hybrid,
            &token,
            Method::DELETE,
            &format!("/{}", webhook["id"]),
            None,
        )
        .await;
        assert_eq!(status, 200, "{removed}");
    }
    assert_eq!(nextcloud.webhooks().len(), 0, "companions went with it");

    let (status, gone) = ask(&hybrid, &token, Method::DELETE, "/4711", None).await;
    assert_eq!((status, gone["error"].as_str()), (404, Some("Not found")));
    for body in [
        json!({}),
        json!({"event": 1}),
        json!({"event": "A", "event_filter": "x"}),
    ] {
        assert_eq!(ask(&hybrid, &token, Method::POST, "", Some(body)).await.0, 400);
    }
}

/// W10.
#[tokio::test(flavor = "multi_thread")]
async fn w10_a_user_who_is_no_administrator_is_told_of_delegation() {
    let hybrid = start(Setup::hybrid(), prepared().await).await;
    let mut browser = hybrid.browser(crate::harness::ALICE);
    hybrid.consent(&mut browser).await;
    let oidc = hybrid.world.sim.world().oidc();
    let issued = oidc.issue("alice", &hybrid.client.id, "openid", Some(&hybrid.url));
    let (status, refused) = ask(&hybrid, &issued.access_token, Method::GET, "", None).await;
    assert_eq!(status, 403, "{refused}");
    assert!(
        refused["message"].as_str().unwrap().contains("delegated admin"),
        "{refused}"
    );
}

/// The panel of this server itself: an administrator consents, switches a preset on, and what Nextcloud's background job
/// delivers is found within seconds and shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_preset_switched_on_at_app_makes_changes_searchable_soon() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/a.txt", b"avocet");
    let setup = Setup::hybrid().set("VECTOR_SYNC_SCAN_INTERVAL", "86400");
    let hybrid = start(setup, sim).await;
    let (world, app) = (&hybrid.world, format!("{}/app", hybrid.url));
    world.provision(crate::harness::ALICE).await;
    world
        .until_titles(
            Some(crate::harness::ALICE),
            "avocet",
            "the first scan",
            |titles| titles.len() == 1,
        )
        .await;
    let mut browser = hybrid.browser(ADMIN);
    assert_eq!(hybrid.consent(&mut browser).await.status, 200);
    let page = browser.visit(&app, None).await.unwrap();
    assert!(page.body.contains("Change notices"), "{}", page.body);
    let csrf = crate::consent::form_token(&page, "/app/webhooks");
    let fields = [
        ("csrf", csrf.as_str()),
        ("action", "on"),
        ("preset", "files_sync"),
    ];
    let page = browser
        .submit(&format!("{app}/webhooks"), &fields, None)
        .await
        .unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Switched on."), "{}", page.body);

    world.sim.world().put_file("alice", "/b.txt", b"bittern");
    let delivered = world.sim.world().deliver_webhooks().await;
    assert!(!delivered.is_empty());
    assert!(
        delivered.iter().all(|delivery| delivery.status == Some(202)),
        "{delivered:?}"
    );
    let begun = std::time::Instant::now();
    world
        .until_titles(
            Some(crate::harness::ALICE),
            "bittern",
            "told by a webhook",
            |titles| titles == ["b.txt"],
        )
        .await;
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    let page = browser.visit(&app, None).await.unwrap();
    assert!(page.body.contains("after its event"), "{}", page.body);

    // Whoever is no administrator sees nothing of it.
    let mut alice = hybrid.browser(crate::harness::ALICE);
    let page = alice.visit(&app, None).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(!page.body.contains("Change notices"), "{}", page.body);
}
