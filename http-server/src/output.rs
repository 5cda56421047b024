//! What is to be written: everything that is ready leaves in one write.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;

/// Content up to this many octets is copied behind its head; a longer one is written from where
/// it lies. Copying a little is cheaper than a second slice for the system to walk.
const COPY_LEN: usize = 16 * 1024;

/// Octets that may wait before they are written: answers to pipelined requests are gathered up to
/// here, and so are the pieces of a streamed response.
pub(crate) const GATHER_LEN: usize = 64 * 1024;

/// Empty buffers that a thread keeps, each at most `GATHER_LEN` long: two megabytes at most.
const KEPT: usize = 32;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer, from the thread that asks.
pub(crate) fn lend() -> Vec<u8> {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_default()
}

pub(crate) fn give_back(mut bytes: Vec<u8>) {
    if bytes.capacity() <= GATHER_LEN {
        bytes.clear();
        POOL.with_borrow_mut(|pool| {
            if pool.len() < KEPT {
                pool.push(bytes);
            }
        });
    }
}

/// What is to be written. Holds no memory while nothing waits.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    /// Long content, behind `bytes`. Boxed: most is short, and an idle connection has none.
    tail: Option<Box<Cow<'static, [u8]>>>,
    /// How much of `bytes` and `tail` together is written.
    sent: usize,
}

impl Output {
    /// Where heads and small pieces are appended.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        self.join();
        if self.bytes.capacity() == 0 {
            self.bytes = lend();
        }
        &mut self.bytes
    }

    /// Appends content.
    pub(crate) fn push(&mut self, content: Cow<'static, [u8]>) {
        if content.len() > COPY_LEN {
            self.join();
            self.tail = Some(Box::new(content));
        } else {
            self.bytes().extend_from_slice(&content);
        }
    }

    /// Moves the tail to the end of the bytes, so that more can follow it. Callers write before
    /// that becomes necessary; it is right all the same.
    fn join(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.bytes.extend_from_slice(&tail);
        }
    }

    fn tail(&self) -> &[u8] {
        self.tail.as_ref().map_or(&[], |tail| tail)
    }

    /// How many octets wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.tail().len() - self.sent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes once; ready with the number of octets that went, 0 if none waited.
    pub(crate) fn poll_write(
        &mut self,
        stream: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let len = if self.sent >= self.bytes.len() {
            ready!(stream.poll_write(cx, &self.tail()[self.sent - self.bytes.len()..]))?
        } else if self.tail.is_none() {
            ready!(stream.poll_write(cx, &self.bytes[self.sent..]))?
        } else {
            let slices = [IoSlice::new(&self.bytes[self.sent..]), IoSlice::new(self.tail())];
            ready!(stream.poll_write_vectored(cx, &slices))?
        };
        if len == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.sent += len;
        if self.is_empty() {
            self.release();
        }
        Poll::Ready(Ok(len))
    }

    fn release(&mut self) {
        self.sent = 0;
        self.tail = None;
        give_back(std::mem::take(&mut self.bytes));
    }
}
