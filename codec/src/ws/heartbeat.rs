//! Is the peer still there? Pings at an interval, and a deadline for each Pong.
//!
//! Source: RFC 6455 §5.5.2, §5.5.3. Pure state: time is an argument, and so is the
//! payload, which a peer must not be able to foresee.
//!
//! ```text
//!            interval over: Ping
//!  Resting ───────────────────────▶ Waiting ──────▶ given up
//!     ▲     Pong with that payload     │    timeout over
//!     └────────────────────────────────┘
//! ```

use core::time::Duration;

use super::code::CloseCode;

/// When to send the next Ping, and when to stop waiting for its Pong.
///
/// Instants are spans since any one moment that the caller chooses, such as the
/// start of the connection.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use seawall_codec::ws::{Beat, Heartbeat};
///
/// let second = Duration::from_secs;
/// let mut heartbeat = Heartbeat::new(second(30), second(10), second(0));
/// assert_eq!(heartbeat.poll_timeout(), second(30));
/// assert_eq!(heartbeat.handle_timeout(second(30), *b"rand"), Some(Beat::Ping(*b"rand")));
/// assert_eq!(heartbeat.handle_pong(b"other", second(31)), None); // does not count
/// assert_eq!(heartbeat.handle_pong(b"rand", second(32)), Some(second(2)));
/// assert_eq!(heartbeat.poll_timeout(), second(60));
///
/// assert_eq!(heartbeat.handle_timeout(second(60), *b"more"), Some(Beat::Ping(*b"more")));
/// assert_eq!(heartbeat.handle_timeout(second(70), *b"    "), Some(Beat::GiveUp));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// Milliseconds, a quarter as large as [`Duration`].
    interval: u32,
    timeout: u32,
    state: State,
}

/// Instants here are in nanoseconds: half as large as [`Duration`], and enough for 584 years.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The next Ping is due at this instant.
    Resting { ping_at: u64 },
    /// The Ping with this payload left at `sent_at`.
    Waiting { payload: [u8; 4], sent_at: u64 },
}

/// What is due.
#[must_use = "the heartbeat stops unless the caller acts on this"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Beat {
    /// Send a Ping with this payload.
    Ping([u8; 4]),
    /// The peer is gone: close with [`Heartbeat::CODE`] and [`Heartbeat::REASON`],
    /// then disconnect without waiting.
    GiveUp,
}

impl Heartbeat {
    /// The close code for a peer that did not answer.
    pub const CODE: CloseCode = CloseCode::GOING_AWAY;

    /// The close reason that goes with it.
    pub const REASON: &str = "pong timeout";

