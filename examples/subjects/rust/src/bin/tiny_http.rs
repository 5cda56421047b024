//! The HTTP half of the subject contract on tiny_http: `tiny_http PORT`.

use std::io::{Cursor, Read};
use std::str::FromStr;
use std::thread;

use subjects::Query;
use tiny_http::{Header, Method, Request, Response, ResponseBox, Server, StatusCode};

fn main() {
    let server = Server::http(("127.0.0.1", subjects::port())).expect("listening");
    for request in server.incoming_requests() {
        // Where there are too many threads, the request is dropped, and the library answers 500.
        let _ = thread::Builder::new().spawn(|| handle(request));
    }
}

fn handle(mut request: Request) {
    let response = respond(&mut request);
    let _ = request.respond(response);
}

fn respond(request: &mut Request) -> ResponseBox {
    let (path, query) = match request.url().split_once('?') {
        Some((path, query)) => (path, Query::new(Some(query))),
        None => (request.url(), Query::default()),
    };
    match path {
        "/hello" | "/health" if !matches!(request.method(), Method::Get | Method::Head) => {
            Response::empty(405).with_header(field("Allow: GET, HEAD")).boxed()
        }
        "/hello" => Response::from_string(subjects::HELLO).boxed(),
        "/health" => json(subjects::HEALTH),
        "/echo" => {
            let mut content = Vec::new();
            match request.as_reader().read_to_end(&mut content) {
                Ok(_) => Response::from_data(content).boxed(),
                Err(_) => Response::empty(400).boxed(),
            }
        }
        "/fields" => json(subjects::pairs(
            request
                .headers()
                .iter()
                .map(|header| (header.field.as_str().as_str(), header.value.as_bytes())),
        )),
        "/crash" if query.text("kind") == Some("stream") => {
            chunks(Cursor::new("the first part\n").chain(Grenade))
        }
        "/crash" => Response::from_string(subjects::crash(query.text("kind"))).boxed(),
        "/hang" => loop {
            thread::park();
        },
        "/spin" => {
            subjects::spin(&query);
            Response::from_string("spun\n").boxed()
        }
        "/sleep" => {
            thread::sleep(query.ms());
            Response::from_string("slept\n").boxed()
        }
        "/bytes" => Response::from_data(subjects::pattern(query.number("n"))).boxed(),
        "/stream" => {
            chunks(Pieces { left: query.number("chunks"), query, piece: Cursor::default() })
        }
        _ => Response::empty(404).boxed(),
    }
}

fn field(line: &str) -> Header {
    Header::from_str(line).expect("a field")
}

fn json(content: impl Into<String>) -> ResponseBox {
    Response::from_string(content).with_header(field("Content-Type: application/json")).boxed()
}

/// Content of unknown length.
fn chunks(content: impl Read + Send + 'static) -> ResponseBox {
    Response::new(StatusCode(200), vec![field("Content-Type: text/plain")], content, None, None)
        .boxed()
}

/// The content of `/stream`.
struct Pieces {
    left: usize,
    query: Query,
    piece: Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let begun = !self.piece.get_ref().is_empty();
        if self.left > 0 && self.piece.position() == self.piece.get_ref().len() as u64 {
            if begun {
                thread::sleep(self.query.ms());
            }
            self.left -= 1;
            self.piece = Cursor::new(vec![b'x'; self.query.number("size")]);
        }
        self.piece.read(buffer)
    }
}

/// Panics when it is read.
struct Grenade;

impl Read for Grenade {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("in the middle of the content");
    }
}
