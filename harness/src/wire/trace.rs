//! What went over the wire in one case, and its text form.
//!
//! One event a line: the connection, a sign (`>` sent, `<` received, `~` noted), and the
//! event decoded. HTTP goes line by line, WebSocket frame by frame with its raw octets
//! behind a bar. What differs from run to run (the port, the date) is replaced by a word in
//! braces, and the harness draws its keys from the case's id, so that a trace can be
//! compared with yesterday's.
//!
//! ```text
//! c1 ~ connect
//! c1 > GET /ws/echo HTTP/1.1\r\n
//! …
//! c1 > text fin masked 5 "Hello" | 81 85 37 fa 21 3d 7f 9f 4d 51 58
//! c1 < text fin 5 "Hello" | 81 05 48 65 6c 6c 6f
//! c1 < end
//! ```

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::text;
use crate::ws::frame::{Frame, Parsed};

/// Octets kept of one stretch of sent or received data. Large payloads are made of a few
/// repeated octets; the beginning tells what they are.
const MAX_KEPT: usize = 16 * 1024;
/// Events kept in one trace: a flood says nothing more after this many.
const MAX_EVENTS: usize = 2_000;
/// Lines shown of one trace: so many of its beginning, and so many of its end, where a verdict falls.
/// A thousand messages and their echoes say nothing that the first and the last do not.
const FIRST_SHOWN: usize = 300;
const LAST_SHOWN: usize = 100;
/// Octets shown of one payload or of one line.
const MAX_SHOWN: usize = 96;

/// The trace of a case while it runs, shared by its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    inner: Rc<RefCell<Recording>>,
    /// The longest of the waits that ended with nothing.
    in_vain: Rc<Cell<Duration>>,
}

#[derive(Debug, Default)]
struct Recording {
    connections: usize,
    entries: Vec<Entry>,
    dropped: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    connection: usize,
    event: Event,
    at: Instant,
}

/// A trace as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) lines: Vec<String>,
    /// When each line happened, in milliseconds after the first.
    pub(crate) times: Vec<f64>,
}

/// Something that happened on one connection.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// We connected.
    Connected,
    /// Octets left us.
    Sent(Data),
    /// Octets reached us.
    Received(Data),
    /// From here on both directions carry WebSocket frames.
    Upgraded,
    /// The subject closed its direction (FIN).
    Ended,
    /// The subject closed its direction of a TLS connection without `close_notify`.
    Truncated,
    /// The subject reset the connection (RST).
    Reset,
    /// We closed our direction.
    Finished,
    /// We closed our direction of a TLS connection without `close_notify`.
    Cut,
    /// Anything else worth a line.
    Note(String),
}

/// A stretch of octets, of which the beginning is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    kept: Vec<u8>,
    len: usize,
}

impl Data {
    fn of(bytes: &[u8]) -> Self {
        Self { kept: bytes[..bytes.len().min(MAX_KEPT)].to_vec(), len: bytes.len() }
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT.saturating_sub(self.kept.len());
        // Octets behind a gap must not look as if they followed what is kept.
        if self.len == self.kept.len() {
            self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        self.len += bytes.len();
    }
}

impl Recorder {
    /// Another trace, that nobody will read, of the same case.
    pub(crate) fn aside(&self) -> Self {
        Self { inner: Rc::default(), in_vain: Rc::clone(&self.in_vain) }
    }

    /// Somebody waited for so long, and nothing came.
    pub(crate) fn waited_in_vain(&self, wait: Duration) {
        self.in_vain.set(self.in_vain.get().max(wait));
    }

    /// The longest of the waits that ended with nothing.
    pub(crate) fn longest_in_vain(&self) -> Duration {
        self.in_vain.get()
    }

    /// Numbers a new connection, from 1 on.
    pub(crate) fn connection(&self) -> usize {
        let mut inner = self.inner.borrow_mut();
        inner.connections += 1;
        inner.connections
    }

    /// Adds an event. Data that follows data of the same direction is joined to it: how the
    /// network cut it is chance, and no part of a stable trace.
    pub(crate) fn record(&self, connection: usize, event: Event) {
        self.record_at(connection, event, Instant::now());
    }

    fn record_at(&self, connection: usize, event: Event, at: Instant) {
        let mut inner = self.inner.borrow_mut();
        if inner.entries.len() >= MAX_EVENTS {
            inner.dropped += 1;
            return;
        }
        inner.entries.push(Entry { connection, event, at });
    }

    /// Records octets received, joining them to those received just before.
    pub(crate) fn received(&self, connection: usize, bytes: &[u8]) {
        self.join(connection, Event::Received(Data::of(bytes)), bytes);
    }

    /// Records octets sent, joining them to those sent just before.
    pub(crate) fn sent(&self, connection: usize, bytes: &[u8]) {
        self.join(connection, Event::Sent(Data::of(bytes)), bytes);
    }

