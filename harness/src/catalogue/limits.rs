//! How much a subject takes, and that it takes no more than it can bear.

use std::time::Instant;

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::{Answer, get, next_answer};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Connection, Read, Source};

/// Octets sent at a time where there is no end to them.
const BLOCK: usize = 16 << 10;
/// A head that is longer and still taken is unbounded for all that we care.
const MAX_HEAD: usize = 10 << 20;
/// Content that most servers refuse unread.
const LARGE: usize = 100 << 20;
/// Requests on one connection, and how many of them are under way at once.
const REQUESTS: usize = 10_000;
const BATCH: usize = 100;
/// The largest size that is measured.
const MEASURED: usize = 1 << 20;

pub(super) fn cases() -> Vec<Case> {
    use Family::Http;
    use Strength::{Hardening, Info};
    vec![
        case(Http, "CON-14", "Ten thousand requests on one connection", &[Route::Hello], many)
            .rule("RFC 9112 §9.3", Hardening)
            .long(),
        case(Http, "LIM-05", "A head without end", &[Route::Hello], endless)
            .rule("RFC 9110 §17.5, RFC 9112 §3", Hardening)
            .exhausting(),
        case(Http, "LIM-07", "100 MiB of content", &[Route::Echo], large)
            .rule("RFC 9110 §15.5.14", Hardening)
            .exhausting()
            .long(),
        case(Http, "LIM-08", "How much is taken", &[Route::Hello], measured)
            .rule("RFC 9110 §5.4, RFC 9112 §3", Info)
            .long(),
    ]
}

async fn many(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "an answer to each, or an end that is announced";
    let request = get(&cx, Route::Hello, "");
    let mut connection = cx.connect(Route::Hello, Source::Case).await?;
    for answered in 0..REQUESTS {
        if answered % BATCH == 0 {
            connection.send(&request.repeat(BATCH), cx.answer_by()).await;
        }
        let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
        match &answer {
            Answer::Response(response) if response.status / 100 != 2 => {
                return Err(Verdict::fail(expected, answer.describe()).at(&nth(answered)));
            }
            Answer::Response(response) if response.announces_close() => {
                let got = format!("{} requests, then the end", answered + 1);
                return Ok(Verdict::pass(expected, got));
            }
            Answer::Response(_) => {}
            _ => return Err(Verdict::fail(expected, answer.describe()).at(&nth(answered))),
        }
    }
    Ok(Verdict::pass(expected, format!("{REQUESTS} requests were answered")))
}

fn nth(answered: usize) -> String {
    format!("request {}", answered + 1)
}

/// Sends blocks until the subject has something to say, or has taken so many octets; how many it took.
async fn pour(cx: &Context, connection: &mut Connection, block: &[u8], max: usize) -> usize {
    let mut sent = 0;
    while sent < max && connection.ended().is_none() && connection.unread().is_empty() {
        connection.send(block, cx.answer_by()).await;
        sent += block.len();
        connection.read(Instant::now()).await;
    }
    sent
}

async fn endless(cx: Context) -> Result<Verdict, Verdict> {
    let expected = format!("a refusal long before {} MiB", MAX_HEAD >> 20);
    let mut head = get(&cx, Route::Hello, "");
    head.truncate(head.len() - 2);
    let mut connection = cx.connect(Route::Hello, Source::Attacker).await?;
    connection.send(&head, cx.answer_by()).await;
    let line = format!("X-Fill: {}\r\n", "y".repeat(100));
    let sent =
        pour(&cx, &mut connection, &line.repeat(BLOCK / line.len()).into_bytes(), MAX_HEAD).await;
    if sent >= MAX_HEAD {
        return Err(Verdict::fail(
            expected,
            format!("{} MiB were taken without a word", sent >> 20),
        ));
    }
    let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
    let got = format!("{} behind {} KiB or less", answer.describe(), sent >> 10);
    let outcome = match &answer {
        Answer::Response(response) if (400..500).contains(&response.status) => Outcome::Pass,
        // Too much was on its way for the answer to be heard.
        Answer::Closed => Outcome::Pass,
        _ => Outcome::Fail,
    };
    Ok(Verdict::new(outcome, expected, got))
}

