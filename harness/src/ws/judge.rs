//! Running a row: frames out, events in, and who closes how.

use async_io::Timer;
use futures_lite::future::yield_now;

use super::client::{Client, Event};
use super::frame::opcode;
use super::row::{Close, Row, Step, Write};
use super::sequences::{Sequences, describe};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Outcome, Verdict};
use crate::wire::Source;

/// Runs the row against the echo route.
pub(crate) async fn run(row: &Row, cx: &Context) -> Verdict {
    run_inner(row, cx).await.unwrap_or_else(|verdict| verdict)
}

async fn run_inner(row: &Row, cx: &Context) -> Result<Verdict, Verdict> {
    let sequences = row.sequences().map_err(broken_row)?;
    let client = Client::open(cx, Route::WsEcho, Source::Case).await?;
    let mut run = Run { row, cx, client, sequences, log: Vec::new() };
    run.send().await?;
    match row.close {
        Close::Ours => {
            run.listen().await?;
            run.client.send(opcode::CLOSE, 1000_u16.to_be_bytes(), cx.answer_by()).await;
            run.closing().await
        }
        Close::Sent | Close::Broken => run.closing().await,
        Close::Theirs => run.failing().await,
    }
}

struct Run<'a> {
    row: &'a Row,
    cx: &'a Context,
    client: Client,
    sequences: Sequences,
    /// What came so far.
    log: Vec<Event>,
}

impl Run<'_> {
    async fn send(&mut self) -> Result<(), Verdict> {
        let mut octets = Vec::new();
        for step in &self.row.send {
            match step {
                Step::Frame(row) => {
                    let key = self.client.key();
                    row.frame(key).map_err(broken_row)?.encode(&mut octets);
                    if matches!(self.row.write, Write::Frames) {
                        self.flush(&mut octets).await;
                    }
                }
                Step::Until { until } => {
                    self.flush(&mut octets).await;
                    while self.log.len() < *until {
                        match self.client.next(self.cx.answer_by()).await {
                            event @ (Event::Message { .. } | Event::Pong(_)) => {
                                self.log.push(event);
                            }
                            event => return Err(event.unexpected(format!("event {until}"))),
                        }
                    }
                }
            }
        }
        self.flush(&mut octets).await;
        Ok(())
    }

    async fn flush(&mut self, octets: &mut Vec<u8>) {
        let size = match self.row.write {
            Write::Chop(size) => size,
            Write::Together | Write::Frames => octets.len(),
        };
        for segment in octets.chunks(size.max(1)) {
            // The subject may fail the connection in the middle: what it says is read later.
            if !self.client.connection().send(segment, self.cx.answer_by()).await {
                break;
            }
            match self.row.write {
                Write::Together => {}
                Write::Frames => _ = Timer::after(self.cx.timing().pause).await,
                Write::Chop(_) => yield_now().await,
            }
        }
        octets.clear();
    }

    /// Waits for all that is expected before we close.
    async fn listen(&mut self) -> Result<(), Verdict> {
        while !self.sequences.end_with(&self.log) {
            match self.client.next(self.cx.answer_by()).await {
                event @ (Event::Message { .. } | Event::Pong(_)) => self.log.push(event),
                Event::Silence if self.sequences.contain(&self.log) => break,
                event => return Err(event.unexpected(self.sequences.describe())),
            }
            self.sequences.check(&self.log)?;
        }
        Ok(())
    }

    /// Our Close is out: the subject answers it, and then ends the connection.
    async fn closing(&mut self) -> Result<Verdict, Verdict> {
        let codes = self.row.codes();
        let expected = format!("Close {}, then the end of the connection", spell_codes(codes));
        let (outcome, got) = loop {
            let event = self.client.next(self.cx.answer_by()).await;
            match &event {
                Event::Close { code, .. } if code.is_none_or(|code| codes.contains(&code)) => {
                    break (Outcome::Pass, event.describe());
                }
                Event::Close { code: Some(code), .. } if self.row.lenient.contains(code) => {
                    break (Outcome::Warn, event.describe());
                }
                Event::Ended if self.row.close == Close::Broken => {
                    break (Outcome::Pass, event.describe());
                }
                Event::Message { .. } | Event::Pong(_) => {
                    self.log.push(event);
                    self.sequences.check(&self.log)?;
                }
                Event::Ping(_)
                | Event::Close { .. }
                | Event::Ended
                | Event::Silence
                | Event::Fault { .. } => {
                    return Err(event.unexpected(expected));
                }
            }
        };
        self.complete(&got)?;
        let event = self.client.next(self.cx.answer_by()).await;
        match event {
            Event::Ended => {
                let got = format!("{got}, then the end of the connection");
                Ok(Verdict::new(outcome, expected, got))
            }
            Event::Silence => {
                let patience = spell(self.cx.timing().answer);
                let got = format!("{got}, but the connection was still open {patience} later");
                Err(Verdict::fail(expected, got))
            }
            event => Err(event.unexpected(expected)),
        }
    }

    /// What we sent is a violation: the subject must fail the connection (RFC 6455 §7.1.7).
    async fn failing(&mut self) -> Result<Verdict, Verdict> {
        let tolerated = self.row.tolerated().map_err(broken_row)?;
        let codes = self.row.codes();
        let expected = format!("the subject closes with {}", spell_codes(codes));
        let event = loop {
            match self.client.next(self.cx.answer_by()).await {
                event @ (Event::Message { .. } | Event::Pong(_)) => self.log.push(event),
                event => break event,
            }
            if !tolerated.is_empty() && self.log == tolerated {
                return Ok(Verdict::warn(expected, format!("tolerated: {}", describe(&self.log))));
            }
            self.sequences
                .check(&self.log)
                .map_err(|verdict| Verdict { expected: expected.clone(), ..verdict })?;
        };
        let got = event.describe();
        self.complete(&got)?;
        Ok(match &event {
            Event::Close { code: Some(code), .. } if codes.contains(code) => {
                Verdict::pass(expected, got)
            }
            // §7.1.7: an endpoint SHOULD send a Close frame, with a status code that fits.
            Event::Close { code: None, .. } | Event::Ended => Verdict::warn(expected, got),
            Event::Silence => {
                let patience = spell(self.cx.timing().answer);
                Verdict::fail(expected, format!("nothing: still open after {patience}"))
            }
            _ => event.unexpected(expected),
        })
    }

    /// # Errors
    ///
    /// The verdict, where something is missing of what was to come before the end.
    fn complete(&self, end: &str) -> Result<(), Verdict> {
        if self.sequences.contain(&self.log) {
            return Ok(());
        }
        Err(Verdict::fail(
            self.sequences.describe(),
            format!("{}, then {end}", describe(&self.log)),
        ))
    }
}

fn spell_codes(codes: &[u16]) -> String {
    codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")
}

fn broken_row(why: String) -> Verdict {
    Verdict::new(Outcome::Error, "a catalogue row that can be sent", why)
}
