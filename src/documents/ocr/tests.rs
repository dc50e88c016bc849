//! The contract with docling-serve, against a stand-in that checks what arrives.

use super::{OcrService, RecognisingExtractor};
use crate::config::{NextcloudConfig, OcrConfig};
use crate::documents::{
    ByteStream, Content, ExtractError, ExtractedText, InProcessExtractor, SkipReason, TextExtractor,
};
use crate::entropy::SystemEntropy;
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SCAN: &[u8] = include_bytes!("../../../tests/samples/scanned.pdf");
const PHOTO: &[u8] = include_bytes!("../../../tests/samples/scan.png");

/// What the stand-in was asked, and what it answers.
#[derive(Default)]
struct StandIn {
    asked: Mutex<Vec<BTreeMap<String, String>>>,
    files: Mutex<Vec<(String, usize)>>,
    status: Mutex<u16>,
    answer: Mutex<Value>,
}

async fn convert(State(state): State<Arc<StandIn>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get("x-api-key").is_none_or(|key| key != "secret") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let kind = headers["content-type"].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let mut options = BTreeMap::new();
    for (head, content) in parts(&body, boundary) {
        let of = |name: &str| {
            let (_, rest) = head.split_once(&format!(" {name}=\""))?;
            Some(rest.split_once('"').unwrap().0.to_owned())
        };
        let name = of("name").unwrap();
        if let Some(file) = of("filename") {
            assert_eq!(name, "files");
            state.files.lock().unwrap().push((file, content.len()));
        } else {
            options.insert(name, String::from_utf8(content).unwrap());
        }
    }
    state.asked.lock().unwrap().push(options);
    let status = StatusCode::from_u16(*state.status.lock().unwrap()).unwrap();
    (status, Json(state.answer.lock().unwrap().clone())).into_response()
}

/// Head and content of the parts of a form (RFC 2046 §5.1.1).
fn parts(body: &[u8], boundary: &str) -> Vec<(String, Vec<u8>)> {
    let find = |text: &[u8], from: usize| {
        let found = body[from..].windows(text.len()).position(|window| window == text);
        found.map(|at| from + at)
    };
    let opening = format!("--{boundary}\r\n");
    let closing = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    let mut at = find(opening.as_bytes(), 0).unwrap() + opening.len();
    loop {
        let end_of_head = find(b"\r\n\r\n", at).unwrap();
        let end = find(closing.as_bytes(), end_of_head + 2).unwrap();
        let head = String::from_utf8(body[at..end_of_head].to_vec()).unwrap();
        parts.push((head, body[end_of_head + 4..end].to_vec()));
        at = end + closing.len() + 2;
        if body[end + closing.len()..].starts_with(b"--\r\n") {
            return parts;
        }
    }
}

struct Scene {
    stand_in: Arc<StandIn>,
    extractor: RecognisingExtractor,
}

async fn scene(answer: Value) -> Scene {
    scene_with(answer, "secret").await
}

