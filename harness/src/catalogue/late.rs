//! Content that comes late: after a pause, after the answer, after an expectation.
//!
//! A server that has answered before it read the content owes the connection one of two things: to read the
//! content all the same, or to close. The content is a request here, so that one left unread is answered.

use std::time::Instant;

use async_io::Timer;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::{Answer, Marked, Marker, next_answer};
use crate::http::template::Template;
use crate::route::Route;
use crate::verdict::{Strength, Verdict};
use crate::wire::{Connection, Read, Source, text};
use crate::ws::client::handshake;

/// Requests whose content is a request: `GET` that may have it, and what is refused before it is read.
const EARLY: &[&str] = &[
    "GET {hello} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n",
    "POST {hello} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n",
    "POST /no-such-resource HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n",
    "DELETE /no-such-resource HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n",
];
/// Both framings, where the hidden request stands behind the last chunk and within the length.
const BOTH: &str = "POST {echo} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n";
const HIDDEN: &str = "GET /no-such-resource HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// When the content is sent.
#[derive(Clone, Copy, Debug)]
enum When {
    /// With the head.
    Together,
    /// A moment behind the head.
    Apart,
    /// When the answer has come, or none comes.
    Answered,
}

impl When {
    const ALL: [Self; 3] = [Self::Together, Self::Apart, Self::Answered];

    fn describe(self) -> &'static str {
        match self {
            Self::Together => "content in one segment with the head",
            Self::Apart => "content in a segment of its own",
            Self::Answered => "content behind the answer",
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    use Family::Http;
    use Strength::Must;
    let both = [Route::Echo, Route::Hello];
    vec![
        case(
            Http,
            "CLTE-16",
            "Content after a pause, and with a pause in it",
            &[Route::Echo],
            paused,
        )
        .rule("RFC 9112 §6.3, §9.3.2", Must),
        case(Http, "CLTE-17", "Content of a GET, before and behind its answer", &both, |cx| {
            early(cx, &EARLY[..1])
        })
        .rule("RFC 9112 §9.3, RFC 9110 §9.3.1", Must),
        case(
            Http,
            "CLTE-18",
            "Content of what is refused, before and behind the answer",
            &both,
            |cx| early(cx, &EARLY[1..]),
        )
        .rule("RFC 9112 §9.3, §9.6", Must),
        case(
            Http,
            "CLTE-20",
            "Both framings, with the hidden request at once, later, and behind the answer",
            &both,
            both_framings,
        )
        .rule("RFC 9112 §6.1", Must),
        case(Http, "EXP-05", "Expect from a client of HTTP/1.0", &[Route::Echo], old_client)
            .rule("RFC 9110 §10.1.1, §15.2", Must),
        case(Http, "EXP-08", "Content behind an answer that came in place of 100", &both, anyway)
            .rule("RFC 9110 §10.1.1, RFC 9112 §9.3", Must),
        case(Http, "UPG-04", "An upgrade to h2c is ignored, or made good", &[Route::Hello], h2c)
            .rule("RFC 9110 §7.8, RFC 9113 §3.1", Must),
        case(Http, "UPG-05", "100 comes before 101", &[Route::WsEcho], continue_first)
            .rule("RFC 9110 §7.8, §10.1.1", Must),
    ]
}

/// Head and content of a template.
fn fill(cx: &Context, template: &str, route: Route) -> (Vec<u8>, Vec<u8>) {
    let template = Template::parse(template).expect("these templates are sound");
    let mut head = template.fill(cx, route);
    let end = head.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4);
    let content = head.split_off(end);
    (head, content)
}

/// Sends head and content; what is answered, and what becomes of the connection then.
async fn deliver(
    cx: &Context,
    template: &str,
    when: When,
) -> Result<(Answer, Option<Marked>), Verdict> {
    let (head, content) = fill(cx, template, Route::Hello);
    let method = template.split(' ').next().unwrap_or_default();
    let mut connection = cx.connect(Route::Hello, Source::Case).await?;
    match when {
        When::Together => {
            connection.send(&[head, content].concat(), cx.answer_by()).await;
        }
        When::Apart => {
            connection.send(&head, cx.answer_by()).await;
            Timer::after(cx.timing().pause).await;
            connection.send(&content, cx.answer_by()).await;
        }
        When::Answered => {
            connection.send(&head, cx.answer_by()).await;
            // A server may well wait for the content first.
            connection.read(Instant::now() + cx.timing().quiet).await;
            connection.send(&content, cx.answer_by()).await;
        }
    }
    let answer = next_answer(&mut connection, method, cx.answer_by()).await;
    if !matches!(answer, Answer::Response(_)) {
        return Ok((answer, None));
    }
    let Some(marker) = Marker::new(cx, Route::Hello) else { return Ok((answer, None)) };
    let marked = marker.ask(cx, &mut connection).await;
    if marked == Marked::Answered && connection.read(Instant::now()).await == Read::Data {
        let surplus = "more than one answer to the request that followed".into();
        return Ok((answer, Some(Marked::Surplus(surplus))));
    }
    Ok((answer, Some(marked)))
}

