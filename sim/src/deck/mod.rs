//! The Deck app: API v1.0 under `/apps/deck/api/v1.0`, and comments through OCS.

mod data;
mod view;
mod world;

use serde_json::{Value, json};

pub(crate) use data::DeckState;

use crate::auth::Login;
use crate::clock::http_date;
use crate::http::{Incoming, NO_CACHE, Reply, etag_listed};
use crate::notes;
use crate::ocs::Outcome;
use crate::world::{State, World, md5_hex};
use data::etag;

/// Answers `/apps/deck/api/` + `rest`, e.g. `v1.0/boards/4/stacks`.
pub(crate) fn answer(world: &World, request: &Incoming, rest: &str, login: &Login) -> Reply {
    let session = match login {
        // The CORS rule: a bearer needs the OCS header (facts §0 row 7).
        Login::Done(session) if !session.bearer || request.has_ocs_header() => session,
        _ => return notes::login_failure(request, login).without_user(),
    };
    let uid = session.uid.as_str();
    let path: Vec<&str> = rest.trim_end_matches('/').split('/').skip(1).collect();
    let ids: Vec<i64> = path
        .iter()
        .skip(1)
        .step_by(2)
        .filter_map(|id| id.parse().ok())
        .collect();
    let names: Vec<&str> = path.iter().step_by(2).copied().collect();
    match (request.method.as_str(), names.as_slice(), ids.as_slice()) {
        ("GET", ["boards"], []) => boards(&world.read(), request, uid),
        ("POST", ["boards"], []) => create_board(&mut world.write(), request, uid),
        ("GET", ["boards"], [board]) => board_details(&world.read(), uid, *board),
        ("GET", ["boards", "stacks"], [board]) => stacks(&world.read(), request, uid, *board),
        ("POST", ["boards", "stacks"], [board]) => create_stack(&mut world.write(), request, uid, *board),
        ("POST", ["boards", "stacks", "cards"], [board, stack]) => {
            create_card(&mut world.write(), request, uid, *board, *stack)
        }
        (method, ["boards", "stacks", "cards"], [board, _, card]) => {
            one_card(world, request, uid, method, (*board, *card))
        }
        _ => Reply::html(404, "Page not found").with("cache-control", NO_CACHE),
    }
}

/// Answers `/apps/deck/api/v1.0/` + `rest` of OCS: comments.
pub(crate) fn comments(world: &World, request: &Incoming, rest: &str, uid: &str) -> Outcome {
    let card = rest
        .strip_prefix("/cards/")
        .and_then(|rest| rest.strip_suffix("/comments"))
        .and_then(|id| id.parse::<i64>().ok());
    let Some(card) = card.filter(|_| world.read().deck.enabled) else {
        return Outcome::NoRoute;
    };
    let board = world.read().deck.board_of_card(card);
    if board.is_none_or(|board| world.read().deck.card_of(uid, board, card).is_none()) {
        return Outcome::Refused(404, "No card found");
    }
    match request.method.as_str() {
        "GET" => listed_comments(&world.read(), request, card),
        "POST" => {
            let mut state = world.write();
            let now = state.now();
            let message = request.text("message").unwrap_or_default();
            state.deck.comment(card, uid, &message, now);
            let made = state.deck.cards.get(&card).and_then(|card| card.comments.last());
            made.map_or(Outcome::NoRoute, |made| {
                Outcome::Data(view::comment(&state, card, made))
            })
        }
        _ => Outcome::NoRoute,
    }
}

