//! The fault-free subject behaves: a red case is then the case's fault, or the planted one's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Config, Fault, Faults, Server};

/// Sends octets, then reads to the end of the connection.
fn talk(addr: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut client = connect(addr);
    client.write_all(request.as_ref()).expect("the server takes it");
    rest(&mut client)
}

fn connect(addr: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(addr).expect("the server accepts");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    client.set_nodelay(true).expect("an option can be set");
    client
}

fn rest(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("the server closes in time");
    answer.iter().copied().map(char::from).collect()
}

/// Reads as many octets as are expected.
fn read(client: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut octets = vec![0; count];
    client.read_exact(&mut octets).expect("the server answers in time");
    octets
}

fn read_head(client: &mut TcpStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(read(client, 1)[0]));
    }
    head
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

fn post(fields: &str, content: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n\r\n{content}")
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.match_indices("HTTP/1.1 ").map(|(start, _)| &answer[start + 9..][..3]).collect()
}

#[test]
fn what_is_valid_is_answered() {
    let server = Server::start([]);
    let table = [
        (get("/hello"), "hello\n"),
        (get("/"), "hello\n"),
        (get("http://h/hello"), "hello\n"),
        (get("http://[::1]:80?q"), "hello\n"),
        (get("/health"), r#"{"status":"ok"}"#),
        (get("/bytes?n=4"), "\x00\x01\x02\x03"),
        (get("/stream?chunks=2&size=3"), "3\r\nxxx\r\n3\r\nxxx\r\n0\r\n\r\n"),
        (get("/sleep?ms=1"), "slept\n"),
        (get("/spin?ms=1"), "spun\n"),
        ("\r\nGET /hello HTTP/1.9\r\nhOsT:\th:\t\r\nConnection: x,CLOSE\r\n\r\n".into(), "hello\n"),
        ("GET /hello HTTP/1.0\r\n\r\n".into(), "hello\n"),
        (post("Content-Length: 0005", "hello"), "hello"),
        (post("Transfer-Encoding: Chunked", "5\r\nhello\r\n0\r\n\r\n"), "hello"),
        (
            post("Transfer-Encoding: chunked", "0a ; x;y = \"q\\\"\"\r\n0123456789\r\n000\r\nA: b\r\n\r\n"),
            "0123456789",
        ),
        (
            "GET /fields HTTP/1.1\r\nHost: h\r\nconnection: close\r\n!#$%&'*+-.^_`|~:  \u{e9} \r\nA:\r\nA: 1\r\n\r\n"
                .into(),
            "[[\"Host\",\"h\"],[\"connection\",\"close\"],[\"!#$%&'*+-.^_`|~\",\"Ã©\"],[\"A\",\"\"],[\"A\",\"1\"]]",
        ),
    ];
    for (request, content) in table {
        let answer = talk(server.addr(), &request);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head ends");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{request}{answer}");
        let body = body.chars().map(|char| char as u8).collect();
        assert_eq!(String::from_utf8(body).as_deref(), Ok(content), "{request}{answer}");
    }
}

