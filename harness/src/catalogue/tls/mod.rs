//! TLS: how handshakes begin, go wrong and end, and that none of it is at anybody else's cost.
//!
//! Cryptography is not judged; the harness's own client does it. What goes over the TLS port beside
//! handshakes is written here octet by octet.

mod crowd;
mod hello;
mod names;

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::http::exchange::{Answer, next_answer};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::tls::Cut;
use crate::wire::{Connection, Read, Source, text};

pub(super) fn cases() -> Vec<Case> {
    use Strength::{Hardening, Must, Should};
    let case = |id, title, action: fn(Context) -> _| {
        case(Family::Tls, id, title, &[Route::Hello], action).over_tls()
    };
    let mut cases = vec![
        case("request", "A request over TLS", |cx| Box::pin(request(cx)) as super::Judging)
            .rule("RFC 9110 §4.2.2", Must),
        case("version-1.3", "TLS 1.3 is spoken", |cx| Box::pin(version(cx)))
            .rule("RFC 9325 §3.1.1", Should),
        case("old-version", "A client of TLS 1.0 or 1.1", |cx| Box::pin(old_versions(cx)))
            .rule("RFC 8996 §4, §5", Must),
        case("hello-octets", "A handshake octet by octet", |cx| Box::pin(octets(cx)))
            .rule("RFC 8446 §5.1", Must),
        case("hello-records", "A first message in several records", |cx| Box::pin(records(cx)))
            .rule("RFC 8446 §5.1", Must),
        case("close-notify", "The end of the last answer", |cx| Box::pin(close_notify(cx)))
            .rule("RFC 8446 §6.1", Must),
        case("cut", "A client that ends without close_notify", |cx| Box::pin(cut(cx)))
            .rule("RFC 8446 §6.1", Hardening),
        case("plain-http", "Plain HTTP on the TLS port", |cx| Box::pin(plain_http(cx)))
            .rule("RFC 9110 §4.2.2", Hardening),
        case("garbage", "Octets that are no handshake", |cx| Box::pin(garbage(cx)))
            .rule("RFC 8446 §6.2", Hardening),
        case("abort", "Clients that leave in the middle of a handshake", |cx| Box::pin(abort(cx)))
            .rule("RFC 8446 §6", Hardening),
    ];
    cases.extend(crowd::cases());
    cases.push(names::case());
    cases
}

/// A healthy client: a handshake and a request.
async fn newcomer(cx: &Context, source: Source) -> Result<(), Verdict> {
    let mut connection = cx.connect_tls(source).await?;
    ask(cx, &mut connection).await
}

async fn ask(cx: &Context, connection: &mut Connection) -> Result<(), Verdict> {
    connection.send(&get(cx, ""), cx.answer_by()).await;
    let answer = next_answer(connection, "GET", cx.answer_by()).await;
    if answer.status().is_some_and(|status| (200..300).contains(&status)) {
        return Ok(());
    }
    let patience = spell(cx.timing().answer);
    let expected = format!("GET {} is answered 2xx within {patience}", cx.path(Route::Hello));
    Err(Verdict::fail(expected, answer.describe()))
}

/// A request for the plainest route, as it goes over the TLS port.
fn get(cx: &Context, fields: &str) -> Vec<u8> {
    let (path, host) = (cx.path(Route::Hello), &cx.tls_endpoint().authority);
    let signature = cx.signature();
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{signature}{fields}\r\n").into_bytes()
}

async fn request(cx: Context) -> Result<Verdict, Verdict> {
    newcomer(&cx, Source::Case).await?;
    Ok(Verdict::pass("a handshake, then 2xx", "so it was"))
}

async fn version(cx: Context) -> Result<Verdict, Verdict> {
    let connection = cx.connect_tls(Source::Case).await?;
    let version = connection.tls_version();
    let outcome = if version == "TLS 1.3" { Outcome::Pass } else { Outcome::Fail };
    Ok(Verdict::new(outcome, "TLS 1.3 with a client that knows both", version))
}

async fn old_versions(cx: Context) -> Result<Verdict, Verdict> {
    let mut worst = old_version(&cx, 1, "TLS 1.0").await;
    let other = old_version(&cx, 2, "TLS 1.1").await;
    if other.outcome > worst.outcome {
        worst = other;
    }
    Ok(worst)
}

/// RFC 8446 §4.1.3 has the server abort by `protocol_version` (70).
async fn old_version(cx: &Context, minor: u8, name: &str) -> Verdict {
    const PROTOCOL_VERSION: u8 = 70;
    let answer = async {
        let mut connection = cx.connect_raw(Source::Case).await?;
        connection.send(&hello::old(minor, &mut cx.random()), cx.answer_by()).await;
        while connection.read(cx.answer_by()).await == Read::Data {}
        Ok::<_, Verdict>(connection)
    };
    let expected = "refused by the alert protocol_version";
    let connection = match answer.await {
        Ok(connection) => connection,
        Err(verdict) => return verdict,
    };
    let (outcome, got) = match connection.unread() {
        [21, _, _, 0, 2, _, PROTOCOL_VERSION, ..] => (Outcome::Pass, "it was".to_owned()),
        [21, _, _, 0, 2, _, alert, ..] => (Outcome::Warn, format!("refused by alert {alert}")),
        [] if connection.ended().is_some() => (Outcome::Warn, "closed without an alert".into()),
        [] => (Outcome::Fail, "nothing".into()),
        [22, ..] => (Outcome::Fail, "the handshake goes on".into()),
        octets => (Outcome::Fail, text::quoted(octets, 64)),
    };
    Verdict::new(outcome, expected, got).with(connection.unread()).at(name)
}

async fn octets(cx: Context) -> Result<Verdict, Verdict> {
    slowly(&cx, &|octets| octets.chunks(1).map(<[u8]>::to_vec).collect()).await
}

