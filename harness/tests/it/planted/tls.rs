//! TLS in front of the planted subject: it shakes hands on a port of its own, and passes on what is inside.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustls::crypto::ring::sign;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

use super::fault::{Fault, Faults};
use super::input::{Deadline, Input, Lack};

/// Serves TLS on 127.0.0.1 for as long as the process lives.
pub(super) fn start(port: u16, inside: SocketAddr, faults: Faults) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    socket2::SockRef::from(&listener).listen(BACKLOG).expect("it listens already");
    let front = Arc::new(Front {
        config: config(&faults),
        inside,
        faults,
        one: Mutex::new(()),
        shaking: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
    });
    thread::spawn(move || {
        for client in listener.incoming() {
            if front.stopped.load(Ordering::SeqCst) {
                return;
            }
            // A client may be gone before it is accepted.
            let Ok(client) = client else { continue };
            let front = Arc::clone(&front);
            thread::spawn(move || drop(front.serve(client)));
        }
    });
}

/// Certificates that nobody trusts, and what else a handshake needs.
fn config(faults: &Faults) -> Arc<ServerConfig> {
    let versions: &[_] = if faults.has(Fault::Tls12Only) {
        &[&rustls::version::TLS12]
    } else {
        rustls::ALL_VERSIONS
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring knows both")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates {
            first: certificate(&["127.0.0.1", "one.test"]),
            other: certificate(&["other.test"]),
            only_first: faults.has(Fault::TlsOneCertificate),
        }));
    Arc::new(config)
}

fn certificate(names: &[&str]) -> Arc<CertifiedKey> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("it can be made");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let key = sign::any_supported_type(&key).expect("ring knows its kind");
    Arc::new(CertifiedKey::new(vec![made.cert.der().clone()], key))
}

/// What a client gets to see.
#[derive(Debug)]
struct Certificates {
    first: Arc<CertifiedKey>,
    other: Arc<CertifiedKey>,
    only_first: bool,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let other = hello.server_name() == Some("other.test") && !self.only_first;
        Some(Arc::clone(if other { &self.other } else { &self.first }))
    }
}

/// What all connections share.
struct Front {
    config: Arc<ServerConfig>,
    /// Where the subject itself listens.
    inside: SocketAddr,
    faults: Faults,
    /// Held for a handshake by `tls-one-at-a-time`.
    one: Mutex<()>,
    /// Handshakes under way; only `tls-few-slots` minds.
    shaking: AtomicUsize,
    stopped: AtomicBool,
}

impl Front {
    fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }

    fn serve(&self, client: TcpStream) -> io::Result<()> {
        if self.has(Fault::TlsNoService) {
            return Ok(());
        }
        client.set_nodelay(true)?;
        client.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let mut input = Input::new(Arc::new(client.try_clone()?), false);
        let (connection, early) = {
            let _turn = self.has(Fault::TlsOneAtATime).then(|| lock(&self.one));
            let _slot = self.slot();
            match self.shake_hands(&mut input, &client) {
                Ok(Some(done)) => done,
                Ok(None) => return Ok(()),
                Err(lack) => {
                    let broken = lack != Lack::Late && self.has(Fault::TlsAbortStops);
                    self.stopped.fetch_or(broken, Ordering::SeqCst);
                    return Ok(());
                }
            }
        };
        self.relay(input, client, connection, &early)
    }

    /// Waits for a place among those who shake hands.
    fn slot(&self) -> Option<Slot<'_>> {
        if !self.has(Fault::TlsFewSlots) {
            return None;
        }
        let free = |taken| (taken < SLOTS).then_some(taken + 1);
        while self.shaking.fetch_update(Ordering::SeqCst, Ordering::SeqCst, free).is_err() {
            thread::sleep(Duration::from_millis(5));
        }
        Some(Slot(&self.shaking))
    }

    /// Does the handshake; `None` if the client was sent away, or served otherwise. What came behind the last
    /// message of the handshake is given back, too.
    fn shake_hands(
        &self,
        input: &mut Input,
        mut client: &TcpStream,
    ) -> Result<Option<(ServerConnection, Vec<u8>)>, Lack> {
        let deadline = if self.has(Fault::TlsNoDeadline) {
            Deadline::Never
        } else if self.has(Fault::TlsDeadlineRestarts) {
            Deadline::Quiet(HANDSHAKE)
        } else {
            Deadline::after(Some(HANDSHAKE))
        };
        let mut connection =
            ServerConnection::new(Arc::clone(&self.config)).expect("the config is sound");
        input.fill(deadline)?;
        if self.misled(input, client, deadline)? {
            return Ok(None);
        }
        loop {
            let fed = feed(&mut connection, input.unread());
            input.clear();
            let answer = pending(&mut connection);
            if client.write_all(&answer).is_err() {
                return Err(Lack::Gone);
            }
            let Ok(early) = fed else {
                // It was told by an alert; its own octets may not turn that into a reset.
                drop(super::http::linger(input, client));
                return Ok(None);
            };
            if !connection.is_handshaking() {
                return Ok(Some((connection, early)));
            }
            input.fill(deadline)?;
        }
    }

    /// Sends clients away that are too old, and does what planted faults make of a first message. Whether that was
    /// all.
    fn misled(
        &self,
        input: &mut Input,
        mut client: &TcpStream,
        deadline: Deadline,
    ) -> Result<bool, Lack> {
        let is_hello = input.unread()[0] == HANDSHAKE_RECORD;
        if self.has(Fault::TlsPlainAnswered) && input.unread()[0].is_ascii_uppercase() {
            drop(self.pass_on(input, client));
            return Ok(true);
        }
        if self.has(Fault::TlsGarbageWaits) && !is_hello {
            while input.fill(Deadline::Never).is_ok() {
                input.clear();
            }
            return Ok(true);
        }
        if !is_hello {
            return Ok(false);
        }
        let end = |octets: &[u8]| match octets {
            [_, _, _, high, low, ..] => 5 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => usize::MAX,
        };
        if self.has(Fault::TlsHelloInOneRead) && input.unread().len() < end(input.unread()) {
            return Ok(true);
        }
        // The version stands there, and whether the record holds all of the message.
        while input.unread().len() < 11 {
            input.fill(deadline)?;
        }
        let octets = input.unread();
        let len = u32::from_be_bytes([0, octets[6], octets[7], octets[8]]) as usize;
        if self.has(Fault::TlsHelloInOneRecord) && end(octets) < 9 + len {
            return Ok(true);
        }
        let version = [octets[9], octets[10]];
        if version >= TLS_1_2 {
            return Ok(false);
        }
        let old = self.has(Fault::TlsOldAccepted);
        let answer = if old { server_hello(version) } else { PROTOCOL_VERSION.to_vec() };
        client.write_all(&answer).map_err(|_| Lack::Gone)?;
        drop(super::http::linger(input, client));
        Ok(true)
    }

    /// Passes octets on as they are, both ways.
    fn pass_on(&self, input: &Input, client: &TcpStream) -> io::Result<()> {
        let mut inside = TcpStream::connect(self.inside)?;
        inside.write_all(input.unread())?;
        let (mut from, mut to) = (client.try_clone()?, inside.try_clone()?);
        from.set_read_timeout(None)?;
        thread::spawn(move || drop(io::copy(&mut from, &mut to)));
        io::copy(&mut inside, &mut &*client)?;
        client.shutdown(Shutdown::Both)
    }

    /// Passes on what is inside, both ways.
    fn relay(
        &self,
        mut input: Input,
        client: TcpStream,
        connection: ServerConnection,
        early: &[u8],
    ) -> io::Result<()> {
        let mut inside = TcpStream::connect(self.inside)?;
        let outward = Arc::new(Outward { client, connection: Mutex::new(connection) });
        let back = thread::spawn({
            let (outward, mut inside) = (Arc::clone(&outward), inside.try_clone()?);
            let says_goodbye = !self.has(Fault::TlsNoCloseNotify);
            move || outward.pass_back(&mut inside, says_goodbye)
        });
        inside.write_all(early)?;
        loop {
            let octets = outward.open(input.unread())?;
            input.clear();
            inside.write_all(&octets)?;
            if lock(&outward.connection).wants_read() && input.fill(Deadline::Never).is_ok() {
                continue;
            }
            let cut = !outward.has_closed();
            if cut && self.has(Fault::TlsCutWaits) {
                // Nor is there an answer, as long as this is held.
                let _held = lock(&outward.connection);
                while !self.stopped.load(Ordering::SeqCst) {
                    thread::park();
                }
            }
            inside.shutdown(Shutdown::Write)?;
            break;
        }
        drop(back.join());
        Ok(())
    }
}

