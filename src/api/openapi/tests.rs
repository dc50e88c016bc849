//! The description against the committed one, and against the routes.

use super::document::document;
use super::openapi_json;
use crate::api::tests::everything;
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt;

/// What is for people or for MCP, not for programs that read this description.
const OTHER_DOORS: [&str; 5] = ["/mcp", "/app", "/oauth/", "/.well-known/", "/api/docs"];

fn described() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Path and methods of everything that is described.
fn operations() -> Vec<(String, BTreeSet<String>)> {
    let document = described();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            (
                path.clone(),
                methods.map(|method| method.to_uppercase()).collect(),
            )
        })
        .collect()
}

#[test]
fn the_committed_description_is_today_s() {
    let committed = include_str!("../../../docs/openapi.json");
    assert!(
        committed.trim_end() == openapi_json().unwrap(),
        "the HTTP API changed. Look at the difference and commit it: cargo run -- openapi > docs/openapi.json"
    );
}

#[tokio::test]
async fn every_route_is_described() {
    let router = everything();
    // axum tells its routes nowhere else.
    let debug = format!("{router:?}");
    let debug = debug.split("fallback_router").next().unwrap();
    let paths: BTreeSet<&str> = debug
        .split("RouteId(")
        .filter_map(|rest| rest.split_once("): \"")?.1.split('"').next())
        .filter(|path| path.starts_with('/'))
        .collect();
    assert!(
        paths.contains("/mcp") && paths.contains("/api/v1/webhooks/{id}"),
        "{debug}"
    );
    let of_programs: BTreeSet<&str> = paths
        .into_iter()
        .filter(|path| !OTHER_DOORS.iter().any(|door| path.starts_with(door)))
        .collect();
    let operations = operations();
    let described: BTreeSet<&str> = operations.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(of_programs, described);
}

#[tokio::test]
async fn every_described_route_has_the_described_methods_and_no_other() {
    let router = everything();
    for (path, methods) in operations() {
        let request = Request::builder()
            .method("TRACE")
            .uri(path.replace(['{', '}'], ""))
            .body(Body::empty())
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = answer.headers()["allow"].to_str().unwrap();
        let allowed: BTreeSet<String> = allowed
            .split(',')
            .map(|method| method.trim().to_owned())
            // Answered wherever GET is.
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

/// Every reference leads somewhere, every operation has what the page and generators need.
#[test]
fn the_description_is_complete() {
    let document = described();
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} says nothing of itself");
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{name} has another's id"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"].is_object(), "{name}: {parameter}");
            }
            let answers = operation["responses"].as_object().unwrap();
            let (_, success) = answers
                .iter()
                .find(|(status, _)| status.starts_with('2'))
                .unwrap();
            let content = &success["content"]["application/json"];
            assert!(content["schema"].is_object(), "{name}");
            assert!(
                path == "/api/openapi.json" || content["example"].is_object(),
                "{name} has no example"
            );
            for answer in answers.values().filter(|answer| answer.get("$ref").is_none()) {
                assert!(
                    answer["description"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                    "{name}"
                );
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let has_words = schema["description"].is_string() || schema.get("$ref").is_some();
            let has_choice = schema.get("oneOf").is_some() || schema.get("anyOf").is_some();
            assert!(has_words || has_choice, "{name}.{field} is not explained");
        }
    }
}

#[tokio::test]
async fn both_are_served_to_anybody() {
    let router = everything();
    let get = |path: &str| {
        router
            .clone()
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
    };
    let answer = get("/api/openapi.json").await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), described());

    let answer = get("/api/docs").await.unwrap();
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    let page = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(
        !page.contains("<script") && !page.contains("style="),
        "the policy forbids both"
    );
    assert!(
        page.contains("href=\"../api/docs\""),
        "the foot of every page leads here"
    );
    for (path, methods) in operations() {
        assert!(page.contains(&path), "{path}");
        assert!(methods.iter().all(|method| page.contains(method)));
    }
    assert_eq!(
        get("/app/assets/style.css").await.unwrap().status(),
        StatusCode::OK
    );
}

/// What the description says of errors is what they are.
#[tokio::test]
async fn refusals_have_the_described_body() {
    let answer = everything()
        .oneshot(Request::get("/api/v1/webhooks").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().contains_key("www-authenticate"));
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let known = &described()["components"]["schemas"]["ErrorBody"]["properties"];
    for field in body.as_object().unwrap().keys() {
        assert!(known.get(field).is_some(), "{field}");
    }
    assert_eq!(body["error"], json!("Unauthorized"));
}
