//! A socket as the reactor sees it: what it is ready for, and who waits for that.
//!
//! Each descriptor is registered once, for everything, edge-triggered. Readiness is remembered in
//! flags, so that a task that finds its flag set goes straight to the socket, and one that has
//! emptied the socket clears the flag and waits. An event counts up a number beside the flags; a
//! flag is cleared only if that number still is what it was before the socket was tried, so no
//! event in between is lost.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use super::poller::{Event, Events};
use super::{Reactor, register};
use crate::life::lock;
use crate::turn;

const READABLE: u32 = 1;
const WRITABLE: u32 = 2;
/// The peer will send no more: reading never has to wait again.
const ENDED: u32 = 4;
/// What an event adds: the rest of the number counts events, and may wrap.
const EVENT: u32 = 8;

/// Which way octets go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// To us; for a listener, connections.
    In,
    /// To the peer.
    Out,
}

impl Direction {
    fn flag(self) -> u32 {
        match self {
            Self::In => READABLE,
            Self::Out => WRITABLE,
        }
    }
}

/// Shared by a socket and the reactor.
pub(super) struct Source {
    state: AtomicU32,
    waiting: Mutex<Waiting>,
}

/// Who is to be woken: the last task that asked, for each direction.
#[derive(Default)]
struct Waiting {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Waiting {
    fn slot(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::In => &mut self.reader,
            Direction::Out => &mut self.writer,
        }
    }
}

impl Source {
    /// Ready with the state seen, once the direction is worth a try.
    fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<u32> {
        let ready = |state: u32| state & (direction.flag()) != 0;
        let state = self.state.load(Ordering::Acquire);
        if ready(state) {
            return Poll::Ready(state);
        }
        let mut waiting = lock(&self.waiting);
        let slot = waiting.slot(direction);
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *slot = Some(cx.waker().clone());
        }
        drop(waiting);
        // An event sets the flag before it takes the lock: it has found the waker, or we find the
        // flag.
        let state = self.state.load(Ordering::SeqCst);
        if ready(state) { Poll::Ready(state) } else { Poll::Pending }
    }

    /// Forgets a readiness that proved wrong or used up, unless an event came after `seen`.
    fn clear(&self, flags: u32, seen: u32) {
        let mut state = seen;
        while state / EVENT == seen / EVENT {
            let next = state & !flags;
            match self.state.compare_exchange(state, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(other) => state = other, // the other direction was cleared, or an event came
            }
        }
    }

    fn happened(&self, event: Event, wakers: &mut Vec<Waker>) {
        let mut flags = 0;
        for (is, flag) in
            [(event.readable, READABLE), (event.writable, WRITABLE), (event.ended, ENDED)]
        {
            if is {
                flags |= flag;
            }
        }
        let set = |state: u32| Some((state | flags).wrapping_add(EVENT));
        let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::Relaxed, set);
        let mut waiting = lock(&self.waiting);
        if event.readable {
            wakers.extend(waiting.reader.take());
        }
        if event.writable {
            wakers.extend(waiting.writer.take());
        }
    }
}

/// A non-blocking socket that the reactor watches.
pub(crate) struct Watched<T> {
    io: T,
    source: Registration,
}

/// A place in the reactor's table, given back when dropped.
struct Registration {
    source: Arc<Source>,
    token: u64,
}

impl<T: AsFd> Watched<T> {
    /// Has the reactor watch `io`, which must be non-blocking already.
    ///
    /// `ready`: whether a first try is worth it before the system has said so. It is for a socket
    /// that is connected or listens, and saves a wait whenever the peer was quicker.
    pub(crate) fn new(io: T, ready: bool) -> io::Result<Self> {
        let source = Arc::new(Source {
            state: AtomicU32::new(if ready { READABLE | WRITABLE } else { 0 }),
            waiting: Mutex::default(),
        });
        let token = register(&source, io.as_fd())?;
        Ok(Self { io, source: Registration { source, token } })
    }

    pub(crate) fn get_ref(&self) -> &T {
        &self.io
    }

    /// Hands the socket back; it stays non-blocking.
    pub(crate) fn into_inner(self) -> io::Result<T> {
        Reactor::get()?.poller.remove(self.io.as_fd())?;
        Ok(self.io)
    }

    /// Ready once the direction is worth a try, which costs nothing while it is not.
    pub(crate) fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<()> {
        self.source.source.poll_ready(direction, cx).map(drop)
    }

    /// Tries `operation` whenever the direction is ready, until it would no longer block.
    ///
    /// `drained` tells from a success that there is nothing more: fewer octets moved than there
    /// was room for. A second try would only be told so by the system.
    pub(crate) fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
        drained: impl FnOnce(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        ready!(turn::poll_left(cx));
        let source = &self.source.source;
        loop {
            let seen = ready!(source.poll_ready(direction, cx));
            match operation(&self.io) {
                Ok(done) => {
                    turn::spend();
                    // After the end of the peer's octets no event will come: the next try sees it.
                    let ended = direction == Direction::In && seen & ENDED != 0;
                    if !ended && drained(&done) {
                        source.clear(direction.flag(), seen);
                    }
                    return Poll::Ready(Ok(done));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    source.clear(direction.flag(), seen);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.io.fmt(f)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Ok(reactor) = Reactor::get() {
            let source = lock(&reactor.table).remove(self.token);
            drop(source);
            reactor.wait_for_one_less();
        }
    }
}

/// Rows that an empty table keeps; with more, it gives its memory back.
const KEPT: usize = 64;

/// All sources, by their tokens: index and generation, so that a late event of a socket that is
/// gone does not reach the one that came into its place.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Row {
    generation: u32,
    source: Option<Arc<Source>>,
}

impl Table {
    pub(super) fn insert(&mut self, source: Arc<Source>) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Row::default());
            self.rows.len() as u32 - 1 // descriptors are fewer
        });
        let row = &mut self.rows[index as usize];
        row.source = Some(source);
        u64::from(row.generation) << 32 | u64::from(index)
    }

    pub(super) fn remove(&mut self, token: u64) -> Option<Arc<Source>> {
        let row = self.row(token)?;
        // The last generation is never reached: token `u64::MAX` is the poller's own.
        row.generation = (row.generation + 1) % u32::MAX;
        let source = row.source.take();
        self.free.push(token as u32);
        if self.free.len() == self.rows.len() && self.rows.len() > KEPT {
            *self = Self::default();
        }
        source
    }

    fn row(&mut self, token: u64) -> Option<&mut Row> {
        let row = self.rows.get_mut(token as u32 as usize)?;
        (row.generation == (token >> 32) as u32 && row.source.is_some()).then_some(row)
    }

    /// Hands events to their sources, and gathers who waits for them.
    pub(super) fn dispatch(&mut self, events: &mut Events, wakers: &mut Vec<Waker>) {
        for event in events.drain() {
            if let Some(source) = self.row(event.token).and_then(|row| row.source.as_ref()) {
                source.happened(event, wakers);
            }
        }
    }
}
