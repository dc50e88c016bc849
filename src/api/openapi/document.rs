//! The parts of the description put together.

use super::refusals;
use crate::api::{health, v1, webhooks};
use utoipa::openapi::security::{Http, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, Components, Info, License, OpenApiBuilder};
use utoipa::{OpenApi, openapi::tag::TagBuilder};

/// Group of what may be asked by anybody.
pub(super) const STATUS: &str = "status";

/// What the interface is, in Markdown.
const ABOUT: &str = "\
The HTTP interface beside `/mcp`: what Astrolabe and administrators call. Every route is there in hybrid mode; other \
modes leave out what they have no use for, and answer 404.

Errors are JSON with `error`; an answer with status 200 never has that key. Every answer carries `X-Request-Id`, which \
the log repeats. Bodies hold at most 4 MiB, headers 32 KiB.";

const TAGS: [(&str, &str); 6] = [
    (STATUS, "What this server is and how far it is. Anybody may ask."),
    (
        "access",
        "What a user granted this server. Each acts for the caller only.",
    ),
    ("search", "Documents that the caller may open now."),
    (
        "webhooks",
        "Nextcloud's webhooks in the name of an administrator, with the credential that they granted.",
    ),
    ("delivery", "Where Nextcloud delivers to."),
    ("health", "Whether the process lives, and whether it can serve."),
];

#[derive(OpenApi)]
#[openapi(paths(super::openapi))]
struct Itself;

/// The whole description.
pub(super) fn document() -> openapi::OpenApi {
    let mut info = Info::new("Nextcloud MCP server", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    let tags = TAGS
        .iter()
        .map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build());
    let mut whole = OpenApiBuilder::new().info(info).tags(Some(tags)).build();
    for part in [
        Itself::openapi(),
        health::Described::openapi(),
        v1::Described::openapi(),
        webhooks::Described::openapi(),
    ] {
        whole.merge(part);
    }
    let components = whole.components.get_or_insert_with(Components::new);
    for (name, scheme) in ways_to_sign_in() {
        components.add_security_scheme(name, scheme);
    }
    refusals::add_to(&mut whole);
    whole
}

fn ways_to_sign_in() -> [(&'static str, SecurityScheme); 3] {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An access token of the identity provider that was issued for this server. It says who is asking and is \
             never sent on.",
        ))
        .build();
    let mut basic = Http::new(HttpAuthScheme::Basic);
    basic.description =
        Some("The UID and an app password of Nextcloud, which Nextcloud is asked about.".to_owned());
    let secret = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("registration.secret")
        .description(Some(
            "The secret of one registration. This server gives it to Nextcloud, which sends it with each delivery.",
        ))
        .build();
    [
        ("bearer", SecurityScheme::Http(bearer)),
        ("basic", SecurityScheme::Http(basic)),
        ("webhook_secret", SecurityScheme::Http(secret)),
    ]
}

/// The description as `/api/openapi.json` answers it and `nextcloud-mcp-server openapi` prints it.
///
/// # Errors
/// Never in practice: the document is made of texts and numbers.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    document().to_pretty_json()
}
