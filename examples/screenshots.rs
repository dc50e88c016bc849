//! Writes the pages that README.md and docs/astrolabe.md show as HTML files with their style and script in them, made by a
//! running server against a simulated Nextcloud; `scripts/screenshots` makes pictures of them.
//!
//! `DATABASE_URL=<an empty database> cargo run --example screenshots -- <directory>`

#[path = "demo/content.rs"]
mod content;

use clap::Parser;
use nextcloud_mcp_server::app::{RunningServer, StartOptions};
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment};
use nextcloud_sim::{BrowserSession, OidcClient, Page, Simulator, TokenType};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const STYLE: &str = include_str!("../assets/style.css");
const MAP: &str = include_str!("../assets/map.js");
const ICON: &str = include_str!("../assets/icon.svg");
/// What the pictures show instead of the addresses of this run.
const SERVER: &str = "https://mcp.example.com";
const NEXTCLOUD: &str = "https://cloud.example.com";

/// Writes pages of a server with a simulated Nextcloud.
#[derive(Parser)]
struct Arguments {
    /// Where to.
    directory: PathBuf,
}

/// A running server and who looks at it.
struct Demo {
    simulator: Simulator,
    url: String,
    browser: BrowserSession,
    directory: PathBuf,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    #[expect(
        clippy::disallowed_methods,
        reason = "this program's own argument, not the server's configuration"
    )]
    let database = std::env::var("DATABASE_URL")?;
    let data = tempfile::tempdir()?;
    let simulator = Simulator::start().await;
    for document in content::documents()
        .into_iter()
        .filter(|document| document.owner == "alice")
    {
        let path = format!("/{}", document.path);
        simulator
            .world()
            .put_file("admin", &path, document.text.into_bytes());
    }
    let (server, url) = start(&simulator, &database, data.path()).await?;
    let mut demo = Demo {
        browser: BrowserSession::signing_in_as("admin", "admin")
            .staying_at(&url)
            .staying_at(&simulator.url()),
        simulator,
        url,
        directory: arguments.directory,
    };
    demo.consent().await?;
    demo.search().await?;
    demo.panel(&database).await?;
    server.stop().await;
    Ok(())
}

async fn start(simulator: &Simulator, database: &str, data: &Path) -> Outcome<(RunningServer, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("http://127.0.0.1:{port}");
    let world = simulator.world();
    world.oidc().set_bearer_validation(true);
    let client = OidcClient::new(&format!("{url}/oauth/callback"))
        .token_type(TokenType::Jwt)
        .resource_url(&format!("{url}/mcp"));
    let client = world.oidc().create_client(client);
    let (nextcloud, data) = (simulator.url(), data.to_string_lossy().into_owned());
    let environment = Environment::from_pairs([
        ("NEXTCLOUD_HOST", nextcloud.as_str()),
        ("NEXTCLOUD_MCP_SERVER_URL", url.as_str()),
        ("NEXTCLOUD_OIDC_CLIENT_ID", client.id.as_str()),
        ("NEXTCLOUD_OIDC_CLIENT_SECRET", client.secret.as_str()),
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
        ("ENABLE_OFFLINE_ACCESS", "true"),
        ("VECTOR_SYNC_ENABLED", "true"),
        ("EMBEDDING_PROVIDER", "embedded"),
        (
            "TOKEN_ENCRYPTION_KEY",
            "ZGVtbyBvbmx5OiBhIGtleSB0aGF0IGV2ZXJ5b25lIGs=",
        ),
        ("METRICS_ENABLED", "false"),
        ("LOG_LEVEL", "warn"),
        ("DATABASE_URL", database),
        ("DATA_DIR", data.as_str()),
    ]);
    let overrides = CliOverrides {
        port: Some(port),
        ..CliOverrides::default()
    };
    let config = Config::load(&environment, &overrides).map_err(|problems| problems.to_string())?;
    Ok((RunningServer::start(config, StartOptions::default()).await?, url))
}

impl Demo {
    /// The consent page, and the one that thanks for it.
    async fn consent(&mut self) -> Outcome<()> {
        let address = format!("{}/oauth/authorize-nextcloud", self.url);
        // The identity provider is asked in the background.
        let mut page = self.browser.visit(&address, None).await?;
        for _ in 0..100 {
            if page.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            page = self.browser.visit(&address, None).await?;
        }
        self.write("consent", &page)?;
        let csrf = form_token(&page, "/oauth/authorize-nextcloud")?;
        let page = self.browser.submit(&address, &[("csrf", &csrf)], None).await?;
        self.write("consented", &page)
    }

