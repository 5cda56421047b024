//! Telling inputs, and all that comes of them, as snapshots to read.
//!
//! Each line is one read of the server (`<`, with the bytes), one event that it saw,
//! or what it wrote (`>`).

use std::fmt::Write as _;

use seawall_codec::http::{Body, Content, Exchange, Limits, RequestParser, ResponseWriter, Status};
use seawall_codec::ws::{self, Closing, Connection, Event};

use crate::ws_echo::Frame;

fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    Frame(first, payload.as_ref().to_vec()).wire()
}

/// The story of a WebSocket echo server that reads these bytes.
fn websocket(reads: &[Vec<u8>]) -> String {
    let limits = ws::Limits { max_frame_len: 1000, max_message_len: 1500, max_fragments: 4 };
    let mut connection = Connection::server(limits);
    let mut story = String::new();
    for read in reads {
        writeln!(story, "< {}", hex(read)).expect("a String");
        let mut read = read.clone();
        let mut input = &mut read[..];
        let mut out = vec![];
        loop {
            let event = connection.recv(&mut input);
            match &event {
                Ok(Some(event)) => writeln!(story, "  {event:?}"),
                Ok(None) => break,
                Err(violation) => writeln!(story, "  violation: {violation}"),
            }
            .expect("a String");
            match event {
                Ok(Some(Event::Text(text))) => connection.send_text(&text, &mut out),
                Ok(Some(Event::Binary(bytes))) => connection.send_binary(&bytes, &mut out),
                Ok(Some(Event::Ping(payload))) => connection.send_pong(&payload, &mut out),
                Ok(Some(Event::Close { code, .. }))
                    if connection.closing() == Closing::Received =>
                {
                    connection.close(code, "", &mut out).map(drop)
                }
                Ok(_) => Ok(()),
                Err(violation) => {
                    connection.fail(violation, &mut out);
                    Ok(())
                }
            }
            .expect("legal");
        }
        if !out.is_empty() {
            writeln!(story, "> {}", hex(&out)).expect("a String");
        }
    }
    writeln!(story, "closing: {:?}", connection.closing()).expect("a String");
    story
}

fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let mut text: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN {
        write!(text, "… {} bytes", bytes.len()).expect("a String");
    }
    text
}

/// The story of an HTTP server that answers each request with its content.
fn http(reads: &[&str]) -> String {
    let limits = Limits { max_head: 200, ..Limits::default() };
    let mut parser = RequestParser::new(limits);
    let mut story = String::new();
    let mut pending = vec![];
    let mut request: Option<(Exchange, Body, Vec<u8>)> = None;
    for read in reads {
        writeln!(story, "< {read:?}").expect("a String");
        pending.extend_from_slice(read.as_bytes());
        loop {
            let mut out = vec![];
            let consumed = match &mut request {
                None => match parser.parse(&pending) {
                    Ok(None) => break,
                    Ok(Some(head)) => {
                        writeln!(
                            story,
                            "  {} {} {:?}",
                            head.method(),
                            head.target(),
                            head.framing()
                        )
                        .expect("a String");
                        match Body::new(head.framing(), 100, &limits) {
                            Ok(body) => {
                                request = Some((Exchange::new(&head), body, vec![]));
                                Ok(head.len())
                            }
                            Err(violation) => Err(violation),
                        }
                    }
                    Err(violation) => Err(violation),
                },
                Some((exchange, body, content)) => {
                    let mut input = &pending[..];
                    match body.recv(&mut input) {
                        Ok(Some(Content::Data(data))) => {
                            writeln!(story, "  data {}", data.escape_ascii()).expect("a String");
                            content.extend_from_slice(data);
                            Ok(pending.len() - input.len())
                        }
                        Ok(Some(Content::End)) => {
                            let mut head = ResponseWriter::new(Status::OK, &mut out);
                            exchange.frame(Some(content.len() as u64), &mut head).expect("legal");
                            head.end();
                            out.extend_from_slice(content);
                            let persists = exchange.keep_alive();
                            writeln!(
                                story,
                                "  end; {}",
                                if persists { "persists" } else { "closes" }
                            )
                            .expect("a String");
                            let consumed = pending.len() - input.len();
                            request = None;
                            Ok(consumed)
                        }
                        Ok(None) => {
                            pending.clear();
                            break;
                        }
                        Err(violation) => Err(violation),
                    }
                }
            };
            if !out.is_empty() {
                writeln!(story, "> {}", out.escape_ascii()).expect("a String");
            }
            match consumed {
                Ok(len) => drop(pending.drain(..len)),
                Err(violation) => {
                    writeln!(story, "  violation: {violation}; {}", violation.status())
                        .expect("a String");
                    return story;
                }
            }
        }
    }
    story
}

