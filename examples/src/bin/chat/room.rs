//! Rooms: who is in them, and what was said there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seawall_ws_server::{Group, Message, Sender};
use serde_json::json;

/// What was said last, for those who come later.
const HISTORY: usize = 50;

/// Rooms at once; a room is there while somebody is in it.
const ROOMS: usize = 1000;

/// All rooms. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Rooms(Arc<Mutex<HashMap<String, Room>>>);

#[derive(Default)]
struct Room {
    names: HashSet<String>,
    members: Group,
    history: VecDeque<String>,
}

impl Rooms {
    /// Lets somebody in and tells them what was said. False if the name is taken.
    pub(crate) fn enter(&self, room: &str, name: &str, sender: &Sender) -> bool {
        let mut rooms = self.lock();
        if !rooms.contains_key(room) && rooms.len() >= ROOMS {
            return false;
        }
        let room = rooms.entry(room.to_owned()).or_default();
        if !room.names.insert(name.to_owned()) {
            return false;
        }
        for said in &room.history {
            let _ = sender.try_send(&**said);
        }
        room.members.join(sender);
        room.members.broadcast(&*event("note", name, "is here"));
        true
    }

    /// Tells everyone in the room.
    pub(crate) fn say(&self, room: &str, name: &str, text: &str) {
        if let Some(room) = self.lock().get_mut(room) {
            let said = event("say", name, text);
            room.members.broadcast(Message::Text(&said));
            if room.history.len() == HISTORY {
                room.history.pop_front();
            }
            room.history.push_back(said);
        }
    }

    /// Lets somebody out, and closes the room behind the last.
    pub(crate) fn exit(&self, name_of_room: &str, name: &str) {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get_mut(name_of_room) {
            room.names.remove(name);
            room.members.broadcast(&*event("note", name, "has left"));
            if room.names.is_empty() {
                rooms.remove(name_of_room);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What goes over the wire.
fn event(kind: &str, from: &str, text: &str) -> String {
    json!({ "kind": kind, "from": from, "text": text }).to_string()
}