    fn join(&self, connection: usize, event: Event, bytes: &[u8]) {
        let mut inner = self.inner.borrow_mut();
        let last = inner.entries.iter_mut().rev().find(|entry| entry.connection == connection);
        match (last.map(|last| &mut last.event), &event) {
            (Some(Event::Received(data)), Event::Received(_))
            | (Some(Event::Sent(data)), Event::Sent(_)) => {
                data.append(bytes);
            }
            _ => {
                drop(inner);
                self.record(connection, event);
            }
        }
    }

    /// From here on the connection carries WebSocket frames.
    pub(crate) fn upgraded(&self, connection: usize) {
        self.record(connection, Event::Upgraded);
    }

    /// We closed our direction.
    pub(crate) fn finished(&self, connection: usize) {
        self.record(connection, Event::Finished);
    }

    /// Anything else worth a line.
    pub(crate) fn note(&self, connection: usize, text: &str) {
        self.record(connection, Event::Note(text.into()));
    }

    /// The text form of a trace of one connection, which goes without saying.
    pub(crate) fn script(&self) -> Vec<String> {
        let unnumbered = |line: String| match line.strip_prefix("c1 ") {
            Some(rest) => rest.to_owned(),
            None => line,
        };
        self.render("{authority}").lines.into_iter().map(unnumbered).collect()
    }

    /// Adds another trace behind this one, its connections numbered on.
    pub(crate) fn adopt(&self, other: &Self) {
        let other = other.inner.borrow();
        let before = self.inner.borrow().connections;
        for Entry { connection, event, at } in &other.entries {
            self.record_at(before + connection, event.clone(), *at);
        }
        let mut inner = self.inner.borrow_mut();
        inner.connections += other.connections;
        inner.dropped += other.dropped;
    }

    /// The text form. `authority` is the subject's `host:port`, shown as `{authority}`.
    pub(crate) fn render(&self, authority: &str) -> Rendered {
        let inner = self.inner.borrow();
        let began = inner.entries.first().map(|entry| entry.at);
        let mut lines: Vec<(String, usize)> = Vec::new();
        let mut times = Vec::new();
        let mut upgraded = vec![false; inner.connections + 1];
        for Entry { connection, event, at } in &inner.entries {
            if matches!(event, Event::Upgraded) {
                upgraded[*connection] = true;
                continue;
            }
            let frames = upgraded[*connection];
            event.render(frames, |sign, line| {
                let line = format!("c{connection} {sign} {}", normalised(line, authority));
                match lines.last_mut() {
                    Some((last, times)) if *last == line => *times += 1,
                    _ => {
                        lines.push((line, 1));
                        times.push(milliseconds(*at - began.unwrap_or(*at)));
                    }
                }
            });
        }
        let repeated = |(line, times)| if times == 1 { line } else { format!("{line} × {times}") };
        let mut lines: Vec<String> = lines.into_iter().map(repeated).collect();
        if inner.dropped > 0 {
            lines.push(format!("… {} more events", inner.dropped));
            times.extend(times.last().copied());
        }
        let unshown = lines.len().saturating_sub(FIRST_SHOWN + LAST_SHOWN);
        if unshown > 1 {
            let middle = FIRST_SHOWN..FIRST_SHOWN + unshown;
            times.drain(middle.start + 1..middle.end);
            lines.splice(middle, [format!("… {unshown} more lines")]);
        }
        Rendered { lines, times }
    }
}

impl Event {
    fn render(&self, frames: bool, mut line: impl FnMut(char, &str)) {
        match self {
            Self::Connected => line('~', "connect"),
            Self::Upgraded => {}
            Self::Ended => line('<', "end"),
            Self::Truncated => line('<', "end without close_notify"),
            Self::Reset => line('<', "reset"),
            Self::Finished => line('>', "end"),
            Self::Cut => line('>', "end without close_notify"),
            Self::Note(text) => line('~', text),
            Self::Sent(data) | Self::Received(data) => {
                let received = matches!(self, Self::Received(_));
                let sign = if received { '<' } else { '>' };
                let unshown = if frames {
                    data.frames(|l| line(sign, l))
                } else {
                    data.lines(received, |l| line(sign, l))
                };
                if unshown > 0 {
                    line(sign, &format!("… {unshown} more octets"));
                }
            }
        }
    }
}

impl Data {
    /// One line for each line of text; gives back how many octets were not shown. Responses
    /// begin lines of their own, whatever the content before them ended with.
    fn lines(&self, responses: bool, mut line: impl FnMut(&str)) -> usize {
        const MAX_LINES: usize = 256;
        /// Octets shown of one line.
        const MAX_LINE: usize = 4 * MAX_SHOWN;
        let mut shown = 0;
        for piece in self.pieces(responses).into_iter().take(MAX_LINES) {
            shown += piece.len();
            let text = text::quoted(piece, MAX_LINE);
            // The quotation marks matter only around what was elided.
            let plain = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            line(if piece.len() > MAX_LINE { &text } else { plain.unwrap_or(&text) });
        }
        self.len - shown
    }

    fn pieces(&self, responses: bool) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        for line in self.kept.split_inclusive(|&b| b == b'\n') {
            let begins = |at: &usize| line[*at..].starts_with(b"HTTP/1.");
            match (1..line.len()).find(begins).filter(|_| responses) {
                Some(at) => pieces.extend([&line[..at], &line[at..]]),
                None => pieces.push(line),
            }
        }
        pieces
    }

