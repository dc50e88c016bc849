//! A little content to look at.

use crate::world::{SharePermissions, World};

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
