//! TCP.

use std::future::poll_fn;
use std::io;
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::ListenOptions;
use super::bytes::byte_stream;
use super::options::set_keepalive;
use crate::reactor::{Direction, Watched};

/// A TCP socket that listens for connections.
#[derive(Debug)]
pub struct TcpListener(Watched<net::TcpListener>);

impl TcpListener {
    /// Listens on `address`; port 0 lets the system choose one. [`ListenOptions`] offers more.
    ///
    /// # Errors
    ///
    /// What the system says: the port is in use, the address is not ours, permission is missing.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        ListenOptions::new().listen(address)
    }

    /// The next connection and its peer's address.
    ///
    /// # Errors
    ///
    /// What the system says. Most faults pass: a peer that left early, descriptors in short supply.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`accept`](Self::accept) as a poll.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accept = |listener: &net::TcpListener| {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            Ok(acceptfrom_with(listener, flags)?)
        };
        let (stream, peer) = ready!(self.0.poll_io(Direction::In, cx, accept, |_| false))?;
        let stream = TcpStream(Watched::new(stream.into(), true)?);
        let peer = match peer {
            Some(peer) => SocketAddr::try_from(peer)?,
            None => stream.peer_addr()?,
        };
        Poll::Ready(Ok((stream, peer)))
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
        listener.set_nonblocking(true)?;
        Watched::new(listener, true).map(Self)
    }
}

/// The socket stays non-blocking.
impl TryFrom<TcpListener> for net::TcpListener {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        listener.0.into_inner()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

/// A TCP connection.
#[derive(Debug)]
pub struct TcpStream(Watched<net::TcpStream>);

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error),
        }
        let stream = Self(Watched::new(socket.into(), false)?);
        poll_fn(|cx| stream.0.poll_ready(Direction::Out, cx)).await;
        match stream.0.get_ref().take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Ready once there is something to read, or the end: until then a connection needs no buffer.
    ///
    /// It may be ready in vain, so reading can still be pending. One task waits at a time.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(Direction::In, cx)
    }

    /// Sends small writes at once instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.get_ref().set_nodelay(on)
    }

    /// Probes the connection once it was silent for so long, in whole seconds (`SO_KEEPALIVE`,
    /// `TCP_KEEPIDLE`); `None` ends that.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        let socket = SockRef::from(self.0.get_ref());
        match after {
            Some(_) => set_keepalive(&socket, after),
            None => socket.set_keepalive(false),
        }
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// Our address, as the peer sees it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
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
        stream.set_nonblocking(true)?;
        Watched::new(stream, true).map(Self)
    }
}

/// The socket stays non-blocking.
impl TryFrom<TcpStream> for net::TcpStream {
    type Error = io::Error;

    fn try_from(stream: TcpStream) -> io::Result<Self> {
        stream.0.into_inner()
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

byte_stream!(TcpStream);

/// What the system says of a connect that goes on in the background.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

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
