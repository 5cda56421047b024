//! The listener, the connections it has open, and what they share.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use socket2::{Domain, Socket, Type};

use super::fault::{Fault, Faults};
use super::http;
use super::places::Places;

/// How the subject behaves.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// What is wrong with it.
    pub(crate) faults: Faults,
    /// A head must be complete this long after its first octet.
    pub(crate) head: Duration,
    /// Each KiB of content must arrive within this.
    pub(crate) body: Duration,
    /// A connection may wait this long for its first request.
    pub(crate) first: Duration,
    /// A connection may wait this long for its next request.
    pub(crate) idle: Duration,
    /// From one Ping to the next.
    pub(crate) ping: Duration,
    /// From a Ping to its Pong.
    pub(crate) pong: Duration,
    /// How long a WebSocket client may take nothing.
    pub(crate) write: Duration,
    /// A handler must answer within this.
    pub(crate) handler: Duration,
    /// Connections at once.
    pub(crate) connections: usize,
    /// Connections at once from one address.
    pub(crate) per_address: usize,
}

impl Default for Config {
    fn default() -> Self {
        // Not what the harness waits for an answer, two seconds: two clocks must not race.
        let limit = Duration::from_millis(1500);
        Self {
            faults: Faults::default(),
            head: limit,
            body: limit,
            first: Duration::from_secs(3),
            idle: Duration::from_secs(4),
            ping: Duration::from_secs(2),
            pong: limit,
            write: Duration::from_secs(3),
            handler: limit,
            connections: 600,
            per_address: 150,
        }
    }
}

impl Config {
    /// No limit on time that a client could run into on a busy machine.
    pub(crate) fn patient() -> Self {
        let long = Duration::from_secs(300);
        Self {
            head: long,
            body: long,
            first: long,
            idle: long,
            ping: long,
            pong: long,
            write: long,
            handler: long,
            ..Self::default()
        }
    }
}

/// A running subject; dropping it closes the listener and every connection.
///
/// `crash-kills-process` and `dies-on-refusal` mean what they say: give them a process of their own.
pub(crate) struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a subject with these faults on a free port, which waits for its clients.
    pub(crate) fn start(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::bind(0, Config { faults: faults.into_iter().collect(), ..Config::patient() })
    }

    /// Starts a subject on 127.0.0.1; port 0 means any.
    pub(crate) fn bind(port: u16, config: Config) -> Self {
        let listener = listen(port, &config.faults).expect("the port is free");
        // More than the 128 that the standard library asks for: a crowd of clients must not find the door shut.
        socket2::SockRef::from(&listener).listen(BACKLOG).expect("it listens already");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::new(config));
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { addr, shared, accepting: Some(accepting) }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until it is told to stop by SIGTERM, and what it had begun is done.
    pub(super) fn join(mut self) {
        let mut signals = Signals::new([SIGTERM]).expect("SIGTERM can be heard");
        let (shared, addr) = (Arc::clone(&self.shared), self.addr);
        thread::spawn(move || {
            for _ in signals.forever() {
                if shared.has(Fault::TermDropsRequests) {
                    std::process::exit(0);
                }
                shared.stop();
                // A connection wakes the listener, which then sees that it is over.
                drop(TcpStream::connect(addr));
            }
        });
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("accepting does not panic");
        }
        let patient = self.shared.has(Fault::TermWaitsForClients);
        let deadline = Instant::now() + DRAIN;
        while self.shared.is_serving() && (patient || Instant::now() < deadline) {
            thread::sleep(LOOK);
        }
    }
}

fn listen(port: u16, faults: &Faults) -> io::Result<TcpListener> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if !faults.has(Fault::NoAddressReuse) {
        return TcpListener::bind(addr);
    }
    // The standard library would set SO_REUSEADDR.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.close_all_but(None);
        // A connection wakes the listener, which then sees that it is over.
        drop(TcpStream::connect(self.addr));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) config: Config,
    /// A panic happened; only `crash-poisons` minds.
    pub(super) poisoned: AtomicBool,
    stopping: AtomicBool,
    next_id: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
    pub(super) places: Places,
}

