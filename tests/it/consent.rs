//! Hybrid mode with consents that are really used: a person in front of a browser, the server as a whole, and the
//! simulator's Nextcloud with its `oidc` app.

use crate::harness::{ALICE, Account, BOB, PATIENCE, Setup, World, pause};
use nextcloud_sim::{BrowserSession, OidcClient, Page, Simulator, TokenType};
use serde_json::Value;
use std::time::{Duration, Instant};

const CONSENT: &str = "/oauth/authorize-nextcloud";

/// A server with an OAuth client that the administrator made at Nextcloud.
pub struct Consented {
    pub world: World,
    pub url: String,
    pub client: OidcClient,
}

/// Nextcloud as `docs/setup-hybrid.md` leaves it: bearers accepted.
pub async fn prepared() -> Simulator {
    let sim = Simulator::start().await;
    sim.world().oidc().set_bearer_validation(true);
    sim
}

pub async fn start(setup: Setup, sim: Simulator) -> Consented {
    let (setup, url) = setup.at_its_own_url();
    let client = OidcClient::new(&format!("{url}/oauth/callback"))
        .token_type(TokenType::Jwt)
        .resource_url(&format!("{url}/mcp"));
    let client = sim.world().oidc().create_client(client);
    let world = setup
        .set("NEXTCLOUD_OIDC_CLIENT_ID", &client.id)
        .set("NEXTCLOUD_OIDC_CLIENT_SECRET", &client.secret)
        .start_with(sim)
        .await;
    let started = Consented { world, url, client };
    started.until_provider_is_known().await;
    started
}

impl Consented {
    /// The provider is asked in the background.
    async fn until_provider_is_known(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.world.http.get(format!("{}{CONSENT}", self.url)).send().await;
            if page.is_ok_and(|page| page.status() == 200) {
                return;
            }
            assert!(Instant::now() < deadline, "the identity provider was never found");
            pause().await;
        }
    }

    pub fn browser(&self, account: Account) -> BrowserSession {
        BrowserSession::signing_in_as(account.uid, account.password)
            .staying_at(&self.url)
            .staying_at(&self.world.sim.url())
    }

    /// Opens our page, sends its form, logs in at Nextcloud and comes back.
    pub async fn consent(&self, browser: &mut BrowserSession) -> Page {
        self.consent_at(browser, &format!("{}{CONSENT}", self.url)).await
    }

    pub async fn consent_at(&self, browser: &mut BrowserSession, link: &str) -> Page {
        let page = browser.visit(link, None).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        let mut fields: Vec<(&str, String)> = ["link", "return_to", "state"]
            .into_iter()
            .filter_map(|name| Some((name, page.field(name)?)))
            .collect();
        fields.push(("csrf", form_token(&page, CONSENT)));
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        browser
            .submit(&format!("{}{CONSENT}", self.url), &fields, None)
            .await
            .unwrap()
    }

    /// A row of `grants`, as text.
    async fn grant(&self, column: &str) -> Option<String> {
        let sql = format!("select {column}::text from grants where uid = 'alice'");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_optional(&mut self.world.sql().await)
            .await
            .unwrap()
    }

    async fn until_sql(&self, what: &str, query: &'static str) {
        let deadline = Instant::now() + PATIENCE;
        let mut connection = self.world.sql().await;
        while !sqlx::query_scalar::<_, bool>(query)
            .fetch_one(&mut connection)
            .await
            .unwrap()
        {
            assert!(Instant::now() < deadline, "never happened: {what}");
            pause().await;
        }
    }
}

