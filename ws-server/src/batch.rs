//! What is being written to a client: taken out of the outbox, and not all of it through.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;

use crate::queue::Frame;

/// Long frames leave by one system call up to this many.
const SLICES: usize = 16;

/// And up to this many octets: more than most sockets take at once.
const LEN: usize = 256 * 1024;

/// A buffer up to this long is used again while its connection is at work; longer ones are for
/// long messages, and go with them.
const KEPT_LEN: usize = 4 * 1024;

/// Frames that are being written.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    first: Frame,
    /// Written behind `first`, by the same system call. Made for long frames only.
    #[expect(clippy::box_collection, reason = "three words less for each connection without one")]
    more: Option<Box<VecDeque<Frame>>>,
    /// Octets of `first` that are written.
    written: usize,
}

impl Batch {
    /// Whether all of it is written.
    pub(crate) fn is_done(&self) -> bool {
        self.written == self.first.bytes().len() && self.more.is_none()
    }

    /// How many octets are still to be written.
    pub(crate) fn len(&self) -> usize {
        let more: usize = self.more().map(|frame| frame.bytes().len()).sum();
        self.first.bytes().len() - self.written + more
    }

    /// Empties it, and gives its buffer, to be filled again.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        self.written = 0;
        self.more = None;
        match std::mem::take(&mut self.first) {
            Frame::Own(mut bytes) if bytes.capacity() <= KEPT_LEN => {
                bytes.clear();
                bytes
            }
            Frame::Own(_) | Frame::Shared(_) => Vec::new(),
        }
    }

    /// Begins anew with this.
    pub(crate) fn begin(&mut self, first: Frame) {
        self.written = 0;
        self.first = first;
    }

    /// Whether a frame of `len` octets may leave by the same system call.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.more().count() + 1 < SLICES && self.len() + len <= LEN
    }

    /// Adds a frame behind the others.
    pub(crate) fn push(&mut self, frame: Frame) {
        self.more.get_or_insert_default().push_back(frame);
    }

    /// Holds no memory if nothing is to be written.
    pub(crate) fn rest(&mut self) {
        if self.is_done() {
            *self = Self::default();
        }
    }

    /// Writes once; gives how many octets that were.
    pub(crate) fn poll_write(
        &mut self,
        stream: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let first = &self.first.bytes()[self.written..];
        let polled = if self.more.is_none() {
            stream.poll_write(cx, first)
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let frames = std::iter::once(first).chain(self.more().map(Frame::bytes));
            let count =
                slices.iter_mut().zip(frames).map(|(slice, frame)| *slice = IoSlice::new(frame));
            let count = count.count();
            stream.poll_write_vectored(cx, &slices[..count])
        };
        if let Poll::Ready(Ok(len)) = &polled {
            self.advance(*len);
        }
        polled
    }

    fn advance(&mut self, len: usize) {
        self.written += len;
        while let Some(more) = &mut self.more
            && self.written >= self.first.bytes().len()
        {
            self.written -= self.first.bytes().len();
            if let Some(next) = more.pop_front() {
                self.first = next;
            }
            if more.is_empty() {
                self.more = None;
            }
        }
    }

    fn more(&self) -> impl Iterator<Item = &Frame> {
        self.more.iter().flat_map(|more| more.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Takes so many octets a call, and notes how many slices it was offered.
    struct Slow {
        at_once: usize,
        got: Vec<u8>,
        offered: Vec<usize>,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.offered.push(slices.len());
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let len = all.len().min(self.at_once);
            self.got.extend_from_slice(&all[..len]);
            Poll::Ready(Ok(len))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn order_is_kept_however_little_is_taken_at_once() {
        for at_once in 1..=10 {
            let mut batch = Batch::default();
            batch.begin(Frame::Own(b"abc".to_vec()));
            batch.push(Frame::Shared(b"d".to_vec().into()));
            batch.push(Frame::Own(b"efghi".to_vec()));
            let mut slow = Slow { at_once, got: Vec::new(), offered: Vec::new() };
            while !batch.is_done() {
                let left = batch.len();
                let mut cx = Context::from_waker(Waker::noop());
                let Poll::Ready(Ok(len)) = batch.poll_write(Pin::new(&mut slow), &mut cx) else {
                    panic!("it takes something")
                };
                assert_eq!(batch.len(), left - len);
            }
            assert_eq!(slow.got, b"abcdefghi", "{at_once} at once");
            assert_eq!(slow.offered[0], 3, "all by one call");
        }
    }
}
