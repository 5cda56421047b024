//! Content, delimited either way, whole and split everywhere.

use seawall_codec::http::{Body, BodyFraming, Content, Limits, Violation};

/// Takes the content out of `wire`: whole, byte by byte, and split in two at every
/// point; all must agree. `Ok` gives the content, and what follows it if it ended.
fn recv(framing: BodyFraming, wire: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), Violation> {
    let whole = recv_pieces(framing, &[wire]);
    let single: Vec<&[u8]> = wire.chunks(1).collect();
    assert_eq!(recv_pieces(framing, &single), whole, "byte by byte: {}", wire.escape_ascii());
    for at in 0..=wire.len() {
        let split = recv_pieces(framing, &[&wire[..at], &wire[at..]]);
        assert_eq!(split, whole, "split at {at}: {}", wire.escape_ascii());
    }
    whole
}

fn recv_pieces(
    framing: BodyFraming,
    pieces: &[&[u8]],
) -> Result<(Vec<u8>, Option<Vec<u8>>), Violation> {
    let mut body = Body::new(framing, 1000, &Limits::default())?;
    let mut content = vec![];
    let mut rest: Option<Vec<u8>> = None;
    for piece in pieces {
        let mut input = *piece;
        loop {
            match body.recv(&mut input)? {
                Some(Content::Data(data)) => {
                    assert!(!data.is_empty() && rest.is_none());
                    content.extend_from_slice(data);
                }
                Some(Content::End) => {
                    assert!(body.is_complete());
                    rest.get_or_insert_default().extend_from_slice(input);
                    break;
                }
                None => {
                    assert!(input.is_empty(), "`None` means that all input is consumed");
                    break;
                }
            }
        }
    }
    Ok((content, rest))
}

fn complete(content: &[u8], rest: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), Violation> {
    Ok((content.to_vec(), Some(rest.to_vec())))
}

#[test]
fn lengths() {
    assert_eq!(recv(BodyFraming::Length(5), b"helloGET"), complete(b"hello", b"GET"));
    assert_eq!(recv(BodyFraming::Length(5), b"hell"), Ok((b"hell".to_vec(), None)));
    assert_eq!(recv(BodyFraming::None, b"GET"), complete(b"", b"GET"));
    assert_eq!(recv(BodyFraming::Length(1001), b""), Err(Violation::ContentTooLarge));
}

#[test]
fn chunked_accepted() {
    for (wire, content) in [
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;ext=v\r\nhello\r\n0;last\r\n\r\n", "hello"),
        ("5;a;b=\"q\\\"x\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5 ; ext\r\nhello\r\n0\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("5\r\nhello\r\n0\r\nX-Sum: a\r\nHost: ignored\r\n\r\n", "hello"),
    ] {
        let followed = [wire, "GET /next"].concat();
        assert_eq!(
            recv(BodyFraming::Chunked, followed.as_bytes()),
            complete(content.as_bytes(), b"GET /next"),
            "{wire:?}"
        );
        for end in 0..wire.len() {
            let cut = recv(BodyFraming::Chunked, &wire.as_bytes()[..end]);
            assert!(matches!(cut, Ok((_, None))), "{wire:?} cut at {end}");
        }
    }
}

#[test]
fn chunked_refused() {
    use Violation::*;
    let long = format!("5;{}\r\n", "a".repeat(256));
    let zeros = format!("{}5\r\n", "0".repeat(16));
    let trailers = format!("0\r\nX: {}\r\n\r\n", "a".repeat(4096));
    let many = format!("0\r\n{}\r\n", "X:\r\n".repeat(129));
    for (wire, violation) in [
        ("5;\r\nhello", ChunkExtension),
        ("5;bad[=x\r\n", ChunkExtension),
        ("5;=x\r\n", ChunkExtension),
        ("5;a=\"unterminated\r\n", ChunkExtension),
        ("5;a\0b\r\n", ChunkExtension),
        ("5;a\rX", LineEnd),
        ("5\r\r;ABCD", LineEnd),
        ("5;a\nhello", LineEnd),
        ("5\nhello", LineEnd),
        ("5\rhello", LineEnd),
        ("5\r\nhello\n0\r\n", ChunkEnd),
        ("5\r\nhello0\r\n\r\n", ChunkEnd),
        ("5\r\nhello!!\r\n", ChunkEnd),
        ("5\r\nhello\rX", LineEnd),
        ("0\r\nXX\r\n", FieldName),
        ("0\r\n\n", LineEnd),
        ("0\n\n", LineEnd),
        ("Z\r\n", ChunkSize),
        ("5g\r\n", ChunkSize),
        ("5 erf\r\n", ChunkExtension),
        ("0x5\r\n", ChunkSize),
        ("+5\r\n", ChunkSize),
        ("-1\r\n", ChunkSize),
        ("1_0\r\n", ChunkSize),
        (" 5\r\n", ChunkSize),
        ("5 \r\n", ChunkExtension),
        ("5\t\r\n", ChunkExtension),
        ("\r\n", ChunkSize),
        (";a\r\n", ChunkSize),
        ("FFFFFFFFFFFFFFFF\r\n", ContentTooLarge),
        ("FFFFFFFFFFFFFFFF0\r\n", ChunkSize),
        ("3e9\r\n", ContentTooLarge),
        ("1\r\na\r\n3e8\r\n", ContentTooLarge),
        (&zeros, ChunkSize),
        (&long, ChunkExtensionTooLong),
        ("5\r\nhello\r\n\r\n0\r\n\r\n", ChunkSize),
        ("0\r\nNoColon\r\n", FieldName),
        ("0\r\nX : v\r\n", SpaceBeforeColon),
        ("0\r\nX: a\0\r\n", FieldValue),
        ("0\r\nX: a\r\n b\r\n", LineFolded),
        (&trailers, TrailersTooLong),
        (&many, TooManyFields),
    ] {
        // Split points of the long ones are tried elsewhere, in the short.
        let result = if wire.len() < 1000 {
            recv(BodyFraming::Chunked, wire.as_bytes())
        } else {
            recv_pieces(BodyFraming::Chunked, &[wire.as_bytes()])
        };
        assert_eq!(result, Err(violation), "{}", &wire[..wire.len().min(60)]);
    }
}

#[test]
fn trailers_are_kept_apart() {
    let mut body = Body::new(BodyFraming::Chunked, 1000, &Limits::default()).expect("no length");
    let mut content = vec![];
    for byte in b"1\r\nx\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n" {
        let mut input = &[*byte][..];
        while let Some(Content::Data(data)) = body.recv(&mut input).expect("valid") {
            content.extend_from_slice(data);
        }
    }
    assert_eq!(content, b"x");
    let trailers: Vec<String> = body.trailers().map(|field| field.to_string()).collect();
    assert_eq!(trailers, ["X-Sum: 1", "Host: evil"]);
}