    /// A heartbeat whose first Ping is due one `interval` from `now`; for each Pong
    /// it waits `timeout`. Both are rounded up to milliseconds; 49 days and more are for
    /// ever. A `timeout` longer than the `interval` holds the next Ping back.
    #[must_use]
    pub fn new(interval: Duration, timeout: Duration, now: Duration) -> Self {
        let (interval, timeout) = (millis(interval), millis(timeout));
        let state = State::Resting { ping_at: after(nanos(now), interval) };
        Self { interval, timeout, state }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Duration {
        let nanos = match self.state {
            State::Resting { ping_at } => ping_at,
            State::Waiting { sent_at, .. } => after(sent_at, self.timeout),
        };
        if nanos == u64::MAX { Duration::MAX } else { Duration::from_nanos(nanos) }
    }

    /// Says what is due at `now`; `None` if it is too early. `payload` is the next
    /// Ping's if there is one: random, so that no Pong can be sent in advance.
    pub fn handle_timeout(&mut self, now: Duration, payload: [u8; 4]) -> Option<Beat> {
        if now < self.poll_timeout() {
            return None;
        }
        match self.state {
            State::Resting { .. } => {
                self.state = State::Waiting { payload, sent_at: nanos(now) };
                Some(Beat::Ping(payload))
            }
            State::Waiting { .. } => Some(Beat::GiveUp),
        }
    }

    /// Takes note of a Pong. Gives the round trip if it answers the Ping that is
    /// out; any other Pong does not count.
    pub fn handle_pong(&mut self, pong: &[u8], now: Duration) -> Option<Duration> {
        match self.state {
            State::Waiting { payload, sent_at } if pong == payload => {
                self.state = State::Resting { ping_at: after(sent_at, self.interval) };
                Some(Duration::from_nanos(nanos(now).saturating_sub(sent_at)))
            }
            State::Waiting { .. } | State::Resting { .. } => None,
        }
    }

    /// Says that the Ping left only now, because output was backed up: the wait for
    /// its Pong begins here. A peer that reads slowly is not a peer that is gone.
    pub fn handle_flushed(&mut self, now: Duration) {
        if let State::Waiting { sent_at, .. } = &mut self.state {
            *sent_at = nanos(now).max(*sent_at);
        }
    }

    /// Whether a Pong is waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Says that nothing was read from `since` to `now`. That time does not count: the Pong may
    /// have come, and lie behind what kept the reader busy.
    pub fn handle_unread(&mut self, since: Duration, now: Duration) {
        if let State::Waiting { sent_at, .. } = &mut self.state {
            let unread = nanos(now).saturating_sub(nanos(since));
            *sent_at = sent_at.saturating_add(unread).min(nanos(now));
        }
    }
}

/// The same in whole milliseconds; more than they can count is for ever.
fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// The instant so many milliseconds after another.
fn after(instant: u64, millis: u32) -> u64 {
    match millis {
        u32::MAX => u64::MAX,
        millis => instant.saturating_add(u64::from(millis) * 1_000_000),
    }
}

/// The same in nanoseconds; more than they can count is for ever.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_late_pong_brings_the_next_ping_at_once() {
        let mut heartbeat = Heartbeat::new(ms(50), ms(1000), ms(0));
        assert_eq!(heartbeat.handle_timeout(ms(49), [0; 4]), None);
        assert_eq!(heartbeat.handle_timeout(ms(50), [1; 4]), Some(Beat::Ping([1; 4])));
        assert_eq!(heartbeat.handle_timeout(ms(1049), [2; 4]), None);
        assert_eq!(heartbeat.handle_pong(&[1; 4], ms(1049)), Some(ms(999)));
        assert_eq!(heartbeat.poll_timeout(), ms(100));
        assert_eq!(heartbeat.handle_timeout(ms(1049), [3; 4]), Some(Beat::Ping([3; 4])));
    }

    #[test]
    fn only_the_payload_that_is_out_counts() {
        let mut heartbeat = Heartbeat::new(ms(50), ms(10), ms(0));
        assert_eq!(heartbeat.handle_pong(&[1; 4], ms(10)), None, "unsolicited");
        assert_eq!(heartbeat.handle_timeout(ms(50), [1; 4]), Some(Beat::Ping([1; 4])));
        for stale in [&[0; 4][..], &[1; 3], &[1; 5], b""] {
            assert_eq!(heartbeat.handle_pong(stale, ms(51)), None);
        }
        assert_eq!(heartbeat.handle_timeout(ms(60), [2; 4]), Some(Beat::GiveUp));
    }

    #[test]
    fn the_wait_begins_when_the_ping_has_left() {
        let mut heartbeat = Heartbeat::new(ms(50), ms(10), ms(0));
        heartbeat.handle_flushed(ms(20));
        assert_eq!(heartbeat.poll_timeout(), ms(50), "no Ping is out");
        assert_eq!(heartbeat.handle_timeout(ms(50), [1; 4]), Some(Beat::Ping([1; 4])));
        heartbeat.handle_flushed(ms(58));
        assert_eq!(heartbeat.poll_timeout(), ms(68));
    }

    #[test]
    fn what_was_not_read_is_not_waited_for() {
        let mut heartbeat = Heartbeat::new(ms(50), ms(10), ms(0));
        heartbeat.handle_unread(ms(0), ms(20));
        assert_eq!(heartbeat.poll_timeout(), ms(50), "no Ping is out");
        assert_eq!(heartbeat.handle_timeout(ms(50), [1; 4]), Some(Beat::Ping([1; 4])));
        heartbeat.handle_unread(ms(55), ms(155));
        assert_eq!(heartbeat.poll_timeout(), ms(160), "what of the wait had passed has passed");
        heartbeat.handle_flushed(ms(158));
        heartbeat.handle_unread(ms(156), ms(159));
        assert_eq!(heartbeat.poll_timeout(), ms(169), "never longer than from now on");
        assert_eq!(heartbeat.handle_pong(&[1; 4], ms(161)), Some(ms(2)));
    }

    #[test]
    fn without_an_end_of_time() {
        let heartbeat = Heartbeat::new(Duration::MAX, ms(1), ms(1));
        assert_eq!(heartbeat.poll_timeout(), Duration::MAX);
        let heartbeat = Heartbeat::new(ms(u64::from(u32::MAX)), ms(1), ms(1));
        assert_eq!(heartbeat.poll_timeout(), Duration::MAX);
        let heartbeat = Heartbeat::new(ms(u64::from(u32::MAX) - 1), ms(1), ms(1));
        assert_eq!(heartbeat.poll_timeout(), ms(u64::from(u32::MAX)));
    }

    #[test]
    fn spans_are_rounded_up() {
        let heartbeat = Heartbeat::new(Duration::from_micros(1), ms(1), ms(0));
        assert_eq!(heartbeat.poll_timeout(), ms(1), "a span that is not zero does not become it");
    }
}