/// An open connection.
struct Open {
    ip: IpAddr,
    stream: Arc<TcpStream>,
    /// Nothing is begun on it.
    waits: bool,
}

impl Shared {
    fn new(config: Config) -> Self {
        let places = Places::new(&config.faults);
        Self {
            config,
            places,
            poisoned: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
            open: Mutex::default(),
        }
    }

    /// Whether this fault was planted.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.config.faults.has(fault)
    }

    /// What a panic in a handler does beyond its own connection: nothing, if all is well.
    pub(super) fn crashed(&self, id: u64) {
        if self.has(Fault::CrashKillsProcess) {
            std::process::abort();
        }
        if self.has(Fault::CrashKillsConnections) {
            self.close_all_but(Some(id));
        }
        self.poisoned.store(true, Ordering::SeqCst);
    }

    /// The connection waits for its client to begin something, or no longer does. Returns whether it is to end
    /// instead.
    pub(super) fn waits(&self, id: u64, waits: bool) -> bool {
        if let Some(open) = self.open.lock().expect("no one panics here").get_mut(&id) {
            open.waits = waits;
        }
        self.is_stopping()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Takes no more connections, and ends those that wait.
    fn stop(&self) {
        let open = self.open.lock().expect("no one panics here");
        self.stopping.store(true, Ordering::SeqCst);
        let waiting = open.values().filter(|open| open.waits);
        for open in waiting.filter(|_| !self.has(Fault::TermWaitsForClients)) {
            drop(open.stream.shutdown(Shutdown::Read));
        }
    }

    fn is_serving(&self) -> bool {
        !self.open.lock().expect("no one panics here").is_empty()
    }

    /// Takes a place for a connection; `None` if there is none left for its address, or at all.
    fn seat(&self, stream: &Arc<TcpStream>) -> Option<u64> {
        let ip = stream.peer_addr().ok()?.ip();
        let mut open = self.open.lock().expect("no one panics here");
        let of_address = open.values().filter(|other| other.ip == ip).count();
        let full = open.len() >= self.config.connections && !self.has(Fault::NoCapInAll);
        let crowded = of_address >= self.config.per_address && !self.has(Fault::NoCapPerAddress);
        if full || crowded {
            return None;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        open.insert(id, Open { ip, stream: Arc::clone(stream), waits: false });
        Some(id)
    }

    fn close_all_but(&self, id: Option<u64>) {
        for (other, open) in self.open.lock().expect("no one panics here").iter() {
            if Some(*other) != id {
                drop(open.stream.shutdown(Shutdown::Both));
            }
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_stopping() {
            return;
        }
        let stream = match stream {
            Ok(stream) => Arc::new(stream),
            // One descriptor for each connection: where there are none, it is accept that fails.
            Err(_) if shared.has(Fault::AcceptSpins) => continue,
            // The listener stays open: clients queue there, and nobody comes for them.
            Err(_) if shared.has(Fault::AcceptStops) => return thread::park(),
            // Most likely there are no descriptors. A client may also be gone before it is accepted.
            Err(_) => {
                thread::sleep(ACCEPT_PAUSE);
                continue;
            }
        };
        // Who finds no place is closed without a word.
        let Some(id) = shared.seat(&stream) else { continue };
        let shared = Arc::clone(shared);
        if shared.has(Fault::OneAtATime) {
            serve(id, stream, &shared);
        } else {
            thread::spawn(move || serve(id, stream, &shared));
        }
    }
}

fn serve(id: u64, stream: Arc<TcpStream>, shared: &Arc<Shared>) {
    // What goes wrong with one client ends with its connection.
    drop(http::serve(id, stream, shared));
    shared.open.lock().expect("no one panics here").remove(&id);
}

/// How long the server waits for descriptors before it tries to accept again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long what was begun may take once it is told to stop.
const DRAIN: Duration = Duration::from_millis(2500);
/// Between two looks whether it is done.
const LOOK: Duration = Duration::from_millis(10);