async fn records(cx: Context) -> Result<Verdict, Verdict> {
    // Of what follows the first message, some is encrypted, and cannot be cut any more.
    let first = Cell::new(true);
    let cut = |octets: &[u8]| {
        if first.take() { vec![hello::in_records(octets, 20)] } else { vec![octets.to_vec()] }
    };
    slowly(&cx, &cut).await
}

/// Shakes hands in pieces, and asks.
async fn slowly(cx: &Context, cut: Cut<'_>) -> Result<Verdict, Verdict> {
    let began = Instant::now();
    let outcome = async {
        let mut connection = cx.connect_raw(Source::Case).await?;
        cx.secure(&mut connection, cut).await?;
        ask(cx, &mut connection).await
    };
    let outcome = outcome.await;
    let limit = cx.limits().handshake.unwrap_or(Duration::MAX);
    if outcome.is_err() && began.elapsed() > limit / 2 {
        // Then it was we who were slow, and are rightly cut off.
        let got = format!("it took {}: this machine is too busy", spell(began.elapsed()));
        let expected = format!("the pieces are sent well within {}", spell(limit));
        return Err(Verdict::new(Outcome::Error, expected, got));
    }
    outcome?;
    Ok(Verdict::pass("a handshake as in one piece, then 2xx", "so it was"))
}

async fn close_notify(cx: Context) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect_tls(Source::Case).await?;
    connection.send(&get(&cx, "Connection: close\r\n"), cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let expected = "2xx, close_notify, and the end of the connection";
    if answer.status().is_none_or(|status| status / 100 != 2) {
        return Err(Verdict::fail(expected, answer.describe()));
    }
    while connection.read(cx.answer_by()).await == Read::Data {}
    match connection.ended() {
        Some(Read::Ended) => Ok(Verdict::pass(expected, "so it was")),
        Some(_) => Err(Verdict::fail(expected, "an end without close_notify")),
        None => Err(Verdict::fail(expected, "the connection stays open")),
    }
}

/// What was cut off is not to be taken for whole, nor waited for.
async fn cut(cx: Context) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect_tls(Source::Attacker).await?;
    let request = get(&cx, "");
    connection.send(&request[..request.len() - 4], cx.answer_by()).await;
    connection.cut();
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let expected = "the connection is closed, and others are served";
    match &answer {
        Answer::Closed => {}
        Answer::Response(response) if response.status >= 400 => {}
        _ => return Err(Verdict::fail(expected, answer.describe())),
    }
    newcomer(&cx, Source::Victim).await?;
    Ok(Verdict::pass(expected, answer.describe()))
}

async fn plain_http(cx: Context) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect_raw(Source::Attacker).await?;
    connection.send(&get(&cx, ""), cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let expected = "an error or a redirection in plain HTTP, or a close; no content";
    match &answer {
        Answer::Response(response) if response.status >= 300 => {}
        Answer::Closed => {}
        // An alert.
        Answer::Malformed(_) if connection.unread().first() == Some(&21) => {}
        _ => return Err(Verdict::fail(expected, answer.describe()).with(connection.unread())),
    }
    newcomer(&cx, Source::Victim).await?;
    Ok(Verdict::pass(expected, answer.describe()))
}

async fn garbage(cx: Context) -> Result<Verdict, Verdict> {
    let table: [(&str, &[u8]); 6] = [
        ("zeros", &[0; 64]),
        ("a hello of SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80"),
        ("a heartbeat", b"\x18\x03\x02\x00\x03\x01\x40\x00"),
        ("data before a handshake", b"\x17\x03\x03\x00\x05hello"),
        ("a record longer than any", b"\x16\x03\x01\xff\xff\x01\x00\xff\xfb\x03\x03"),
        ("an alert", b"\x15\x03\x01\x00\x02\x02\x28"),
    ];
    let expected = "an alert, a plain 400 or nothing, and the end of the connection";
    for (name, octets) in table {
        let mut connection = cx.connect_raw(Source::Attacker).await?;
        connection.send(octets, cx.answer_by()).await;
        // A subject with a deadline would close in the end; it is to know better.
        while connection.read(cx.answer_by()).await == Read::Data {}
        let octets = connection.unread();
        // Some servers take everything that is no TLS for plain HTTP, and say so.
        let refused = matches!(octets, [] | [21, ..]) || octets.starts_with(b"HTTP/1.1 400 ");
        if !refused || connection.ended().is_none() {
            let got = match connection.unread() {
                [] => "the connection stays open".into(),
                octets => text::quoted(octets, 64),
            };
            return Err(Verdict::fail(expected, got).with(connection.unread()).at(name));
        }
    }
    newcomer(&cx, Source::Victim).await?;
    Ok(Verdict::pass(expected, "so it was with each of them"))
}

async fn abort(cx: Context) -> Result<Verdict, Verdict> {
    const ROUNDS: usize = 10;
    for round in 0..ROUNDS {
        // They are all alike: the first round stands for them in the trace.
        let cx = if round == 0 { cx.clone() } else { cx.untraced() };
        let hello = cx.hello()?;
        drop(cx.connect_raw(Source::Attacker).await?);
        let mut half = cx.connect_raw(Source::Attacker).await?;
        half.send(&hello[..hello.len() / 2], cx.answer_by()).await;
        half.reset();
        let mut whole = cx.connect_raw(Source::Attacker).await?;
        whole.send(&hello, cx.answer_by()).await;
        // The subject has answered: it has begun to count on us.
        whole.read(cx.answer_by()).await;
        whole.reset();
    }
    newcomer(&cx, Source::Victim).await?;
    let got = format!("they are, after {} that left", 3 * ROUNDS);
    Ok(Verdict::pass("others are served on", got))
}
