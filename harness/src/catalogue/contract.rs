//! Routes of the contract that say something about the server beneath them: content of every
//! size, content as it is produced, a push, a refusal, an expectation.

use std::time::{Duration, Instant};

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::Response;
use crate::http::exchange::{Answer, get, next_answer};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Read, Source, text};
use crate::ws::client::{Client, Event, handshake};
use crate::ws::frame::opcode;

pub(super) fn http_cases() -> Vec<Case> {
    use Family::Http;
    vec![
        case(Http, "content/sizes", "Content of every size arrives whole", &[Route::Bytes], sizes)
            .rule("RFC 9110 §8.6", Strength::Must),
        case(Http, "content/stream", "Content is sent as it is produced", &[Route::Stream], stream)
            .rule("RFC 9112 §6.3, §7.1", Strength::Must),
        case(
            Http,
            "content/stream-1.0",
            "Content of unknown length, to a client of HTTP/1.0",
            &[Route::Stream],
            stream_1_0,
        )
        .rule("RFC 9112 §6.1", Strength::Must),
        case(Http, "EXP-01", "Content is withheld until 100 (Continue)", &[Route::Echo], withheld)
            .rule("RFC 9110 §10.1.1", Strength::Must),
    ]
}

pub(super) fn websocket_cases() -> Vec<Case> {
    use Family::Ws;
    vec![
        case(Ws, "push", "A push reaches a client that sends nothing", &[Route::WsPush], push)
            .rule("RFC 6455 §1.1", Strength::Hardening),
        case(Ws, "reject", "A handshake can be refused", &[Route::WsReject], reject)
            .rule("RFC 6455 §4.2.2, §7.4.1", Strength::Must),
    ]
}

/// The octets that `bytes` answers with (`docs/subject-contract.md`).
fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

async fn sizes(cx: Context) -> Result<Verdict, Verdict> {
    let sizes = [0, 1, 125, 4_095, 4_096, 16_384, 65_535, 65_536, 1_000_000];
    let mut connection = cx.connect(Route::Bytes, Source::Case).await?;
    for size in sizes {
        connection.send(&get(&cx, Route::Bytes, &format!("?n={size}")), cx.answer_by()).await;
        let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
        let whole =
            |response: &Response| response.status == 200 && response.content == pattern(size);
        match &answer {
            Answer::Response(response) if whole(response) => {
                if response.announces_close() {
                    connection = cx.connect(Route::Bytes, Source::Case).await?;
                }
            }
            _ => {
                return Err(Verdict::fail(
                    format!("200 with {size} octets of the pattern"),
                    answer.describe(),
                ));
            }
        }
    }
    Ok(Verdict::pass("each size, octet for octet", format!("so it was with {} sizes", sizes.len())))
}

/// Pieces a tenth of a second apart: the first must not wait for the last.
async fn stream(cx: Context) -> Result<Verdict, Verdict> {
    const PIECES: usize = 4;
    let mut connection = cx.connect(Route::Stream, Source::Case).await?;
    let began = Instant::now();
    connection
        .send(
            &get(&cx, Route::Stream, &format!("?chunks={PIECES}&size=100&ms=100")),
            cx.answer_by(),
        )
        .await;
    let first = loop {
        match connection.read(cx.answer_by()).await {
            Read::Data if connection.unread().contains(&b'x') => break began.elapsed(),
            Read::Data => {}
            _ => return Err(Verdict::fail("the first piece", "nothing of the content came")),
        }
    };
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let total = began.elapsed();
    let expected = format!("{PIECES} pieces of 100 octets, each as it is produced");
    match &answer {
        Answer::Response(response)
            if response.status == 200 && response.content == [b'x'; 100 * PIECES] => {}
        _ => return Err(Verdict::fail(expected, answer.describe())),
    }
    // Three pauses lie between the first piece and the last; half of that tells them apart.
    let outcome = if total.saturating_sub(first) > Duration::from_millis(150) {
        Outcome::Pass
    } else {
        Outcome::Warn
    };
    let got = format!(
        "the first came after {} ms, the last after {} ms",
        first.as_millis(),
        total.as_millis()
    );
    Ok(Verdict::new(outcome, expected, got))
}