    /// The search page, once all documents have their vectors.
    async fn search(&mut self) -> Outcome<()> {
        let status = format!("{}/api/v1/vector-sync/status", self.url);
        for _ in 0..1_200 {
            let page = self.browser.visit(&status, None).await?;
            let answer: serde_json::Value = serde_json::from_str(&page.body)?;
            if answer["status"] == "idle" && answer["indexed_documents"].as_i64() > Some(0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let address = format!("{}/app/search?q=why+do+the+tomatoes+need+glass", self.url);
        let page = self.browser.visit(&address, None).await?;
        if !page.body.contains("id=\"map\"") {
            return Err("the search page has no map".into());
        }
        self.write("search", &page)
    }

    /// The panel before, with presets on, and while webhooks stay silent.
    async fn panel(&mut self, database: &str) -> Outcome<()> {
        let app = format!("{}/app", self.url);
        let page = self.browser.visit(&app, None).await?;
        self.write("panel-off", &page)?;
        let csrf = form_token(&page, "/app/webhooks")?;
        let fields = [
            ("csrf", csrf.as_str()),
            ("action", "on"),
            ("preset", "files_sync"),
        ];
        self.browser
            .submit(&format!("{app}/webhooks"), &fields, None)
            .await?;
        let world = self.simulator.world();
        for number in 0..4 {
            world.put_file(
                "admin",
                "/Minutes/friday.md",
                format!("We agreed {number} times."),
            );
        }
        world.deliver_webhooks().await;
        let page = self.browser.visit(&app, None).await?;
        self.write("panel", &page)?;

        let pool = sqlx::PgPool::connect(database).await?;
        sqlx::raw_sql(
            "insert into unannounced_changes (doc_type, changes, first_found_at, last_found_at)
             values ('file', 12, now() - interval '2 hours', now() - interval '5 minutes')
             on conflict (doc_type) do nothing;
             update webhook_registrations set last_delivery_at = last_delivery_at - interval '3 hours',
                                              last_event_at = last_event_at - interval '3 hours'",
        )
        .execute(&pool)
        .await?;
        let page = self.browser.visit(&app, None).await?;
        self.write("panel-silent", &page)
    }

    /// Keeps a page as a file that needs no server.
    fn write(&self, name: &str, page: &Page) -> Outcome<()> {
        if page.status != 200 {
            return Err(format!("{name}: {} {}", page.status, page.body).into());
        }
        let icon = format!("data:image/svg+xml,{}", percent(ICON));
        let html = page
            .body
            .split('\n')
            .map(|line| {
                if line.contains("rel=\"stylesheet\"") {
                    format!("<style>{STYLE}</style>")
                } else if line.contains("/app/assets/map.js") {
                    format!("<script type=\"module\">{MAP}</script>")
                } else {
                    line.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("\n")
            .replace(
                &format!("/app/assets/icon.svg?v={}", env!("CARGO_PKG_VERSION")),
                &icon,
            )
            .replace(&self.url, SERVER)
            .replace(&self.simulator.url(), NEXTCLOUD)
            .replace(
                self.url.trim_start_matches("http://"),
                SERVER.trim_start_matches("https://"),
            )
            .replace(
                self.simulator.url().trim_start_matches("http://"),
                NEXTCLOUD.trim_start_matches("https://"),
            );
        let html = if name.starts_with("panel") {
            only_section(&html, "webhooks")?
        } else {
            html
        };
        std::fs::write(self.directory.join(format!("{name}.html")), html)?;
        Ok(())
    }
}

/// The page with one of its sections: the picture is about nothing else.
fn only_section(html: &str, id: &str) -> Outcome<String> {
    let missing = || format!("no section {id}");
    let (before, _) = html.split_once("<section").ok_or_else(missing)?;
    let begin = format!("<section class=\"card\" aria-labelledby=\"{id}\"");
    let (_, section) = html.split_once(&begin).ok_or_else(missing)?;
    let (section, _) = section.split_once("</section>").ok_or_else(missing)?;
    let (_, after) = html.rsplit_once("</section>").ok_or_else(missing)?;
    Ok(format!("{before}{begin}{section}</section>{after}"))
}

/// The hidden token of the form with this action.
fn form_token(page: &Page, action: &str) -> Outcome<String> {
    let missing = || format!("no form for {action} in {}", page.body);
    let (_, form) = page
        .body
        .split_once(&format!("action=\"{action}\""))
        .ok_or_else(missing)?;
    let (_, value) = form.split_once("name=\"csrf\" value=\"").ok_or_else(missing)?;
    let (token, _) = value.split_once('"').ok_or_else(missing)?;
    Ok(token.to_owned())
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
