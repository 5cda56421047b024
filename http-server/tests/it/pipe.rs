//! A connection in memory, whose ends may be cut into pieces.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};

/// One end of a connection in memory. Dropping it is a close; or a reset, if `reset` says so.
pub(crate) struct End {
    read: Arc<Mutex<Lane>>,
    write: Arc<Mutex<Lane>>,
    /// How many octets each read, and each write, moves at most; used in turn.
    sizes: Vec<usize>,
    calls: usize,
    pub(crate) reset: bool,
}

/// One direction.
#[derive(Default)]
struct Lane {
    octets: VecDeque<u8>,
    ended: bool,
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Octets on their way in one direction.
pub(crate) const ROOM: usize = 64 * 1024;

/// The two ends of a connection; what the second one reads and writes is cut by `sizes`.
pub(crate) fn pair(sizes: &[usize]) -> (End, End) {
    let (there, back) = (Arc::<Mutex<Lane>>::default(), Arc::<Mutex<Lane>>::default());
    let end = |read: &Arc<_>, write: &Arc<_>, sizes: &[usize]| End {
        read: Arc::clone(read),
        write: Arc::clone(write),
        sizes: sizes.to_vec(),
        calls: 0,
        reset: false,
    };
    (end(&back, &there, &[]), end(&there, &back, sizes))
}

fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap()
}

impl Lane {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl End {
    /// `None` if the stream does as if it were not ready this time.
    fn size(&mut self) -> Option<usize> {
        if self.sizes.is_empty() {
            return Some(usize::MAX);
        }
        let size = self.sizes[self.calls % self.sizes.len()];
        self.calls += 1;
        Some(size).filter(|size| *size > 0)
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(size) = self.size() else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let mut lane = lock(&self.read);
        if lane.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let len = size.min(buf.len()).min(lane.octets.len());
        if len == 0 && !lane.ended {
            lane.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (to, from) in buf.iter_mut().zip(lane.octets.drain(..len)) {
            *to = from;
        }
        lane.wake();
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(size) = self.size() else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let mut lane = lock(&self.write);
        // The other end is gone if nobody else holds its lane.
        if lane.reset || lane.ended || Arc::strong_count(&self.write) == 1 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let len = size.min(buf.len()).min(ROOM - lane.octets.len());
        if len == 0 && !buf.is_empty() {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        lane.octets.extend(&buf[..len]);
        lane.wake();
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut lane = lock(&self.write);
        lane.ended = true;
        lane.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for lane in [&self.read, &self.write] {
            let mut lane = lock(lane);
            lane.ended = true;
            lane.reset |= self.reset;
            lane.wake();
        }
    }
}
