//! Request heads. Each row is a request and what must become of it; each is parsed
//! whole, byte by byte, split in two at every point, and with bytes after it.

use seawall_codec::http::{BodyFraming, Limits, RequestParser, TargetForm, Version, Violation};

/// Parses `request` in every way; all must agree. `Ok` gives the length of the head.
fn parse(request: &[u8]) -> Result<Option<usize>, Violation> {
    parse_with(request, Limits::default())
}

fn parse_with(request: &[u8], limits: Limits) -> Result<Option<usize>, Violation> {
    let new = || RequestParser::new(limits);
    let whole = new().parse(request).map(|head| head.map(|head| head.len()));

    let mut parser = new();
    let mut stepwise = Ok(None);
    for end in 0..=request.len() {
        stepwise = parser.parse(&request[..end]).map(|head| head.map(|head| head.len()));
        if stepwise != Ok(None) {
            break;
        }
    }
    assert_eq!(stepwise, whole, "byte by byte: {}", request.escape_ascii());

    for at in (0..=request.len()).step_by(1 + request.len() / 256) {
        let mut parser = new();
        let mut split = parser.parse(&request[..at]).map(|head| head.map(|head| head.len()));
        if split == Ok(None) {
            split = parser.parse(request).map(|head| head.map(|head| head.len()));
        }
        assert_eq!(split, whole, "split at {at}: {}", request.escape_ascii());
    }

    if let Ok(Some(_)) = whole {
        let more = [request, b"GET / HTTP/1.1\r\n\x00"].concat();
        let with_more = new().parse(&more).map(|head| head.map(|head| head.len()));
        assert_eq!(with_more, whole, "with bytes after it");
    }
    whole
}

/// The line `line` added to a valid GET.
fn with_line(line: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n").into_bytes()
}

#[test]
fn accepted_heads() {
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\n\r\n",
        "FOOBAR / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET!#$%&'*+-.^_`|~0 / HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
        "GET / HTTP/1.1\r\nhOsT:\th\t\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:h\r\n\r\n",
    ] {
        assert_eq!(parse(request.as_bytes()), Ok(Some(request.len())), "{request:?}");
    }
    for line in [
        "X:",
        "X: ",
        "X:v",
        "X:   v   ",
        "X:\t v\t",
        "!#$%&'*+-.^_`|~0aZ: v",
        "X: \u{e9}",
        "Content-Length: 005",
        "Content-Length: 000000000000000000000000000005",
        "Content-Length:\t5 \t",
        "Transfer-Encoding: chunked",
        "transfer-encoding:\tCHUNKED \t",
        "Content_Length: 99",
        "Transfer_Encoding: chunked",
        "Expect: 100-Continue",
        "Connection: keep-alive, , close",
    ] {
        let request = with_line(line);
        assert_eq!(parse(&request), Ok(Some(request.len())), "{line:?}");
    }
}

