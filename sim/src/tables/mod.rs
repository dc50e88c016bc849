//! The Tables app: API v1 under `/apps/tables/api/1`, and the two calls of v2 (OCS) that were recorded.

mod data;
mod view;
mod world;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use data::TablesState;

use crate::auth::Login;
use crate::http::{Incoming, NO_CACHE, Reply};
use crate::notes;
use crate::ocs::Outcome;
use crate::world::{State, World};

/// Answers `/apps/tables/api/1/` + `rest`, e.g. `tables/4/rows`.
pub(crate) fn answer(world: &World, request: &Incoming, rest: &str, login: &Login) -> Reply {
    let session = match login {
        // The CORS rule: a bearer needs the OCS header (facts §0 row 7).
        Login::Done(session) if !session.bearer || request.has_ocs_header() => session,
        _ => return notes::login_failure(request, login).without_user(),
    };
    let uid = session.uid.as_str();
    let path: Vec<&str> = rest.trim_matches('/').split('/').collect();
    let id: i64 = path.get(1).and_then(|id| id.parse().ok()).unwrap_or_default();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["tables"]) => Reply::json(200, &listed(&world.read(), uid)),
        ("GET", ["tables", _, what]) => of_table(&world.read(), uid, id, what),
        ("GET", ["tables", _, "rows", "simple"]) => of_table(&world.read(), uid, id, "simple"),
        ("POST", ["tables", _, "rows"]) => match create(&mut world.write(), request, uid, id) {
            Some(row) => Reply::json(200, &row),
            None => no_table(),
        },
        (method, ["rows", _]) => one_row(&mut world.write(), request, uid, (method, id)),
        _ => Reply::html(404, "Page not found").with("cache-control", NO_CACHE),
    }
}

/// Answers `/apps/tables/api/2/` + `rest` of OCS.
pub(crate) fn answer_ocs(world: &World, request: &Incoming, rest: &str, uid: &str) -> Outcome {
    if !world.read().tables.enabled {
        return Outcome::NoRoute;
    }
    let path: Vec<&str> = rest.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["tables"]) => Outcome::Data(listed(&world.read(), uid)),
        ("POST", ["tables", id, "rows"]) => {
            let id = id.parse().unwrap_or_default();
            let made = create(&mut world.write(), request, uid, id);
            made.map_or(Outcome::Refused(404, "table not found"), Outcome::Data)
        }
        _ => Outcome::NoRoute,
    }
}

/// A table that is not there, or somebody else's (facts §8).
fn no_table() -> Reply {
    Reply::new(404, "text/html; charset=UTF-8", "").with("cache-control", NO_CACHE)
}

fn listed(state: &State, uid: &str) -> Value {
    let tables = state
        .tables
        .tables
        .keys()
        .filter_map(|id| state.tables.table_of(uid, *id));
    tables.map(|table| view::table(state, uid, table)).collect()
}

fn of_table(state: &State, uid: &str, id: i64, what: &str) -> Reply {
    let Some(table) = state.tables.table_of(uid, id) else {
        return no_table();
    };
    let value: Value = match what {
        "columns" => table
            .columns
            .iter()
            .map(|column| view::column(state, table, column))
            .collect(),
        "rows" => state.tables.rows_of(id).map(view::row).collect(),
        "simple" => view::simple(state, table),
        _ => return Reply::html(404, "Page not found").with("cache-control", NO_CACHE),
    };
    Reply::json(200, &value)
}

/// The cells that `data` names by their columns' ids.
fn cells(request: &Incoming) -> BTreeMap<i64, Value> {
    let params = request.params();
    let data = params.get("data").and_then(Value::as_object);
    data.into_iter()
        .flatten()
        .filter_map(|(column, value)| Some((column.parse().ok()?, value.clone())))
        .collect()
}

fn create(state: &mut State, request: &Incoming, uid: &str, table: i64) -> Option<Value> {
    state.tables.table_of(uid, table)?;
    let now = state.now();
    let id = state.tables.add_row(uid, table, cells(request), now)?;
    Some(view::new_row(&state.tables.rows[&id]))
}

fn one_row(state: &mut State, request: &Incoming, uid: &str, (method, id): (&str, i64)) -> Reply {
    if state.tables.row_of(uid, id).is_none() {
        let message = "OCA\\Tables\\Service\\RowService - find: Did expect one result but found none when executing: \
                       query \"SELECT * FROM `*PREFIX*tables_row_sleeves` WHERE `id` = :dcValue1\"; ";
        return Reply::json(404, &json!({"message": message}));
    }
    let now = state.now();
    match method {
        "GET" => Reply::json(200, &view::row(&state.tables.rows[&id])),
        "PUT" => {
            if let Some(row) = state.tables.rows.get_mut(&id) {
                row.cells.extend(cells(request));
            }
            // The answer still tells the edit before.
            let reply = Reply::json(200, &view::row(&state.tables.rows[&id]));
            if let Some(row) = state.tables.rows.get_mut(&id) {
                row.edited = now;
            }
            reply
        }
        "DELETE" => match state.tables.rows.remove(&id) {
            Some(row) => Reply::json(200, &view::row(&row)),
            None => no_table(),
        },
        _ => Reply::html(404, "Page not found").with("cache-control", NO_CACHE),
    }
}
