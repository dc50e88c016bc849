//! `GET /api/v1/pdf-preview`, as Astrolabe calls it.

use crate::consent::prepared;
use crate::harness::{ALICE, BOB, PATIENCE, Setup, fresh_database, pause};
use crate::management_search::Astrolabe;
use crate::pdf::{self, Content, PAGE};
use crate::process;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nextcloud_sim::{Effect, FaultRule, OidcClient, SharePermissions, TokenType};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const MEGABYTE: usize = 1024 * 1024;
/// Where nobody has to find the server.
const PUBLIC_URL: &str = "http://127.0.0.1:9";

/// Keyword search off too: nothing but the route itself asks Nextcloud.
fn without_sync() -> Setup {
    Setup::hybrid().set("VECTOR_SYNC_ENABLED", "false")
}

/// A white page, and one whose lower left quarter is red.
fn two_pages() -> Vec<u8> {
    pdf::pdf(
        &[Content::plain(""), Content::plain("1 0 0 rg 0 0 100 50 re f")],
        0,
    )
}

async fn preview(astrolabe: &Astrolabe, user: Option<&str>, query: &str) -> (u16, Value) {
    let path = format!("/api/v1/pdf-preview?{query}");
    astrolabe.call(Method::GET, &path, user, "").await
}

/// Size, and the samples: one per pixel without colours, else three.
fn picture(answer: &Value) -> (u32, u32, Vec<u8>) {
    let png = STANDARD.decode(answer["image"].as_str().unwrap()).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_drawn_for_whoever_may_open_the_file() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/Reports/ü b.pdf", two_pages());
    sim.world().put_file("alice", "/x.pdf", two_pages());
    let astrolabe = Astrolabe::start(without_sync(), sim).await;
    astrolabe.server.world.provision(ALICE).await;
    astrolabe.server.world.provision(BOB).await;
    let sim = astrolabe.server.world.sim.world();
    sim.clear_requests();

    // As it was recorded.
    let (status, answer) = preview(&astrolabe, Some("alice"), "file_path=%2Fx.pdf&page=1&scale=2").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["success"], &answer["page_number"], &answer["total_pages"]),
        (&json!(true), &json!(1), &json!(2))
    );
    let (width, height, pixels) = picture(&answer);
    assert_eq!((width, height), (PAGE.0 * 2, PAGE.1 * 2));
    assert!(pixels.iter().all(|sample| *sample == 255), "white");
    assert_eq!(sim.request_count(), 1, "one request fetches the file");

    let query = "file_path=Reports/%C3%BC%20b.pdf&page=2&scale=1";
    let (status, answer) = preview(&astrolabe, Some("alice"), query).await;
    assert_eq!((status, &answer["page_number"]), (200, &json!(2)), "{answer}");
    let (width, height, pixels) = picture(&answer);
    assert_eq!((width, height), PAGE);
    let pixel = |x: usize, y: usize| &pixels[(y * 200 + x) * 3..][..3];
    assert_eq!(
        (pixel(10, 90), pixel(190, 10)),
        ([255, 0, 0].as_slice(), [255; 3].as_slice())
    );

    // Somebody else's file is not there; shared, it is.
    let (status, foreign) = preview(&astrolabe, Some("bob"), "file_path=/x.pdf").await;
    assert_eq!((status, &foreign["error"]), (404, &json!("PDF file not found")));
    sim.share("alice", "/x.pdf", "bob", SharePermissions::read_only());
    let (status, answer) = preview(&astrolabe, Some("bob"), "file_path=/x.pdf").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(astrolabe.bearers_sent_on(), 0, "O15");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_drawn_is_told_precisely() {
    let sim = prepared().await;
    let world = sim.world();
    world.put_file("alice", "/two.pdf", two_pages());
    world.put_file("alice", "/letter.pdf", b"Dear Bob,".as_slice());
    world.put_file("alice", "/broken.pdf", b"%PDF-1.7\nbroken".as_slice());
    world.put_file(
        "alice",
        "/large.pdf",
        pdf::pdf(&[Content::plain("")], 51 * MEGABYTE),
    );
    world.mkdir("alice", "/Folder");
    let astrolabe = Astrolabe::start(without_sync(), sim).await;
    astrolabe.server.world.provision(ALICE).await;

    for (query, status, error) in [
        ("", 400, "Missing required parameter: file_path"),
        ("file_path=/../bob/x.pdf", 400, "Invalid file path"),
        (
            "file_path=/two.pdf&page=0",
            400,
            "Invalid page: must be between 1 and 10000",
        ),
        (
            "file_path=/two.pdf&page=3",
            400,
            "Page 3 does not exist: the PDF has 2 pages",
        ),
        (
            "file_path=/two.pdf&scale=50",
            400,
            "Invalid scale: must be between 0.5 and 5",
        ),
        ("file_path=/letter.pdf", 415, "The file is not a PDF"),
        ("file_path=/broken.pdf", 400, "The PDF is damaged"),
        ("file_path=/large.pdf", 413, "The PDF is larger than 50 MB"),
        ("file_path=/none.pdf", 404, "PDF file not found"),
        ("file_path=/Folder", 404, "PDF file not found"),
    ] {
        let (got, answer) = preview(&astrolabe, Some("alice"), query).await;
        assert_eq!((got, &answer["error"]), (status, &json!(error)), "{query}");
        assert_eq!(answer["success"], false, "{query}");
    }

    let (status, answer) = preview(&astrolabe, None, "file_path=/two.pdf").await;
    assert_eq!((status, &answer["error"]), (401, &json!("Unauthorized")));
    assert_eq!(answer["success"], false);
    let (status, answer) = preview(&astrolabe, Some("bob"), "file_path=/two.pdf").await;
    assert_eq!((status, &answer["error"]), (428, &json!("Provisioning required")));

    // A file that arrives cut says nothing about itself.
    let sim = astrolabe.server.world.sim.world();
    sim.faults().set(
        FaultRule::new(Effect::CutBody(300))
            .method("GET")
            .path("/remote.php/dav/files/alice/two.pdf"),
    );
    let (status, answer) = preview(&astrolabe, Some("alice"), "file_path=/two.pdf").await;
    assert_eq!(status, 503, "{answer}");
    sim.faults().clear_all();
    let (status, _) = preview(&astrolabe, Some("alice"), "file_path=/two.pdf").await;
    assert_eq!(status, 200);
    // A bomb is one file's trouble.
    sim.put_file("alice", "/bomb.pdf", pdf::bomb(800 * MEGABYTE));
    let (status, answer) = preview(&astrolabe, Some("alice"), "file_path=/bomb.pdf").await;
    assert_eq!(
        (status, &answer["error"]),
        (422, &json!("The page takes too much memory to be drawn"))
    );
    let (status, _) = preview(&astrolabe, Some("alice"), "file_path=/two.pdf").await;
    assert_eq!(status, 200);
}

