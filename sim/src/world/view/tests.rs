use super::*;
use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.put_file("alice", "/a/b/c.md", "one");
    world.put_file("alice", "/other/d.md", "two");
    world
}

fn etags(world: &World, uid: &str, paths: &[&str]) -> Vec<Option<String>> {
    paths.iter().map(|path| world.file_etag(uid, path)).collect()
}

#[test]
fn a_change_reaches_every_ancestor_and_nothing_else() {
    let world = world();
    let up = ["/", "/a", "/a/b", "/a/b/c.md"];
    let (before, beside) = (etags(&world, "alice", &up), world.file_etag("alice", "/other"));
    world.put_file("alice", "/a/b/c.md", "one more");
    let after = etags(&world, "alice", &up);
    for (old, new) in before.iter().zip(&after) {
        assert!(old.is_some() && old != new);
    }
    assert_eq!(world.file_etag("alice", "/other"), beside);
}

#[test]
fn deleting_and_moving_change_the_roots_too() {
    let world = world();
    let first = world.root_etag("alice");
    world.move_path("alice", "/a/b/c.md", "/other/e.md");
    let second = world.root_etag("alice");
    world.delete_path("alice", "/other/e.md");
    let third = world.root_etag("alice");
    assert!(first != second && second != third && first != third);
}

#[test]
fn a_share_shows_in_the_recipients_root_and_losing_it_restores_the_old_etag() {
    let world = world();
    let (alone, owners) = (world.root_etag("bob"), world.root_etag("alice"));
    let share = world.share("alice", "/a", "bob", SharePermissions::all());
    let shared = world.root_etag("bob");
    assert_ne!(alone, shared);
    assert_eq!(world.root_etag("alice"), owners);
    world.put_file("alice", "/a/b/c.md", "changed by the owner");
    let changed = world.root_etag("bob");
    assert_ne!(changed, shared);
    world.put_file("alice", "/other/d.md", "outside the share");
    assert_eq!(world.root_etag("bob"), changed);
    world.unshare(share);
    assert_eq!(world.root_etag("bob"), alone);
    assert_eq!(world.file_id("bob", "/a"), None);
}

#[test]
fn owner_and_recipient_see_one_id_and_etag_with_different_permissions() {
    let world = world();
    world.share("alice", "/a/b", "bob", SharePermissions::read_only());
    let (mine, theirs) = ("/a/b/c.md", "/b/c.md");
    assert_eq!(world.file_id("alice", mine), world.file_id("bob", theirs));
    assert_eq!(world.file_etag("alice", mine), world.file_etag("bob", theirs));
    let state = world.read();
    let letters = |uid: &str, path: &str| state.locate(uid, path).map(|found| found.letters());
    assert_eq!(letters("alice", mine).as_deref(), Some("RGDNVW"));
    assert_eq!(letters("bob", theirs).as_deref(), Some("SG"));
    assert_eq!(letters("bob", "/b").as_deref(), Some("SGDN"));
    assert_eq!(letters("alice", "/a/b").as_deref(), Some("RGDNVCK"));
}

#[test]
fn the_recipients_change_reaches_the_owners_root() {
    let world = world();
    world.share("alice", "/a", "bob", SharePermissions::all());
    let before = world.root_etag("alice");
    world.put_file("bob", "/a/new.md", "from bob");
    assert_ne!(world.root_etag("alice"), before);
    assert_eq!(
        world.file_bytes("alice", "/a/new.md").as_deref(),
        Some(&b"from bob"[..])
    );
}

#[test]
fn two_shares_of_one_name_get_two_places_and_a_mount_can_be_renamed() {
    let world = world();
    world.put_file("admin", "/a/x.md", "of admin");
    world.share("alice", "/a", "bob", SharePermissions::all());
    world.share("admin", "/a", "bob", SharePermissions::all());
    assert!(world.file_id("bob", "/a (2)/x.md").is_some());
    let owners = world.root_etag("admin");
    world.move_path("bob", "/a (2)", "/from admin");
    assert!(world.file_id("bob", "/from admin/x.md").is_some());
    assert_eq!(world.root_etag("admin"), owners);
    world.delete_path("bob", "/from admin");
    assert!(world.file_id("admin", "/a/x.md").is_some());
}

#[test]
fn trash_and_restore_keep_the_file_id() {
    let world = world();
    let (file, content) = (
        world.file_id("alice", "/a/b/c.md"),
        world.file_bytes("alice", "/a/b/c.md"),
    );
    let before = world.root_etag("alice");
    world.delete_path("alice", "/a");
    assert_eq!(world.file_id("alice", "/a/b/c.md"), None);
    world.restore_path("alice", "/a");
    assert_eq!(world.file_id("alice", "/a/b/c.md"), file);
    assert_eq!(world.file_bytes("alice", "/a/b/c.md"), content);
    assert_ne!(world.root_etag("alice"), before);
}

#[test]
fn a_file_moved_out_of_a_shared_folder_leaves_its_owners_tree_with_its_id() {
    let world = world();
    let id = world.file_id("alice", "/a/b/c.md");
    world.share("alice", "/a", "bob", SharePermissions::all());
    let before = world.root_etag("alice");
    world.move_path("bob", "/a/b/c.md", "/mine.md");
    assert_eq!(world.file_id("bob", "/mine.md"), id);
    assert_eq!(world.file_id("alice", "/a/b/c.md"), None);
    assert_ne!(world.root_etag("alice"), before);
}

#[test]
fn sizes_add_up_to_the_root() {
    let world = world();
    let size = |path: &str| {
        let state = world.read();
        state
            .locate("alice", path)
            .map(|found| state.size("alice", path, found))
    };
    assert_eq!((size("/"), size("/a")), (Some(6), Some(3)));
    world.put_file("alice", "/a/b/c.md", "longer");
    world.delete_path("alice", "/other");
    assert_eq!((size("/"), size("/a")), (Some(6), Some(6)));
}

#[test]
fn a_deleted_user_takes_files_and_shares_along() {
    let world = world();
    world.share("alice", "/a", "bob", SharePermissions::all());
    world.delete_user("alice");
    assert_eq!(world.file_id("bob", "/a/b/c.md"), None);
    assert_eq!(world.file_id("alice", "/"), None);
}
