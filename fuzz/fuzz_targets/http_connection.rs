//! All that a client sends on one connection: the same requests with the same content,
//! however it is cut, up to the first violation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_codec::http::{Body, Content, Limits, RequestParser, Violation};
use seawall_fuzz::pieces;

/// What the server saw, and the violation that ended it.
fn serve(bytes: &[u8], cuts: &[u8]) -> (Vec<String>, Option<Violation>) {
    let mut seen = vec![];
    let end = requests(bytes, cuts, &mut seen);
    (seen, end.err())
}

fn requests(bytes: &[u8], cuts: &[u8], seen: &mut Vec<String>) -> Result<(), Violation> {
    let limits = Limits { max_head: 500, max_trailers: 50, ..Limits::default() };
    let mut parser = RequestParser::new(limits);
    let mut body: Option<(Body, Vec<u8>)> = None;
    let mut pending = vec![];
    for piece in pieces(bytes, cuts) {
        pending.extend_from_slice(piece);
        loop {
            let consumed = match &mut body {
                None => match parser.parse(&pending)? {
                    None => break,
                    Some(head) => {
                        seen.push(format!("{head:?}"));
                        body = Some((Body::new(head.framing(), 1000, &limits)?, vec![]));
                        head.len()
                    }
                },
                Some((decoder, content)) => {
                    let mut input = &pending[..];
                    let end = loop {
                        match decoder.recv(&mut input)? {
                            Some(Content::Data(data)) => content.extend_from_slice(data),
                            Some(Content::End) => break true,
                            None => break false,
                        }
                    };
                    let consumed = pending.len() - input.len();
                    if !end {
                        pending.clear();
                        break;
                    }
                    seen.push(content.escape_ascii().to_string());
                    body = None;
                    consumed
                }
            };
            pending.drain(..consumed);
        }
    }
    Ok(())
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, bytes) = input;
    assert_eq!(serve(bytes, &cuts), serve(bytes, &[]));
});
