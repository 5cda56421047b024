//! A request that the event hook is to hear of once it is answered.

use std::net::SocketAddr;
use std::time::Instant;

use seawall_actor::time;
use seawall_codec::http::{RequestHead, Status};

use crate::Event;
use crate::output::{give_back, lend};
use crate::server::Shared;

/// What an event tells about a request whose head is gone by then.
pub(crate) struct Watched {
    /// Method and target, one behind the other, in a buffer of the thread's.
    text: String,
    method_len: usize,
    since: Instant,
}

impl Watched {
    pub(crate) fn new(head: &RequestHead<'_>) -> Self {
        // Empty, so it is text.
        let mut text = String::from_utf8(lend()).unwrap_or_default();
        text.push_str(head.method());
        let method_len = text.len();
        text.push_str(head.target());
        Self { text, method_len, since: time::now() }
    }

    pub(crate) fn report(self, peer: SocketAddr, status: Status, shared: &Shared) {
        let (method, target) = self.text.split_at(self.method_len);
        let duration = time::now().saturating_duration_since(self.since);
        shared.report(&Event::Answered { peer, method, target, status, duration });
        give_back(self.text.into_bytes());
    }
}
