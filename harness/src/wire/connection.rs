//! A connection to the subject, plain or TLS: every wait has a deadline, every octet is recorded.
//!
//! Over TLS the trace shows what is inside. What is sent at once is one record (more, beyond 16 KiB), and
//! leaves in one segment where the system allows: a case that cuts its octets into pieces sends each in a
//! record of its own, and each reaches the subject by itself, as it does without TLS.

use std::future::{Future, pending};
use std::io::{self, ErrorKind};
use std::mem;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt};
use socket2::{Domain, Protocol, Socket, Type};

use super::tls::{Pieces, Session, Tls};
use super::trace::{Event, Recorder};
use crate::audit::Tap;

/// Octets held unread of one connection. No case needs more; a subject that sends more
/// unasked is cut off.
const MAX_UNREAD: usize = 32 << 20;
/// Octets taken by one read.
const READ_SIZE: usize = 16 << 10;

/// Octets that the system may keep for an attacker that does not read.
const ATTACKER_BUFFER: usize = 8 << 10;

/// Who connects. On loopback attackers and victims have addresses of their own, so that limits
/// for each address act as they would outside: a victim does not pay for an attacker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// The case itself.
    Case,
    /// A client that means harm.
    Attacker,
    /// A healthy client beside an attacker, or one that asks whether the subject lives.
    Victim,
}

impl Source {
    /// Where it connects from; `lane` tells cases apart, which run side by side and must not
    /// use up each other's ports.
    fn address(self, subject: SocketAddr, lane: u16) -> Option<SocketAddr> {
        let role = match self {
            Self::Case => return None,
            Self::Attacker => 66,
            Self::Victim => 7,
        };
        let [high, low] = lane.to_be_bytes();
        let address = (Ipv4Addr::new(127, role, high, low.clamp(1, 254)), 0);
        self.has_address(subject).then(|| address.into())
    }

    /// Whether it connects from an address of its own.
    pub(crate) fn has_address(self, subject: SocketAddr) -> bool {
        self != Self::Case && subject.is_ipv4() && subject.ip().is_loopback()
    }
}

/// What waiting for octets came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Read {
    /// At least one octet was added to [`Connection::unread`].
    Data,
    /// The subject closed its direction; nothing more will come.
    Ended,
    /// The subject reset the connection, or it broke otherwise: over TLS also an end without
    /// `close_notify`, since what came may have been cut short (RFC 8446 §6.1).
    Reset,
    /// Nothing came before the deadline.
    Silence,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Async<TcpStream>,
    /// With TLS.
    session: Option<Box<Session>>,
    /// Records that the system has not taken yet: whatever follows must come behind them.
    pending: Vec<u8>,
    number: usize,
    trace: Recorder,
    /// Hears what the audit is to hear.
    tap: Option<Tap>,
    unread: Vec<u8>,
    /// So many octets at the beginning of `unread` were taken: to move the rest each time would cost the square
    /// of their number.
    taken: usize,
    ended: Option<Read>,
    deaf: bool,
    /// Until when is waited for octets, and since when: a message comes by many reads.
    waiting: Option<(Instant, Instant)>,
}

impl Connection {
    /// Connects to `subject` within `patience`, and shakes hands if `tls` says how.
    ///
    /// # Errors
    ///
    /// What the system said, or [`ErrorKind::TimedOut`]; what went wrong with the handshake.
    pub(crate) async fn open(
        subject: SocketAddr,
        tls: Option<&Tls>,
        source: Source,
        lane: u16,
        trace: &Recorder,
        patience: Duration,
    ) -> io::Result<Self> {
        let deadline = Instant::now() + patience;
        let socket =
            within(deadline, connect(subject, source, lane)).await.unwrap_or_else(|| {
                trace.waited_in_vain(patience);
                Err(ErrorKind::TimedOut.into())
            })?;
        let number = trace.connection();
        trace.record(number, Event::Connected);
        let mut connection = Self {
            socket,
            session: None,
            pending: Vec::new(),
            number,
            trace: trace.clone(),
            tap: None,
            unread: Vec::new(),
            taken: 0,
            ended: None,
            deaf: false,
            waiting: None,
        };
        if let Some(tls) = tls {
            connection.shake_hands(tls, Pieces::ONE, deadline).await.map_err(|why| {
                let cure = if why.contains("certificate") { CERTIFICATE_CURE } else { "" };
                io::Error::other(format!("the TLS handshake failed: {why}{cure}"))
            })?;
        }
        Ok(connection)
    }

