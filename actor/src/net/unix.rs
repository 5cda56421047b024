//! Sockets of the Unix domain.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll, ready};

use rustix::net::{SocketFlags, accept_with};
use socket2::{Domain, SockAddr, Socket, Type};

use super::bytes::byte_stream;
use crate::reactor::{Direction, Watched};

/// A Unix socket that listens for connections. Its file stays when it is dropped.
#[derive(Debug)]
pub struct UnixListener(Watched<net::UnixListener>);

impl UnixListener {
    /// Makes the file `path` and listens on it.
    ///
    /// # Errors
    ///
    /// What the system says: the file exists, permission is missing.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        net::UnixListener::bind(path).and_then(Self::try_from)
    }

    /// The next connection. Peers seldom have an address; [`UnixStream::peer_addr`] tells.
    ///
    /// # Errors
    ///
    /// What the system says. Most faults pass: descriptors in short supply.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`accept`](Self::accept) as a poll.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        let accept = |listener: &net::UnixListener| {
            Ok(accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?)
        };
        let stream = ready!(self.0.poll_io(Direction::In, cx, accept, |_| false))?;
        Poll::Ready(Watched::new(stream.into(), true).map(UnixStream))
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

impl TryFrom<net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Watched::new(listener, true).map(Self)
    }
}

/// The socket stays non-blocking.
impl TryFrom<UnixListener> for net::UnixListener {
    type Error = io::Error;

    fn try_from(listener: UnixListener) -> io::Result<Self> {
        listener.0.into_inner()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

/// A connection of the Unix domain.
#[derive(Debug)]
pub struct UnixStream(Watched<net::UnixStream>);

impl UnixStream {
    /// Connects to the socket `path`. It never waits: where nobody listens, or too many wait to be
    /// accepted, it fails.
    ///
    /// # Errors
    ///
    /// What the system says; [`io::ErrorKind::WouldBlock`] if too many wait.
    pub fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
        socket.connect(&SockAddr::unix(path)?)?;
        Watched::new(socket.into(), true).map(Self)
    }

    /// Two streams that are each other's peer.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((a.try_into()?, b.try_into()?))
    }

    /// Ready once there is something to read, or the end; see
    /// [`TcpStream::poll_readable`](super::TcpStream::poll_readable).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(Direction::In, cx)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
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

impl TryFrom<net::UnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Watched::new(stream, true).map(Self)
    }
}

/// The socket stays non-blocking.
impl TryFrom<UnixStream> for net::UnixStream {
    type Error = io::Error;

    fn try_from(stream: UnixStream) -> io::Result<Self> {
        stream.0.into_inner()
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

byte_stream!(UnixStream);