/// Such a client knows no chunks: the end of the connection is the end of the content.
async fn stream_1_0(cx: Context) -> Result<Verdict, Verdict> {
    let (path, host) = (cx.path(Route::Stream), &cx.endpoint(Route::Stream).authority);
    let request = format!("GET {path}?chunks=2&size=10&ms=0 HTTP/1.0\r\nHost: {host}\r\n\r\n");
    let mut connection = cx.connect(Route::Stream, Source::Case).await?;
    connection.send(request.as_bytes(), cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let expected = "20 octets without Transfer-Encoding, then the end of the connection";
    let Answer::Response(response) = &answer else {
        return Err(Verdict::fail(expected, answer.describe()));
    };
    if response.field("transfer-encoding").is_some() {
        return Err(Verdict::fail(expected, "an answer with Transfer-Encoding"));
    }
    if response.status == 505 {
        return Ok(Verdict::pass("or a refusal of HTTP/1.0", answer.describe()));
    }
    let sound = response.status == 200 && response.content == [b'x'; 20];
    let outcome = if sound { Outcome::Pass } else { Outcome::Fail };
    Ok(Verdict::new(outcome, expected, answer.describe()))
}

async fn withheld(cx: Context) -> Result<Verdict, Verdict> {
    let (path, host) = (cx.path(Route::Echo), &cx.endpoint(Route::Echo).authority);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
    );
    let mut connection = cx.connect(Route::Echo, Source::Case).await?;
    connection.send(head.as_bytes(), cx.answer_by()).await;
    let expected = "100 (Continue), or a final status, before the content";
    if connection.read(cx.answer_by()).await != Read::Data {
        return Err(Verdict::fail(
            expected,
            "the subject waits for the content that the client withholds",
        ));
    }
    if connection.unread().starts_with(b"HTTP/1.1 100") {
        connection.send(b"hello", cx.answer_by()).await;
    }
    let answer = next_answer(&mut connection, "POST", cx.answer_by()).await;
    match &answer {
        Answer::Response(response) if response.interim == [100] && response.content == b"hello" => {
            Ok(Verdict::pass(expected, "100, and the content was echoed"))
        }
        Answer::Response(response) if response.interim.is_empty() && response.status >= 400 => {
            Ok(Verdict::pass(expected, answer.describe()))
        }
        Answer::Response(response) => {
            let got = format!(
                "{:?}, then {} with {}",
                response.interim,
                response.status,
                text::quoted(&response.content, 64)
            );
            Err(Verdict::fail(expected, got))
        }
        _ => Err(Verdict::fail(expected, answer.describe())),
    }
}

async fn push(cx: Context) -> Result<Verdict, Verdict> {
    const MESSAGES: usize = 5;
    let query = format!("?n={MESSAGES}&ms=20");
    let mut client = Client::open_with(&cx, Route::WsPush, &query, Source::Case).await?;
    for i in 0..MESSAGES {
        let expected = Event::Message { opcode: opcode::TEXT, payload: i.to_string().into_bytes() };
        let event = client.next(cx.answer_by()).await;
        if event != expected {
            return Err(event.unexpected(format!("{}, unasked", expected.describe())));
        }
    }
    Ok(Verdict::pass(format!("{MESSAGES} messages, unasked and in order"), "they came"))
}

async fn reject(cx: Context) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect(Route::WsReject, Source::Case).await?;
    connection.send(&handshake(&cx, Route::WsReject, ""), cx.answer_by()).await;
    let expected = "a status of 400 or above, or Close 1008 right after 101";
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    match answer.status() {
        Some(400..) => return Ok(Verdict::pass(expected, answer.describe())),
        Some(101) => {}
        _ => return Err(Verdict::fail(expected, answer.describe())),
    }
    let mut client = Client::from_upgraded(&cx, connection);
    let event = client.next(cx.answer_by()).await;
    match event {
        Event::Close { code: Some(1008), .. } => Ok(Verdict::pass(expected, event.describe())),
        _ => Err(event.unexpected(expected)),
    }
}
