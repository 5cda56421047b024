//! Sockets: the one place where actors and servers name the reactor's sockets.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{self, Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use socket2::SockRef;

/// A TCP socket that listens for connections.
#[derive(Debug)]
pub struct TcpListener(Async<net::TcpListener>);

impl TcpListener {
    /// Listens on `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// What the system says: the port is in use, the address is not ours, permission is missing.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        net::TcpListener::bind(address).and_then(Self::try_from)
    }

    /// The next connection and its peer's address.
    ///
    /// # Errors
    ///
    /// What the system says. Most faults pass: a peer that left early, descriptors in short supply.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((TcpStream(stream), peer))
    }

    /// The address on which it listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }
}

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: net::TcpListener) -> io::Result<Self> {
        Async::new(listener).map(Self)
    }
}

/// A TCP connection.
#[derive(Debug)]
pub struct TcpStream(Async<net::TcpStream>);

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Async::<net::TcpStream>::connect(address).await.map(Self)
    }

    /// Sends small writes at once instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.get_ref().set_nodelay(on)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// Makes the end of this connection a reset: what the peer has not acknowledged is lost, and
    /// it learns that something went wrong.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn reset_when_dropped(&self) -> io::Result<()> {
        SockRef::from(self.0.get_ref()).set_linger(Some(Duration::ZERO))
    }

    /// Closes one direction or both, at once.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Async::new(stream).map(Self)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    /// Closes the sending direction: the peer reads the end of the stream.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The reactor's own poll_close only flushes.
        Poll::Ready(match self.shutdown(Shutdown::Write) {
            // The peer was faster with its reset: closed is closed.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use futures_lite::AsyncWriteExt;
    use futures_lite::future::block_on;

    use super::*;

    /// Closing once did nothing but flush. A server that answered `Connection: close` and lingered
    /// for its client's last octets told it that there was nothing more to come two seconds late.
    #[test]
    fn the_peer_of_a_closed_stream_reads_its_end() {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = block_on(TcpStream::connect(listener.local_addr().unwrap())).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        block_on(stream.close()).unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        drop(stream);
    }
}