    /// One line for each frame; gives back how many octets were not shown.
    fn frames(&self, mut line: impl FnMut(&str)) -> usize {
        let mut rest = &self.kept[..];
        while let Parsed::Frame(frame, len) = Frame::parse(rest) {
            line(&format!("{frame} | {}", text::hex(&rest[..len], MAX_SHOWN / 4)));
            rest = &rest[len..];
        }
        if !rest.is_empty() {
            line(&format!("part of a frame | {}", text::hex(rest, MAX_SHOWN / 4)));
        }
        self.len - self.kept.len()
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if self.fin {
            f.write_str(" fin")?;
        }
        if self.rsv != 0 {
            write!(f, " rsv={}", self.rsv)?;
        }
        if self.mask.is_some() {
            f.write_str(" masked")?;
        }
        write!(f, " {} ", self.payload.len())?;
        match self.close_code() {
            Some(code) => write!(f, "{code} {}", text::quoted(&self.payload[2..], MAX_SHOWN)),
            None => f.write_str(&text::quoted(&self.payload, MAX_SHOWN)),
        }
    }
}

/// Rounded to microseconds: what is finer is the clock's own time.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

fn normalised(line: &str, authority: &str) -> String {
    let line = line.replace(authority, "{authority}");
    match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("date") => format!("{name}: {{date}}\\r\\n"),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_shown_line_by_line_and_normalised() {
        let trace = Recorder::default();
        let c = trace.connection();
        trace.record(c, Event::Connected);
        trace.sent(c, b"GET / HTTP/1.1\r\nHost: 127.0.0.1:4711\r\n\r\n");
        trace.received(c, b"HTTP/1.1 200 OK\r\nDa");
        trace.received(c, b"te: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\nhe\x00llo");
        trace.record(c, Event::Ended);
        insta::assert_snapshot!(trace.render("127.0.0.1:4711").lines.join("\n"), @r"
        c1 ~ connect
        c1 > GET / HTTP/1.1\r\n
        c1 > Host: {authority}\r\n
        c1 > \r\n
        c1 < HTTP/1.1 200 OK\r\n
        c1 < Date: {date}\r\n
        c1 < \r\n
        c1 < he\x00llo
        c1 < end
        ");
    }

    #[test]
    fn frames_are_decoded_with_their_octets() {
        let trace = Recorder::default();
        let c = trace.connection();
        trace.record(c, Event::Upgraded);
        trace.sent(c, &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        trace
            .received(c, &[0x81, 0x05, b'H', b'e', b'l', b'l', b'o', 0x88, 0x02, 0x03, 0xe8, 0x81]);
        trace.record(c, Event::Reset);
        insta::assert_snapshot!(trace.render("h").lines.join("\n"), @r#"
        c1 > text fin masked 5 "Hello" | 81 85 37 fa 21 3d 7f 9f 4d 51 58
        c1 < text fin 5 "Hello" | 81 05 48 65 6c 6c 6f
        c1 < close fin 2 1000 "" | 88 02 03 e8
        c1 < part of a frame | 81
        c1 < reset
        "#);
    }

    #[test]
    fn two_connections_keep_their_order_and_their_numbers() {
        let trace = Recorder::default();
        let (one, two) = (trace.connection(), trace.connection());
        trace.sent(one, b"a");
        trace.sent(two, b"b");
        trace.sent(one, b"c");
        // "c" joins "a": the order between connections is chance as well.
        assert_eq!(trace.render("h").lines, ["c1 > ac", "c2 > b"]);
    }

    #[test]
    fn a_flood_is_bounded() {
        let trace = Recorder::default();
        let c = trace.connection();
        for _ in 0..MAX_EVENTS + 5 {
            trace.record(c, Event::Note("again".into()));
        }
        trace.received(c, &vec![b'x'; 10 * MAX_KEPT]);
        let Rendered { lines, times } = trace.render("h");
        assert_eq!(times.len(), lines.len(), "a time for each line");
        assert_eq!(lines, [format!("c1 ~ again × {MAX_EVENTS}"), "… 6 more events".into()]);
    }

    #[test]
    fn of_a_long_trace_the_beginning_and_the_end_are_shown() {
        let trace = Recorder::default();
        let c = trace.connection();
        let all = FIRST_SHOWN + LAST_SHOWN + 7;
        for n in 0..all {
            trace.record(c, Event::Note(n.to_string()));
        }
        let Rendered { lines, times } = trace.render("h");
        assert_eq!(times.len(), lines.len(), "a time for each line");
        assert_eq!(lines.len(), FIRST_SHOWN + 1 + LAST_SHOWN);
        assert_eq!(lines[FIRST_SHOWN - 1], format!("c1 ~ {}", FIRST_SHOWN - 1));
        assert_eq!(lines[FIRST_SHOWN], "… 7 more lines");
        assert_eq!(lines[FIRST_SHOWN + LAST_SHOWN], format!("c1 ~ {}", all - 1));
    }
}