async fn early(cx: Context, heads: &[&str]) -> Result<Verdict, Verdict> {
    let expected = "the content is read, or the connection closed: nothing in it is answered";
    for head in heads {
        for when in When::ALL {
            let own = cx.untraced();
            let (answer, marked) = deliver(&own, &format!("{head}{HIDDEN}"), when).await?;
            let got = match marked {
                Some(Marked::Answered | Marked::Closed) => continue,
                None if answer == Answer::Closed => continue,
                Some(Marked::Surplus(what)) => what,
                Some(Marked::Refused(status)) => {
                    format!("the request that followed was refused with {status}")
                }
                Some(Marked::Silence) => "then neither an answer nor a close".into(),
                None => answer.describe(),
            };
            cx.trace().adopt(own.trace());
            let line = head.lines().next().unwrap_or_default();
            return Err(Verdict::fail(expected, got).at(&format!("{line}, {}", when.describe())));
        }
    }
    Ok(Verdict::pass(expected, "so it was"))
}

async fn both_framings(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "one answer, then the connection is closed";
    for when in When::ALL {
        let own = cx.untraced();
        let request = format!("{BOTH}0\r\n\r\n{HIDDEN}");
        let (answer, marked) = deliver(&own, &request, when).await?;
        let closed = matches!(marked, Some(Marked::Closed))
            || matches!((&marked, &answer), (None, Answer::Closed))
            // The end of the content was behind the hidden request, and the connection's with it.
            || matches!((&marked, answer.status()), (Some(Marked::Refused(_)), Some(400..)));
        if !closed {
            cx.trace().adopt(own.trace());
            let got = match marked {
                Some(Marked::Surplus(what)) => what,
                Some(Marked::Answered) => "the request that followed was answered".into(),
                _ => answer.describe(),
            };
            return Err(Verdict::fail(expected, got).at(when.describe()));
        }
    }
    Ok(Verdict::pass(expected, "so it was, whenever the hidden request came"))
}

/// The content that a handler gets does not depend on when it comes.
async fn paused(cx: Context) -> Result<Verdict, Verdict> {
    let requests = [
        "POST {echo} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n",
        "POST {echo} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    let chunked = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    for (head, content) in requests.iter().zip([HIDDEN.to_owned(), chunked]) {
        let (head, content) = fill(&cx, &format!("{head}{content}"), Route::Echo);
        for cut in [0, 1, content.len() / 2, content.len() - 1] {
            let own = cx.untraced();
            let mut connection = own.connect(Route::Echo, Source::Case).await?;
            for piece in [&head[..], &content[..cut], &content[cut..]] {
                connection.send(piece, cx.answer_by()).await;
                Timer::after(cx.timing().pause * 2).await;
            }
            let answer = next_answer(&mut connection, "POST", cx.answer_by()).await;
            let expected = format!("2xx with content {HIDDEN:?}");
            let whole = matches!(&answer, Answer::Response(response)
                if response.status / 100 == 2 && response.content == HIDDEN.as_bytes());
            if !whole {
                cx.trace().adopt(own.trace());
                let at = format!("a pause behind octet {cut} of the content");
                return Err(Verdict::fail(expected, answer.describe()).at(&at));
            }
        }
    }
    Ok(Verdict::pass("the content, whenever it comes", "it was echoed"))
}

/// Whether an interim response has come.
fn is_interim(connection: &Connection) -> bool {
    connection.unread().starts_with(b"HTTP/1.1 1")
        && !connection.unread().starts_with(b"HTTP/1.1 101")
}

