//! Chunked content: the same however it is cut, and what was encoded comes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_codec::http::{Body, BodyFraming, Content, Limits, Violation, chunked};
use seawall_fuzz::pieces;

fn recv(bytes: &[u8], cuts: &[u8]) -> Result<(Vec<u8>, Option<String>), Violation> {
    let limits = Limits { max_chunk_ext: 20, max_trailers: 60, ..Limits::default() };
    let mut body = Body::new(BodyFraming::Chunked, 10_000, &limits)?;
    let mut content = vec![];
    for mut input in pieces(bytes, cuts) {
        while let Some(found) = body.recv(&mut input)? {
            match found {
                Content::Data(data) => content.extend_from_slice(data),
                Content::End => break,
            }
        }
    }
    Ok((content, body.is_complete().then(|| format!("{:?}", body.trailers()))))
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, bytes) = input;
    assert_eq!(recv(bytes, &cuts), recv(bytes, &[]));

    let content = &bytes[..bytes.len().min(10_000)];
    let mut wire = vec![];
    for piece in pieces(content, &cuts) {
        chunked::encode(piece, &mut wire);
    }
    chunked::end(&mut wire);
    assert_eq!(recv(&wire, &cuts), Ok((content.to_vec(), Some("[]".into()))));
});