#[test]
fn refused_request_lines() {
    use Violation::*;
    for (line, violation) in [
        ("GET / \r\n", Version),
        ("GET /\r\n", RequestLine),
        ("GET HTTP/1.1\r\n", RequestLine),
        ("GET  / HTTP/1.1\r\n", RequestLine),
        ("GET /  HTTP/1.1\r\n", Version),
        ("GET / HTTP/1.1 \r\n", Version),
        ("GET\t/\tHTTP/1.1\r\n", RequestLine),
        ("GET\x0b/ HTTP/1.1\r\n", Method),
        ("GET\r/ HTTP/1.1\r\n", RequestLine),
        ("GET /\nHTTP/1.1\r\n", RequestLine),
        ("GET / HTTP/1.1\nHost: h\r\n", LineEnd),
        ("GET / HTTP/1.1\rHost: h\r\n", LineEnd),
        ("GET / HTTP/1.1\r\r\n", LineEnd),
        ("\r\n\r\nGET / HTTP/1.1\r\n", RequestLine),
        ("\n\nGET / HTTP/1.1\r\n", RequestLine),
        (" GET / HTTP/1.1\r\n", RequestLine),
        ("   \r\n", RequestLine),
        ("\rGET / HTTP/1.1\r\n", LineEnd),
        ("Extra lineGET / HTTP/1.1\r\n", Version),
        ("GET / HTTP/1.1 extra\r\n", Version),
        ("GET/HTTP/1.1\r\n", Method),
        ("GET /HTTP/1.1\r\n", RequestLine),
        ("\x16\x03\x01\x02\0", Method),
        ("PRI * HTTP/2.0\r\n", VersionUnsupported),
        ("GET / ICE/1.0\r\n", Version),
        ("GET / HTTPS/1.1\r\n", Version),
        ("GET / HTP/1.1\r\n", Version),
        ("GET / HTTP/9.9\r\n", VersionUnsupported),
        ("GET / HTTP/0.9\r\n", VersionUnsupported),
        ("GET / http/1.1\r\n", Version),
        ("GET / HTTP/1\r\n", Version),
        ("GET / HTTP/1.\r\n", Version),
        ("GET / HTTP/.1\r\n", Version),
        ("GET / HTTP/1.10\r\n", Version),
        ("GET / HTTP/d.1\r\n", Version),
        ("GET / HTTP/1.d\r\n", Version),
        ("GET / HTTP/01.1\r\n", Version),
        ("GET / HTTP/11.1\r\n", Version),
        ("GET / HTTP/ 1.1\r\n", Version),
        ("GET / HTTP/1,1\r\n", Version),
        ("GET / HTTP/257.1\r\n", Version),
        ("GET / HTTP/\r\r1.1\r\n", Version),
        ("G=\":<>(e),[T];?\" / HTTP/1.1\r\n", Method),
        ("G\0T / HTTP/1.1\r\n", Method),
        ("GET * HTTP/1.1\r\n", Target),
        ("GET h:80 HTTP/1.1\r\n", Target),
        ("GET foo HTTP/1.1\r\n", Target),
        ("GET /a#frag HTTP/1.1\r\n", Target),
        ("GET /pa th HTTP/1.1\r\n", Version),
        ("GET /a\0b HTTP/1.1\r\n", Target),
        ("GET /caf\u{e9} HTTP/1.1\r\n", Target),
        ("CONNECT h:0 HTTP/1.1\r\n", Target),
    ] {
        let request = [line, "Host: h\r\n\r\n"].concat();
        assert_eq!(parse(request.as_bytes()), Err(violation), "{line:?}");
    }
}

