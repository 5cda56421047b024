//! Opening handshakes that take more than a request and its status: content, subprotocols, what comes before and
//! behind them on the connection.

use std::time::Instant;

use futures_lite::future::yield_now;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::{Answer, get, next_answer};
use crate::http::template::handshake_key;
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event, handshake, handshake_asking, handshake_fault};
use crate::ws::frame::{Frame, opcode};

const PROTOCOL: &str = "sec-websocket-protocol";

pub(super) fn cases() -> Vec<Case> {
    use Strength::{May, Must, Should};
    vec![
        ws("01", "The sample key has the sample answer", "RFC 6455 §1.3, §4.2.2", Must, sample),
        ws("09", "A handshake and a message, octet by octet", "RFC 6455 §4.1", May, early),
        ws("21", "A handshake with content", "RFC 9112 §6.3", Must, content),
        ws("22", "A handshake with chunked content", "RFC 9112 §6.3", Must, chunked),
        ws("23", "A handshake that expects 100", "RFC 9110 §7.8, §10.1.1", May, expects),
        ws("24", "Of two subprotocols one is selected, or none", "RFC 6455 §4.2.2", Must, two),
        ws("25", "No subprotocol is invented", "RFC 6455 §4.2.2", Must, invented),
        ws("31", "Behind a 101 comes nothing but frames", "RFC 9110 §15.2, §8.6", Must, bare),
        case(
            Family::Ws,
            "handshake/36",
            "A handshake behind another request",
            &[Route::WsEcho, Route::Hello],
            behind,
        )
        .rule("RFC 9112 §9.3", Should),
        ws("37", "A request behind a handshake is no frame", "RFC 6455 §4.1, §5.2", May, before),
    ]
}

fn ws<F, Fut>(number: &str, title: &str, section: &str, strength: Strength, run: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    let id = format!("handshake/{number}");
    case(Family::Ws, &id, title, &[Route::WsEcho], run).rule(section, strength)
}

async fn sample(cx: Context) -> Result<Verdict, Verdict> {
    let (path, host) = (cx.path(Route::WsEcho), &cx.endpoint(Route::WsEcho).authority);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\n{}Upgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        cx.signature(),
    );
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    connection.send(request.as_bytes(), cx.answer_by()).await;
    let expected = "101 with Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    match next_answer(&mut connection, "GET", cx.answer_by()).await {
        Answer::Response(response) if response.status == 101 => {
            let accept = response.field("sec-websocket-accept").unwrap_or("nothing");
            let verdict = if accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
                Verdict::pass
            } else {
                Verdict::fail
            };
            Ok(verdict(expected, format!("101 with {accept}")))
        }
        answer => Err(Verdict::fail(expected, answer.describe()).with(connection.unread())),
    }
}

/// No client may do so, but what is cut so may come so: the answer is on its way when the frame's octets arrive.
async fn early(cx: Context) -> Result<Verdict, Verdict> {
    let mut octets = handshake(&cx.anonymous(), Route::WsEcho, "");
    let key = cx.random().u32(..).to_be_bytes();
    Frame::new(opcode::TEXT, "early", key).encode(&mut octets);
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    for octet in octets {
        connection.send(&[octet], cx.answer_by()).await;
        yield_now().await; // so that the system may send it by itself
    }
    let mut client = Client::accept_hurried(&cx, connection).await?;
    let echo = Event::Message { opcode: opcode::TEXT, payload: b"early".to_vec() };
    match client.next(cx.answer_by()).await {
        event if event == echo => {
            Ok(Verdict::pass("101, then the message comes back", "so it did"))
        }
        event => Err(event.unexpected(echo.describe())),
    }
}

async fn content(cx: Context) -> Result<Verdict, Verdict> {
    let content = frame_as_content(&cx);
    let fields = format!("Content-Length: {}\r\n", content.len());
    with_content(&cx, &fields, &content).await
}

async fn chunked(cx: Context) -> Result<Verdict, Verdict> {
    let content = frame_as_content(&cx);
    let head = format!("{:x}\r\n", content.len());
    let octets = [head.as_bytes(), &content, b"\r\n0\r\n\r\n"].concat();
    with_content(&cx, "Transfer-Encoding: chunked\r\n", &octets).await
}

/// Content that could be taken for a frame.
fn frame_as_content(cx: &Context) -> Vec<u8> {
    Frame::new(opcode::TEXT, "content", cx.random().u32(..).to_be_bytes()).octets()
}

/// Content belongs to its request, however sound a frame it would be.
async fn with_content(cx: &Context, fields: &str, content: &[u8]) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    let request = [&handshake_asking(cx, fields)[..], content].concat();
    connection.send(&request, cx.answer_by()).await;
    let expected = "a refusal, or 101 and the content consumed";
    match next_answer(&mut connection, "GET", cx.answer_by()).await {
        Answer::Response(response) if response.status == 101 => {}
        answer @ Answer::Response(_) => return Ok(Verdict::pass(expected, answer.describe())),
        answer @ Answer::Closed => return Ok(Verdict::warn(expected, answer.describe())),
        answer => return Err(Verdict::fail(expected, answer.describe()).with(connection.unread())),
    }
    let mut client = Client::from_upgraded(cx, connection);
    client
        .echoes(cx, "behind the content")
        .await
        .map_err(|verdict| Verdict { expected: expected.into(), ..verdict.at("101, and then") })?;
    Ok(Verdict::pass(expected, "101, and the content was consumed"))
}

