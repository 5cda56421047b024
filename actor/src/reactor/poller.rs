//! What the system says about descriptors: epoll, edge-triggered.
//!
//! Not `polling`, on which async-io stands: as of 3.11 its epoll backend rearms its notifier, and a
//! timer descriptor, around every wait, which is two or three `epoll_ctl` calls and a
//! `timerfd_settime` that we have no use for. `rustix` offers the calls themselves, and safely.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

/// Events taken by one wait. With more at hand the next wait brings the rest; the list of one
/// thread is 3 KiB.
const BATCH: usize = 256;

/// The token of the bell; no source has it.
const BELL: u64 = u64::MAX;

pub(super) struct Poller {
    epoll: OwnedFd,
    /// Written to end a wait. Edge-triggered too: each write is an event, and nobody reads it.
    bell: OwnedFd,
}

/// What one wait brought.
pub(super) struct Events(Vec<epoll::Event>);

/// Something happened to a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) token: u64,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer will send no more, or the socket is broken: reading finds out which.
    pub(super) ended: bool,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, bell })
    }

    /// Watches a descriptor from here until it is closed, for whatever happens to it.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), flags)?)
    }

    /// Stops watching a descriptor that stays open. What is closed needs no word: epoll forgets it,
    /// which saves a call for each connection. (A copy of the descriptor elsewhere keeps it known;
    /// events with a token that is no longer in use are then ignored.)
    pub(super) fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits for events; for ever if there is no timeout.
    pub(super) fn wait(&self, events: &mut Events, timeout: Option<Duration>) {
        events.0.clear();
        // The kernel rounds its waits down to the nanosecond, so a timer is never met too early by
        // more than the clock's own grain; timers count in milliseconds, rounded up.
        let timeout = timeout.map(|span| Timespec::try_from(span).unwrap_or(LONGEST));
        // EINTR is all that can come here: a wait that brought nothing.
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events.0), timeout.as_ref());
    }

    /// Ends the wait of whoever waits, or the next one.
    pub(super) fn ring(&self) {
        if rustix::io::write(&self.bell, &1_u64.to_ne_bytes()).is_err() {
            // Full after 2⁶⁴ - 2 rings without a read, which empties it.
            let _ = rustix::io::read(&self.bell, &mut [0; 8]);
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }
}

impl Events {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(BATCH))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the events, save for rings of the bell.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.0.drain(..).filter(|event| event.data.u64() != BELL).map(|event| {
            // Copied out: the system's struct is packed.
            let (flags, token) = (event.flags, event.data.u64());
            let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            let ended = broken || flags.contains(EventFlags::RDHUP);
            Event {
                token,
                readable: ended || flags.contains(EventFlags::IN),
                writable: broken || flags.contains(EventFlags::OUT),
                ended,
            }
        })
    }
}

/// A day: who waited that long waits again.
const LONGEST: Timespec = Timespec { tv_sec: 24 * 60 * 60, tv_nsec: 0 };

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
