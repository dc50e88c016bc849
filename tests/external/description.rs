//! The `OpenAPI` description against the server: schemathesis makes requests from it, good and bad ones, and holds every
//! answer against it.

use crate::harness::pause;
use crate::pdf_file::assemble;
use crate::software;
use crate::world::{Setup, World};
use nextcloud_sim::{OidcClient, Simulator, TokenType};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::process::Command;

const WRITTEN: &str = r"OCP\Files\Events\Node\NodeWrittenEvent";
/// What is run with other credentials, or before.
const OF_OTHERS: &str = "^/api/v1/users/|^/webhooks/|/callback$";
/// What tells and narrows what a user granted, and what changes it.
const OF_USERS: [&str; 2] = ["/(session|access|scopes)$", "/(app-password|revoke)$"];

/// A server with documents that alice and an administrator may search.
struct Described {
    world: World,
    client: OidcClient,
}

impl Described {
    async fn start() -> Self {
        let nextcloud = Simulator::start().await;
        nextcloud.world().oidc().set_bearer_validation(true);
        for user in ["alice", "admin"] {
            nextcloud.world().put_note(
                user,
                "Ferry",
                "",
                "The ferry leaves at noon from the northern pier.",
            );
            nextcloud
                .world()
                .put_file(user, "/harbour.md", b"The harbour master keeps a list of boats.");
            nextcloud
                .world()
                .put_file(user, "/Reports/ferry.pdf", white_page());
        }
        let setup = Setup::hybrid()
            .set("EMBEDDING_PROVIDER", "embedded")
            .set("VECTOR_SYNC_SCAN_INTERVAL", "3600");
        let url = setup.url();
        let client = OidcClient::new(&format!("{url}/oauth/callback"))
            .token_type(TokenType::Jwt)
            .resource_url(&format!("{url}/mcp"));
        let client = nextcloud.world().oidc().create_client(client);
        let setup = setup
            .set("NEXTCLOUD_OIDC_CLIENT_ID", &client.id)
            .set("NEXTCLOUD_OIDC_CLIENT_SECRET", &client.secret);
        let world = World::at_nextcloud(setup, nextcloud).await;
        world.until_provider_is_known().await;
        Self { world, client }
    }

    fn token(&self, user: &str) -> String {
        let oidc = self.world.nextcloud.world().oidc();
        let issued = oidc.issue(
            user,
            &self.client.id,
            "openid profile",
            Some(&self.world.setup.url()),
        );
        issued.access_token
    }

    /// Hands over an app password; it.
    async fn provision(&self, user: &str) -> String {
        let password = self.world.nextcloud.world().app_password(user);
        let path = self.world.url(&format!("/api/v1/users/{user}/app-password"));
        let request = crate::harness::client().post(path);
        let answer = request.basic_auth(user, Some(&password)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        password
    }

    async fn until_indexed(&self, chunks: u64) {
        crate::world::until("indexed", async || {
            let path = self.world.url("/api/v1/vector-sync/status");
            let answer = crate::harness::client().get(path).send().await.unwrap();
            let status: Value = answer.json().await.unwrap();
            pause().await;
            status["hybrid_chunks"].as_u64() >= Some(chunks)
        })
        .await;
    }

    /// Registers a webhook in the administrator's name; the secret that Nextcloud sends with it.
    async fn webhook_secret(&self) -> String {
        let request = crate::harness::client().post(self.world.url("/api/v1/webhooks"));
        let request = request
            .bearer_auth(self.token("admin"))
            .json(&json!({ "event": WRITTEN }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let id = answer["webhook"]["id"].as_i64().expect("a webhook");
        let header = self.world.nextcloud.world().webhook_authorization(id).unwrap();
        header.strip_prefix("Bearer ").unwrap().to_owned()
    }

    /// Runs schemathesis with these credentials on the operations that `filter` names.
    async fn run(&self, user: &str, password: &str, secret: &str, filter: [&str; 2]) {
        let output = Command::new(software::schemathesis())
            .arg("--config-file")
            .arg(software::script("schemathesis.toml"))
            .args(["--no-color", "run", &self.world.url("/api/openapi.json")])
            .args(["--url", &self.world.setup.url(), "--checks", "all"])
            .args(filter)
            .env("BEARER", self.token(user))
            .env("BASIC_USER", user)
            .env("BASIC_PASSWORD", password)
            .env("WEBHOOK_SECRET", secret)
            // Nothing is left behind in the repository.
            .current_dir(self.world.scratch())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("schemathesis runs");
        assert!(
            output.status.success(),
            "as {user}:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// A PDF with one page and nothing on it.
fn white_page() -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>",
    ];
    assemble(&objects.map(|object| object.as_bytes().to_vec()), "")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_described() {
    let described = Described::start().await;
    let password = described.provision("admin").await;
    let alices = described.provision("alice").await;
    described.until_indexed(4).await;
    let secret = described.webhook_secret().await;
    // First, because webhooks are removed by the others.
    described
        .run("admin", &password, &secret, ["--include-tag", "delivery"])
        .await;
    described
        .run("admin", &password, &secret, ["--exclude-path-regex", OF_OTHERS])
        .await;
    // Last, because it takes back what was granted, and may store a password five times only.
    for routes in OF_USERS {
        let filter = format!("^/api/v1/users/.*{routes}");
        described
            .run("alice", &alices, &secret, ["--include-path-regex", &filter])
            .await;
    }
}