/// "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation."
async fn old_client(cx: Context) -> Result<Verdict, Verdict> {
    let request = "POST {echo} HTTP/1.0\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    let (head, content) = fill(&cx, request, Route::Echo);
    let mut connection = cx.connect(Route::Echo, Source::Case).await?;
    connection.send(&head, cx.answer_by()).await;
    let expected = "no interim response: HTTP/1.0 knows none";
    let early = connection.read(Instant::now() + cx.timing().quiet).await;
    if early == Read::Data && is_interim(&connection) {
        let got = text::quoted(connection.unread(), 64);
        return Err(Verdict::fail(expected, got).with(connection.unread()));
    }
    if early == Read::Silence {
        connection.send(&content, cx.answer_by()).await;
    }
    let answer = next_answer(&mut connection, "POST", cx.answer_by()).await;
    match &answer {
        Answer::Response(response) if !response.interim.is_empty() => Err(Verdict::fail(
            expected,
            format!("{:?} before {}", response.interim, response.status),
        )),
        Answer::Response(_) => Ok(Verdict::pass(expected, answer.describe())),
        _ => Err(Verdict::fail("a final response", answer.describe())),
    }
}

/// A client may send its content whatever comes in place of 100.
async fn anyway(cx: Context) -> Result<Verdict, Verdict> {
    let requests = [
        "POST {hello} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n",
        "POST {echo} HTTP/1.1\r\nHost: {host}\r\nExpect: 200-ok\r\nContent-Length: {length}\r\n\r\n",
        "POST /no-such-resource HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n",
    ];
    let expected = "the content is read, or the connection closed: nothing in it is answered";
    for request in requests {
        let own = cx.untraced();
        let (answer, marked) = deliver(&own, &format!("{request}{HIDDEN}"), When::Answered).await?;
        let got = match marked {
            Some(Marked::Answered | Marked::Closed) => continue,
            None if answer == Answer::Closed => continue,
            Some(Marked::Surplus(what)) => what,
            _ => answer.describe(),
        };
        cx.trace().adopt(own.trace());
        let line = request.lines().next().unwrap_or_default();
        return Err(Verdict::fail(expected, got).at(line));
    }
    Ok(Verdict::pass(expected, "so it was"))
}

/// Whoever answers 101 goes on with HTTP/2, which begins with SETTINGS (RFC 9113 §3.4).
async fn h2c(cx: Context) -> Result<Verdict, Verdict> {
    const SETTINGS: u8 = 4;
    let request = "GET {hello} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let (head, _) = fill(&cx, request, Route::Hello);
    let mut connection = cx.connect(Route::Hello, Source::Case).await?;
    connection.send(&head, cx.answer_by()).await;
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let expected = "an answer as without Upgrade, or 101 and HTTP/2 behind it";
    match &answer {
        Answer::Response(response) if response.status == 101 => {
            connection
                .send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", cx.answer_by())
                .await;
            while connection.unread().len() < 9 {
                if connection.read(cx.answer_by()).await != Read::Data {
                    return Err(Verdict::fail(expected, "101, and no HTTP/2 behind it"));
                }
            }
            if connection.unread()[3] != SETTINGS {
                let got = "101, and something else than SETTINGS behind it";
                return Err(Verdict::fail(expected, got).with(connection.unread()));
            }
            Ok(Verdict::pass(expected, "101, and HTTP/2 behind it"))
        }
        Answer::Response(response) if response.status < 500 => {
            Ok(Verdict::pass(expected, answer.describe()))
        }
        _ => Err(Verdict::fail(expected, answer.describe())),
    }
}

/// "If a server receives both an Upgrade and an Expect header field with the \"100-continue\" expectation, the
/// server MUST send a 100 (Continue) response before sending a 101 (Switching Protocols) response."
async fn continue_first(cx: Context) -> Result<Verdict, Verdict> {
    let head = String::from_utf8_lossy(&handshake(&cx, Route::WsEcho, "")).into_owned();
    let fields = "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let head = format!("{}{fields}", head.trim_end_matches("\r\n").to_owned() + "\r\n");
    let mut connection = cx.connect(Route::WsEcho, Source::Case).await?;
    connection.send(head.as_bytes(), cx.answer_by()).await;
    let expected = "100, or a final status other than 101, while the content is withheld";
    if connection.read(cx.answer_by()).await != Read::Data {
        let got = match connection.ended() {
            Some(_) => return Ok(Verdict::warn(expected, "the connection was closed")),
            None => "the subject waits for the content that the client withholds",
        };
        return Err(Verdict::fail(expected, got));
    }
    if is_interim(&connection) {
        return Ok(Verdict::pass(expected, "100"));
    }
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    match answer.status() {
        Some(101) | None => Err(Verdict::fail(expected, answer.describe())),
        Some(_) => Ok(Verdict::pass(expected, answer.describe())),
    }
}
