//! A little content to look at.

use crate::oidc::{OidcClient, TokenType};
use crate::world::{SharePermissions, World};

/// `client_id` of the demonstration client.
pub const DEMO_CLIENT_ID: &str = "demoClient000000000000000000000000";

/// Its secret: as public as the demonstration passwords.
pub const DEMO_CLIENT_SECRET: &str = "demoClientSecret000000000000000000";

/// Lets access tokens pass at every API, and creates a client with these redirect URIs whose JWTs are for
/// `resource_url`.
pub fn offer_demo_client(world: &World, redirect_uris: &[String], resource_url: &str) {
    let client = OidcClient {
        redirect_uris: redirect_uris.to_vec(),
        ..OidcClient::new("")
    };
    world.oidc().set_bearer_validation(true);
    world.oidc().create_client(
        client
            .credentials(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET)
            .name("MCP server")
            .token_type(TokenType::Jwt)
            .resource_url(resource_url),
    );
}

/// Fills the homes of `alice` and `bob` with some files and notes, and shares a folder between them.
pub fn load_demo_content(world: &World) {
    let files = [
        (
            "alice",
            "/Documents/Welcome.md",
            "# Welcome\n\nThis is a simulated Nextcloud.\n",
        ),
        (
            "alice",
            "/Projects/Garden/Plan.md",
            "# Garden plan\n\n## Spring\nSow tomatoes indoors in March.\n\n## Autumn\nPlant garlic in October.\n",
        ),
        (
            "alice",
            "/Projects/Garden/Costs.csv",
            "item,price\nseeds,12.50\nsoil,30.00\n",
        ),
        (
            "bob",
            "/Recipes/Bread.md",
            "# Rye bread\n\nFeed the sourdough the evening before. Bake 50 minutes at 220 degrees.\n",
        ),
    ];
    for (uid, path, text) in files {
        world.put_file(uid, path, text);
    }
    world.put_note("alice", "Shopping list", "", "- milk\n- flour\n- coffee\n");
    world.put_note(
        "alice",
        "Meeting minutes",
        "Work",
        "We agreed to release on Friday.\n",
    );
    world.put_note("bob", "Reading list", "", "- A book about bridges\n");
    world.share("alice", "/Projects", "bob", SharePermissions::all());
}
