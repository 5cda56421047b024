//! The heartbeat of a WebSocket: a Ping at each interval, and the end of who does not answer (RFC 6455 §5.5.2).

use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::fault::{Fault, Faults};
use super::frame::{CLOSE, Output, PING};

/// Runs until it is dropped.
pub(super) struct Pulse(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    faults: Faults,
}

#[derive(Default)]
struct State {
    /// What the Ping carries that is not answered yet.
    out: Option<Vec<u8>>,
    /// The session is.
    over: bool,
}

impl Pulse {
    /// Pings at each `interval`, and waits for an answer no longer than for `timeout`.
    pub(super) fn start(
        output: Arc<Output>,
        interval: Duration,
        timeout: Duration,
        faults: Faults,
    ) -> Self {
        let timeout = if faults.has(Fault::PongHurried) { timeout / 8 } else { timeout };
        let inner = Arc::new(Inner { state: Mutex::default(), changed: Condvar::new(), faults });
        if !inner.faults.has(Fault::NoPing) {
            let inner = Arc::clone(&inner);
            thread::spawn(move || inner.beat(&output, interval, timeout));
        }
        Self(inner)
    }

    /// A Pong came; tells whether it answers the Ping that is out.
    pub(super) fn pong(&self, payload: &[u8]) -> bool {
        let mut state = self.0.state.lock().expect("no one panics here");
        let answers = state.out.as_ref().is_some_and(|out| out == payload);
        let counts = answers && !self.0.faults.has(Fault::PongForgotten);
        if counts || self.0.faults.has(Fault::AnyPongCounts) {
            state.out = None;
            self.0.changed.notify_all();
        }
        answers
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.state.lock().expect("no one panics here").over = true;
        self.0.changed.notify_all();
    }
}

impl Inner {
    fn beat(&self, output: &Output, interval: Duration, timeout: Duration) {
        let mut number = 0_u32;
        loop {
            if self.wait(interval, |_| false) {
                return;
            }
            number += 1;
            if number > 1 && self.faults.has(Fault::PingsOnce) {
                continue;
            }
            let payload = number.to_be_bytes();
            self.state.lock().expect("no one panics here").out = Some(payload.into());
            if !output.send(PING, &payload).is_ok_and(|sent| sent) {
                return;
            }
            if self.wait(timeout, |state| state.out.is_none()) {
                return;
            }
            let unanswered = self.state.lock().expect("no one panics here").out.is_some();
            if unanswered && !self.faults.has(Fault::SilenceForgiven) {
                drop(output.send(CLOSE, &1011_u16.to_be_bytes()));
                drop(output.stream().shutdown(Shutdown::Both));
                return;
            }
        }
    }

    /// Waits until this has passed, or is no longer worth waiting for; tells whether the session is over.
    fn wait(&self, span: Duration, enough: impl Fn(&State) -> bool) -> bool {
        let state = self.state.lock().expect("no one panics here");
        let goes_on = |state: &mut State| !state.over && !enough(state);
        let waited = self.changed.wait_timeout_while(state, span, goes_on);
        waited.expect("no one panics here").0.over
    }
}
