//! `nextcloud-sim`: the simulator alone, for looking at it and for programs that are not tests.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Parser;
use nextcloud_sim::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Simulator, load_demo_content, offer_demo_client};

/// A stand-in Nextcloud in memory: notes, files, shares, app passwords, login throttling and the identity
/// provider app, answering as Nextcloud 34 does. Access tokens work at every API.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Users: admin/admin, alice/alice-pass-1, bob/bob-pass-1. Everything is lost at exit.\n\n\
    Try it:\n  nextcloud-sim --port 8080 --demo-content\n  \
    curl -u alice:alice-pass-1 -H 'OCS-APIRequest: true' 'http://127.0.0.1:8080/ocs/v2.php/cloud/user?format=json'\n  \
    curl -u alice:alice-pass-1 http://127.0.0.1:8080/index.php/apps/notes/api/v1/notes\n  \
    curl -u alice:alice-pass-1 -X PROPFIND -H 'Depth: 1' http://127.0.0.1:8080/remote.php/dav/files/alice/\n  \
    curl http://127.0.0.1:8080/apps/oidc/openid-configuration"
)]
struct Arguments {
    /// The port to listen on; 0 takes a free one.
    #[arg(long)]
    port: u16,
    /// The address to listen on. The passwords are public: leave it on loopback.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Start with a few files, notes and a share instead of empty homes.
    #[arg(long)]
    demo_content: bool,
    /// The base URL of the MCP server: the OAuth client may redirect below it, and tokens are for it.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8000")]
    mcp_server: String,
}

/// Where the MCP server takes back its users, as it calls them.
const CALLBACKS: [&str; 2] = ["/oauth/callback", "/oauth/callback-nextcloud"];

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let address = SocketAddr::new(arguments.host, arguments.port);
    let simulator = Simulator::start_on(address).await?;
    if arguments.demo_content {
        load_demo_content(simulator.world());
    }
    let base = arguments.mcp_server.trim_end_matches('/');
    let callbacks = CALLBACKS.map(|path| format!("{base}{path}"));
    offer_demo_client(simulator.world(), &callbacks, base);
    let mut out = std::io::stdout();
    writeln!(out, "Simulated Nextcloud at {}", simulator.url())?;
    writeln!(out, "Users: admin/admin, alice/alice-pass-1, bob/bob-pass-1")?;
    writeln!(out, "OAuth client: {DEMO_CLIENT_ID} / {DEMO_CLIENT_SECRET}")?;
    writeln!(out, "It may redirect to {}", callbacks.join(", "))?;
    writeln!(out, "Press Ctrl-C to stop.")?;
    tokio::signal::ctrl_c().await
}