async fn large(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "413, or an answer";
    let (path, host) = (cx.path(Route::Echo), &cx.endpoint(Route::Echo).authority);
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {LARGE}\r\n\r\n");
    let mut connection = cx.connect(Route::Echo, Source::Attacker).await?;
    connection.send(head.as_bytes(), cx.answer_by()).await;
    // A subject that refuses at once is not sent the rest.
    connection.read(Instant::now() + cx.timing().quiet).await;
    let sent = pour(&cx, &mut connection, &vec![b'x'; 4 * BLOCK], LARGE).await;
    if sent < LARGE && connection.ended().is_some() && connection.unread().is_empty() {
        return Ok(Verdict::warn(expected, "the connection was closed without an answer"));
    }
    while connection.unread().len() < STATUS && connection.read(cx.answer_by()).await == Read::Data
    {
    }
    let status = connection.unread().get(STATUS - 3..STATUS).unwrap_or_default();
    let got = match str::from_utf8(status) {
        Ok(status) if !status.is_empty() => format!("{status} behind {} MiB", sent >> 20),
        _ => format!("nothing, behind {} MiB", sent >> 20),
    };
    let outcome = match status.first() {
        Some(b'2' | b'4') => Outcome::Pass,
        _ => Outcome::Fail,
    };
    Ok(Verdict::new(outcome, expected, got))
}

/// `HTTP/1.1 413`
const STATUS: usize = 12;

/// A size that is measured.
#[derive(Clone, Copy)]
enum Size {
    Target,
    Value,
    Fields,
}

impl Size {
    fn describe(self) -> &'static str {
        match self {
            Self::Target => "octets of a target",
            Self::Value => "octets of a field value",
            Self::Fields => "fields",
        }
    }

    /// A request of that size.
    fn request(self, cx: &Context, size: usize) -> Vec<u8> {
        let (path, host) = (cx.path(Route::Hello), &cx.endpoint(Route::Hello).authority);
        let (query, fields) = match self {
            Self::Target => {
                (format!("?{}", "a".repeat(size.saturating_sub(path.len() + 1))), String::new())
            }
            Self::Value => (String::new(), format!("X-A: {}\r\n", "a".repeat(size))),
            Self::Fields => (String::new(), "X-A: b\r\n".repeat(size.saturating_sub(1))),
        };
        format!("GET {path}{query} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").into_bytes()
    }

    async fn is_taken(self, cx: &Context, size: usize) -> Result<bool, Verdict> {
        let own = cx.untraced();
        let mut connection = own.connect(Route::Hello, Source::Case).await?;
        connection.send(&self.request(cx, size), cx.answer_by()).await;
        let answer = next_answer(&mut connection, "GET", cx.answer_by()).await;
        match &answer {
            Answer::Response(response) if response.status / 100 == 2 => Ok(true),
            Answer::Response(response) if response.status / 100 == 4 => Ok(false),
            // It closed before all was read.
            Answer::Closed => Ok(false),
            _ => {
                cx.trace().adopt(own.trace());
                let at = format!("{size} {}", self.describe());
                Err(Verdict::fail("2xx, or 4xx for what is too much", answer.describe()).at(&at))
            }
        }
    }

    /// The largest that is taken, to a hundredth; `None` if there is no end to it.
    async fn largest(self, cx: &Context) -> Result<Option<usize>, Verdict> {
        let max = if matches!(self, Self::Fields) { MEASURED / 16 } else { MEASURED };
        let (mut taken, mut refused) = (8, 16);
        while refused <= max && self.is_taken(cx, refused).await? {
            (taken, refused) = (refused, refused * 2);
        }
        if refused > max {
            return Ok(None);
        }
        while refused - taken > (taken / 100).max(1) {
            let middle = taken.midpoint(refused);
            if self.is_taken(cx, middle).await? {
                taken = middle;
            } else {
                refused = middle;
            }
        }
        Ok(Some(taken))
    }
}

async fn measured(cx: Context) -> Result<Verdict, Verdict> {
    let mut words = Vec::new();
    for size in [Size::Target, Size::Value, Size::Fields] {
        words.push(match size.largest(&cx).await? {
            Some(largest) => format!("{largest} {}", size.describe()),
            None => format!("any number of {}", size.describe()),
        });
    }
    Ok(Verdict::new(Outcome::Info, "whatever the subject takes", words.join(", ")))
}
