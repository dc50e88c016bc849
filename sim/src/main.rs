//! `nextcloud-sim`: the simulator alone, for looking at it and for programs that are not tests.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Parser;
use nextcloud_sim::{Simulator, load_demo_content};

/// A stand-in Nextcloud in memory: notes, files, shares, app passwords and login throttling,
/// answering as Nextcloud 34 does.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Users: admin/admin, alice/alice-pass-1, bob/bob-pass-1. Everything is lost at exit.\n\n\
    Try it:\n  nextcloud-sim --port 8080 --demo-content\n  \
    curl -u alice:alice-pass-1 -H 'OCS-APIRequest: true' 'http://127.0.0.1:8080/ocs/v2.php/cloud/user?format=json'\n  \
    curl -u alice:alice-pass-1 http://127.0.0.1:8080/index.php/apps/notes/api/v1/notes\n  \
    curl -u alice:alice-pass-1 -X PROPFIND -H 'Depth: 1' http://127.0.0.1:8080/remote.php/dav/files/alice/"
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
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let address = SocketAddr::new(arguments.host, arguments.port);
    let simulator = Simulator::start_on(address).await?;
    if arguments.demo_content {
        load_demo_content(simulator.world());
    }
    let mut out = std::io::stdout();
    writeln!(out, "Simulated Nextcloud at {}", simulator.url())?;
    writeln!(out, "Users: admin/admin, alice/alice-pass-1, bob/bob-pass-1")?;
    writeln!(out, "Press Ctrl-C to stop.")?;
    tokio::signal::ctrl_c().await
}
