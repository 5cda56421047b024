//! Keeps connections busy, and counts answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use polling::{Event, Events, Poller};

const CONNECTIONS: usize = 64;

const REQUEST: &str =
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n";

/// Asks `depth` requests at a time on each connection, for this long; gives the number of answers.
pub(crate) fn run(address: SocketAddr, depth: usize, span: Duration) -> u64 {
    let len = depth * answer_len(address);
    let burst = REQUEST.repeat(depth);
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
    let until = Instant::now() + span;
    while Instant::now() < until {
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
fn answer_len(address: SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    stream.write_all(REQUEST.as_bytes()).expect("written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nhello") {
        let mut octet = [0];
        stream.read_exact(&mut octet).expect("an answer");
        answer.push(octet[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    answer.len()
}
