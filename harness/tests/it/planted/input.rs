//! What a client sent and no one has read yet.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Unread octets, and the socket that brings more.
pub(super) struct Input {
    stream: Arc<TcpStream>,
    buffer: Vec<u8>,
    /// Everything before this was consumed.
    start: usize,
    /// What one read brings.
    chunk: Box<[u8; READ]>,
    loses_bytes: bool,
}

impl Input {
    /// `loses_bytes` plants `loses-bytes-on-split`.
    pub(super) fn new(stream: Arc<TcpStream>, loses_bytes: bool) -> Self {
        Self { stream, buffer: Vec::new(), start: 0, chunk: Box::new([0; READ]), loses_bytes }
    }

    /// Waits for octets and appends them.
    pub(super) fn fill(&mut self, deadline: Deadline) -> Result<(), Lack> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.loses_bytes {
            self.buffer.pop();
        }
        let left = deadline.left();
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Lack::Late);
        }
        self.stream.set_read_timeout(left).map_err(|_| Lack::Gone)?;
        let read = loop {
            match (&*self.stream).read(&mut self.chunk[..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => Err(Lack::Fin),
            Ok(count) => {
                self.buffer.extend_from_slice(&self.chunk[..count]);
                Ok(())
            }
            Err(error) if is_timeout(&error) => Err(Lack::Late),
            Err(_) => Err(Lack::Gone),
        }
    }

    /// Drops octets that were read.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.buffer.len(), "only what is there can be consumed");
    }

    /// Drops everything that has arrived.
    pub(super) fn clear(&mut self) {
        self.start = self.buffer.len();
    }

    /// What has arrived and was not consumed.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

/// Until when a read may wait.
#[derive(Clone, Copy)]
pub(super) enum Deadline {
    /// For good.
    Never,
    /// Up to this moment, whatever arrives.
    At(Instant),
    /// As long as no pause is longer.
    Quiet(Duration),
}

impl Deadline {
    /// In so long, if that is bounded.
    pub(super) fn after(span: Option<Duration>) -> Self {
        span.map_or(Self::Never, |span| Self::At(Instant::now() + span))
    }

    fn left(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::At(end) => Some(end.saturating_duration_since(Instant::now())),
            Self::Quiet(pause) => Some(pause),
        }
    }
}

/// Why nothing more arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lack {
    /// The client sent a FIN; it may still read.
    Fin,
    /// The deadline passed.
    Late,
    /// The connection was reset.
    Gone,
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Octets asked for at once.
const READ: usize = 16 * 1024;
