//! What both programs serve.

use std::time::Duration;

use seawall_http_server::{Request, Router, Server};
use seawall_ws_server::{Handler, Message, Sender, WebSocket};

use crate::types;

/// How long a client may take for its TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await; // an error says that the connection is closing
    }
}

/// HTTP, WebSocket and `http-types` on one port.
pub fn server() -> Server {
    let router = Router::new()
        .get("/hello", async |_: Request| "hello\n")
        .get("/echo", WebSocket::new(|| Echo))
        .post("/mirror", types::handler(mirror));
    Server::new(router)
}

/// A handler as it may stand in a program that was written for `http-types`.
async fn mirror(mut request: http_types::Request) -> http_types::Result<http_types::Response> {
    let mut response = http_types::Response::new(http_types::StatusCode::Created);
    response.insert_header("x-method", request.method().to_string());
    response.insert_header("x-url", request.url().to_string());
    if let Some(names) = request.header("x-name") {
        response.insert_header("x-name", names); // as many values as came
    }
    response.set_body(request.take_body()); // read from the client while it is sent back
    Ok(response)
}