    /// Whether TLS was agreed on with a certificate for the name that was asked for.
    pub(crate) fn is_secured_for(&self, tls: &Tls) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_for(tls))
    }

    /// Does a handshake on a connection over which nothing was said yet. Of it the trace tells only what came
    /// out.
    pub(crate) async fn shake_hands(
        &mut self,
        tls: &Tls,
        pieces: Pieces<'_>,
        deadline: Instant,
    ) -> Result<(), String> {
        let mut session = Box::new(Session::new(tls)?);
        // What comes meanwhile is for the session, and waits.
        let deaf = mem::replace(&mut self.deaf, true);
        loop {
            let sent = (pieces.cut)(&session.pending());
            for (i, piece) in sent.iter().enumerate() {
                if i > 0 {
                    Timer::after(pieces.pause.min(pieces.within / sent.len() as u32)).await;
                }
                if self.transmit(piece, deadline).await < piece.len() {
                    return Err("the subject takes nothing".into());
                }
            }
            if !session.is_handshaking() {
                break;
            }
            match self.take_in(deadline).await {
                Taken::Octets => {
                    let octets = mem::take(&mut self.unread);
                    session.open(&octets, &mut self.unread)?;
                }
                Taken::Ended => return Err("the subject closed the connection".into()),
                Taken::Broken(why) => return Err(why),
                Taken::Nothing => return Err("it was not done in time".into()),
            }
        }
        self.deaf = deaf;
        self.note(session.version().into());
        self.session = Some(session);
        if !self.unread.is_empty() {
            self.trace.received(self.number, &self.unread);
        }
        Ok(())
    }

    /// From here on the audit hears what is said.
    pub(crate) fn overhear(&mut self, mut tap: Tap) {
        tap.received(&self.unread);
        self.tap = Some(tap);
    }

    /// Writes all of `bytes`, in one segment where the system allows, and meanwhile takes in
    /// what comes: a subject that echoes must not be kept from writing.
    ///
    /// A write that fails is no verdict: the subject may have answered before it closed, and
    /// what it said is still to be read. Gives back whether all was taken before the deadline.
    pub(crate) async fn send(&mut self, bytes: &[u8], deadline: Instant) -> bool {
        self.trace.sent(self.number, bytes);
        if let Some(tap) = &mut self.tap {
            tap.sent(bytes);
        }
        let Some(session) = &mut self.session else {
            return self.transmit(bytes, deadline).await == bytes.len();
        };
        let mut sealed = mem::take(&mut self.pending);
        sealed.extend(session.seal(bytes));
        let sent = self.transmit(&sealed, deadline).await;
        sealed.drain(..sent);
        let all = sealed.is_empty();
        sealed.append(&mut self.pending);
        self.pending = sealed;
        all
    }

    /// Writes octets as they are; gives back how many were taken.
    async fn transmit(&mut self, bytes: &[u8], deadline: Instant) -> usize {
        enum Ready {
            Written(io::Result<usize>),
            Readable,
        }
        let mut rest = bytes;
        let began = Instant::now();
        while !rest.is_empty() {
            let listen = !self.deaf && self.ended.is_none() && self.unread.len() < MAX_UNREAD;
            let mut socket = &self.socket;
            let write = async { Ready::Written(socket.write(rest).await) };
            let readable = async {
                if !listen || self.socket.readable().await.is_err() {
                    pending::<()>().await;
                }
                Ready::Readable
            };
            match within(deadline, write.or(readable)).await {
                Some(Ready::Written(Ok(n))) => rest = &rest[n..],
                Some(Ready::Written(Err(error))) => {
                    self.note(format!("write failed: {}", error.kind()));
                    break;
                }
                Some(Ready::Readable) => {
                    // What is there, and no more: the rest of a record may come after our own.
                    self.read(Instant::now()).await;
                }
                None => {
                    self.note("the subject stopped reading".into());
                    self.trace.waited_in_vain(deadline.saturating_duration_since(began));
                    break;
                }
            }
        }
        bytes.len() - rest.len()
    }

    /// Waits for octets until `deadline`; they are added to [`Self::unread`].
    pub(crate) async fn read(&mut self, deadline: Instant) -> Read {
        if let Some(ended) = self.ended {
            return ended;
        }
        let since = match self.waiting {
            Some((until, since)) if until == deadline => since,
            _ => Instant::now(),
        };
        self.waiting = Some((deadline, since));
        self.unread.drain(..mem::take(&mut self.taken));
        let before = self.unread.len();
        loop {
            let mut taken = self.take_in(deadline).await;
            if let (Taken::Octets, Some(session)) = (&taken, &mut self.session) {
                let octets = self.unread.split_off(before);
                let opened = session.open(&octets, &mut self.unread);
                self.pending.extend(session.pending());
                if let Err(why) = opened {
                    taken = Taken::Broken(why);
                }
            }
            if self.unread.len() > before {
                // An end behind it shows at the next read.
                self.trace.received(self.number, &self.unread[before..]);
                if let Some(tap) = &mut self.tap {
                    tap.received(&self.unread[before..]);
                }
                return Read::Data;
            }
            let (read, event) = match taken {
                // A record that is not whole, or not for us.
                Taken::Octets => continue,
                Taken::Nothing => {
                    self.trace.waited_in_vain(deadline.saturating_duration_since(since));
                    return Read::Silence;
                }
                Taken::Ended => match &self.session {
                    Some(session) if !session.has_closed() => (Read::Reset, Event::Truncated),
                    _ => (Read::Ended, Event::Ended),
                },
                Taken::Broken(why) => {
                    if self.session.is_some() {
                        self.note(why);
                    }
                    (Read::Reset, Event::Reset)
                }
            };
            self.trace.record(self.number, event);
            self.ended = Some(read);
            return read;
        }
    }

    /// Reads once, behind what is unread rather than on the stack: a case holds many of these
    /// futures.
    async fn take_in(&mut self, deadline: Instant) -> Taken {
        let before = self.unread.len();
        if before >= MAX_UNREAD {
            self.note(format!("cut off: more than {MAX_UNREAD} octets unasked"));
            return Taken::Broken("too much".into());
        }
        self.unread.resize(before + READ_SIZE, 0);
        let mut socket = &self.socket;
        // The read goes first: a deadline that has passed still takes what is there.
        let outcome = within(deadline, socket.read(&mut self.unread[before..])).await;
        let len = outcome.as_ref().and_then(|read| read.as_ref().ok()).copied().unwrap_or(0);
        self.unread.truncate(before + len);
        match outcome {
            None => Taken::Nothing,
            Some(Ok(0)) => Taken::Ended,
            Some(Ok(_)) => Taken::Octets,
            Some(Err(error)) => Taken::Broken(error.kind().to_string()),
        }
    }

    /// Octets received and not yet taken by [`Self::take`].
    pub(crate) fn unread(&self) -> &[u8] {
        &self.unread[self.taken..]
    }

    /// Removes the first `n` unread octets.
    pub(crate) fn take(&mut self, n: usize) -> Vec<u8> {
        let taken = self.unread()[..n].to_vec();
        self.taken += n;
        taken
    }

    /// The addresses of the subject's end and of ours.
    ///
    /// # Errors
    ///
    /// What the system said: a connection that was reset may have none.
    pub(crate) fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.socket.get_ref().peer_addr()?, self.socket.get_ref().local_addr()?))
    }

    /// How the subject ended the connection, if it was seen to.
    pub(crate) fn ended(&self) -> Option<Read> {
        self.ended
    }

    /// From here on, nothing is read while we write.
    pub(crate) fn deafen(&mut self) {
        self.deaf = true;
    }

    /// Closes our direction (`close_notify` where there is TLS, then FIN); the subject may still send.
    pub(crate) fn finish(&mut self) {
        if let Some(session) = &mut self.session {
            let mut octets = mem::take(&mut self.pending);
            octets.extend(session.close());
            // Some twenty octets, which the system takes unless the subject has long stopped reading.
            _ = io::Write::write(&mut self.socket.get_ref(), &octets);
        }
        self.trace.record(self.number, Event::Finished);
        // Fails only where the subject has closed already, which the next read shows.
        _ = self.socket.get_ref().shutdown(Shutdown::Write);
    }

    /// Closes our direction by FIN alone, without the `close_notify` that TLS asks for.
    pub(crate) fn cut(&mut self) {
        self.trace.record(self.number, Event::Cut);
        _ = self.socket.get_ref().shutdown(Shutdown::Write);
    }

    /// The version of TLS that was agreed on, in words.
    pub(crate) fn tls_version(&self) -> &'static str {
        self.session.as_ref().map_or("no TLS", |session| session.version())
    }

    /// Resets the connection instead of closing it: what is unsent is lost, the peer sees RST.
    pub(crate) fn reset(self) {
        self.note("we reset the connection".into());
        _ = socket2::SockRef::from(self.socket.get_ref()).set_linger(Some(Duration::ZERO));
    }

    /// From here on the trace shows frames.
    pub(crate) fn upgraded(&self) {
        self.trace.record(self.number, Event::Upgraded);
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, text: String) {
        self.trace.record(self.number, Event::Note(text));
    }
}

