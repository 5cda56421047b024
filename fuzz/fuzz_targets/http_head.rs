//! A request head, or a response head: the same however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_codec::http::{Limits, RequestParser, ResponseParser};
use seawall_fuzz::pieces;

const LIMITS: Limits = Limits {
    max_request_line: 100,
    max_field_line: 80,
    max_head: 400,
    max_fields: 8,
    max_chunk_ext: 10,
    max_trailers: 40,
};

fn request(bytes: &[u8], cuts: &[u8]) -> Option<String> {
    let mut parser = RequestParser::new(LIMITS);
    let mut end = 0;
    for piece in pieces(bytes, cuts) {
        end += piece.len();
        match parser.parse(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some(head)) => {
                assert!(head.len() <= end && head.fields().len() <= LIMITS.max_fields);
                let shown = (head.path(), head.query(), head.authority(), head.expects_continue());
                return Some(format!("{} {head:?} {shown:?}", head.len()));
            }
            Err(violation) => return Some(format!("{violation:?}")),
        }
    }
    None
}

fn response(bytes: &[u8], cuts: &[u8]) -> Option<String> {
    let mut parser = ResponseParser::new(LIMITS);
    let mut end = 0;
    for piece in pieces(bytes, cuts) {
        end += piece.len();
        match parser.parse(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some(head)) => return Some(format!("{head:?} {:?}", head.framing("GET"))),
            Err(violation) => return Some(format!("{violation:?}")),
        }
    }
    None
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, bytes) = input;
    assert_eq!(request(bytes, &cuts), request(bytes, &[]));
    assert_eq!(response(bytes, &cuts), response(bytes, &[]));
});
