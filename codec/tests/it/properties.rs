//! What holds for any input: encoding and decoding are inverse, how bytes are cut
//! into reads does not matter, and nothing that a peer sends is a panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use seawall_codec::http::{self, Body, BodyFraming, Content, RequestParser, chunked};
use seawall_codec::ws::utf8::Validator;
use seawall_codec::ws::{self, CloseCode, Connection, Event, Kind};

/// Cuts `bytes` at the given places.
fn cut<'b>(bytes: &'b [u8], at: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = at.iter().map(|index| index.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = vec![];
    let mut start = 0;
    for end in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..end]);
        start = end;
    }
    pieces
}

/// All that a connection gives for some reads, written out.
fn events(connection: &mut Connection, reads: &[&[u8]]) -> Vec<String> {
    let mut events = vec![];
    for read in reads {
        let mut bytes = read.to_vec();
        let mut input = &mut bytes[..];
        loop {
            match connection.recv(&mut input) {
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(violation) => events.push(format!("{violation:?}")),
            }
        }
    }
    events
}

fn small_limits() -> ws::Limits {
    ws::Limits { max_frame_len: 300, max_message_len: 400, max_fragments: 6 }
}

/// What an endpoint may send.
#[derive(Clone, Debug)]
enum Sent {
    Message(Kind, String),
    Fragments(Kind, String, usize),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let kind = || select(&[Kind::Text, Kind::Binary][..]);
    prop_oneof![
        (kind(), ".{0,150}").prop_map(|(kind, text)| Sent::Message(kind, text)),
        (kind(), ".{0,60}", 1..9usize)
            .prop_map(|(kind, text, size)| { Sent::Fragments(kind, text, size) }),
        vec(any::<u8>(), 0..=125).prop_map(Sent::Ping),
        vec(any::<u8>(), 0..=125).prop_map(Sent::Pong),
    ]
}

