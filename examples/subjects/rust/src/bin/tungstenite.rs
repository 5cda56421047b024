//! The WebSocket half of the subject contract on tungstenite, a thread for each connection:
//! `tungstenite PORT`.

use std::net::{TcpListener, TcpStream};
use std::thread;

use subjects::Query;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::{StatusCode, Uri};
use tungstenite::{Message, WebSocket, accept_hdr};

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", subjects::port()))?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || serve(stream));
    }
    Ok(())
}

fn serve(stream: TcpStream) -> tungstenite::Result<()> {
    let mut uri = Uri::default();
    #[expect(clippy::result_large_err, reason = "the library has it so")]
    let look = |request: &Request, response: Response| {
        uri = request.uri().clone();
        match uri.path() {
            "/ws/echo" | "/ws/crash" | "/ws/push" => Ok(response),
            "/ws/reject" => Err(refusal(StatusCode::FORBIDDEN)),
            _ => Err(refusal(StatusCode::NOT_FOUND)),
        }
    };
    // Its error is that of a handshake which may be resumed: never so on a stream that blocks.
    let Ok(mut socket) = accept_hdr(stream, look) else { return Ok(()) };
    match uri.path() {
        "/ws/push" => push(&mut socket, &Query::new(uri.query())),
        path => echo(&mut socket, path == "/ws/crash"),
    }
}

fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}

/// The errors end the connection, as in the library's own example.
fn echo(socket: &mut WebSocket<TcpStream>, crash: bool) -> tungstenite::Result<()> {
    loop {
        match socket.read()? {
            Message::Text(text) if crash && text == "crash" => panic!("the text was crash"),
            message @ (Message::Text(_) | Message::Binary(_)) => socket.send(message)?,
            _ => {}
        }
    }
}

fn push(socket: &mut WebSocket<TcpStream>, query: &Query) -> tungstenite::Result<()> {
    for n in 0..query.number("n") {
        socket.send(Message::text(n.to_string()))?;
        thread::sleep(query.ms());
    }
    loop {
        socket.read()?;
    }
}
