//! Many requests whose handlers stall at the same time.

use std::time::Instant;

use super::{Context, Outcome, Verdict, skip};
use crate::http::exchange::{Answer, get, next_answer};
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::wire::{Connection, Source};

/// Connections that come from one address, lest a cap on those answers for the handlers.
const EACH: usize = 50;
/// Of the connections that are promised, those left to healthy clients.
const SPARE: usize = 8;

/// Clients that ask for what stalls, each on a connection of its own.
pub(super) struct Crowd(Vec<Client>);

struct Client {
    connection: Connection,
    /// What it was answered, once it was.
    answer: Answer,
}

impl Crowd {
    /// How many of `wanted` can be had, by what the subject promises.
    pub(super) fn size(cx: &Context, wanted: usize) -> Result<usize, Verdict> {
        let room = cx.limits().connections.map_or(wanted, |count| count.saturating_sub(SPARE));
        if room == 0 {
            let got = format!("no more than {SPARE} are promised");
            return Err(skip("connections for a crowd beside healthy clients", got));
        }
        Ok(room.min(wanted))
    }

    /// Connects so many, or as many as are let in.
    pub(super) async fn gather(cx: &Context, route: Route, count: usize) -> Result<Self, Verdict> {
        let each = cx.limits().connections_per_address.unwrap_or(EACH).clamp(1, EACH);
        let mut crowd = Vec::new();
        for i in 0..count {
            // They are all alike: one stands for them in the trace.
            let traced = if i == 0 { cx.clone() } else { cx.untraced() };
            let place = u8::try_from(i / each).unwrap_or(u8::MAX);
            match traced.elsewhere(place).connect(route, Source::Attacker).await {
                Ok(connection) => crowd.push(Client { connection, answer: Answer::Silence }),
                // To knock again and again would take the time of a deadline each.
                Err(verdict) if verdict.outcome == Outcome::Fail => break,
                Err(ours) => return Err(ours),
            }
        }
        Ok(Self(crowd))
    }

    /// Asks on all connections.
    pub(super) async fn ask(&mut self, cx: &Context, route: Route, query: &str) {
        let request = get(cx, route, query);
        let by = cx.answer_by();
        for client in &mut self.0 {
            client.connection.send(&request, by).await;
        }
    }

    /// What they were answered until then; a moment that has passed has nobody wait.
    pub(super) async fn answers(&mut self, by: Instant) -> Tally {
        let waiting = self.0.iter_mut().filter(|client| client.answer == Answer::Silence);
        side_by_side(waiting.map(async |client: &mut Client| {
            client.answer = next_answer(&mut client.connection, "GET", by).await;
        }))
        .await;
        let mut tally = Tally::default();
        self.0.iter().for_each(|client| tally.count(&client.answer));
        tally
    }

    /// The clients go: some say so, others vanish.
    pub(super) fn leave(self) {
        for (i, client) in self.0.into_iter().enumerate() {
            if i % 2 == 0 {
                client.connection.reset();
            }
        }
    }
}

/// What became of the requests of a crowd.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    /// Their handlers ended and answered.
    pub(super) done: usize,
    /// Refused, given up or closed: at any rate over, and told.
    pub(super) over: usize,
    /// Nothing came, or nothing that makes sense.
    pub(super) open: usize,
}

impl Tally {
    pub(super) fn all(self) -> usize {
        self.done + self.over + self.open
    }

    fn count(&mut self, answer: &Answer) {
        match answer {
            Answer::Response(response) if response.status == 200 => self.done += 1,
            Answer::Response(_) | Answer::Closed => self.over += 1,
            Answer::Silence | Answer::Http2 | Answer::Malformed(_) => self.open += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;

    #[test]
    fn who_was_refused_was_not_served_and_does_not_wait() {
        let answered = |status| Answer::Response(Response { status, ..Response::default() });
        let mut tally = Tally::default();
        for answer in [answered(200), answered(503), Answer::Closed, Answer::Silence] {
            tally.count(&answer);
        }
        assert_eq!(tally, Tally { done: 1, over: 2, open: 1 });
    }
}
