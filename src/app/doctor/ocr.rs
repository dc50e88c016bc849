//! Text recognition.

use super::super::entropy;
use super::Finding;
use crate::config::Config;
use crate::documents::{OcrService, OcrUnwell};

/// Asks the service how it is; `None` where scans are not sent anywhere.
pub(super) async fn check(config: &Config) -> Option<Finding> {
    const NAME: &str = "ocr";
    let settings = config.ocr.as_ref()?;
    let service = match OcrService::new(settings, &config.nextcloud, entropy()) {
        Ok(service) => service,
        Err(error) => {
            let fix = "check OCR_API_KEY and NEXTCLOUD_CA_BUNDLE";
            return Some(Finding::problem(NAME, error.to_string(), fix));
        }
    };
    Some(match service.health().await {
        Ok(()) => Finding::ok(NAME, settings.url.as_str()),
        Err(error) => Finding::problem(NAME, format!("{}: {error}", settings.url), fix(&error)),
    })
}

/// What to do; meanwhile scans wait, or are known by their names.
fn fix(error: &OcrUnwell) -> &'static str {
    match error {
        OcrUnwell::Unreachable(_) => {
            "start the service, or correct OCR_URL; without OCR_URL scans are skipped"
        }
        OcrUnwell::Status(404) | OcrUnwell::Alien => {
            "set OCR_URL to the base address of docling-serve, without /v1"
        }
        OcrUnwell::Status(_) | OcrUnwell::Tasks(_) => "look into the service's log; OCR_URL names it",
        OcrUnwell::KeyRefused => "set OCR_API_KEY to the key in the service's DOCLING_SERVE_API_KEY",
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::auth::oidc::testing::serve;
    use crate::config::{CliOverrides, Environment};
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    /// A docling-serve that wants a key.
    fn docling() -> Router {
        let poll = async |headers: HeaderMap| match headers.get("x-api-key") {
            Some(key) if key == "secret" => StatusCode::NOT_FOUND,
            _ => StatusCode::UNAUTHORIZED,
        };
        Router::new()
            .route("/health", get(async || Json(json!({"status": "ok"}))))
            .route("/v1/status/poll/{task}", get(poll))
    }

    /// Nothing but its health works.
    async fn limp(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
        match request.uri().path() {
            "/health" => next.run(request).await,
            _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }

    async fn found(url: &str, key: &str) -> Finding {
        let pairs = [
            ("NEXTCLOUD_HOST", "https://cloud.example.com"),
            ("NEXTCLOUD_USERNAME", "alice"),
            ("NEXTCLOUD_PASSWORD", "password"),
            ("OCR_URL", url),
            ("OCR_API_KEY", key),
        ];
        let config = Config::load(&Environment::from_pairs(pairs), &CliOverrides::default()).unwrap();
        check(&config).await.unwrap()
    }

    #[tokio::test]
    async fn a_service_that_answers_and_takes_the_key_is_confirmed() {
        let url = serve(docling()).await;
        let finding = found(&url, "secret").await;
        assert_eq!(finding.state, State::Ok, "{finding:?}");
        assert!(finding.detail.starts_with(&url), "{finding:?}");
    }

    #[tokio::test]
    async fn what_is_wrong_names_the_variable_and_the_next_step() {
        let url = serve(docling()).await;
        let alien = serve(Router::new().fallback(get(async || "a log-in page"))).await;
        let ill = serve(Router::new().fallback(get(async || StatusCode::BAD_GATEWAY))).await;
        let limping = docling().layer(axum::middleware::from_fn(limp));
        let limping = serve(limping).await;
        for (url, key, detail, fix) in [
            (
                "http://127.0.0.1:1",
                "secret",
                "cannot be reached",
                "correct OCR_URL",
            ),
            (&format!("{url}/v1"), "secret", "HTTP 404", "OCR_URL"),
            (&alien, "secret", "something else", "OCR_URL"),
            (&ill, "secret", "HTTP 502", "OCR_URL"),
            (&limping, "secret", "poll is answered with HTTP 503", "OCR_URL"),
            (
                &url,
                "wr0ng",
                "OCR_API_KEY is wrong or missing",
                "DOCLING_SERVE_API_KEY",
            ),
            (&url, "", "OCR_API_KEY is wrong or missing", "set OCR_API_KEY"),
        ] {
            let finding = found(url, key).await;
            assert_eq!(finding.state, State::Problem, "{finding:?}");
            assert!(finding.detail.contains(detail), "{finding:?}");
            assert!(finding.fix.as_ref().unwrap().contains(fix), "{finding:?}");
            assert!(!format!("{finding:?}").contains("wr0ng"), "{finding:?}");
        }
    }
}
