//! A chat: rooms, names, and what was said before one came. The page is served by the same port.
//!
//! Run with `cargo run --bin chat`, then open <http://127.0.0.1:8080/?room=lobby> in two windows.

mod room;

use std::process::ExitCode;

use clap::Parser;
use seawall_examples::flags::Listen;
use seawall_http_server::{Request, Response, Router, Server, Status};
use seawall_ws_server::{
    Accept, Closed, Handler, Limits, Message, Overflow, Reject, Sender, WebSocket,
};

use room::Rooms;

/// Rooms to talk in, with a page for the browser.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

/// Octets of a room's or a person's name.
const NAME_LEN: usize = 40;

/// One person in one room.
struct Guest {
    rooms: Rooms,
    room: String,
    name: String,
}

impl Handler for Guest {
    async fn on_connect(&mut self, request: &Request, sender: &Sender) -> Result<Accept, Reject> {
        let param = |name| request.query_param(name).unwrap_or_default().trim().to_owned();
        (self.room, self.name) = (param("room"), param("name"));
        for given in [&self.room, &self.name] {
            if given.is_empty() || given.len() > NAME_LEN {
                return Err(Reject::Policy("a room and a name, please".into()));
            }
        }
        if !self.rooms.enter(&self.room, &self.name, sender) {
            return Err(Reject::Policy("the name is taken, or there are too many rooms".into()));
        }
        Ok(Accept::new())
    }

    async fn on_message(&mut self, message: Message<'_>, _: &Sender) {
        if let Message::Text(text) = message {
            self.rooms.say(&self.room, &self.name, text);
        }
    }

    async fn on_close(&mut self, _: &Closed) {
        self.rooms.exit(&self.room, &self.name);
    }
}

async fn page(_: Request) -> Response {
    let html = include_bytes!("page.html").as_slice();
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; \
                  script-src 'unsafe-inline'; img-src data:";
    Response::new(Status::OK)
        .content("text/html; charset=utf-8", html)
        .field("Content-Security-Policy", policy)
}

fn main() -> ExitCode {
    let options = Options::parse();
    let rooms = Rooms::default();
    let guest = move || Guest { rooms: rooms.clone(), room: String::new(), name: String::new() };
    let chat = WebSocket::new(guest)
        // Nobody has more to say at once, and who does not read misses something.
        .limits(Limits { message: 2048, queued: 256 * 1024, ..Limits::default() })
        .overflow(Overflow::DropOldest);
    let router = Router::new().get("/", page).get("/ws", chat);
    seawall_examples::run(Server::new(router), &options.listen)
}
