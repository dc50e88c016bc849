//! The contract of both kinds, on a stand-in and on a synthetic model.

use super::*;
use crate::clock::SystemClock;
use crate::index::onnx::synthetic::{Synthetic, WORDS};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Mutex;
use url::Url;

/// What the stand-in answers.
#[derive(Clone)]
enum Behaviour {
    /// Each passage's score is its number of words in common with the query; best first, as Cohere sorts.
    Good,
    Fixed(StatusCode, Value),
    Silent,
}

#[derive(Clone)]
struct Service {
    behaviour: Behaviour,
    requests: Arc<Mutex<Vec<Value>>>,
}

async fn rerank(State(service): State<Service>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    assert_eq!(headers["authorization"], "Bearer hidden-key");
    service.requests.lock().unwrap().push(body.clone());
    match service.behaviour {
        Behaviour::Good => {
            let words: Vec<&str> = body["query"].as_str().unwrap().split(' ').collect();
            let mut results: Vec<(usize, f32)> = body["documents"]
                .as_array()
                .unwrap()
                .iter()
                .map(|document| {
                    document
                        .as_str()
                        .unwrap()
                        .split(' ')
                        .filter(|word| words.contains(word))
                        .count()
                })
                .map(|common| f32::from(u16::try_from(common).unwrap()))
                .enumerate()
                .collect();
            results.sort_by(|a, b| b.1.total_cmp(&a.1));
            let results: Vec<Value> = results
                .into_iter()
                .map(|(index, score)| json!({"index": index, "relevance_score": score}))
                .collect();
            Json(json!({"id": "1", "results": results})).into_response()
        }
        Behaviour::Fixed(status, answer) => (status, Json(answer)).into_response(),
        Behaviour::Silent => std::future::pending().await,
    }
}

async fn service(behaviour: Behaviour) -> (Url, Service) {
    let service = Service {
        behaviour,
        requests: Arc::default(),
    };
    let router = Router::new()
        .route("/v1/rerank", post(rerank))
        .route("/other/rerank", post(rerank))
        .with_state(service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, service)
}

fn of(model: RerankModel) -> Result<Arc<dyn Reranker>, RerankError> {
    let config = RerankConfig {
        model,
        candidates: 50,
        timeout: Duration::from_millis(1_500),
    };
    configured(&config, 1, Arc::new(SystemClock))
}

fn remote(url: Url) -> Arc<dyn Reranker> {
    let model = RerankModel::Service {
        url,
        api_key: Some(SecretString::from("hidden-key")),
        model: Some("rerank-v3.5".to_owned()),
    };
    of(model).unwrap()
}

fn passages(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn a_service_scores_in_the_order_of_the_passages() {
    let (url, service) = service(Behaviour::Good).await;
    for path in ["", "/v1", "/v1/rerank", "/other/rerank"] {
        let reranker = remote(url.join(path).unwrap());
        let scores = reranker
            .scores("red ferry", &passages(&["green", "red ferry", "red"]))
            .await
            .unwrap();
        assert_eq!(scores, [0.0, 2.0, 1.0], "{path}");
        assert!(reranker.scores("red", &[]).await.unwrap().is_empty());
    }
    assert_eq!(remote(url).model(), Some("rerank-v3.5"));
    let requests = service.requests.lock().unwrap();
    assert_eq!(requests.len(), 4);
    assert_eq!(
        (&requests[0]["model"], &requests[0]["top_n"]),
        (&json!("rerank-v3.5"), &json!(3))
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_an_error_and_never_an_order() {
    let scored = |scores: &[(usize, Value)]| {
        let results: Vec<Value> = scores
            .iter()
            .map(|(index, score)| json!({"index": index, "relevance_score": score}))
            .collect();
        Behaviour::Fixed(StatusCode::OK, json!({"results": results}))
    };
    let told = async |behaviour| {
        let (url, _) = service(behaviour).await;
        remote(url)
            .scores("red", &passages(&["a secret passage", "b"]))
            .await
            .unwrap_err()
    };
    for broken in [
        scored(&[(0, json!(1.0))]),
        scored(&[(0, json!(1.0)), (0, json!(0.5))]),
        scored(&[(0, json!(1.0)), (2, json!(0.5))]),
        Behaviour::Fixed(StatusCode::OK, json!({"error": "a secret passage"})),
    ] {
        let error = told(broken).await;
        assert!(matches!(error, RerankError::Answer(_)), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(told(Behaviour::Silent).await, RerankError::Timeout);
    let refused = Behaviour::Fixed(
        StatusCode::UNAUTHORIZED,
        json!({"message": "invalid api token hidden-key"}),
    );
    let error = told(refused).await.to_string();
    assert!(
        error.contains("RERANK_API_KEY") && !error.contains("hidden"),
        "{error}"
    );
    let overloaded = Behaviour::Fixed(StatusCode::TOO_MANY_REQUESTS, json!({}));
    assert!(matches!(told(overloaded).await, RerankError::Unavailable(_)));
}

#[tokio::test]
async fn a_cross_encoder_in_a_directory_scores_pairs() {
    let directory = tempfile::tempdir().unwrap();
    let mut table = vec![vec![0.0]; WORDS.len()];
    table[7] = vec![1.0];
    let model = Synthetic {
        inputs: &["input_ids", "attention_mask", "token_type_ids"],
        table: table.clone(),
        logits: true,
        unigram: false,
    };
    model.write(directory.path());
    let reranker = of(RerankModel::Directory(directory.path().to_owned())).unwrap();
    let name = directory.path().file_name().and_then(|name| name.to_str());
    assert_eq!(reranker.model(), name);
    let texts = passages(&[
        "red",
        "ferry ferry",
        "green ferry",
        "x",
        "x",
        "x",
        "x",
        "x",
        "x",
        "ferry",
    ]);
    let scores = reranker.scores("ferry", &texts).await.unwrap();
    assert_eq!(scores, [1.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);

    // An encoder is no cross-encoder.
    let encoder = Synthetic {
        logits: false,
        ..model
    };
    encoder.write(directory.path());
    let reranker = of(RerankModel::Directory(directory.path().to_owned())).unwrap();
    let error = reranker.scores("ferry", &texts).await.unwrap_err();
    assert!(error.to_string().contains("no cross-encoder"), "{error}");
    let nowhere = of(RerankModel::Directory("/nowhere".into()));
    assert!(matches!(nowhere.map(|_| ()), Err(RerankError::Unusable(_))));
}