#[test]
fn what_is_wrong_is_refused_and_the_connection_closed() {
    let server = Server::start([]);
    let hosted = |line: &str| format!("GET /hello HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n");
    let lines = [
        "X : v",
        " X: v",
        "X: a\r\n b",
        "NoColon",
        ": v",
        "X[]: v",
        "X: a\x00b",
        "X: a\rb",
        "X: a\nY: b",
        "Host: h",
        "X: \x01",
        "Content-Length: -1",
        "Content-Length: +5",
        "Content-Length: 5 5",
        "Content-Length:",
        "Content-Length: 18446744073709551621",
        "Content-Length: 5, 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked;q=1",
    ];
    let starts = [
        "GET / \r\n\r\n",
        "GET /\r\n",
        "GET  / HTTP/1.1\r\n",
        " GET / HTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        "GET / HTTP/1.1 x\r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1.10\r\n",
        "GET / HTTP/1.1\rHost: h\r\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "G(T / HTTP/1.1\r\n",
        "GET foo HTTP/1.1\r\n",
        "GET * HTTP/1.1\r\n",
        "GET /# HTTP/1.1\r\n",
        "GET /% HTTP/1.1\r\n",
        "GET /\u{e9} HTTP/1.1\r\n",
        "GET http:///p HTTP/1.1\r\n",
        "GET http://u@h/ HTTP/1.1\r\n",
        "GET http://h:99999/ HTTP/1.1\r\n",
        "CONNECT h:0 HTTP/1.1\r\n",
        "\x16\x03\x01",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    let chunks = [
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\n",
        "+5\r\n",
        "0x5\r\n",
        "g\r\n",
        "\r\n",
        "5;\r\n",
        "5;a=\"\r\n",
        "5;a\x01\r\n",
        "5\nhello",
        "5\rhello",
        "5\r\nhello0",
        "5\r\nhello\n",
        "5\r\nhello\r\n0\r\nX",
        "FFFFFFFFFFFFFFFF0\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n\n",
    ];
    let requests = lines.map(hosted).into_iter().chain(starts.map(str::to_owned));
    let chunked = chunks.map(|chunks| post("Transfer-Encoding: chunked", chunks));
    for request in requests.chain(chunked) {
        // What follows a refused request must not be answered.
        let answer = talk(server.addr(), request.clone() + &get("/hello"));
        assert_eq!(statuses(&answer), ["400"], "{request:?} {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{request:?} {answer}");
    }
}

#[test]
fn other_refusals_have_their_status() {
    let server = Server::start([]);
    let long = "x".repeat(100 * 1024);
    let table = [
        (get(&format!("/{long}")), "414"),
        (format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"), "431"),
        ("GET / HTTP/2.0\r\n".to_owned(), "505"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "505"),
        (post("Content-Length: 999999999", ""), "413"),
        (post("Transfer-Encoding: gzip, chunked", ""), "501"),
        (post("Expect: 200-ok\r\nContent-Length: 5", "hello"), "417"),
        (get("/nothing"), "404"),
        (get("/hello").replace("GET", "POST"), "405"),
        (get("/hello").replace("GET", "TRACE"), "405"),
        (get("/hello").replace("GET", "!#$%&'*+-.^_`|~0"), "501"),
        (get("h:80").replace("GET", "CONNECT"), "501"),
        (get("*").replace("GET", "OPTIONS"), "204"),
        (get("/ws/echo"), "426"),
    ];
    for (request, status) in table {
        let answer = talk(server.addr(), &request);
        assert_eq!(statuses(&answer), [status], "{answer}");
    }
}

#[test]
fn every_split_gives_the_same_answer() {
    let server = Server::start([]);
    let request = post("Transfer-Encoding: chunked", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n");
    let without_date = |answer: String| answer.split_once("GMT").map(|(_, rest)| rest.to_owned());
    let whole = without_date(talk(server.addr(), &request));
    for split in 1..request.len() {
        let mut client = connect(server.addr());
        client.write_all(&request.as_bytes()[..split]).unwrap();
        client.write_all(&request.as_bytes()[split..]).unwrap();
        assert_eq!(without_date(rest(&mut client)), whole, "split at {split}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start([]);
    let mut requests = String::new();
    let mut digits = String::new();
    for number in 0..1000 {
        let digit = (number % 10).to_string();
        requests += &format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n{digit}");
        digits += &digit;
    }
    let answer = talk(server.addr(), requests + &get("/hello"));
    let echoed: String =
        answer.split("\r\n\r\n").skip(1).filter_map(|part| part.chars().next()).collect();
    assert_eq!(echoed, digits + "h");
}

#[test]
fn expectations_are_met() {
    let server = Server::start([]);
    let mut client = connect(server.addr());
    client.write_all(post("Expect: 100-Continue\r\nContent-Length: 5", "").as_bytes()).unwrap();
    assert_eq!(read_head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hello").unwrap();
    assert!(rest(&mut client).ends_with("\r\n\r\nhello"));
}

#[test]
fn the_answer_to_head_is_the_one_to_get_without_content() {
    let server = Server::start([]);
    let without_date = |answer: String| answer.split_once("GMT").map(|(_, rest)| rest.to_owned());
    let got = without_date(talk(server.addr(), get("/hello"))).unwrap();
    let head = without_date(talk(server.addr(), get("/hello").replace("GET", "HEAD"))).unwrap();
    assert_eq!(head + "hello\n", got);
}

#[test]
fn slow_clients_are_cut_off() {
    let moment = Duration::from_millis(50);
    // One limit at a time: a client that is slow against its will must not run into another.
    let server = Server::bind(0, Config { head: moment, ..Config::patient() });
    let answer = talk(server.addr(), "GET /hello HTTP/1.1\r\nHost");
    assert_eq!(statuses(&answer), ["408"]);
    let server = Server::bind(0, Config { body: moment, ..Config::patient() });
    let answer = talk(server.addr(), post("Content-Length: 5", "hell"));
    assert_eq!(statuses(&answer), ["408"]);
    let server = Server::bind(0, Config { first: moment, ..Config::patient() });
    assert_eq!(talk(server.addr(), ""), "");
}

#[test]
fn a_request_cut_short_is_refused() {
    let server = Server::start([]);
    for request in ["GET /hello HTTP/1.1\r\nHost", &post("Content-Length: 9", "short")] {
        let mut client = connect(server.addr());
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(statuses(&rest(&mut client)), ["400"], "{request}");
    }
}

#[test]
fn a_panic_is_answered_500_and_hurts_no_one_else() {
    let server = Server::start([]);
    let mut other = connect(server.addr());
    other.write_all(b"GET /hel").unwrap();
    for kind in ["panic", "match", "divide", "index", "drop"] {
        let answer = talk(server.addr(), get(&format!("/crash?kind={kind}")));
        assert_eq!(statuses(&answer), ["500"], "{kind}");
    }
    let answer = talk(server.addr(), get("/crash?kind=stream"));
    assert!(answer.ends_with("\r\n\r\ne\r\nthe first part\r\n"), "{answer}");
    other.write_all(b"lo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(statuses(&rest(&mut other)), ["200"]);
}

/// A masked frame; the key is not zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len => frame.extend([&[0x80 | 127][..], &(len as u64).to_be_bytes()].concat()),
    }
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    frame
}

fn open(addr: SocketAddr, path: &str) -> TcpStream {
    let mut client = connect(addr);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    client.write_all(request.as_bytes()).unwrap();
    let head = read_head(&mut client);
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    client
}

#[test]
fn messages_come_back() {
    let server = Server::start([]);
    let mut client = open(server.addr(), "/ws/echo");
    client.write_all(&frame(0x81, b"text")).unwrap();
    assert_eq!(read(&mut client, 6), b"\x81\x04text");
    let fragments =
        [frame(0x02, b"a"), frame(0x89, b"ping"), frame(0x00, b""), frame(0x80, b"b")].concat();
    client.write_all(&fragments).unwrap();
    assert_eq!(read(&mut client, 10), b"\x8a\x04ping\x82\x02ab");
    client.write_all(&frame(0x82, &[7; 70_000])).unwrap();
    assert_eq!(read(&mut client, 10), b"\x82\x7f\0\0\0\0\0\x01\x11\x70");
    assert_eq!(read(&mut client, 70_000), [7; 70_000]);
    client.write_all(&[frame(0x88, b"\x0f\xa0bye"), frame(0x89, b"late")].concat()).unwrap();
    assert_eq!(rest(&mut client), "\u{88}\u{02}\u{0f}\u{a0}");
}

#[test]
fn violations_have_their_close_code() {
    let server = Server::start([]);
    let unmasked = b"\x81\x01a".to_vec();
    let table = [
        (unmasked, 1002_u16),
        (frame(0xc1, b"rsv"), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x8b, b""), 1002),
        (frame(0x09, b""), 1002),
        (frame(0x80, b"lonely"), 1002),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
        (b"\x88\xfe".to_vec(), 1002),
        (b"\x82\xfe\0\x7d".to_vec(), 1002),
        (b"\x82\xff\0\0\0\0\0\0\xff\xff".to_vec(), 1002),
        (b"\x82\xff\x80\0\0\0\0\0\0\0".to_vec(), 1002),
        (b"\x82\xff\0\0\x01\0\0\0\0\0abcd".to_vec(), 1009),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
        (frame(0x81, b"\xed\xa0\x80"), 1007),
        // Neither the frame nor the message is complete.
        (frame(0x01, b"\xf4\x90\x80\x80 and more")[..8].to_vec(), 1007),
    ];
    for (frames, code) in table {
        let mut client = open(server.addr(), "/ws/echo");
        client.write_all(&frames).unwrap();
        let [high, low] = code.to_be_bytes().map(char::from);
        assert_eq!(rest(&mut client), format!("\u{88}\u{2}{high}{low}"), "{frames:x?}");
    }
}

#[test]
fn the_other_web_sockets_do_as_promised() {
    let server = Server::start([]);
    let mut pushed = open(server.addr(), "/ws/push?n=3&ms=1");
    assert_eq!(read(&mut pushed, 9), b"\x81\x010\x81\x011\x81\x012");
    let mut crashed = open(server.addr(), "/ws/crash");
    crashed.write_all(&frame(0x81, b"crash")).unwrap();
    assert_eq!(rest(&mut crashed), "\u{88}\u{2}\u{3}\u{f3}");
    pushed.write_all(&frame(0x89, b"alive")).unwrap();
    assert_eq!(read(&mut pushed, 7), b"\x8a\x05alive");
}

#[test]
fn faults_have_names() {
    let names: Vec<_> = Fault::ALL.iter().map(ToString::to_string).collect();
    let faults: Faults = names.join(",").parse().expect("every name is known");
    assert!(Fault::ALL.iter().all(|fault| faults.has(*fault)));
    assert!("no-such-fault".parse::<Fault>().is_err());
}

#[test]
fn it_runs_as_a_process_of_its_own() {
    let mut process = Command::new(std::env::current_exe().expect("the test has a path"))
        .args(["planted::serve", "--exact", "--ignored", "--nocapture"])
        .envs([("PLANTED_PORT", "0"), ("PLANTED_FAULTS", "health-fails")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test binary starts");
    let lines = BufReader::new(process.stderr.take().expect("it was piped")).lines();
    let mut addresses = lines.map_while(Result::ok).filter_map(|line| {
        let address = line.strip_prefix("listening on ")?;
        Some(address.parse().expect("an address follows"))
    });
    let answer = addresses.next().map(|addr| talk(addr, get("/health")));
    process.kill().expect("it can be killed");
    process.wait().expect("it can be waited for");
    assert_eq!(statuses(&answer.expect("it listens")), ["500"]);
}

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(100);