/// The quick look for a whole version once took place wherever in the version the last
/// read had ended: "HTTP/1." and then "HTTP/1.1" passed for a version. Found by the fuzz
/// target `http_head`.
#[test]
fn a_version_that_begins_again() {
    for cut in 0.."HTTP/1.1\r\n".len() {
        let begun = &"HTTP/1.1\r\n"[..cut];
        let request = format!("GET / {begun}HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(parse(request.as_bytes()).is_ok(), cut == 0, "{begun:?}");
    }
}

#[test]
fn every_byte_in_a_path() {
    for byte in 0..=255u8 {
        let request = [b"GET /", &[byte][..], b"x HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        let legal = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%?".contains(&byte);
        assert_eq!(parse(&request).is_ok(), legal, "{byte:#x}");
    }
}

#[test]
fn refused_field_lines() {
    use Violation::*;
    for (line, violation) in [
        ("X : v", SpaceBeforeColon),
        ("X\t: v", SpaceBeforeColon),
        ("X Y: v", SpaceBeforeColon),
        ("X\x0b: v", FieldName),
        ("X\0: v", FieldName),
        (" X: v", LineFolded),
        ("X: a\r\n b", LineFolded),
        ("X: a\r\n\tb", LineFolded),
        ("NoColonHere", FieldName),
        (": v", FieldName),
        (":", FieldName),
        ("X[]: v", FieldName),
        ("X\x7f: v", FieldName),
        ("\u{ef}oo: v", FieldName),
        ("X: a\0b", FieldValue),
        ("X: a\rb", LineEnd),
        ("X: a\nY: b", LineEnd),
        ("X: a\x01", FieldValue),
        ("X: a\x7f", FieldValue),
        ("\rZGET /evil: x", LineEnd),
        ("Transfer-\r\nEncoding: chunked", FieldName),
        ("Host: h", HostRepeated),
        ("Host: other", HostRepeated),
        ("Content-Length: abc", ContentLength),
        ("Content-Length: -1", ContentLength),
        ("Content-Length: +5", ContentLength),
        ("Content-Length: 1_0", ContentLength),
        ("Content-Length: 0x5", ContentLength),
        ("Content-Length: 5;x", ContentLength),
        ("Content-Length: 5.0", ContentLength),
        ("Content-Length: 1 0", ContentLength),
        ("Content-Length:", ContentLength),
        ("Content-Length:   ", ContentLength),
        ("Content-Length: 5, 5", ContentLength),
        ("Content-Length: 5, 10", ContentLength),
        ("Content-Length: 5\r\nContent-Length: 5", ContentLengthRepeated),
        ("Content-Length: 5\r\nContent-Length: 10", ContentLengthRepeated),
        ("Content-Length: 99999999999999999999", ContentTooLarge),
        ("Content-Length: 18446744073709551621", ContentTooLarge),
        ("Content\rLength: 3", FieldName),
        ("Transfer-Encoding: gzip", TransferEncoding),
        ("Transfer-Encoding: identity", TransferEncoding),
        ("Transfer-Encoding: xchunked", TransferEncoding),
        ("Transfer-Encoding: chunked, gzip", TransferEncoding),
        ("Transfer-Encoding: gzip, chunked", TransferEncoding),
        ("Transfer-Encoding: chunked, chunked", TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", TransferEncoding),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", TransferEncoding),
        ("Transfer-Encoding: , chunked", TransferEncoding),
        ("Transfer-Encoding:\r\nContent-Length: 5", TransferEncoding),
        ("Transfer-Encoding: \u{a0}chunked", TransferEncoding),
        ("Transfer-Encoding: \"chunked\"", TransferEncoding),
        ("Transfer-Encoding: chunked;q=1", TransferEncoding),
        ("Transfer-Encoding: \x0bchunked", FieldValue),
        ("Transfer-Encoding: chunked\r\n  abc", LineFolded),
        ("Transfer Encoding: chunked", SpaceBeforeColon),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", TransferEncodingWithLength),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", TransferEncodingWithLength),
        ("Expect: 200-ok", Expectation),
        ("Expect: 100-continue, foo", Expectation),
    ] {
        assert_eq!(parse(&with_line(line)), Err(violation), "{line:?}");
    }
}

#[test]
fn every_byte_in_a_name_and_in_a_value() {
    let with_byte = |before: &str, byte: u8, after: &str| {
        let line = [before.as_bytes(), &[byte], after.as_bytes()].concat();
        let request = [b"GET / HTTP/1.1\r\nHost: h\r\n", &line[..], b"\r\n\r\n"].concat();
        RequestParser::new(Limits::default()).parse(&request).is_ok_and(|head| head.is_some())
    };
    for byte in 0..=255u8 {
        let tchar = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        // A colon ends the name, and the rest is the value.
        assert_eq!(with_byte("X", byte, "Y: v"), tchar || byte == b':', "name, {byte:#x}");
        let text = byte == b'\t' || (byte >= b' ' && byte != 0x7F);
        assert_eq!(with_byte("X: a", byte, "b"), text, "value, {byte:#x}");
    }
}

/// The alphabet of smuggling: one byte put before and behind the name and the value of
/// a field that frames the content. Only whitespace beside the value may leave the field
/// what it is; otherwise the request is refused, or the field is plainly another one.
#[test]
fn every_byte_beside_a_framing_field() {
    let framings = [
        ("Transfer-Encoding", "chunked", BodyFraming::Chunked),
        ("Content-Length", "5", BodyFraming::Length(5)),
    ];
    for (name, value, framing) in framings {
        for byte in 0..=255u8 {
            for place in 0..4 {
                let mut parts = [name.as_bytes(), b":", value.as_bytes()].map(<[u8]>::to_vec);
                match place {
                    0 => parts[0].insert(0, byte),
                    1 => parts[0].push(byte),
                    2 => parts[2].insert(0, byte),
                    _ => parts[2].push(byte),
                }
                let line = parts.concat();
                let request = [b"POST / HTTP/1.1\r\nHost: h\r\n", &line[..], b"\r\n\r\n"].concat();
                let mut parser = RequestParser::new(Limits::default());
                let shown = line.escape_ascii().to_string();
                match parser.parse(&request) {
                    Err(_) => assert!(place < 2 || !matches!(byte, b' ' | b'\t'), "{shown}"),
                    Ok(None) => panic!("incomplete: {shown}"),
                    Ok(Some(head)) if place >= 2 => {
                        let digit = name == "Content-Length" && byte.is_ascii_digit();
                        let same = matches!(byte, b' ' | b'\t');
                        assert!(same || digit, "{shown}");
                        assert!(digit || head.framing() == framing, "{shown}");
                    }
                    Ok(Some(head)) => {
                        assert_eq!(head.field(name), None, "{shown}");
                        assert_eq!(head.framing(), BodyFraming::None, "{shown}");
                    }
                }
            }
        }
    }
}

#[test]
fn hosts() {
    let with_host =
        |host: &str| parse(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    for bad in [
        "a, b", "bad host", "###", "h/path", "user@h", "h:99999", "[::1", "", "\u{e9}", "a%b",
        "a%2g:80",
    ] {
        assert_eq!(with_host(bad), Err(Violation::HostInvalid), "{bad:?}");
    }
    for good in ["h:", "[::1]:80", "unknown.example"] {
        assert!(matches!(with_host(good), Ok(Some(_))), "{good:?}");
    }
    assert_eq!(parse(b"GET / HTTP/1.1\r\n\r\n"), Err(Violation::HostMissing));
    assert_eq!(parse(b"GET http://h/ HTTP/1.1\r\n\r\n"), Err(Violation::HostMissing));
    assert_eq!(parse(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), Err(Violation::HostInvalid));
}

#[test]
fn limits_hold_at_the_first_byte_beyond() {
    let limits = Limits {
        max_request_line: 40,
        max_field_line: 30,
        max_head: 80,
        max_fields: 3,
        ..Limits::default()
    };
    let over = |request: &str| parse_with(request.as_bytes(), limits);
    // "GET " and " HTTP/1.1\r\n" take 15 bytes of the request line.
    let target = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(len));
    assert!(over(&target(24)).is_ok());
    assert_eq!(over(&target(25)), Err(Violation::RequestLineTooLong));
    assert_eq!(over(&"M".repeat(41)), Err(Violation::RequestLineTooLong));
    assert_eq!(over(&"M".repeat(40)), Ok(None));

    let line = |len: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nX:{}\r\n\r\n", "a".repeat(len));
    assert!(over(&line(26)).is_ok());
    assert_eq!(over(&line(27)), Err(Violation::FieldLineTooLong));

    let fields =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X:\r\n".repeat(count));
    assert!(over(&fields(2)).is_ok());
    assert_eq!(over(&fields(3)), Err(Violation::TooManyFields));

    let head = |len: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\nX:{}\r\nY:{}\r\n\r\n",
            "a".repeat(26),
            "b".repeat(len)
        )
    };
    let exact = 80 - head(0).len();
    assert!(over(&head(exact)).is_ok());
    assert_eq!(over(&head(exact + 1)), Err(Violation::HeadTooLong));

    for (violation, status) in [
        (Violation::RequestLineTooLong, 414),
        (Violation::FieldLineTooLong, 431),
        (Violation::HeadTooLong, 431),
        (Violation::TooManyFields, 431),
        (Violation::ContentTooLarge, 413),
        (Violation::Expectation, 417),
        (Violation::VersionUnsupported, 505),
        (Violation::TransferEncoding, 400),
    ] {
        assert_eq!(violation.status().code(), status);
    }
}

