//! How a listening socket is made.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::TcpListener;

/// How a listening TCP socket is made. The connections that it accepts inherit what is said of
/// them here, which is a system call less for each than to say it of the connection.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use seawall_actor::net::ListenOptions;
///
/// let options = ListenOptions::new().reuse_port(true).nodelay(true).backlog(4096);
/// let first = options.listen((Ipv4Addr::LOCALHOST, 0).into())?;
/// let second = options.listen(first.local_addr()?)?; // the system spreads connections over both
/// assert_eq!(first.local_addr()?, second.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing listens before `listen`"]
pub struct ListenOptions {
    backlog: i32,
    reuse_port: bool,
    nodelay: bool,
    keepalive: Option<Duration>,
}

impl ListenOptions {
    /// What [`TcpListener::bind`] uses: a backlog of 1024, and nothing else.
    pub fn new() -> Self {
        Self { backlog: 1024, reuse_port: false, nodelay: false, keepalive: None }
    }

    /// How many connections wait to be accepted. The system has a limit of its own, and takes the
    /// lower one (on Linux `net.core.somaxconn`, 4096 unless changed).
    pub fn backlog(mut self, connections: u16) -> Self {
        self.backlog = connections.into();
        self
    }

    /// Lets several sockets, of this process or others of the same user, listen on one address
    /// (`SO_REUSEPORT`); on Linux the system spreads connections over them.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// Connections send small writes at once instead of gathering them (`TCP_NODELAY`).
    pub fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = on;
        self
    }

    /// Connections that were silent for so long are probed, in whole seconds (`SO_KEEPALIVE`,
    /// `TCP_KEEPIDLE`).
    pub fn keepalive(mut self, after: Option<Duration>) -> Self {
        self.keepalive = after;
        self
    }

    /// Listens on `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// What the system says: the port is in use, the address is not ours, permission is missing.
    pub fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // As the standard library does: a server that starts again finds its port free.
        socket.set_reuse_address(true)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if self.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        set_keepalive(&SockRef::from(&socket), self.keepalive)?;
        socket.bind(&address.into())?;
        socket.listen(self.backlog)?;
        TcpListener::try_from(std::net::TcpListener::from(socket))
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self::new()
    }
}

pub(super) fn set_keepalive(socket: &SockRef<'_>, after: Option<Duration>) -> io::Result<()> {
    match after {
        Some(after) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after)),
        None => Ok(()),
    }
}