/// Bytes that get further than random ones: the beginnings of frames among them.
fn frame_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (select(&[0x01u8, 0x02, 0x80, 0x00, 0x81, 0x82, 0x88, 0x89, 0x8A][..]), 0..6u8)
            .prop_map(|(first, len)| {
                let mut frame = vec![first, 0x80 | len, 0, 0, 0, 0];
                frame.extend(vec![b'a'; usize::from(len)]);
                frame
            }),
        1 => vec(any::<u8>(), 0..20),
        1 => Just(vec![0x82, 0xFE, 0x01, 0x00, 1, 2, 3, 4]),
        1 => Just(vec![0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Bytes that get further than random ones: the pieces of a request.
fn head_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(&[
            "GET / HTTP/1.1\r\n", "\r\n", "Host: h\r\n", "X: y\r\n", "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "POST /a?b HTTP/1.0\r\n",
            "Expect: 100-continue\r\n", ": ", "\t", "\r", "\n", " ", "http://h", "Host: \r\n",
        ][..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn small_head() -> http::Limits {
    http::Limits {
        max_request_line: 40,
        max_field_line: 30,
        max_head: 120,
        max_fields: 5,
        max_chunk_ext: 8,
        max_trailers: 24,
    }
}

/// What a parser says about `bytes` when it sees them grow by these pieces.
fn head(bytes: &[u8], at: &[Index]) -> String {
    let mut parser = RequestParser::new(small_head());
    let mut end = 0;
    for piece in cut(bytes, at) {
        end += piece.len();
        match parser.parse(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some(head)) => return format!("{} {head:?}", head.len()),
            Err(violation) => return format!("{violation:?}"),
        }
    }
    "more".into()
}

/// The content that a chunked message holds when it comes in these pieces.
fn dechunk(bytes: &[u8], at: &[Index]) -> Result<(Vec<u8>, bool), http::Violation> {
    let mut body = Body::new(BodyFraming::Chunked, 500, &small_head())?;
    let mut content = vec![];
    for mut input in cut(bytes, at) {
        while let Some(Content::Data(data)) = body.recv(&mut input)? {
            content.extend_from_slice(data);
        }
    }
    Ok((content, body.is_complete()))
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..8)
}

proptest! {
    #[test]
    fn what_a_client_sends_a_server_receives(sent in vec(sent(), 0..8), at in cuts()) {
        let limits = ws::Limits::default();
        let mut client = Connection::client(limits, || [0x12, 0x34, 0x56, 0x78]);
        let mut server = Connection::server(limits);
        let mut wire = vec![];
        let mut expected = vec![];
        for sent in &sent {
            match sent {
                Sent::Message(Kind::Text, text) => client.send_text(text, &mut wire).unwrap(),
                Sent::Message(Kind::Binary, text) => {
                    client.send_binary(text.as_bytes(), &mut wire).unwrap();
                }
                Sent::Fragments(kind, text, size) => {
                    for fragment in text.as_bytes().chunks(*size) {
                        client.send_fragment(*kind, fragment, false, &mut wire).unwrap();
                    }
                    client.send_fragment(*kind, b"", true, &mut wire).unwrap();
                }
                Sent::Ping(payload) => client.send_ping(payload, &mut wire).unwrap(),
                Sent::Pong(payload) => client.send_pong(payload, &mut wire).unwrap(),
            }
            expected.push(match sent {
                Sent::Message(kind, text) | Sent::Fragments(kind, text, _) => match kind {
                    Kind::Text => format!("{:?}", Event::Text(text.as_str().into())),
                    Kind::Binary => format!("{:?}", Event::Binary(text.as_bytes().into())),
                },
                Sent::Ping(payload) => format!("{:?}", Event::Ping(payload.into())),
                Sent::Pong(payload) => format!("{:?}", Event::Pong(payload.into())),
            });
        }
        let code = CloseCode::new(4321);
        let _wait = client.close(code, "done", &mut wire).unwrap();
        expected.push(format!("{:?}", Event::Close { code, reason: "done".into() }));
        prop_assert_eq!(events(&mut server, &cut(&wire, &at)), expected);
    }

    #[test]
    fn how_frames_are_cut_does_not_matter(bytes in frame_like(), at in cuts()) {
        let whole = events(&mut Connection::server(small_limits()), &[&bytes]);
        let pieces = events(&mut Connection::server(small_limits()), &cut(&bytes, &at));
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn any_bytes_to_either_role(bytes in vec(any::<u8>(), 0..200), at in cuts()) {
        for new in [Connection::server, |limits| Connection::client(limits, || [0; 4])] {
            let whole = events(&mut new(small_limits()), &[&bytes]);
            prop_assert_eq!(events(&mut new(small_limits()), &cut(&bytes, &at)), whole);
        }
    }

    #[test]
    fn text_in_pieces_is_text(bytes in vec(select(b"a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED".as_slice()), 0..40), at in cuts()) {
        let mut validator = Validator::default();
        let mut text = String::new();
        let pieces = cut(&bytes, &at).into_iter().try_for_each(|piece| {
            let piece = validator.push(piece)?;
            text.extend(piece.carried);
            text.push_str(piece.text);
            Ok::<(), ws::Violation>(())
        });
        let ours = pieces.and_then(|()| validator.finish()).map(|()| text.as_bytes());
        prop_assert_eq!(ours.ok(), std::str::from_utf8(&bytes).ok().map(str::as_bytes));
    }

    #[test]
    fn how_a_head_is_cut_does_not_matter(bytes in head_like(), at in cuts()) {
        prop_assert_eq!(head(&bytes, &at), head(&bytes, &[]));
    }

    #[test]
    fn the_parts_of_a_head_come_out_again(
        method in "[A-Z!#-]{1,9}",
        path in "/[a-z0-9/%.~-]{0,20}",
        query in proptest::option::of("[a-z=&?{}|]{0,10}"),
        fields in vec(("[A-Za-z0-9_!-]{1,10}", "([!-~][ -~\t]{0,15}[!-~])?"), 0..9),
    ) {
        let fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| (format!("X{name}"), value)) // none that means anything
            .collect();
        let target = match &query {
            Some(query) => format!("{path}?{query}"),
            None => path.clone(),
        };
        let mut wire = format!("{method} {target} HTTP/1.1\r\nHost: example.org\r\n");
        for (name, value) in &fields {
            wire.push_str(&format!("{name}:\t{value} \r\n"));
        }
        wire.push_str("\r\n");
        let mut parser = RequestParser::new(http::Limits::default());
        let head = parser.parse(wire.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(head.method(), method);
        prop_assert_eq!(head.target(), target);
        prop_assert_eq!(head.path(), path);
        prop_assert_eq!(head.query(), query.as_deref());
        let found: Vec<(String, String)> = head
            .fields()
            .skip(1)
            .map(|field| (field.name.into(), field.value_str().unwrap().into()))
            .collect();
        prop_assert_eq!(found, fields);
    }

    #[test]
    fn chunks_come_out_joined(chunks in vec(vec(any::<u8>(), 0..40), 0..9), at in cuts()) {
        let mut wire = vec![];
        for chunk in &chunks {
            chunked::encode(chunk, &mut wire);
        }
        chunked::end(&mut wire);
        prop_assert_eq!(dechunk(&wire, &at), Ok((chunks.concat(), true)));
    }

    #[test]
    fn how_chunks_are_cut_does_not_matter(
        pieces in vec(select(&["0", "3", "1F", "\r\n", "abc", ";", "a=b", "\"q\"", " ", "X: y", "\r", "\n"][..]), 0..12),
        at in cuts(),
    ) {
        let bytes = pieces.concat().into_bytes();
        prop_assert_eq!(dechunk(&bytes, &at), dechunk(&bytes, &[]));
    }
}