/// "If a server receives both an Upgrade and an Expect header field with the "100-continue" expectation, the server
/// MUST send a 100 (Continue) response before sending a 101"; but §10.1.1 lets it omit the 100 where the request has no
/// content, as here. So it is no more than good manners towards a client that waits.
async fn expects(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "100 and then 101, or a refusal";
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    let request = handshake_asking(&cx, "Expect: 100-continue\r\n");
    connection.send(&request, cx.answer_by()).await;
    match next_answer(&mut connection, "GET", cx.answer_by()).await {
        Answer::Response(response) if response.status == 101 => {
            if let Some(fault) = handshake_fault(&response, &handshake_key(&cx)) {
                return Err(Verdict::fail(expected, fault));
            }
            match response.interim[..] {
                [100, ..] => Ok(Verdict::pass(expected, "100, then 101")),
                // Of a request without content it may be left out (RFC 9110 §10.1.1); http/UPG-05 sends some.
                _ => Err(Verdict::warn(expected, "101, and no 100 before it")),
            }
        }
        Answer::Response(response) => {
            Ok(Verdict::pass(expected, format!("a refusal by {}", response.status)))
        }
        answer => Err(Verdict::fail(expected, answer.describe()).with(connection.unread())),
    }
}

async fn two(cx: Context) -> Result<Verdict, Verdict> {
    let fields = "Sec-WebSocket-Protocol: chat, superchat\r\n";
    let got = selected(&cx, fields, &["chat", "superchat"]).await?;
    Ok(Verdict::pass("one of those on offer, or none", got))
}

async fn invented(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "one of those on offer, or none";
    let mut worst = Verdict::pass(expected, "none was");
    for (what, fields) in [
        ("the same one twice", "Sec-WebSocket-Protocol: chat, chat\r\n"),
        ("on two lines", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n"),
        ("beside what is no token", "Sec-WebSocket-Protocol: chat, no token\r\n"),
        ("in large letters", "Sec-WebSocket-Protocol: CHAT\r\n"),
    ] {
        let offered: &[&str] =
            if what == "in large letters" { &["CHAT"] } else { &["chat", "superchat"] };
        match selected(&cx, fields, offered).await {
            Ok(_) => {}
            // What is no list of tokens may be refused; so may a list that is one in two lines.
            Err(verdict) if verdict.got.contains("answered 400") => {
                worst = worst.worse(Verdict::warn(expected, verdict.got).at(what));
            }
            Err(verdict) => return Err(verdict.at(what)),
        }
    }
    Ok(worst)
}

/// Which subprotocol the subject selects.
///
/// # Errors
///
/// The verdict where it is none of those on offer, or where the handshake fails.
async fn selected(cx: &Context, fields: &str, offered: &[&str]) -> Result<String, Verdict> {
    let (mut client, response) = Client::open_asking(cx, fields, |name| name == PROTOCOL).await?;
    let answers: Vec<String> = response
        .all(PROTOCOL)
        .map(|value| String::from_utf8_lossy(value).trim().to_owned())
        .collect();
    let got = match &answers[..] {
        [] => "none".to_owned(),
        [one] if offered.contains(&&one[..]) => one.clone(),
        others => {
            let got = format!("Sec-WebSocket-Protocol: {}", others.join(", and again: "));
            return Err(Verdict::fail("one of those on offer, or none", got));
        }
    };
    client.echoes(cx, "hello").await?;
    Ok(got)
}

async fn bare(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, response) = Client::open_asking(&cx, "", |_| false).await?;
    let expected = "101 without content or a length, and nothing before we speak";
    for field in ["content-length", "transfer-encoding"] {
        if let Some(value) = response.field(field) {
            return Err(Verdict::fail(expected, format!("101 with {field}: {value}")));
        }
    }
    match client.next(Instant::now() + cx.timing().quiet).await {
        Event::Silence => {}
        event => return Err(event.unexpected(expected)),
    }
    client.echoes(&cx, "hello").await?;
    client.close(&cx).await?;
    Ok(Verdict::pass(expected, "so it was"))
}

async fn behind(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "2xx, then 101 on the same connection";
    if cx.endpoint(Route::Hello) != cx.endpoint(Route::WsEcho) {
        let got = "HTTP and WebSocket are served in different places";
        return Ok(Verdict::new(Outcome::Skip, expected, got));
    }
    let mut worst = Verdict::pass(expected, "so it was, pipelined and one after the other");
    for pipelined in [false, true] {
        let what = if pipelined { "pipelined" } else { "one after the other" };
        let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
        let upgrade = handshake(&cx, Route::WsEcho, "");
        let mut octets = get(&cx, Route::Hello, "");
        if pipelined {
            octets.extend(&upgrade);
        }
        connection.send(&octets, cx.answer_by()).await;
        match next_answer(&mut connection, "GET", cx.answer_by()).await {
            Answer::Response(response) if response.announces_close() => {
                // A server need not keep connections, and this one has said that it does not.
                let got = format!("{}, announcing close", response.status);
                worst = worst.worse(Verdict::warn(expected, got).at(what));
                continue;
            }
            Answer::Response(response) if response.status / 100 == 2 => {}
            answer => return Err(Verdict::fail(expected, answer.describe()).at(what)),
        }
        if !pipelined {
            connection.send(&upgrade, cx.answer_by()).await;
        }
        let mut client = Client::accept(&cx, connection).await.map_err(|v| v.at(what))?;
        client.echoes(&cx, "hello").await.map_err(|verdict| verdict.at(what))?;
    }
    Ok(worst)
}

/// What follows the handshake is WebSocket: `GET` is a frame with RSV1, of a reserved kind, without a mask.
async fn before(cx: Context) -> Result<Verdict, Verdict> {
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    let request = handshake(&cx, Route::WsEcho, "");
    connection.send(&request.repeat(2), cx.answer_by()).await;
    let mut client = Client::accept_hurried(&cx, connection).await?;
    client.fails(&cx, &[1002]).await?;
    Ok(Verdict::pass("101, then Close 1002", "so it was"))
}
