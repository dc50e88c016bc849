//! What Astrolabe asks: the status while everything is away, searches at a Nextcloud that takes 20 ms, and their plot.

use crate::support::{Connection, Goal, count, figure, percentile};
use crate::world::{Outcome, World, free_port};
use nextcloud_sim::{Effect, FaultRule, OidcClient, Simulator, TokenType};
use serde_json::{Value, json};
use std::time::Duration;

/// Documents of alice, a file each.
const FILES: usize = 120;
const SEARCHES: usize = 60;
const STATUSES: usize = 2_000;
/// How long Nextcloud takes for any answer.
const LATENCY_MS: u64 = 20;
/// Files that one request to Nextcloud may verify.
const PER_REQUEST: usize = 100;

/// Runs this part.
pub async fn run() -> Outcome<()> {
    let simulator = Simulator::start().await;
    simulator.world().oidc().set_bearer_validation(true);
    for file in 0..FILES {
        let text = format!("Ferry {file} leaves the northern pier at {} o'clock.", file % 24);
        simulator
            .world()
            .put_file("alice", &format!("/Ferries/{file}.md"), text.as_bytes());
    }
    let port = free_port()?.to_string();
    let url = format!("http://127.0.0.1:{port}");
    let client = OidcClient::new(&format!("{url}/oauth/callback"))
        .token_type(TokenType::Jwt)
        .resource_url(&format!("{url}/mcp"));
    let client = simulator.world().oidc().create_client(client);
    let world = World::start(
        simulator,
        &[
            ("PORT", port.as_str()),
            ("NEXTCLOUD_MCP_SERVER_URL", url.as_str()),
            ("NEXTCLOUD_OIDC_CLIENT_ID", client.id.as_str()),
            ("NEXTCLOUD_OIDC_CLIENT_SECRET", client.secret.as_str()),
            ("EMBEDDING_PROVIDER", "embedded"),
            ("VECTOR_SYNC_SCAN_INTERVAL", "3600"),
        ],
    )
    .await?;
    world.provision("alice").await?;
    world
        .until(|status| {
            status["hybrid_chunks"].as_u64() >= Some(FILES as u64) && status["pending_documents"] == 0
        })
        .await?;
    let oidc = world.simulator.world().oidc();
    let token = oidc
        .issue("alice", &client.id, "openid profile", Some(&url))
        .access_token;
    let slow = world.simulator.world().faults();
    slow.set(FaultRule::new(Effect::Latency(LATENCY_MS)));

    searches(&world, &token).await?;
    plots(&world, &token).await?;
    status_alone(world).await
}

async fn searches(world: &World, token: &str) -> Outcome<()> {
    let body = |number: usize| json!({"query": format!("ferry at {} o'clock", number % 24), "limit": 20});
    // Keys, tokens and connections are known afterwards, as they are in daily use.
    timed(world, token, "/api/v1/search", &body(0), 20).await?;
    world.simulator.world().clear_requests();
    let mut times = Vec::with_capacity(SEARCHES);
    for number in 0..SEARCHES {
        times.push(timed(world, token, "/api/v1/search", &body(number), 20).await?);
    }
    let requests = count(world.simulator.world().request_count()) / count(SEARCHES);
    for (name, share, goal) in [("p50", 0.5, 80.0), ("p99", 0.99, 200.0)] {
        figure(
            &format!("/api/v1/search, 20 results, Nextcloud takes 20 ms, {name}"),
            percentile(&mut times, share),
            "ms",
            Goal::AtMost(goal),
        );
    }
    figure(
        "/api/v1/search: requests to Nextcloud",
        requests,
        "",
        Goal::AtMost(count(FILES.div_ceil(PER_REQUEST))),
    );
    Ok(())
}

/// The same searches with and without the plot, in turns.
async fn plots(world: &World, token: &str) -> Outcome<()> {
    const PATH: &str = "/api/v1/vector-viz/search";
    let body = |number: usize, draws: bool| json!({"query": format!("ferry at {} o'clock", number % 24), "limit": 50, "include_pca": draws});
    timed(world, token, PATH, &body(0, true), 50).await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for number in 0..SEARCHES {
        with.push(timed(world, token, PATH, &body(number, true), 50).await?);
        without.push(timed(world, token, PATH, &body(number, false), 50).await?);
    }
    figure(
        "/api/v1/vector-viz/search, 50 results: the plot beyond the search, p50",
        percentile(&mut with, 0.5) - percentile(&mut without, 0.5),
        "ms",
        Goal::AtMost(40.0),
    );
    Ok(())
}

/// One search that must find this much.
async fn timed(world: &World, token: &str, path: &str, body: &Value, results: usize) -> Outcome<Duration> {
    let begun = std::time::Instant::now();
    let request = world.http.post(world.url(path)).bearer_auth(token).json(body);
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    let elapsed = begun.elapsed();
    let found = answer["results"].as_array().map_or(0, Vec::len);
    if found != results {
        return Err(format!("{found} results: {answer}").into());
    }
    Ok(elapsed)
}

/// `PostgreSQL` refuses connections, the index's files are elsewhere, Nextcloud never answers.
async fn status_alone(world: World) -> Outcome<()> {
    world.cut_database().await?;
    world.move_index(false)?;
    let nextcloud = world.simulator.world().faults();
    nextcloud.set(FaultRule::new(Effect::Hang));
    let address = world.server.address();
    let request = b"GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let mut connection = Connection::open(address, request).await?;
    let mut times = Vec::with_capacity(STATUSES);
    for _ in 0..STATUSES {
        let (status, elapsed) = connection.exchange().await?;
        if status != 200 {
            return Err(format!("HTTP {status}").into());
        }
        times.push(elapsed);
    }
    figure(
        "/api/v1/status while PostgreSQL, index and Nextcloud are away, p99",
        percentile(&mut times, 0.99),
        "ms",
        Goal::AtMost(5.0),
    );
    world.move_index(true)?;
    world.server.stop().await;
    Ok(())
}