/// The mission's walk-through, with exactly its environment variables: consent, a stored and encrypted refresh token,
/// documents synced with it, searches with Basic, and the revocation from the page.
#[tokio::test(flavor = "multi_thread")]
async fn the_missions_walk_through() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/plan.txt", b"The bittern booms.");
    let hybrid = start(Setup::hybrid(), sim).await;
    let world = &hybrid.world;
    let mut browser = hybrid.browser(ALICE);

    let page = hybrid.consent(&mut browser).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("alice"), "{}", page.body);
    let stored = hybrid.grant("refresh_token").await.expect("a grant");
    assert!(stored.starts_with("v1."), "encrypted");
    assert_eq!(hybrid.grant("state").await.as_deref(), Some("active"));

    world
        .until_titles(Some(ALICE), "bittern", "synced with the consent", |titles| {
            titles == ["plan.txt"]
        })
        .await;
    let with_bearer = |request: &nextcloud_sim::RecordedRequest| {
        request.path.contains("/dav/files/alice") && request.scheme.as_deref() == Some("bearer")
    };
    assert!(
        world.sim.world().count_where(with_bearer) > 0,
        "the listing came with the consented token"
    );

    let told = world
        .call_ok(Some(ALICE), "check_provisioning_status", serde_json::json!({}))
        .await;
    assert_eq!(told["is_provisioned"], true, "{told}");
    assert_eq!(told["credential_type"], "refresh_token", "{told}");

    let app = browser.visit(&format!("{}/app", hybrid.url), None).await.unwrap();
    assert_eq!(app.status, 200, "{}", app.body);
    let refreshes = world.sim.world().oidc().refreshes();
    let csrf = form_token(&app, "/app/revoke");
    let after = browser
        .submit(&format!("{}/app/revoke", hybrid.url), &[("csrf", &csrf)], None)
        .await
        .unwrap();
    assert_eq!(after.status, 200, "{}", after.body);
    assert_eq!(hybrid.grant("state").await, None, "unusable at once");
    hybrid
        .until_sql(
            "the token is ended at Nextcloud",
            "select not exists (select from pending_revocations)",
        )
        .await;
    assert_eq!(
        world.sim.world().oidc().refreshes(),
        refreshes + 1,
        "rotated away once"
    );
    world
        .until_status("purged", |status| status["indexed_documents"] == 0)
        .await;
    assert!(world.titles(Some(ALICE), "bittern").await.is_empty());
}

/// The hidden token of the form with this action; a page may have several forms.
pub fn form_token(page: &Page, action: &str) -> String {
    let form = page
        .body
        .find(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("no form for {action} in {}", page.body));
    let rest = &page.body[form..];
    let value = rest.find("value=\"").expect("a token") + "value=\"".len();
    rest[value..].split('"').next().unwrap().to_owned()
}

/// O08: a link that a tool made for alice stores nothing when bob consents, and works for nobody afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn o08_a_tools_link_is_its_principals_alone() {
    let hybrid = start(Setup::hybrid(), prepared().await).await;
    let told = hybrid
        .world
        .call_ok(Some(ALICE), "provision_nextcloud_access", serde_json::json!({}))
        .await;
    let link = link_in(&told);
    let mut bob = hybrid.browser(BOB);
    let page = hybrid.consent_at(&mut bob, &link).await;
    assert!((400..500).contains(&page.status), "{} {}", page.status, page.body);
    let count: i64 = sqlx::query_scalar("select count(*) from grants")
        .fetch_one(&mut hybrid.world.sql().await)
        .await
        .unwrap();
    assert_eq!(count, 0);
    let mut alice = hybrid.browser(ALICE);
    let page = alice.visit(&link, None).await.unwrap();
    assert!((400..500).contains(&page.status), "used up: {}", page.status);
}

/// The consent page's address in a tool's answer.
fn link_in(answer: &Value) -> String {
    let text = answer.to_string();
    let start = text.find("http").expect("a link");
    text[start..].split(['"', ' ', '\\']).next().unwrap().to_owned()
}

