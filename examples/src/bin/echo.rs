//! A WebSocket server whose every path echoes.
//!
//! Run with `cargo run --bin echo`, then `new WebSocket("ws://127.0.0.1:8080/")` in a browser.

use std::process::ExitCode;

use clap::Parser;
use seawall_examples::flags::Listen;
use seawall_http_server::Server;
use seawall_ws_server::{Handler, Message, Sender, WebSocket};

/// Sends each WebSocket message back.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await; // an error says that the connection is closing
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    seawall_examples::run(Server::new(WebSocket::new(|| Echo)), &options.listen)
}
