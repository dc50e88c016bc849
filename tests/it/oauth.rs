//! OAuth mode: access tokens at `/mcp` and at the management API.

use crate::consent::{Consented, prepared, start};
use crate::harness::Setup;
use serde_json::{Value, json};

async fn oauth() -> Consented {
    let sim = prepared().await;
    sim.world().put_file("alice", "/a.txt", b"alice's own");
    start(Setup::oauth(), sim).await
}

impl Consented {
    fn token(&self, user: &str, scopes: &str, resource: &str) -> String {
        let issued = self
            .world
            .sim
            .world()
            .oidc()
            .issue(user, &self.client.id, scopes, Some(resource));
        issued.access_token
    }

    async fn rpc(&self, token: Option<&str>, method: &str, params: Value) -> reqwest::Response {
        let mut request = self
            .world
            .http
            .post(format!("{}/mcp", self.url))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }
}

fn challenge(response: &reqwest::Response) -> String {
    response.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned()
}

/// J14, J13: from the first 401 over the metadata to a call, and a step-up.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_its_scopes_name() {
    let oauth = oauth().await;
    let mcp = format!("{}/mcp", oauth.url);

    let refused = oauth.rpc(None, "tools/list", json!({})).await;
    assert_eq!(refused.status(), 401);
    let challenge_text = challenge(&refused);
    let metadata = challenge_text
        .split("resource_metadata=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("resource_metadata")
        .to_owned();
    let document: Value = oauth
        .world
        .http
        .get(metadata)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(document["resource"], mcp);
    assert_eq!(document["authorization_servers"][0], oauth.world.sim.url());

    let token = oauth.token("alice", "openid files.read", &mcp);
    let listed: Value = oauth
        .rpc(Some(&token), "tools/list", json!({}))
        .await
        .json()
        .await
        .unwrap();
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"nc_webdav_list_directory"), "{names:?}");
    assert!(!names.contains(&"nc_webdav_write_file"), "{names:?}");

    let call = json!({"name": "nc_webdav_list_directory", "arguments": {"path": ""}});
    let answer: Value = oauth
        .rpc(Some(&token), "tools/call", call)
        .await
        .json()
        .await
        .unwrap();
    assert!(answer.to_string().contains("a.txt"), "{answer}");

    let write = json!({"name": "nc_webdav_write_file", "arguments": {"path": "b.txt", "content": "b"}});
    let refused = oauth.rpc(Some(&token), "tools/call", write).await;
    assert_eq!(refused.status(), 403);
    let text = challenge(&refused);
    assert!(
        text.contains("insufficient_scope") && text.contains("files.write"),
        "{text}"
    );
}

/// J02, O15: a token for another audience is refused, and the management API never sends one to Nextcloud.
#[tokio::test(flavor = "multi_thread")]
async fn the_management_api_believes_and_never_forwards() {
    let oauth = oauth().await;
    let elsewhere = oauth.token("alice", "openid", "https://elsewhere.test");
    let refused = oauth.rpc(Some(&elsewhere), "tools/list", json!({})).await;
    assert_eq!(refused.status(), 401);

    let token = oauth.token("alice", "openid", &oauth.url);
    oauth.world.sim.world().clear_requests();
    let session = |user: &str| {
        oauth
            .world
            .http
            .get(format!("{}/api/v1/users/{user}/session", oauth.url))
            .bearer_auth(&token)
            .send()
    };
    let own = session("alice").await.unwrap();
    assert_eq!(own.status(), 200);
    let own: Value = own.json().await.unwrap();
    assert_eq!(own["background_access_granted"], false, "{own}");
    for other in ["bob", "nobody-here"] {
        assert_eq!(session(other).await.unwrap().status(), 403);
    }
    let forwarded = oauth
        .world
        .sim
        .world()
        .count_where(|request| request.scheme.as_deref() == Some("bearer"));
    assert_eq!(forwarded, 0);
}
