//! The contract of both protocols, on stand-ins.

use super::*;
use crate::clock::SystemClock;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use url::Url;

const QUICK: Retries = Retries {
    timeout: Duration::from_secs(5),
    attempts: 3,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(50),
};
const IMPATIENT: Batches = Batches {
    search: QUICK,
    indexing: QUICK,
};

/// A service that embeds a text as its length and its number of blanks.
#[derive(Default)]
struct Service {
    requests: Mutex<Vec<Value>>,
    /// Requests that are answered 503.
    failing: AtomicUsize,
    dimension: AtomicUsize,
    /// While it has no permits, batches are not answered.
    batches_wait: Option<tokio::sync::Semaphore>,
}

impl Service {
    async fn vectors(&self, body: &Value) -> Result<Vec<Vec<f32>>, Response> {
        self.requests.lock().unwrap().push(body.clone());
        let fails = |left: usize| left.checked_sub(1);
        if self
            .failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails)
            .is_ok()
        {
            return Err(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
        let texts: Vec<&str> = body["input"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t.as_str().unwrap())
            .collect();
        if let Some(gate) = self
            .batches_wait
            .as_ref()
            .filter(|_| texts[0].starts_with("slow"))
        {
            drop(gate.acquire().await.unwrap());
        }
        if texts.iter().any(|text| text.contains("poison")) {
            let error = json!({"error": {"message": "poison", "type": "invalid_request_error"}});
            return Err((StatusCode::BAD_REQUEST, Json(error)).into_response());
        }
        let dimension = self.dimension.load(Ordering::SeqCst);
        let number = |n: usize| f32::from(u16::try_from(n).unwrap());
        Ok(texts
            .iter()
            .map(|text| {
                let mut vector = vec![0.0; dimension];
                vector[0] = number(text.len());
                vector[1] = number(text.matches(' ').count());
                vector
            })
            .collect())
    }
}

type Shared = State<Arc<Service>>;

async fn ollama_embed(State(service): Shared, Json(body): Json<Value>) -> Response {
    match service.vectors(&body).await {
        Ok(embeddings) => Json(json!({"model": body["model"], "embeddings": embeddings})).into_response(),
        Err(response) => response,
    }
}

async fn ollama_tags() -> Json<Value> {
    Json(json!({"models": [
        {"name": "other:latest", "digest": "ffffffffffff"},
        {"name": "nomic-embed-text:latest", "digest": "0a109f422b47e3a30ba2b10eca18548e"}
    ]}))
}

async fn open_ai_embeddings(State(service): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if headers
        .get("authorization")
        .is_none_or(|value| value != "Bearer hidden-key")
    {
        let error = json!({"error": {"message": "Incorrect API key: hidden", "code": "invalid_api_key"}});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    if body["model"] != "text-embedding-3-small" {
        return StatusCode::NOT_FOUND.into_response();
    }
    match service.vectors(&body).await {
        Ok(vectors) => {
            let entry =
                |(index, embedding): (usize, Vec<f32>)| json!({"index": index, "embedding": embedding});
            // The order is told by `index`, not by the list.
            let data: Vec<Value> = vectors.into_iter().enumerate().map(entry).rev().collect();
            Json(json!({"object": "list", "data": data})).into_response()
        }
        Err(response) => response,
    }
}

async fn serve(service: &Arc<Service>) -> Url {
    service
        .dimension
        .compare_exchange(0, 3, Ordering::SeqCst, Ordering::SeqCst)
        .ok();
    let router = Router::new()
        .route("/api/embed", post(ollama_embed))
        .route("/api/tags", get(ollama_tags))
        .route("/v1/embeddings", post(open_ai_embeddings))
        .with_state(service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn settings(url: &Url, protocol: Protocol, model: &str, key: Option<&str>) -> EmbeddingService {
    let path = if protocol == Protocol::OpenAi { "/v1" } else { "" };
    EmbeddingService {
        url: url.join(path).unwrap(),
        model: model.to_owned(),
        api_key: key.map(SecretString::from),
    }
}

async fn connect(
    protocol: Protocol,
    settings: &EmbeddingService,
    known: Option<&str>,
) -> Result<RemoteEmbedder, EmbeddingError> {
    RemoteEmbedder::connect(protocol, settings, 2, known, Arc::new(SystemClock), IMPATIENT).await
}

fn usual(url: &Url, protocol: Protocol) -> EmbeddingService {
    match protocol {
        Protocol::Ollama => settings(url, protocol, "nomic-embed-text", None),
        Protocol::OpenAi => settings(url, protocol, "text-embedding-3-small", Some("hidden-key")),
    }
}

#[tokio::test]
async fn both_protocols_keep_the_contract() {
    for protocol in [Protocol::Ollama, Protocol::OpenAi] {
        let service = Arc::new(Service::default());
        let url = serve(&service).await;
        let embedder = connect(protocol, &usual(&url, protocol), None).await.unwrap();
        let identity = match protocol {
            Protocol::Ollama => "ollama-nomic-embed-text-0a109f42@3",
            Protocol::OpenAi => "openai-text-embedding-3-small@3",
        };
        assert_eq!((embedder.identity(), embedder.dimension()), (identity, 3));
        service.requests.lock().unwrap().clear();

        // More than one request; the order is that of the texts, the length of each vector is 1.
        let texts: Vec<String> = (0..70).map(|n| "x ".repeat(n + 1)).collect();
        let vectors = embedder.embed(texts.clone(), Priority::Background).await.unwrap();
        assert_eq!(vectors.len(), 70);
        for (text, vector) in texts.iter().zip(&vectors) {
            assert!((vector[0] / vector[1] - 2.0).abs() < 1e-5, "{}", text.len());
            assert!((vector.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        let sizes: Vec<usize> = service
            .requests
            .lock()
            .unwrap()
            .iter()
            .map(|request| request["input"].as_array().unwrap().len())
            .collect();
        assert_eq!(sizes.iter().sum::<usize>(), 70);
        assert!(sizes.iter().all(|size| *size <= BATCH_TEXTS), "{sizes:?}");
        assert!(
            embedder
                .embed(vec![], Priority::Background)
                .await
                .unwrap()
                .is_empty()
        );

        // Away for a moment, then for long.
        service.failing.store(2, Ordering::SeqCst);
        embedder
            .embed(vec!["a".into()], Priority::Background)
            .await
            .unwrap();
        service.failing.store(100, Ordering::SeqCst);
        let away = embedder.embed(vec!["a".into()], Priority::Interactive).await;
        assert!(matches!(away, Err(EmbeddingError::Unavailable(_))), "{away:?}");
        service.failing.store(0, Ordering::SeqCst);

        // A text that the service refuses is that text's fault.
        let refused = embedder.embed(vec!["poison".into()], Priority::Background).await;
        assert!(
            matches!(refused, Err(EmbeddingError::Inference(_))),
            "{refused:?}"
        );

        // Another model behind the same name.
        service.dimension.store(5, Ordering::SeqCst);
        let changed = embedder.embed(vec!["a".into()], Priority::Background).await;
        assert!(
            matches!(&changed, Err(EmbeddingError::Model(text)) if text.contains("5 numbers")),
            "{changed:?}"
        );
    }
}

#[tokio::test]
async fn errors_name_the_next_step_and_no_key() {
    let service = Arc::new(Service::default());
    let url = serve(&service).await;
    let error = |result: Result<RemoteEmbedder, EmbeddingError>| result.unwrap_err().to_string();
    let absent = settings(&url, Protocol::Ollama, "bge-m3", None);
    let told = error(connect(Protocol::Ollama, &absent, None).await);
    assert!(
        told.contains("model bge-m3 is not pulled: ollama pull bge-m3"),
        "{told}"
    );
    let keyless = settings(
        &url,
        Protocol::OpenAi,
        "text-embedding-3-small",
        Some("hidden-wrong"),
    );
    let told = error(connect(Protocol::OpenAi, &keyless, None).await);
    assert!(
        told.contains("check OPENAI_API_KEY") && !told.contains("hidden"),
        "{told}"
    );
    let unknown = settings(&url, Protocol::OpenAi, "nope", Some("hidden-key"));
    let told = error(connect(Protocol::OpenAi, &unknown, None).await);
    assert!(
        told.contains("OPENAI_EMBEDDING_MODEL") && !told.contains("hidden"),
        "{told}"
    );
    let nowhere = settings(
        &Url::parse("http://127.0.0.1:9").unwrap(),
        Protocol::Ollama,
        "m",
        None,
    );
    let told = error(connect(Protocol::Ollama, &nowhere, None).await);
    assert!(told.contains("OLLAMA_BASE_URL"), "{told}");
}

#[tokio::test]
async fn a_service_that_is_away_at_the_start_is_known_from_before() {
    let nowhere = settings(
        &Url::parse("http://127.0.0.1:9").unwrap(),
        Protocol::Ollama,
        "m",
        None,
    );
    let known = connect(Protocol::Ollama, &nowhere, Some("ollama-m-0a109f42@768+aabbccdd"))
        .await
        .unwrap();
    assert_eq!(
        (known.identity(), known.dimension()),
        ("ollama-m-0a109f42@768", 768)
    );
    for other in ["ollama-mm@768", "openai-m@768", "ollama-m@", "none"] {
        let away = connect(Protocol::Ollama, &nowhere, Some(other)).await;
        assert!(matches!(away, Err(EmbeddingError::Unavailable(_))), "{other}");
    }
}

#[tokio::test]
async fn a_query_does_not_wait_behind_indexing() {
    let service = Arc::new(Service {
        batches_wait: Some(tokio::sync::Semaphore::new(0)),
        ..Service::default()
    });
    let url = serve(&service).await;
    let embedder = Arc::new(
        connect(Protocol::Ollama, &usual(&url, Protocol::Ollama), None)
            .await
            .unwrap(),
    );
    let indexing = tokio::spawn({
        let embedder = embedder.clone();
        let texts = (0..200).map(|n| format!("slow {n}")).collect();
        async move {
            embedder
                .embed(texts, Priority::Background)
                .await
                .map(|vectors| vectors.len())
        }
    });
    while service.requests.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    embedder
        .embed(vec!["query".into()], Priority::Interactive)
        .await
        .unwrap();
    assert!(!indexing.is_finished());
    // Never more than configured at one time: two batches, the probe and the query.
    assert_eq!(service.requests.lock().unwrap().len(), 4);
    service.batches_wait.as_ref().unwrap().add_permits(1);
    assert_eq!(indexing.await.unwrap().unwrap(), 200);
}

#[test]
fn texts_are_cut_and_batched_by_size() {
    let long = "ä".repeat(10_000);
    assert!(cut(long.clone()).len() <= TEXT_BYTES);
    let texts: Vec<String> = (0..10).map(|_| cut(long.clone())).collect();
    let batches = batches(&texts);
    assert!(batches.iter().all(|batch| batch.len() <= 2), "{batches:?}");
    assert!(batches.into_iter().flatten().eq(0..10));
}
