//! The floor: what reading and writing cost. Two threads with an epoll each, which answer each
//! empty line with a constant: no parser, no limits, no clock.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use memchr::memmem::Finder;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::contestants::{ANY, WORKERS, ready};

/// The table of connections is indexed by their descriptors.
const DESCRIPTORS: usize = 65_536;

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";
const JSON: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"message\":\"Hello, World!\"}";

pub(crate) fn serve() {
    let listener = TcpListener::bind(std::net::SocketAddr::from(ANY)).expect("listening");
    ready(listener.local_addr().expect("an address"));
    let epolls: Vec<Arc<OwnedFd>> = (0..WORKERS)
        .map(|_| Arc::new(epoll::create(CreateFlags::CLOEXEC).expect("an epoll")))
        .collect();
    let (streams, incoming): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| channel()).unzip();
    for (epoll, incoming) in epolls.iter().zip(incoming) {
        let epoll = Arc::clone(epoll);
        thread::spawn(move || work(&epoll, &incoming));
    }
    for n in (0..WORKERS).cycle() {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.set_nonblocking(true).expect("nonblocking");
        let key = stream.as_raw_fd() as u64;
        let data = EventData::new_u64(key);
        // What comes before its worker has it is reported again.
        epoll::add(&epolls[n], &stream, data, EventFlags::IN).expect("added");
        streams[n].send((key, stream)).expect("a worker");
    }
}

fn work(epoll: &OwnedFd, incoming: &Receiver<(u64, TcpStream)>) {
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    streams.resize_with(DESCRIPTORS, || None);
    let mut events = Vec::with_capacity(256);
    let mut read = vec![0; 16 * 1024];
    let mut out = Vec::new();
    let end = Finder::new(b"\r\n\r\n");
    loop {
        if epoll::wait(epoll, spare_capacity(&mut events), None).is_err() {
            continue;
        }
        for (key, stream) in incoming.try_iter() {
            streams[key as usize] = Some(stream);
        }
        for event in events.drain(..) {
            let slot = &mut streams[event.data.u64() as usize];
            let Some(stream) = slot else { continue };
            match stream.read(&mut read) {
                Ok(0) => *slot = None,
                Ok(len) => {
                    out.clear();
                    // A load that writes whole requests: no head comes in two pieces.
                    for _ in end.find_iter(&read[..len]) {
                        let json = read.starts_with(b"GET /json");
                        out.extend_from_slice(if json { JSON } else { HELLO });
                    }
                    let _ = stream.write_all(&out);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => *slot = None,
            }
        }
    }
}
