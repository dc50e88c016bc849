//! The sharing API (`files_sharing`), for shares between users.

use serde_json::{Value, json};

use crate::http::Incoming;
use crate::ocs::Outcome;
use crate::world::{Share, SharePermissions, State, World};

/// Answers `…/shares` + `rest`.
pub(crate) fn answer(world: &World, request: &Incoming, rest: &str, uid: &str) -> Outcome {
    let id = rest.trim_start_matches('/');
    match (request.method.as_str(), id) {
        ("GET", "") => list(&world.read(), request, uid),
        ("POST", "") => create(&mut world.write(), request, uid),
        ("GET", _) => with_share(&world.read(), id, uid, |state, share| {
            Outcome::Data(json!([describe(state, share, uid)]))
        }),
        ("PUT", _) => update(&mut world.write(), request, id, uid),
        ("DELETE", _) => delete(&mut world.write(), id, uid),
        _ => Outcome::NoRoute,
    }
}

const WRONG_SHARE: Outcome = Outcome::Refused(404, "Wrong share ID, share does not exist");

/// Looks a share up that this user may see.
fn with_share(state: &State, id: &str, uid: &str, answer: impl FnOnce(&State, &Share) -> Outcome) -> Outcome {
    let share = id.parse().ok().and_then(|id: i64| state.shares.get(&id));
    match share {
        Some(share) if share.sharer == uid || share.recipient == uid => answer(state, share),
        _ => WRONG_SHARE,
    }
}

fn list(state: &State, request: &Incoming, uid: &str) -> Outcome {
    let received = request.query_value("shared_with_me").as_deref() == Some("true");
    let node = match request.query_value("path") {
        Some(path) => match state.locate(uid, &absolute(&path)) {
            Some(located) => Some(located.node.id),
            None => return Outcome::Refused(404, "Wrong path, file/folder does not exist"),
        },
        None => None,
    };
    let shares: Vec<Value> = state
        .shares
        .values()
        .filter(|share| {
            if received {
                share.recipient == uid
            } else {
                share.sharer == uid
            }
        })
        .filter(|share| node.is_none_or(|node| share.node == node))
        .map(|share| describe(state, share, uid))
        .collect();
    Outcome::Data(json!(shares))
}

fn create(state: &mut State, request: &Incoming, uid: &str) -> Outcome {
    let params = request.params();
    let text = |name: &str| params.get(name).map(plain).unwrap_or_default();
    let Some(found) = state.locate(uid, &absolute(&text("path"))) else {
        return Outcome::Refused(404, "Wrong path, file/folder does not exist");
    };
    if found.bits() & 16 == 0 {
        return Outcome::Refused(404, "You are not allowed to share this file");
    }
    let node = found.node.id;
    if text("shareType") != "0" {
        return Outcome::Refused(400, "Unknown share type");
    }
    let recipient = text("shareWith");
    if !state.users.contains_key(&recipient) || recipient == uid {
        return Outcome::Refused(404, "Please specify a valid account to share with");
    }
    let existing = state
        .shares
        .values()
        .find(|share| share.node == node && share.recipient == recipient)
        .map(|share| share.id);
    let id = existing.unwrap_or_else(|| {
        let bits = text("permissions").parse().unwrap_or(31);
        let mut permissions = SharePermissions::from_bits(bits);
        permissions.download = downloadable(&text("attributes"));
        state.add_share(node, uid, &recipient, permissions)
    });
    match state.shares.get(&id) {
        Some(share) => Outcome::Data(describe(state, share, uid)),
        None => WRONG_SHARE,
    }
}

fn update(state: &mut State, request: &Incoming, id: &str, uid: &str) -> Outcome {
    let params = request.params();
    if let Some(share) = id.parse().ok().and_then(|id: i64| state.shares.get_mut(&id))
        && share.sharer == uid
    {
        if let Some(bits) = params
            .get("permissions")
            .and_then(|value| plain(value).parse().ok())
        {
            let download = share.permissions.download;
            share.permissions = SharePermissions::from_bits(bits);
            share.permissions.download = download;
        }
        if let Some(attributes) = params.get("attributes") {
            share.permissions.download = downloadable(&plain(attributes));
        }
    }
    with_share(state, id, uid, |state, share| {
        Outcome::Data(describe(state, share, uid))
    })
}

fn delete(state: &mut State, id: &str, uid: &str) -> Outcome {
    let found = with_share(state, id, uid, |_, _| Outcome::Data(json!([])));
    if matches!(found, Outcome::Data(_))
        && let Ok(id) = id.parse()
    {
        state.remove_share(id);
    }
    found
}

/// `attributes` is a JSON list in a string: `[{"scope":"permissions","key":"download","value":false}]`.
fn downloadable(attributes: &str) -> bool {
    let list: Vec<Value> = serde_json::from_str(attributes).unwrap_or_default();
    !list
        .iter()
        .any(|entry| entry["key"] == "download" && (entry["value"] == false || entry["enabled"] == false))
}

/// The attributes of a share as `nc:share-attributes` and the API's `attributes` show them.
pub(crate) fn attributes(permissions: SharePermissions) -> Option<String> {
    (!permissions.download).then(|| r#"[{"scope":"permissions","key":"download","value":false}]"#.to_owned())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn absolute(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

fn describe(state: &State, share: &Share, viewer: &str) -> Value {
    let Some(node) = state.node(share.node) else {
        return Value::Null;
    };
    let received = share.recipient == viewer;
    let own_path = state.paths_of(&share.sharer, node.id).into_iter().next();
    let target = state.share_target(share).unwrap_or_default();
    let storage = if received {
        format!("shared::{}", own_path.as_deref().unwrap_or_default())
    } else {
        format!("home::{}", node.owner)
    };
    let recipient_mail = state.user(&share.recipient).map(|user| user.email.clone());
    let item_permissions = match (received, node.is_folder()) {
        (true, _) => share.permissions.bits() | 8,
        (false, true) => 31,
        (false, false) => 27,
    };
    json!({
        "id": share.id.to_string(),
        "share_type": 0,
        "uid_owner": share.sharer,
        "displayname_owner": state.display_name(&share.sharer),
        "permissions": share.permissions.bits(),
        "can_edit": !received,
        "can_delete": true,
        "stime": share.created,
        "parent": null,
        "expiration": null,
        "token": null,
        "uid_file_owner": node.owner,
        "note": "",
        "label": "",
        "displayname_file_owner": state.display_name(&node.owner),
        "path": if received { Some(target) } else { own_path.as_deref() },
        "item_type": if node.is_folder() { "folder" } else { "file" },
        "item_permissions": item_permissions,
        "is-mount-root": received,
        "mount-type": if received { "shared" } else { "" },
        "mimetype": node.mime(),
        "has_preview": !node.is_folder(),
        "storage_id": storage,
        "storage": 5,
        "item_source": node.id,
        "file_source": node.id,
        "file_parent": node.parent,
        "file_target": target,
        "item_size": node.size,
        "item_mtime": node.modified,
        "share_with": share.recipient,
        "share_with_displayname": state.display_name(&share.recipient),
        "share_with_displayname_unique": recipient_mail,
        "mail_send": 0,
        "hide_download": 0,
        "attributes": attributes(share.permissions),
    })
}