/// The file goes through the server, not into it.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_does_not_grow_the_server() {
    let sim = prepared().await;
    sim.world().put_file("alice", "/small.pdf", two_pages());
    let large = pdf::pdf(&[Content::plain("0 g 0 0 9 9 re f")], 49 * MEGABYTE);
    sim.world().put_file("alice", "/large.pdf", large);
    let client = OidcClient::new(&format!("{PUBLIC_URL}/oauth/callback"))
        .token_type(TokenType::Jwt)
        .resource_url(&format!("{PUBLIC_URL}/mcp"));
    let client = sim.world().oidc().create_client(client);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let server = process::start_with(&sim, Some(&database), data.path(), |command| {
        for (name, value) in Setup::hybrid().env {
            command.env(name, value);
        }
        command
            .env_remove("NEXTCLOUD_USERNAME")
            .env_remove("NEXTCLOUD_PASSWORD")
            .env("VECTOR_SYNC_ENABLED", "false")
            .env("NEXTCLOUD_MCP_SERVER_URL", PUBLIC_URL)
            .env("NEXTCLOUD_OIDC_CLIENT_ID", &client.id)
            .env("NEXTCLOUD_OIDC_CLIENT_SECRET", &client.secret)
            .stderr(Stdio::null())
    });
    server
        .until("/health/ready", "ready", |status, _| status == 200)
        .await;
    let base = format!("http://127.0.0.1:{}", server.port);
    let granted = server
        .http
        .post(format!("{base}/api/v1/users/alice/app-password"))
        .basic_auth("alice", Some(sim.world().app_password("alice")))
        .send()
        .await
        .unwrap();
    assert_eq!(granted.status(), 200);
    let token = sim
        .world()
        .oidc()
        .issue("alice", &client.id, "openid profile", Some(PUBLIC_URL))
        .access_token;
    let preview = |path: &'static str| {
        server
            .http
            .get(format!("{base}/api/v1/pdf-preview?file_path={path}"))
            .bearer_auth(&token)
            .send()
    };
    let deadline = Instant::now() + PATIENCE;
    // The identity provider is asked in the background.
    loop {
        let answer = preview("/small.pdf").await.unwrap();
        if answer.status() == 200 {
            break;
        }
        let told = answer.text().await.unwrap();
        assert!(Instant::now() < deadline, "no preview was ever drawn: {told}");
        pause().await;
    }
    let before = server.private_memory();
    let (done, mut peak) = (AtomicBool::new(false), before);
    let asked = async {
        let answer = preview("/large.pdf").await.unwrap();
        done.store(true, Ordering::Relaxed);
        answer
    };
    let watched = async {
        while !done.load(Ordering::Relaxed) {
            peak = peak.max(server.private_memory());
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    let (answer, ()) = tokio::join!(asked, watched);
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let grown = peak - before;
    assert!(grown < 20 * 1024 * 1024, "RssAnon grew by {grown} bytes");
}
