//! Cases of the audit: one for each of its rules.
//!
//! What they do themselves is a tour of what a server answers, so that there is something to see even where no
//! other case was selected. Their verdicts are what the audit finds in all cases.

use std::time::Instant;

use super::case;
use crate::audit::{Of, PROBE, Rule};
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::next_answer;
use crate::route::Route;
use crate::verdict::Verdict;
use crate::wire::{Connection, Source};
use crate::ws::client::{Client, Event};
use crate::ws::frame::{Frame, opcode};

pub(super) fn cases() -> Vec<Case> {
    let one = |rule: &Rule| {
        let rule = *rule;
        let (id, title) = (rule.id(), rule.title());
        let case = match rule.of() {
            Of::Heads => case(Family::Audit, id, title, &[Route::Hello], heads),
            Of::Frames => case(Family::Audit, id, title, &[Route::WsEcho], frames),
        };
        Case { audits: Some(rule), ..case.rule(rule.section(), rule.strength()) }
    };
    Rule::ALL.iter().map(one).collect()
}

/// Requests of every kind that harms nobody.
async fn heads(cx: Context) -> Result<Verdict, Verdict> {
    let mut tour = Tour { cx: &cx, connection: None };
    let hello = cx.path(Route::Hello).to_owned();
    for method in ["GET", "HEAD", "OPTIONS"] {
        tour.ask(method, &hello, 1, "").await?;
    }
    tour.ask("GET", &format!("/no-such-{}", PROBE.0), 1, "").await?;
    tour.ask("GET", &hello, 1, "Host: another.example\r\n").await?;
    tour.ask("GET", &hello, 1, "Connection: close\r\n").await?;
    if cx.offers(Route::Echo) {
        let range = "Range: bytes=0-0\r\nContent-Length: 5\r\n\r\nhello";
        tour.ask("POST", cx.path(Route::Echo), 1, range).await?;
    }
    if cx.offers(Route::Stream) {
        for minor in [1, 0] {
            tour.ask("GET", &format!("{}?chunks=2&size=3", cx.path(Route::Stream)), minor, "")
                .await?;
        }
    }
    if cx.offers(Route::File) {
        let file = cx.path(Route::File).to_owned();
        let tag = tour.ask("GET", &file, 1, "").await?;
        tour.ask("HEAD", &file, 1, "").await?;
        if let Some(tag) = tag {
            tour.ask("GET", &file, 1, &format!("If-None-Match: {tag}\r\n")).await?;
        }
        for range in ["0-0", "0-0,2-2", "1000000-"] {
            tour.ask("GET", &file, 1, &format!("Range: bytes={range}\r\n")).await?;
        }
    }
    Ok(Verdict::pass("a tour of the subject's answers", "it was taken"))
}

struct Tour<'a> {
    cx: &'a Context,
    /// Open, and answering.
    connection: Option<Connection>,
}

impl Tour<'_> {
    /// Asks, whatever is answered; gives back the `ETag`. `fields` may go on behind the head with content.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        minor: u8,
        fields: &str,
    ) -> Result<Option<String>, Verdict> {
        let cx = self.cx;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => cx.connect(Route::Hello, Source::Case).await?,
        };
        let (host, signature) = (&cx.endpoint(Route::Hello).authority, cx.signature());
        let end = if fields.contains("\r\n\r\n") { "" } else { "\r\n" };
        let request =
            format!("{method} {path} HTTP/1.{minor}\r\nHost: {host}\r\n{signature}{fields}{end}");
        connection.send(request.as_bytes(), cx.answer_by()).await;
        let answer = next_answer(&mut connection, method, cx.answer_by()).await;
        let crate::http::exchange::Answer::Response(response) = answer else { return Ok(None) };
        if !response.announces_close() && response.status != 101 {
            self.connection = Some(connection);
        }
        Ok(response.field("etag").map(str::to_owned))
    }
}

/// Messages and control frames of every kind, on three connections: closed in order, closed with a message
/// behind, broken.
async fn frames(cx: Context) -> Result<Verdict, Verdict> {
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    client.send(opcode::PING, "tour", cx.answer_by()).await;
    client.next(cx.answer_by()).await;
    for payload in ["", "Grüße", &"*".repeat(126), &"*".repeat(65_536)] {
        client.send(opcode::TEXT, payload, cx.answer_by()).await;
        client.next(cx.answer_by()).await;
    }
    client.send(opcode::BINARY, [0xff; 125], cx.answer_by()).await;
    client.next(cx.answer_by()).await;
    client.send(opcode::CLOSE, [], cx.answer_by()).await;
    until_end(&cx, client).await;

    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let mut octets = Vec::new();
    for (opcode, payload) in
        [(opcode::CLOSE, &[3, 0xe8][..]), (opcode::TEXT, b"late"), (opcode::PING, b"")]
    {
        Frame::new(opcode, payload, client.key()).encode(&mut octets);
    }
    client.connection().send(&octets, cx.answer_by()).await;
    until_end(&cx, client).await;

    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    client.send(3, [], cx.answer_by()).await;
    until_end(&cx, client).await;
    Ok(Verdict::pass("a tour of the subject's frames", "it was taken"))
}

/// Takes in whatever comes until the subject ends the connection, or has long been silent.
async fn until_end(cx: &Context, mut client: Client) {
    let deadline = Instant::now() + cx.timing().answer;
    while !matches!(client.next(deadline).await, Event::Ended | Event::Silence) {}
}