#[test]
fn websocket_stories() {
    let hello = frame(0x81, "Hello");
    let (front, back) = hello.split_at(8);
    for (name, reads) in [
        ("a message", vec![hello.clone()]),
        ("a message over two reads", vec![front.to_vec(), back.to_vec()]),
        ("a burst", vec![[hello.clone(), frame(0x89, "?"), frame(0x82, [0, 255])].concat()]),
        ("a ping between fragments", vec![frame(0x01, "Hel"), frame(0x89, "?"), frame(0x80, "lo")]),
        ("a code point over two fragments", vec![frame(0x01, b"\xC3"), frame(0x80, b"\xA9")]),
        ("a bad byte within a frame", vec![frame(0x81, b"ok \xFF and more")[..10].to_vec()]),
        ("a code point cut short", vec![frame(0x81, b"\xE2\x82")]),
        ("a close", vec![frame(0x88, b"\x03\xE8bye"), hello.clone()]),
        ("a close without a code", vec![frame(0x88, "")]),
        ("a close with a code that may not be sent", vec![frame(0x88, b"\x03\xED")]),
        ("a close with half a code", vec![frame(0x88, b"\x03")]),
        ("a close within a message", vec![frame(0x01, "Hel"), frame(0x88, b"\x03\xE9")]),
        ("an unmasked frame", vec![vec![0x81, 0x05]]),
        ("a reserved bit", vec![vec![0xC1]]),
        ("a reserved opcode", vec![vec![0x83]]),
        ("a fragmented ping", vec![vec![0x09]]),
        ("a ping that is too long", vec![vec![0x89, 0xFE]]),
        ("a length that is not minimal", vec![vec![0x81, 0xFE, 0x00, 0x05]]),
        ("a frame over the limit", vec![vec![0x82, 0xFE, 0x03, 0xE9, 0, 0, 0, 0]]),
        (
            "a message over the limit",
            vec![frame(0x02, [0; 1000]), frame(0x80, [0; 501])[..8].to_vec()],
        ),
        ("fragments over the limit", vec![frame(0x01, ""), frame(0x00, "").repeat(4)]),
        ("a continuation of nothing", vec![frame(0x80, "lo")]),
        ("a message inside a message", vec![frame(0x01, "Hel"), hello.clone()]),
    ] {
        insta::assert_snapshot!(format!("ws {name}").replace(' ', "-"), websocket(&reads));
    }
}

#[test]
fn http_stories() {
    let get = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n";
    for (name, reads) in [
        ("a request", vec![get]),
        ("a request in pieces", vec!["GET /a HT", "TP/1.1\r", "\nHost: h\r\n\r", "\n"]),
        (
            "pipelined requests",
            vec![
                "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiGET \
            /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            ],
        ),
        (
            "chunks",
            vec![
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhel",
                "lo\r\n1\r\n!\r",
                "\n0\r\nT: v\r\n\r\nGET",
            ],
        ),
        ("an old client", vec!["GET / HTTP/1.0\r\n\r\n"]),
        ("an old client that stays", vec!["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]),
        (
            "two framings",
            vec![
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\
            Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ],
        ),
        ("no host", vec!["GET / HTTP/1.1\r\n\r\n"]),
        ("a hidden line end", vec!["GET / HTTP/1.1\r\nHost: h\r\nX: a\nEvil: b\r\n\r\n"]),
        ("a folded line", vec!["GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"]),
        ("another protocol", vec!["\x16\x03\x01"]),
        ("the next version", vec!["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
        ("a line without an end", vec!["GET /", &"a".repeat(300)]),
        ("too much content", vec!["POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"]),
        (
            "a chunk that is too large",
            vec![
                "POST / HTTP/1.1\r\nHost: h\r\n\
            Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            ],
        ),
        (
            "a chunk that spills",
            vec![
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
            2\r\nabc\r\n",
            ],
        ),
    ] {
        insta::assert_snapshot!(format!("http {name}").replace(' ', "-"), http(&reads));
    }
}
