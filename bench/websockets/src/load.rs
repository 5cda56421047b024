//! The load: many connections, driven by one thread and a bare epoll. It counts octets, and looks
//! into none of them once the first answer was right: it must be faster than what it measures.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

pub struct Load {
    epoll: OwnedFd,
    streams: Vec<Stream>,
    /// Messages in flight on each connection.
    window: usize,
    /// `window` masked frames.
    frames: Vec<u8>,
    /// Octets of one masked frame, and of its echo.
    sent_len: usize,
    echo_len: usize,
    buffer: Vec<u8>,
}

struct Stream {
    stream: TcpStream,
    /// Octets of an echo that is not complete.
    partial: usize,
    /// Octets that the socket had no room for.
    unsent: usize,
}

impl Load {
    pub fn open(
        address: SocketAddr,
        path: &str,
        connections: usize,
        window: usize,
        len: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let frame = frame(len);
        // A server's frame is the same without the key.
        let (sent_len, echo_len) = (frame.len(), frame.len() - 4);
        let mut streams = Vec::new();
        for n in 0..connections {
            let stream = connect(address, path)?;
            epoll::add(&epoll, &stream, EventData::new_u64(n as u64), EventFlags::IN)?;
            streams.push(Stream { stream, partial: 0, unsent: 0 });
        }
        let frames = frame.repeat(window);
        Ok(Self { epoll, streams, window, frames, sent_len, echo_len, buffer: vec![0; 256 << 10] })
    }

    /// Has at least `count` messages echoed; gives the seconds.
    pub fn echo(&mut self, count: usize) -> Result<f64, Box<dyn Error>> {
        let begun = Instant::now();
        let mut asked = 0;
        for stream in &mut self.streams {
            stream.send(&self.frames, self.window * self.sent_len)?;
            asked += self.window;
        }
        let mut answered = 0;
        while answered < asked {
            answered += self.turn(|came, stream, frames, sent_len| {
                let more = if asked < count { came } else { 0 };
                asked += more;
                stream.send(frames, more * sent_len)
            })?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Has `rounds` messages of the first connection sent to all; gives the seconds.
    pub fn broadcast(&mut self, rounds: usize) -> Result<f64, Box<dyn Error>> {
        let begun = Instant::now();
        for _ in 0..rounds {
            self.streams[0].send(&self.frames, self.sent_len)?;
            let mut got = 0;
            while got < self.streams.len() {
                got += self.turn(|_, _, _, _| Ok(()))?;
            }
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Waits once, and reads what is there; gives how many messages came.
    fn turn(
        &mut self,
        mut then: impl FnMut(usize, &mut Stream, &[u8], usize) -> Result<(), Box<dyn Error>>,
    ) -> Result<usize, Box<dyn Error>> {
        let mut events = Vec::with_capacity(256);
        epoll::wait(&self.epoll, spare_capacity(&mut events), None)?;
        let mut total = 0;
        for event in events {
            let stream = &mut self.streams[event.data.u64() as usize];
            let len = match stream.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed".into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            let octets = stream.partial + len;
            stream.partial = octets % self.echo_len;
            let came = octets / self.echo_len;
            total += came;
            then(came, stream, &self.frames, self.sent_len)?;
        }
        Ok(total)
    }
}

impl Stream {
    /// Sends so many octets of the frames, and what is left of those before.
    fn send(&mut self, frames: &[u8], len: usize) -> Result<(), Box<dyn Error>> {
        // All frames are alike, so only where in one it stopped matters, and that is kept by
        // counting from the end.
        let mut left = self.unsent + len;
        while left > 0 {
            let frame_len = frames.len();
            let start = (frame_len - left % frame_len) % frame_len;
            let chunk = &frames[start..];
            let chunk = &chunk[..chunk.len().min(left)];
            match self.stream.write(chunk) {
                Ok(len) => left -= len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent = left;
        Ok(())
    }
}

/// A masked binary frame of zeros, with a key of ones.
fn frame(len: usize) -> Vec<u8> {
    let mut frame = vec![0x82];
    match len {
        0..126 => frame.push(0x80 | len as u8),
        126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.resize(frame.len() + 4 + len, 1);
    frame
}

/// A connection after its opening handshake, non-blocking.
pub fn connect(address: SocketAddr, path: &str) -> Result<TcpStream, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    // In one piece: not all contestants take a head in several.
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet)?;
        head.push(octet[0]);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&head).into());
    }
    stream.set_nonblocking(true)?;
    Ok(stream)
}
