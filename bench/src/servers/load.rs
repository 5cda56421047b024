//! Keeps connections busy, and counts answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use polling::{Event, Events, Poller};

/// Connections that a load keeps busy.
pub(crate) const CONNECTIONS: usize = 64;

/// What a client asks for.
pub(crate) fn request(path: &str) -> String {
    let fields = "Host: localhost\r\nUser-Agent: load\r\nAccept: */*";
    format!("GET {path} HTTP/1.1\r\n{fields}\r\n\r\n")
}

/// When a load ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Passed(Duration),
    Answers(u64),
}

/// Asks `depth` requests at a time on each connection; gives the number of answers.
pub(crate) fn run(address: SocketAddr, path: &str, depth: usize, until: Until) -> u64 {
    run_known(address, path, depth, answer_len(address, &request(path)), until)
}

/// The same, where the length of an answer is known: the server need not give any.
pub(crate) fn run_known(
    address: SocketAddr,
    path: &str,
    depth: usize,
    answer: usize,
    until: Until,
) -> u64 {
    let request = request(path);
    let len = depth * answer;
    let burst = request.repeat(depth);
    let poller = Poller::new().expect("a poller");
    let connect = |_| TcpStream::connect(address).expect("a connection");
    let mut connections: Vec<(TcpStream, usize)> =
        (0..CONNECTIONS).map(connect).map(|stream| (stream, 0)).collect();
    for (key, (stream, _)) in connections.iter_mut().enumerate() {
        stream.set_nodelay(true).expect("no delay");
        stream.set_nonblocking(true).expect("nonblocking");
        // SAFETY: the streams are deleted from the poller below, before they are dropped.
        unsafe { poller.add_with_mode(&*stream, Event::readable(key), polling::PollMode::Level) }
            .expect("added");
        stream.write_all(burst.as_bytes()).expect("a burst fits the send buffer");
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut events = Events::new();
    let mut bursts = 0;
    let begun = Instant::now();
    let over = |bursts: u64| match until {
        Until::Passed(span) => begun.elapsed() >= span,
        Until::Answers(answers) => bursts * depth as u64 >= answers,
    };
    while !over(bursts) {
        events.clear();
        poller.wait(&mut events, Some(Duration::from_millis(100))).expect("events");
        for event in events.iter() {
            let (stream, got) = &mut connections[event.key];
            match stream.read(&mut buffer) {
                Ok(0) => panic!("{address} closed a connection"),
                Ok(read) => *got += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => panic!("{address}: {error}"),
            }
            if *got >= len {
                assert_eq!(*got, len, "{address} sent more than the answers");
                *got = 0;
                bursts += 1;
                stream.write_all(burst.as_bytes()).expect("a burst fits the send buffer");
            }
        }
    }
    for (stream, _) in &connections {
        poller.delete(stream).expect("deleted");
    }
    bursts * depth as u64
}

/// The length of one answer, which is always the same; checked to be one.
pub(crate) fn answer_len(address: SocketAddr, request: &str) -> usize {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("written");
    read_answer(&mut stream)
}

/// Reads an answer of which the length is known, and gives its octets.
pub(crate) fn read_answer(stream: &mut impl Read) -> usize {
    let mut answer = Vec::new();
    let mut read = |answer: &mut Vec<u8>| {
        let mut octet = [0];
        stream.read_exact(&mut octet).expect("an answer");
        answer.push(octet[0]);
    };
    while !answer.ends_with(b"\r\n\r\n") {
        read(&mut answer);
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    let (_, length) = head.split_once("content-length: ").expect("a length");
    let length: usize = length.lines().next().and_then(|n| n.parse().ok()).expect("a length");
    for _ in 0..length {
        read(&mut answer);
    }
    answer.len()
}
