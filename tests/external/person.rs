//! Somebody in front of a browser who signs in at `oidc-provider` and agrees to everything.

use nextcloud_sim::{BrowserSession, Page};

/// Visits `address`, passes the provider's forms, and stays at the page that comes then, or before a URL that starts
/// with `stop`.
pub async fn sign_in(login: &str, address: &str, stop: Option<&str>) -> Page {
    let mut browser = BrowserSession::new();
    let page = browser.visit(address, stop).await.unwrap();
    pass(&mut browser, login, page, stop).await
}

/// Reads the consent page at `address`, allows it, and signs in as `login`.
pub async fn allow(login: &str, address: &str) -> Page {
    allow_in(BrowserSession::new(), login, address).await
}

/// The same in a browser that may know more of its user, such as a password for Nextcloud.
pub async fn allow_in(mut browser: BrowserSession, login: &str, address: &str) -> Page {
    let page = browser.visit(address, None).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    let action = page.form_action().expect("a form");
    let fields: Vec<(&str, String)> = ["csrf", "link", "return_to", "state"]
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let page = browser.submit(action.as_str(), &fields, None).await.unwrap();
    pass(&mut browser, login, page, None).await
}

/// Fills in the provider's forms as long as they come: the login, then the consent.
async fn pass(browser: &mut BrowserSession, login: &str, page: Page, stop: Option<&str>) -> Page {
    let mut page = page;
    for _ in 0..4 {
        let Some(prompt) = page.field("prompt") else { break };
        let action = page.form_action().expect("a form");
        let fields = [("prompt", prompt.as_str()), ("login", login), ("password", "any")];
        page = browser.submit(action.as_str(), &fields, stop).await.unwrap();
    }
    page
}