fn listed_comments(state: &State, request: &Incoming, card: i64) -> Outcome {
    let number = |name: &str, default: usize| {
        request
            .query_value(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let comments: Vec<Value> = state.deck.cards[&card]
        .comments
        .iter()
        .rev()
        .skip(number("offset", 0))
        .take(number("limit", 20))
        .map(|comment| view::comment(state, card, comment))
        .collect();
    Outcome::Data(Value::Array(comments))
}

/// A board or card that is not there, or somebody else's (facts §8).
fn denied(message: &str) -> Reply {
    Reply::json(403, &json!({"status": 403, "message": message}))
}

/// The answer to a body that lacks a parameter.
fn incomplete() -> Reply {
    Reply::new(400, "text/html; charset=UTF-8", "").with("cache-control", NO_CACHE)
}

fn boards(state: &State, request: &Incoming, uid: &str) -> Reply {
    let versions: Vec<String> = state
        .deck
        .boards_of(uid)
        .map(|board| format!("{}-{}", board.id, etag(board.last_modified)))
        .collect();
    let version = md5_hex(&json!(versions).to_string());
    let known = request
        .header("if-none-match")
        .is_some_and(|header| etag_listed(header, &version));
    let reply = if known {
        Reply::new(304, "", "").with("cache-control", NO_CACHE)
    } else {
        let detailed = request.query_value("details").as_deref() == Some("true");
        let boards: Vec<Value> = state
            .deck
            .boards_of(uid)
            .map(|board| {
                if detailed {
                    view::detailed_board(state, uid, board)
                } else {
                    view::listed_board(state, uid, board)
                }
            })
            .collect();
        Reply::json(200, &Value::Array(boards))
    };
    reply
        .with("etag", format!("\"{version}\""))
        .with("date", http_date(state.now()))
}

fn board_details(state: &State, uid: &str, board: i64) -> Reply {
    match state.deck.board_of(uid, board) {
        Some(board) => Reply::json(200, &view::detailed_board(state, uid, board))
            .with("etag", format!("\"{}\"", etag(board.last_modified))),
        None => denied("Permission denied"),
    }
}

fn create_board(state: &mut State, request: &Incoming, uid: &str) -> Reply {
    let (Some(title), Some(color)) = (request.text("title"), request.text("color")) else {
        return incomplete();
    };
    let now = state.now();
    let id = state.deck.add_board(uid, &title, &color, now);
    Reply::json(200, &view::new_board(state, uid, &state.deck.boards[&id]))
}

fn stacks(state: &State, request: &Incoming, uid: &str, board: i64) -> Reply {
    if state.deck.board_of(uid, board).is_none() {
        return denied("Permission denied");
    }
    let since = request
        .header("if-modified-since")
        .and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok())
        .map_or(i64::MIN, |date| date.timestamp());
    let stacks = view::stacks_of(&state.deck, board).map(|stack| view::full_stack(state, stack, since));
    Reply::json(200, &stacks.collect())
}

fn create_stack(state: &mut State, request: &Incoming, uid: &str, board: i64) -> Reply {
    let Some(title) = request.text("title") else {
        return incomplete();
    };
    if state.deck.board_of(uid, board).is_none() {
        return denied("Permission denied");
    }
    let order = request.params().get("order").and_then(Value::as_i64).unwrap_or(0);
    let now = state.now();
    match state.deck.add_stack(board, &title, order, now) {
        Some(id) => Reply::json(200, &view::stack(&state.deck.stacks[&id], 0)),
        None => denied("Permission denied"),
    }
}

fn create_card(state: &mut State, request: &Incoming, uid: &str, board: i64, stack: i64) -> Reply {
    let Some(title) = request.text("title") else {
        return incomplete();
    };
    let on_board = state
        .deck
        .stacks
        .get(&stack)
        .is_some_and(|stack| stack.board == board);
    if !on_board || state.deck.board_of(uid, board).is_none() {
        return denied("Permission denied");
    }
    let description = request.text("description").unwrap_or_default();
    let now = state.now();
    match state.deck.add_card(uid, stack, &title, &description, now) {
        Some(id) => Reply::json(200, &view::card(state, &state.deck.cards[&id])),
        None => denied("Permission denied"),
    }
}

fn one_card(world: &World, request: &Incoming, uid: &str, method: &str, (board, id): (i64, i64)) -> Reply {
    let mut state = world.write();
    let now = state.now();
    match state.deck.card_of(uid, board, id) {
        None => return denied("Permission denied"),
        Some(card) if card.deleted_at != 0 => return denied("Card is deleted"),
        Some(_) => {}
    }
    match method {
        "GET" => {
            let card = &state.deck.cards[&id];
            Reply::json(200, &view::card(&state, card))
                .with("etag", format!("\"{}\"", etag(card.last_modified)))
        }
        "PUT" => {
            let (Some(title), Some(_), Some(owner)) =
                (request.text("title"), request.text("type"), request.text("owner"))
            else {
                return incomplete();
            };
            let description = request.text("description");
            state.deck.edit_card(id, now, |card| {
                (card.title, card.owner) = (title, owner);
                card.description = description.unwrap_or_default();
            });
            let reply = Reply::json(200, &view::card(&state, &state.deck.cards[&id]));
            // The answer still names the editor before.
            state
                .deck
                .edit_card(id, now, |card| card.last_editor = Some(uid.to_owned()));
            reply
        }
        "DELETE" => {
            state.deck.edit_card(id, now, |card| card.deleted_at = now);
            Reply::json(200, &view::deleted_card(&state, &state.deck.cards[&id]))
        }
        _ => Reply::html(404, "Page not found").with("cache-control", NO_CACHE),
    }
}