#[test]
fn what_a_head_says() {
    let mut parser = RequestParser::new(Limits::default());
    let request = b"POST HTTP://example.org:8080?q=1 HTTP/1.1\r\nHost: other\r\n\
        Connection: Upgrade, close\r\nupgrade: foo, WebSocket\r\nX: 1\r\nx:2\r\n\
        Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let head = parser.parse(request).expect("valid").expect("complete");
    assert_eq!(head.method(), "POST");
    assert_eq!(head.form(), TargetForm::Absolute);
    assert_eq!((head.path(), head.query()), ("/", Some("q=1")));
    assert_eq!(head.authority(), Some("example.org:8080"));
    assert_eq!(head.version(), Version::Http11);
    assert_eq!(head.framing(), BodyFraming::Length(5));
    assert!(head.expects_continue());
    assert!(!head.keep_alive());
    assert!(head.wants_upgrade("websocket") && head.wants_upgrade("foo"));
    assert!(!head.wants_upgrade("h2c"));
    assert_eq!(head.values("X").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(head.fields().len(), 7);
    assert_eq!(head.as_bytes(), request);
}

#[test]
fn persistence() {
    for (version, connection, persists) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: CLOSE\r\n", false),
        ("1.1", "Connection: foo,close\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: foo\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let request = format!("GET / HTTP/{version}\r\nHost: h\r\n{connection}\r\n");
        let mut parser = RequestParser::new(Limits::default());
        let head = parser.parse(request.as_bytes()).expect("valid").expect("complete");
        assert_eq!(head.keep_alive(), persists, "{request:?}");
    }
}

#[test]
fn http_1_0_knows_neither_upgrade_nor_expect() {
    let request = b"POST / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
        Content-Length: 1\r\nExpect: nonsense\r\nExpect: 100-continue\r\n\r\n";
    let mut parser = RequestParser::new(Limits::default());
    let head = parser.parse(request).expect("valid").expect("complete");
    assert!(!head.wants_upgrade("websocket"));
    assert!(!head.expects_continue());
    assert_eq!(head.authority(), None);
    let chunked = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(parse(chunked), Err(Violation::TransferEncodingVersion));
}

#[test]
fn a_head_stays_with_its_parser() {
    let mut parser = RequestParser::new(Limits::default());
    let request = b"GET /kept HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(parser.advance(&request[..20]), Ok(false));
    assert_eq!(parser.advance(request), Ok(true));
    assert!(!parser.is_within_head());
    assert_eq!(parser.head(request).path(), "/kept");
    // With the wrong buffer nothing panics.
    assert_eq!(parser.head(b"").path(), "");
    assert_eq!(parser.head(&[0xFF; 64]).method(), "");
}

#[test]
fn a_parser_begins_anew() {
    let mut parser = RequestParser::new(Limits::default());
    for half in [&b"GET /a HT"[..], b"GET /a HTTP/1.1\r\nHo", b"bad\n"] {
        let _ = parser.advance(half);
        parser.restart(Limits::default());
        assert!(!parser.is_within_head());
        let request = b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_eq!(parser.advance(request), Ok(true), "{half:?}");
        assert_eq!(parser.head(request).path(), "/b");
    }
    parser.restart(Limits { max_head: 10, ..Limits::default() });
    let over = parser.advance(b"GET /longer HTTP/1.1\r\n");
    assert_eq!(over, Err(Violation::RequestLineTooLong));
}

#[test]
fn pipelined_requests_one_after_the_other() {
    let mut parser = RequestParser::new(Limits::default());
    let read = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HT";
    let mut rest = &read[..];
    let mut paths = vec![];
    while let Some(head) = parser.parse(rest).expect("valid") {
        paths.push(head.path().to_string());
        rest = &rest[head.len()..];
    }
    assert_eq!(paths, ["/1", "/2"]);
    assert_eq!(rest, b"GET /3 HT");
    assert!(parser.is_within_head());
}
