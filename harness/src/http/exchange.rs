//! Requests and answers on one connection.

use std::time::Instant;

use super::response::{Parsed, Response};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::Verdict;
use crate::wire::{Connection, Read, Source, text};

/// What came in answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// A whole response.
    Response(Response),
    /// The connection was closed or reset without one. Which of the two is no matter: a
    /// server that closes while octets are unread sends RST whether it wants to or not.
    Closed,
    /// Nothing, or no whole response, before the deadline.
    Silence,
    /// A SETTINGS frame: the subject took the preface of HTTP/2 for what it is.
    Http2,
    /// Octets that make no response.
    Malformed(String),
}

impl Answer {
    /// The status, if there is a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    /// The response, if there is one.
    pub(crate) fn response(&self) -> Option<&Response> {
        match self {
            Self::Response(response) => Some(response),
            Self::Closed | Self::Silence | Self::Http2 | Self::Malformed(_) => None,
        }
    }

    /// In words, for a verdict.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Response(response) => {
                let close = if response.announces_close() { ", announcing close" } else { "" };
                format!(
                    "{} with {} octets of content{close}",
                    response.status,
                    response.content.len()
                )
            }
            Self::Closed => "the connection was closed without an answer".into(),
            Self::Silence => "no answer".into(),
            Self::Http2 => "a SETTINGS frame of HTTP/2".into(),
            Self::Malformed(why) => format!("no HTTP response: {why}"),
        }
    }
}

/// Waits for the next response, to a request with this method.
pub(crate) async fn next_answer(
    connection: &mut Connection,
    method: &str,
    deadline: Instant,
) -> Answer {
    loop {
        let ended = connection.ended().is_some();
        match Response::parse(connection.unread(), method, ended) {
            Parsed::Whole(response, len) => {
                connection.take(len);
                return Answer::Response(response);
            }
            Parsed::Malformed(_) if is_settings(connection.unread()) => return Answer::Http2,
            Parsed::Malformed(why) => return Answer::Malformed(why),
            Parsed::Partial if ended => return Answer::Closed,
            Parsed::Partial => {}
        }
        if connection.read(deadline).await == Read::Silence {
            return Answer::Silence;
        }
    }
}

/// Whether these octets begin with a SETTINGS frame that acknowledges none: a length, type 4, no flags, and
/// stream 0 (RFC 9113 §4.1, §6.5).
fn is_settings(octets: &[u8]) -> bool {
    matches!(octets, [_, _, _, 4, 0, 0, 0, 0, 0, ..])
}

/// A plain `GET` of a route.
pub(crate) fn get(cx: &Context, route: Route, query: &str) -> Vec<u8> {
    let (path, host) = (cx.path(route), &cx.endpoint(route).authority);
    let signature = cx.signature();
    format!("GET {path}{query} HTTP/1.1\r\nHost: {host}\r\n{signature}\r\n").into_bytes()
}

/// A `POST` of `content` to the echo route.
pub(crate) fn post_echo(cx: &Context, content: &[u8]) -> Vec<u8> {
    let (path, host) = (cx.path(Route::Echo), &cx.endpoint(Route::Echo).authority);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\n{}Content-Length: {}\r\n\r\n",
        cx.signature(),
        content.len()
    );
    [head.as_bytes(), content].concat()
}

/// A request whose answer can be told from every other, sent to learn what became of the
/// connection. Without an echo route it is a plain one, and answers can only be counted.
pub(crate) struct Marker {
    pub(crate) request: Vec<u8>,
    method: &'static str,
    token: Option<Vec<u8>>,
}

impl Marker {
    /// A marker for a connection to where `route` is served; `None` where nothing can be asked.
    pub(crate) fn new(cx: &Context, route: Route) -> Option<Self> {
        let asks = |asked| cx.offers(asked) && cx.endpoint(asked) == cx.endpoint(route);
        if asks(Route::Echo) {
            let token = format!("marker-{:016x}", cx.random().u64(..)).into_bytes();
            Some(Self { request: post_echo(cx, &token), method: "POST", token: Some(token) })
        } else if asks(Route::Hello) {
            Some(Self { request: get(cx, Route::Hello, ""), method: "GET", token: None })
        } else {
            None
        }
    }

    /// Whether this is the answer to it.
    fn is_answered_by(&self, response: &Response) -> bool {
        match &self.token {
            Some(token) => response.content == *token,
            None => (200..300).contains(&response.status),
        }
    }

    /// Sends it and waits for what comes.
    pub(crate) async fn ask(&self, cx: &Context, connection: &mut Connection) -> Marked {
        connection.send(&self.request, cx.answer_by()).await;
        match next_answer(connection, self.method, cx.answer_by()).await {
            Answer::Response(response) if self.is_answered_by(&response) => {
                // Without a token a surplus answer looks like ours; then a second one follows.
                if self.token.is_none()
                    && connection.read(Instant::now() + cx.timing().quiet).await == Read::Data
                {
                    return Marked::Surplus("one answer more than there were requests".into());
                }
                Marked::Answered
            }
            Answer::Closed => Marked::Closed,
            Answer::Silence => Marked::Silence,
            Answer::Response(response) if response.status >= 400 && response.announces_close() => {
                Marked::Refused(response.status)
            }
            Answer::Response(response) => Marked::Surplus(format!(
                "an answer that belongs to no request of ours: {} with {}",
                response.status,
                text::quoted(&response.content, 64)
            )),
            answer @ Answer::Http2 => Marked::Surplus(answer.describe()),
            Answer::Malformed(why) => Marked::Surplus(format!("no HTTP response: {why}")),
        }
    }
}

/// What became of a marked request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Marked {
    /// It was answered, and nothing else was.
    Answered,
    /// The connection was closed first.
    Closed,
    /// It was refused, and the connection with it.
    Refused(u16),
    /// Neither an answer nor a close.
    Silence,
    /// Something came that answers no request of ours: requests and answers are out of step.
    Surplus(String),
}

/// Asks a healthy question on a new connection.
///
/// # Errors
///
/// The verdict that follows when the subject does not answer it.
pub(crate) async fn healthy(cx: &Context, source: Source) -> Result<(), Verdict> {
    let mut connection = cx.connect(Route::Hello, source).await?;
    healthy_on(cx, &mut connection).await.map(|_| ())
}

/// Asks a healthy question on a connection that is open already; whether it stays so.
pub(crate) async fn healthy_on(cx: &Context, connection: &mut Connection) -> Result<bool, Verdict> {
    connection.send(&get(cx, Route::Hello, ""), cx.answer_by()).await;
    let answer = next_answer(connection, "GET", cx.answer_by()).await;
    if let Answer::Response(response) = &answer
        && (200..300).contains(&response.status)
    {
        return Ok(!response.announces_close());
    }
    let patience = spell(cx.timing().answer);
    Err(Verdict::fail(
        format!("GET {} is answered 2xx within {patience}", cx.path(Route::Hello)),
        answer.describe(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_frame_is_told_from_text() {
        assert!(is_settings(&[0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 8]));
        assert!(!is_settings(&[0, 0, 0, 4, 1, 0, 0, 0, 0]), "an acknowledgement");
        assert!(!is_settings(b"HTTP/1.1 400 Bad Request"));
    }
}