/// What one read of the socket brought.
enum Taken {
    /// Octets of the wire, now at the end of the unread ones.
    Octets,
    Ended,
    /// The connection, or the protocol on it, is broken.
    Broken(String),
    /// Nothing before the deadline.
    Nothing,
}

/// What to do about a certificate that is not believed.
const CERTIFICATE_CURE: &str = "; name the authority to trust by tls.ca or --ca, or trust anyone by tls.insecure or --insecure";

async fn connect(subject: SocketAddr, source: Source, lane: u16) -> io::Result<Async<TcpStream>> {
    let socket = Socket::new(Domain::for_address(subject), Type::STREAM, Some(Protocol::TCP))?;
    // A window of a few KiB: what an attacker does not read, the subject must keep.
    if source == Source::Attacker {
        socket.set_recv_buffer_size(ATTACKER_BUFFER)?;
    }
    // Not every system has all of 127/8; the case is worth running without it.
    if let Some(from) = source.address(subject, lane) {
        // Ports of connections that have just ended are free again.
        socket.set_reuse_address(true)?;
        _ = socket.bind(&from.into());
    }
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&subject.into()) {
        Ok(()) => {}
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    let stream = Async::new_nonblocking(TcpStream::from(socket))?;
    stream.writable().await?;
    match stream.get_ref().take_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

/// The future's output, or `None` if the deadline comes first.
pub(crate) async fn within<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let late = async {
        Timer::at(deadline).await;
        None
    };
    async { Some(future.await) }.or(late).await
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use futures_lite::future::block_on;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn open(listener: &TcpListener, source: Source) -> io::Result<Connection> {
        let address = listener.local_addr().unwrap();
        block_on(Connection::open(address, None, source, 1, &Recorder::default(), PATIENCE))
    }

    #[test]
    fn attackers_and_victims_come_from_addresses_of_their_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut seen = Vec::new();
        for source in [Source::Case, Source::Attacker, Source::Victim] {
            let _connection = open(&listener, source).unwrap();
            seen.push(listener.accept().unwrap().1.ip());
        }
        seen.dedup();
        assert_eq!(seen.len(), 3, "{seen:?}");
    }

    #[test]
    fn a_refused_connection_is_an_error_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = block_on(Connection::open(
            address,
            None,
            Source::Case,
            1,
            &Recorder::default(),
            PATIENCE,
        ))
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    /// An echo server reads no more while its own writes are stuck. A client that writes
    /// everything before it reads would wait for it for ever.
    #[test]
    fn what_comes_while_we_write_is_taken_in() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let echo = thread::spawn({
            let listener = listener.try_clone().unwrap();
            move || {
                let (mut peer, _) = listener.accept().unwrap();
                io::copy(&mut peer.try_clone().unwrap(), &mut peer).unwrap()
            }
        });
        let mut connection = open(&listener, Source::Case).unwrap();
        let sent: Vec<u8> = (0..16_000_000_u32).map(|i| (i % 251) as u8).collect();
        block_on(async {
            let deadline = Instant::now() + PATIENCE;
            assert!(connection.send(&sent, deadline).await);
            connection.finish();
            while connection.read(deadline).await == Read::Data {}
        });
        assert_eq!(connection.ended(), Some(Read::Ended));
        assert!(connection.unread() == sent);
        assert_eq!(echo.join().unwrap(), 16_000_000);
    }

    #[test]
    fn silence_and_the_two_ends_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = open(&listener, Source::Case).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        block_on(async {
            assert_eq!(
                connection.read(Instant::now() + Duration::from_millis(10)).await,
                Read::Silence
            );
            peer.write_all(b"x").unwrap();
            drop(peer);
            assert_eq!(connection.read(Instant::now() + PATIENCE).await, Read::Data);
            assert_eq!(connection.read(Instant::now() + PATIENCE).await, Read::Ended);
        });
        let mut connection = open(&listener, Source::Case).unwrap();
        let (peer, _) = listener.accept().unwrap();
        block_on(async {
            connection.send(b"unread", Instant::now() + PATIENCE).await;
            let mut byte = [0];
            (&peer).read_exact(&mut byte).unwrap();
            drop(peer); // with octets unread: RST
            assert_eq!(connection.read(Instant::now() + PATIENCE).await, Read::Reset);
        });
    }
}
