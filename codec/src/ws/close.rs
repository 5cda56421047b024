//! The closing handshake: who has sent a Close frame, and what is due next.
//!
//! Source: RFC 6455 §5.5.1 (Close frame), §7.1.1–7.1.4 (handshake), §7.4 (status codes).
//! Pure state: no bytes, no clock, no socket. How long to wait for the peer's Close
//! is the caller's choice.
//!
//! ```text
//!          send              recv
//!   Open ────────▶ Sent ──────────────▶ Closed
//!     │    recv              send          ▲
//!     └──────────▶ Received ───────────────┘
//! ```

use super::error::{Misuse, Violation};
use super::header::MAX_CONTROL_LEN;

/// Where this endpoint stands in the closing handshake.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::{Closing, Due};
///
/// let mut closing = Closing::default();
/// assert_eq!(closing.recv(), Ok(Due::Reply)); // the peer closes first
/// assert_eq!(closing.send(), Ok(Due::Disconnect)); // our reply completes it
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Closing {
    /// Neither side has sent Close.
    #[default]
    Open,
    /// We sent Close and wait for the peer's.
    Sent,
    /// The peer sent Close and waits for ours.
    Received,
    /// Both sent Close: the handshake is complete.
    Closed,
}

impl Closing {
    /// Records that our Close frame was queued.
    ///
    /// # Errors
    ///
    /// [`Misuse::CloseTwice`] if we already sent one; the state is unchanged.
    pub fn send(&mut self) -> Result<Due, Misuse> {
        let (next, due) = match self {
            Self::Open => (Self::Sent, Due::Wait),
            Self::Received => (Self::Closed, Due::Disconnect),
            Self::Sent | Self::Closed => return Err(Misuse::CloseTwice),
        };
        *self = next;
        Ok(due)
    }

    /// Records that the peer's Close frame arrived.
    ///
    /// # Errors
    ///
    /// [`Violation::AfterClose`] if the peer already sent one; the state is unchanged.
    pub fn recv(&mut self) -> Result<Due, Violation> {
        let (next, due) = match self {
            Self::Open => (Self::Received, Due::Reply),
            Self::Sent => (Self::Closed, Due::Disconnect),
            Self::Received | Self::Closed => return Err(Violation::AfterClose),
        };
        *self = next;
        Ok(due)
    }

    /// Whether data may still go out: until our Close, so that a message already
    /// begun can be finished before the reply (§5.5.1).
    #[must_use]
    pub fn can_send_data(self) -> bool {
        matches!(self, Self::Open | Self::Received)
    }

    /// Whether frames of the peer still count: until its Close (§5.5.1).
    #[must_use]
    pub fn can_recv(self) -> bool {
        matches!(self, Self::Open | Self::Sent)
    }
}

/// What the caller must do next.
#[must_use = "the handshake stalls unless the caller acts on this"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    /// Close the TCP connection: a server at once, a client once the server has (§7.1.1).
    Disconnect,
    /// Send a Close frame, normally with the peer's own code.
    Reply,
    /// Wait for the peer's Close, for at most the close timeout.
    Wait,
}

/// The longest reason that fits into a Close frame beside the code, in bytes (§5.5, §5.5.1).
pub const MAX_REASON_LEN: usize = MAX_CONTROL_LEN - 2;

/// As much of `reason` as a Close frame can carry, cut between two characters.
///
/// # Examples
///
/// ```
/// use seawall_codec::ws::close::fit_reason;
///
/// assert_eq!(fit_reason("going away"), "going away");
/// assert_eq!(fit_reason(&"é".repeat(100)), "é".repeat(61));
/// ```
#[must_use]
pub fn fit_reason(reason: &str) -> &str {
    let mut len = reason.len().min(MAX_REASON_LEN);
    while !reason.is_char_boundary(len) {
        len -= 1;
    }
    &reason[..len]
}

#[cfg(test)]
mod tests {
    use super::Closing::{Closed, Open, Received, Sent};
    use super::*;

    #[test]
    fn every_state_and_event() {
        let sent_twice = Err(Misuse::CloseTwice);
        let got_twice = Err(Violation::AfterClose);
        let table = [
            (Open, Ok((Sent, Due::Wait)), Ok((Received, Due::Reply))),
            (Sent, sent_twice, Ok((Closed, Due::Disconnect))),
            (Received, Ok((Closed, Due::Disconnect)), got_twice),
            (Closed, sent_twice, got_twice),
        ];
        for (state, on_send, on_recv) in table {
            let mut after = state;
            assert_eq!(after.send().map(|due| (after, due)), on_send, "{state:?} send");
            assert_eq!(state.can_send_data(), on_send.is_ok());
            let mut after = state;
            assert_eq!(after.recv().map(|due| (after, due)), on_recv, "{state:?} recv");
            assert_eq!(state.can_recv(), on_recv.is_ok());
        }
    }
}
