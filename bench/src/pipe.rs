//! A stream in memory: what it gives is the same each time, what it takes is kept.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both ends of the stream: a clone rewinds and inspects what a peer reads and writes.
#[derive(Clone)]
pub struct Pipe(Rc<RefCell<Inner>>);

struct Inner {
    input: Vec<u8>,
    read: usize,
    output: Vec<u8>,
}

impl Pipe {
    pub fn new(input: &[u8]) -> Self {
        let inner = Inner { input: input.to_vec(), read: 0, output: vec![] };
        Self(Rc::new(RefCell::new(inner)))
    }

    /// Starts again: all input is there to be read, nothing is written.
    pub fn rewind(&self) {
        let mut inner = self.0.borrow_mut();
        inner.read = 0;
        inner.output.clear();
    }

    /// How much was written.
    pub fn written(&self) -> usize {
        self.0.borrow().output.len()
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Inner { input, read, .. } = &mut *self.0.borrow_mut();
        let len = buffer.len().min(input.len() - *read);
        if len == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffer[..len].copy_from_slice(&input[*read..*read + len]);
        *read += len;
        Ok(len)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let output = &mut self.0.borrow_mut().output;
        let before = output.len();
        slices.iter().for_each(|slice| output.extend_from_slice(slice));
        Ok(output.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Inner { input, read, .. } = &mut *self.0.borrow_mut();
        let len = buffer.remaining().min(input.len() - *read);
        if len == 0 {
            return Poll::Pending;
        }
        buffer.put_slice(&input[*read..*read + len]);
        *read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The output of a future that never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("waits for more than there is"),
    }
}