/// A place among those who shake hands, given back when dropped.
struct Slot<'a>(&'a AtomicUsize);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The client's side of a relay.
struct Outward {
    client: TcpStream,
    connection: Mutex<ServerConnection>,
}

impl Outward {
    /// What is inside of what came.
    fn open(&self, octets: &[u8]) -> io::Result<Vec<u8>> {
        let mut connection = lock(&self.connection);
        let opened = feed(&mut connection, octets);
        (&self.client).write_all(&pending(&mut connection))?;
        opened.map_err(io::Error::other)
    }

    fn has_closed(&self) -> bool {
        lock(&self.connection).process_new_packets().is_ok_and(|state| state.peer_has_closed())
    }

    /// Seals what comes from inside, to its end.
    fn pass_back(&self, inside: &mut TcpStream, says_goodbye: bool) -> io::Result<()> {
        let mut octets = [0; 16 * 1024];
        loop {
            let len = inside.read(&mut octets)?;
            let mut connection = lock(&self.connection);
            if len > 0 {
                connection.writer().write_all(&octets[..len])?;
            } else if says_goodbye {
                connection.send_close_notify();
            }
            (&self.client).write_all(&pending(&mut connection))?;
            if len == 0 {
                return self.client.shutdown(Shutdown::Write);
            }
        }
    }
}

/// Feeds a connection with what came; gives what was inside.
fn feed(connection: &mut ServerConnection, mut octets: &[u8]) -> Result<Vec<u8>, rustls::Error> {
    let mut opened = Vec::new();
    while !octets.is_empty() {
        if !matches!(connection.read_tls(&mut octets), Ok(1..)) {
            break;
        }
        connection.process_new_packets()?;
        // Ends with an error when there is no more for now.
        drop(connection.reader().read_to_end(&mut opened));
    }
    Ok(opened)
}

/// What a connection wants to say.
fn pending(connection: &mut ServerConnection) -> Vec<u8> {
    let mut octets = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut octets).expect("a vector takes everything");
    }
    octets
}

/// A `ServerHello` that takes up this version, and what the client offered first.
fn server_hello([major, minor]: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![HANDSHAKE_RECORD, major, minor, 0, 42, 2, 0, 0, 38, major, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    hello
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no one panics here")
}

/// The type of a record that carries handshake messages.
const HANDSHAKE_RECORD: u8 = 22;
/// TLS 1.2 as the first message has it.
const TLS_1_2: [u8; 2] = [3, 3];
/// The fatal alert `protocol_version` (RFC 8446 §6.2).
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_millis(1500);
/// Handshakes at once with `tls-few-slots`.
const SLOTS: usize = 64;
/// A client that reads nothing for so long is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
