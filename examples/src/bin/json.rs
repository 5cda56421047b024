//! A JSON API: notes that are listed, added, read, changed and deleted.
//!
//! Run with `cargo run --bin json`, then
//!
//! ```text
//! curl http://127.0.0.1:8080/notes --json '{"title": "buy milk"}'
//! curl http://127.0.0.1:8080/notes
//! ```

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use seawall_examples::flags::Listen;
use seawall_http_server::{Error, Request, Response, Router, Server, Status, with_state};
use serde::{Deserialize, Serialize};

/// Keeps notes, in memory.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

/// Notes that are kept; more are refused, since they are held in memory.
const MAX_NOTES: usize = 10_000;

#[derive(Clone, Deserialize, Serialize)]
struct Note {
    title: String,
    #[serde(default)]
    done: bool,
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<u64, Note>>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn main() -> ExitCode {
    let notes = Notes::default();
    let router = Router::new()
        .get("/notes", with_state(notes.clone(), list))
        .post("/notes", with_state(notes.clone(), add))
        .get("/notes/{id}", with_state(notes.clone(), read))
        .put("/notes/{id}", with_state(notes.clone(), change))
        .delete("/notes/{id}", with_state(notes, delete));
    seawall_examples::run(Server::new(router), &Options::parse().listen)
}

async fn list(notes: Notes, _: Request) -> Response {
    Response::json(&*notes.lock())
}

/// What is no JSON, or another than a note's, is 400, 415 or 422 by the `?`.
async fn add(notes: Notes, mut request: Request) -> Result<Response, Error> {
    let note: Note = request.json().await?;
    let mut notes = notes.lock();
    if notes.len() >= MAX_NOTES {
        return Ok(Response::new(Status::SERVICE_UNAVAILABLE).text("there is no room for more\n"));
    }
    let id = notes.last_key_value().map_or(1, |(id, _)| id + 1);
    let response = Response::json(&note).with_status(Status::CREATED);
    notes.insert(id, note);
    Ok(response.field("Location", format!("/notes/{id}")))
}

async fn read(notes: Notes, request: Request) -> Response {
    match id(&request).and_then(|id| notes.lock().get(&id).cloned()) {
        Some(note) => Response::json(&note),
        None => missing(),
    }
}

async fn change(notes: Notes, mut request: Request) -> Result<Response, Error> {
    let note: Note = request.json().await?;
    Ok(match id(&request).and_then(|id| notes.lock().get_mut(&id).map(|old| *old = note)) {
        Some(()) => Response::new(Status::NO_CONTENT),
        None => missing(),
    })
}

async fn delete(notes: Notes, request: Request) -> Response {
    match id(&request).and_then(|id| notes.lock().remove(&id)) {
        Some(_) => Response::new(Status::NO_CONTENT),
        None => missing(),
    }
}

fn id(request: &Request) -> Option<u64> {
    request.param("id")?.parse().ok()
}

fn missing() -> Response {
    Response::json(&serde_json::json!({ "error": "there is no such note" }))
        .with_status(Status::NOT_FOUND)
}