/// A user whose consent is withdrawn at Nextcloud is paused, not erased, and resumes after the next consent.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_grant_pauses_and_a_new_consent_resumes() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/a.txt", b"whimbrel");
    // Short lives, so that the refresh that notices is due within seconds.
    sim.world().oidc().set_expire_time(Duration::from_secs(90));
    sim.world()
        .oidc()
        .set_refresh_expire_time(Some(Duration::from_secs(4)));
    let hybrid = start(Setup::hybrid(), sim).await;
    let world = &hybrid.world;
    let mut browser = hybrid.browser(ALICE);
    assert_eq!(hybrid.consent(&mut browser).await.status, 200);
    world
        .until_titles(Some(ALICE), "whimbrel", "synced", |titles| titles.len() == 1)
        .await;

    world
        .sim
        .world()
        .oidc()
        .withdraw_consent("alice", &hybrid.client.id);
    hybrid
        .until_sql(
            "the grant is known to be dead",
            "select exists (select from grants where state = 'reauth_required')",
        )
        .await;
    hybrid
        .until_sql(
            "the user is paused",
            "select exists (select from users where uid = 'alice' and sync_state = 'paused')",
        )
        .await;
    assert_eq!(world.titles(Some(ALICE), "whimbrel").await.len(), 1, "not erased");
    let told = world
        .call_ok(Some(ALICE), "check_provisioning_status", serde_json::json!({}))
        .await;
    assert_eq!(told["is_provisioned"], false, "{told}");

    world.sim.world().put_file("alice", "/b.txt", b"dunlin");
    world
        .sim
        .world()
        .oidc()
        .set_refresh_expire_time(Some(Duration::from_mins(15)));
    assert_eq!(hybrid.consent(&mut browser).await.status, 200);
    world
        .until_titles(Some(ALICE), "dunlin", "resumed", |titles| titles == ["b.txt"])
        .await;
}

/// Without `VECTOR_SYNC_ENABLED` grants are kept alive all the same.
#[tokio::test(flavor = "multi_thread")]
async fn grants_stay_alive_without_a_sync() {
    let sim = prepared().await;
    sim.world().oidc().set_expire_time(Duration::from_secs(90));
    sim.world()
        .oidc()
        .set_refresh_expire_time(Some(Duration::from_secs(4)));
    let hybrid = start(Setup::hybrid().set("VECTOR_SYNC_ENABLED", "false"), sim).await;
    assert_eq!(hybrid.consent(&mut hybrid.browser(ALICE)).await.status, 200);
    let deadline = Instant::now() + PATIENCE;
    while hybrid.world.sim.world().oidc().refreshes() < 2 {
        assert!(Instant::now() < deadline, "the grant was not refreshed");
        pause().await;
    }
    assert_eq!(hybrid.world.sim.world().oidc().live_grants("alice"), 1);
}

/// `BACKGROUND_CREDENTIAL=app_password`: the consent makes an app password at Nextcloud, and revoking deletes it there.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_can_make_an_app_password() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/a.txt", b"avocet");
    let hybrid = start(Setup::hybrid().set("BACKGROUND_CREDENTIAL", "app_password"), sim).await;
    let world = &hybrid.world;
    let before = world.sim.world().app_password_names("alice").len();
    let mut browser = hybrid.browser(ALICE);
    assert_eq!(hybrid.consent(&mut browser).await.status, 200);
    let names = world.sim.world().app_password_names("alice");
    assert_eq!(names.len(), before + 1, "{names:?}");
    assert!(
        names.iter().any(|name| name.contains("Nextcloud MCP Server")),
        "{names:?}"
    );
    assert_eq!(hybrid.grant("state").await, None, "no refresh token is kept");
    world
        .until_titles(Some(ALICE), "avocet", "synced with it", |titles| {
            titles.len() == 1
        })
        .await;
    let app = browser.visit(&format!("{}/app", hybrid.url), None).await.unwrap();
    let csrf = form_token(&app, "/app/revoke");
    browser
        .submit(&format!("{}/app/revoke", hybrid.url), &[("csrf", &csrf)], None)
        .await
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while world.sim.world().app_password_names("alice").len() > before {
        assert!(Instant::now() < deadline, "the app password stands at Nextcloud");
        pause().await;
    }
}

/// Without a configured client the server registers one, and the consent works with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_registered_when_none_is_configured() {
    let sim = prepared().await;
    sim.world().oidc().set_dynamic_registration(true);
    let (setup, url) = Setup::hybrid().at_its_own_url();
    let world = setup.start_with(sim).await;
    let hybrid = Consented {
        world,
        url,
        client: OidcClient::new("unused"),
    };
    hybrid.until_provider_is_known().await;
    let page = hybrid.consent(&mut hybrid.browser(ALICE)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let secret: String = sqlx::query_scalar("select client_secret from oauth_clients")
        .fetch_one(&mut hybrid.world.sql().await)
        .await
        .unwrap();
    assert!(secret.starts_with("v1."), "encrypted");
}