async fn scene_with(answer: Value, key: &str) -> Scene {
    let stand_in = Arc::new(StandIn {
        status: Mutex::new(200),
        answer: Mutex::new(answer),
        ..StandIn::default()
    });
    let router = axum::Router::new()
        .route("/ocr/v1/convert/file", post(convert))
        .with_state(stand_in.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Scene {
        stand_in,
        extractor: extractor(&format!("http://{address}/ocr"), key),
    }
}

fn extractor(url: &str, key: &str) -> RecognisingExtractor {
    let host: url::Url = "http://127.0.0.1:9/".parse().unwrap();
    let nextcloud = NextcloudConfig {
        public_url: host.clone(),
        host,
        verify_tls: true,
        ca_bundle: None,
        max_concurrency: 1,
        timeout_seconds: 1,
    };
    let config = OcrConfig {
        url: url.parse().unwrap(),
        api_key: Some(key.into()),
        timeout: Duration::from_secs(20),
    };
    let service = OcrService::new(&config, &nextcloud, Arc::new(SystemEntropy)).unwrap();
    RecognisingExtractor::new(Arc::new(InProcessExtractor), service)
}

/// A file in small pieces; `cut` breaks it off at its second reading.
struct File {
    bytes: &'static [u8],
    cut: bool,
    opened: Mutex<usize>,
}

fn file(bytes: &'static [u8]) -> File {
    File {
        bytes,
        cut: false,
        opened: Mutex::default(),
    }
}

#[async_trait]
impl Content for File {
    async fn open(&self, _first: Option<u64>) -> io::Result<ByteStream> {
        let mut opened = self.opened.lock().unwrap();
        *opened += 1;
        let mut pieces: Vec<io::Result<Bytes>> = self
            .bytes
            .chunks(500)
            .map(|piece| Ok(Bytes::from(piece)))
            .collect();
        if self.cut && *opened > 1 {
            pieces.truncate(1);
            pieces.push(Err(io::Error::other("the line went dead")));
        }
        Ok(stream::iter(pieces).boxed())
    }
}

fn found(markdown: &str) -> Value {
    json!({
        "document": { "filename": "document.pdf", "md_content": markdown, "json_content": null },
        "status": "success", "errors": [], "processing_time": 0.1, "timings": {}
    })
}

async fn read(scene: &Scene, content: &File, name: &str) -> Result<ExtractedText, ExtractError> {
    scene.extractor.text(content, None, name).await
}

#[tokio::test]
async fn a_scan_is_sent_whole_and_its_pages_come_back() {
    let scene = scene(found("# Quittung\n\n<!-- page break -->\n\n42,00 EUR\r\n")).await;
    let text = read(&scene, &file(SCAN), "Geheime Quittung.pdf").await.unwrap();
    assert_eq!(text.text, "# Quittung\n\n42,00 EUR");
    assert_eq!(text.pages.unwrap().count(), 2);
    assert_eq!(
        *scene.stand_in.files.lock().unwrap(),
        [("document.pdf".to_owned(), SCAN.len())],
        "whole, and without its name"
    );
    let asked = scene.stand_in.asked.lock().unwrap().remove(0);
    let of = |name: &str| asked.get(name).map(String::as_str);
    assert_eq!((of("to_formats"), of("do_ocr")), (Some("md"), Some("true")));
    assert_eq!(of("image_export_mode"), Some("placeholder"));
    assert_eq!(of("md_page_break_placeholder"), Some("<!-- page break -->"));
}

#[tokio::test]
async fn a_file_with_text_is_not_sent() {
    let scene = scene(found("never")).await;
    let pdf = file(include_bytes!("../../../tests/samples/ferry.pdf"));
    assert!(
        read(&scene, &pdf, "a.pdf")
            .await
            .unwrap()
            .text
            .contains("Fährplan")
    );
    assert!(scene.stand_in.files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_picture_keeps_its_name_beside_what_was_seen() {
    let seen = scene(found("Quittung 42,00 EUR")).await;
    let text = read(&seen, &file(PHOTO), "scan.png").await.unwrap().text;
    assert!(
        text.starts_with("scan\n\nscan.png, PNG picture, 300 × 120 pixels\n\nQuittung"),
        "{text}"
    );
    let blank = scene(found("<!-- image -->")).await;
    let text = read(&blank, &file(PHOTO), "scan.png").await.unwrap().text;
    assert!(text.ends_with("pixels"), "{text}");
}

#[tokio::test]
async fn what_fails_is_blamed_on_whom_it_concerns() {
    let scene = scene(json!({})).await;
    let set = |status: u16, answer: Value| {
        *scene.stand_in.status.lock().unwrap() = status;
        *scene.stand_in.answer.lock().unwrap() = answer;
    };
    set(200, found("<!-- image -->"));
    let nothing = read(&scene, &file(SCAN), "a.pdf").await;
    assert!(matches!(
        nothing,
        Err(ExtractError::Skipped(SkipReason::NothingRecognised))
    ));
    for (status, answer) in [
        (503, json!({})),
        (429, json!({})),
        (404, json!({})),
        (200, json!("a log-in page")),
    ] {
        set(status, answer);
        let away = read(&scene, &file(SCAN), "a.pdf").await;
        assert!(matches!(away, Err(ExtractError::Later(_))), "{status} {away:?}");
    }
    for (status, answer) in [
        (504, json!({})),
        (500, json!({})),
        (422, json!({})),
        (200, json!({ "document": {}, "status": "failure" })),
    ] {
        set(status, answer);
        let failed = read(&scene, &file(SCAN), "a.pdf").await;
        assert!(
            matches!(failed, Err(ExtractError::Failed(_))),
            "{status} {failed:?}"
        );
        assert!(
            read(&scene, &file(PHOTO), "a.png").await.is_ok(),
            "a picture has its name"
        );
    }
}

#[tokio::test]
async fn a_wrong_key_and_a_dead_service_leave_the_file_waiting() {
    let wrong = scene_with(found("x"), "wrong").await;
    let refused = read(&wrong, &file(SCAN), "a.pdf").await.unwrap_err();
    assert!(refused.to_string().contains("OCR_API_KEY"), "{refused}");
    assert!(!refused.to_string().contains("wrong"));
    let nobody = extractor("http://127.0.0.1:9", "secret");
    let unreachable = nobody.text(&file(SCAN), None, "a.pdf").await;
    assert!(
        matches!(unreachable, Err(ExtractError::Later(_))),
        "{unreachable:?}"
    );
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_not_the_services_fault() {
    let scene = scene(found("half")).await;
    let cut = File {
        cut: true,
        ..file(SCAN)
    };
    let broken = read(&scene, &cut, "a.pdf").await;
    assert!(matches!(broken, Err(ExtractError::Later(_))), "{broken:?}");
}
