//! A row of a WebSocket catalogue: frames sent, events expected, and who closes how.
//!
//! ```toml
//! [[case]]
//! id = "5.6"
//! title = "A Ping between two fragments"
//! section = "RFC 6455 §5.4"
//! strength = "must"
//! send = [{ text = "fragment1", fin = false }, { ping = "p" }, { continuation = "fragment2" }]
//! expect = [{ pong = "p" }, { text = "fragment1fragment2" }]
//! close = "ours"
//! ```

use async_io::Timer;
use futures_lite::future::yield_now;
use serde::Deserialize;

use super::client::{Client, Event};
use super::frame::{Frame, opcode};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Strength, Verdict};
use crate::wire::{Source, text};

/// A case as the catalogue writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The number that the field knows, or a group and a number of ours.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) section: String,
    pub(crate) strength: Strength,
    send: Vec<Step>,
    /// What the subject does in answer, in this order and nothing else.
    #[serde(default)]
    expect: Vec<Expected>,
    /// Other sequences that the RFC allows as well.
    #[serde(default)]
    also: Vec<Vec<Expected>>,
    /// Where the subject must fail the connection: what a lenient one sends in place of it,
    /// a warning.
    #[serde(default)]
    tolerated: Vec<Expected>,
    #[serde(default)]
    write: Write,
    close: Close,
    /// Close codes that conform; a Close without a code always does.
    #[serde(default)]
    codes: Vec<u16>,
}

/// How frames become segments.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Write {
    /// All that can be is sent together.
    #[default]
    Together,
    /// Each frame in a segment of its own.
    Frames,
    /// Segments of this many octets.
    Chop(usize),
}

/// Who closes, and whether that must be clean.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Close {
    /// We do, when all that was expected came; the subject answers and ends the connection.
    Ours,
    /// Our Close is among the frames sent; the subject answers and ends the connection.
    Sent,
    /// Our Close, among the frames sent, is itself a violation: any end will do.
    Broken,
    /// The subject must fail the connection.
    Theirs,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Step {
    /// Waits until so many events have come.
    Until { until: usize },
    /// Sends a frame.
    Frame(Box<FrameRow>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameRow {
    text: Option<Payload>,
    binary: Option<Payload>,
    continuation: Option<Payload>,
    ping: Option<Payload>,
    pong: Option<Payload>,
    /// A close code with `reason`, or the raw payload.
    close: Option<ClosePayload>,
    reason: Option<Payload>,
    /// Any opcode, with `data`.
    op: Option<u8>,
    data: Option<Payload>,
    #[serde(default = "yes")]
    fin: bool,
    /// 4 is RSV1, 2 RSV2, 1 RSV3.
    #[serde(default)]
    rsv: u8,
    #[serde(default = "yes")]
    masked: bool,
    /// The masking key, drawn where it is not given.
    key: Option<[u8; 4]>,
    /// Octets that hold the length, where not as few as possible: 2 or 8.
    length_octets: Option<u8>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Payload {
    Text(String),
    Hex { hex: String },
    Fill { fill: String, len: usize },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ClosePayload {
    Code(u16),
    Raw(Payload),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Text(Payload),
    Binary(Payload),
    Pong(Payload),
}

impl Payload {
    fn octets(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Hex { hex } => {
                text::from_hex(hex).ok_or_else(|| format!("{hex:?} is not hexadecimal"))
            }
            Self::Fill { fill, len } => match text::octets(fill) {
                Ok(unit) if !unit.is_empty() => Ok(unit.into_iter().cycle().take(*len).collect()),
                _ => Err(format!("{fill:?} fills nothing")),
            },
        }
    }
}

impl FrameRow {
    fn frame(&self, drawn: [u8; 4]) -> Result<Frame, String> {
        let kinds = [
            (opcode::TEXT, &self.text),
            (opcode::BINARY, &self.binary),
            (opcode::CONTINUATION, &self.continuation),
            (opcode::PING, &self.ping),
            (opcode::PONG, &self.pong),
        ];
        let given: Vec<_> =
            kinds.iter().filter_map(|(op, p)| p.as_ref().map(|p| (*op, p))).collect();
        let (opcode, payload) = match (&given[..], &self.close, self.op) {
            ([(opcode, payload)], None, None) => (*opcode, payload.octets()?),
            ([], Some(close), None) => (opcode::CLOSE, self.close_payload(close)?),
            ([], None, Some(op)) => {
                (op, self.data.as_ref().map_or(Ok(Vec::new()), Payload::octets)?)
            }
            _ => {
                return Err(
                    "a frame is one of text, binary, continuation, ping, pong, close, op".into()
                );
            }
        };
        let mut frame = Frame::new(opcode, payload, self.key.unwrap_or(drawn));
        frame.fin = self.fin;
        frame.rsv = self.rsv;
        if !self.masked {
            frame.mask = None;
        }
        frame.length_octets = self.length_octets.unwrap_or(frame.length_octets);
        Ok(frame)
    }

    fn close_payload(&self, close: &ClosePayload) -> Result<Vec<u8>, String> {
        match close {
            ClosePayload::Raw(payload) => payload.octets(),
            ClosePayload::Code(code) => {
                let mut octets = code.to_be_bytes().to_vec();
                if let Some(reason) = &self.reason {
                    octets.extend(reason.octets()?);
                }
                Ok(octets)
            }
        }
    }
}

impl Expected {
    fn event(&self) -> Result<Event, String> {
        Ok(match self {
            Self::Text(p) => Event::Message { opcode: opcode::TEXT, payload: p.octets()? },
            Self::Binary(p) => Event::Message { opcode: opcode::BINARY, payload: p.octets()? },
            Self::Pong(p) => Event::Pong(p.octets()?),
        })
    }
}

/// The sequences that conform, the preferred one first.
struct Sequences(Vec<Vec<Event>>);

impl Sequences {
    fn begin_with(&self, log: &[Event]) -> bool {
        self.0.iter().any(|sequence| sequence.starts_with(log))
    }

    fn contain(&self, log: &[Event]) -> bool {
        self.0.iter().any(|sequence| sequence == log)
    }

    /// Whether `log` conforms and no longer sequence could still follow from it.
    fn end_with(&self, log: &[Event]) -> bool {
        self.contain(log) && !self.0.iter().any(|s| s.len() > log.len() && s.starts_with(log))
    }

    fn describe(&self) -> String {
        match &self.0[0][..] {
            [] => "no message".into(),
            [event] => event.describe(),
            [first, .., last] => {
                format!("{} events, {} to {}", self.0[0].len(), first.describe(), last.describe())
            }
        }
    }
}

impl Row {
    /// A row that sends one text message: echoed if it is UTF-8, refused with 1007 if not.
    pub(crate) fn utf8(
        id: String,
        title: String,
        hex: &str,
        valid: bool,
        strength: Strength,
    ) -> Self {
        let payload = Payload::Hex { hex: hex.into() };
        let frame = FrameRow {
            text: Some(payload.clone()),
            fin: true,
            masked: true,
            ..FrameRow::default()
        };
        Self {
            id,
            title,
            section: "RFC 6455 §8.1, RFC 3629".into(),
            strength,
            send: vec![Step::Frame(Box::new(frame))],
            expect: if valid { vec![Expected::Text(payload)] } else { Vec::new() },
            also: Vec::new(),
            tolerated: Vec::new(),
            write: Write::Together,
            close: if valid { Close::Ours } else { Close::Theirs },
            codes: vec![if valid { 1000 } else { 1007 }],
        }
    }

    /// Runs the case against the echo route.
    pub(crate) async fn run(&self, cx: &Context) -> Verdict {
        self.run_inner(cx).await.unwrap_or_else(|verdict| verdict)
    }

    async fn run_inner(&self, cx: &Context) -> Result<Verdict, Verdict> {
        let sequences = self.sequences().map_err(broken_row)?;
        let mut client = Client::open(cx, Route::WsEcho, Source::Case).await?;
        let mut log = Vec::new();
        self.send(cx, &mut client, &mut log).await?;
        match self.close {
            Close::Ours => {
                while !sequences.end_with(&log) {
                    match client.next(cx.answer_by()).await {
                        event @ (Event::Message { .. } | Event::Pong(_)) => log.push(event),
                        Event::Silence if sequences.contain(&log) => break,
                        event => return Err(event.unexpected(sequences.describe())),
                    }
                    check(&sequences, &log)?;
                }
                client.send(opcode::CLOSE, 1000_u16.to_be_bytes(), cx.answer_by()).await;
                self.closing(cx, &mut client, &mut log, &sequences).await
            }
            Close::Sent | Close::Broken => {
                self.closing(cx, &mut client, &mut log, &sequences).await
            }
            Close::Theirs => self.failing(cx, &mut client, &mut log, &sequences).await,
        }
    }

    fn sequences(&self) -> Result<Sequences, String> {
        let events =
            |row: &Vec<Expected>| row.iter().map(Expected::event).collect::<Result<Vec<_>, _>>();
        Ok(Sequences(
            [&self.expect].into_iter().chain(&self.also).map(events).collect::<Result<_, _>>()?,
        ))
    }

    async fn send(
        &self,
        cx: &Context,
        client: &mut Client,
        log: &mut Vec<Event>,
    ) -> Result<(), Verdict> {
        let mut octets = Vec::new();
        for step in &self.send {
            match step {
                Step::Frame(row) => {
                    let key = client.key();
                    row.frame(key).map_err(broken_row)?.encode(&mut octets);
                    if matches!(self.write, Write::Frames) {
                        self.flush(cx, client, &mut octets).await;
                    }
                }
                Step::Until { until } => {
                    self.flush(cx, client, &mut octets).await;
                    while log.len() < *until {
                        match client.next(cx.answer_by()).await {
                            event @ (Event::Message { .. } | Event::Pong(_)) => log.push(event),
                            event => return Err(event.unexpected(format!("event {until}"))),
                        }
                    }
                }
            }
        }
        self.flush(cx, client, &mut octets).await;
        Ok(())
    }

    async fn flush(&self, cx: &Context, client: &mut Client, octets: &mut Vec<u8>) {
        let size = match self.write {
            Write::Chop(size) => size,
            Write::Together | Write::Frames => octets.len(),
        };
        for segment in octets.chunks(size.max(1)) {
            // The subject may fail the connection in the middle: what it says is read later.
            if !client.connection().send(segment, cx.answer_by()).await {
                break;
            }
            match self.write {
                Write::Together => {}
                Write::Frames => _ = Timer::after(cx.timing().pause).await,
                Write::Chop(_) => yield_now().await,
            }
        }
        octets.clear();
    }

    /// Our Close is out: the subject answers it, and then ends the connection.
    async fn closing(
        &self,
        cx: &Context,
        client: &mut Client,
        log: &mut Vec<Event>,
        sequences: &Sequences,
    ) -> Result<Verdict, Verdict> {
        let codes = if self.codes.is_empty() { &[1000][..] } else { &self.codes };
        let expected = format!("Close {}, then the end of the connection", spell_codes(codes));
        let got = loop {
            let event = client.next(cx.answer_by()).await;
            match &event {
                Event::Close { code, .. } => {
                    if code.is_some_and(|code| !codes.contains(&code)) {
                        return Err(event.unexpected(expected));
                    }
                    break event.describe();
                }
                Event::Ended if self.close == Close::Broken => break event.describe(),
                Event::Message { .. } | Event::Pong(_) => {
                    log.push(event);
                    check(sequences, log)?;
                }
                Event::Ended | Event::Silence | Event::Fault { .. } => {
                    return Err(event.unexpected(expected));
                }
            }
        };
        if !sequences.contain(log) {
            return Err(Verdict::fail(
                sequences.describe(),
                format!("{} before {got}", describe(log)),
            ));
        }
        match client.next(cx.answer_by()).await {
            Event::Ended => {
                Ok(Verdict::pass(expected, format!("{got}, then the end of the connection")))
            }
            Event::Silence => {
                let patience = spell(cx.timing().answer);
                Err(Verdict::fail(
                    expected,
                    format!("{got}, but the connection was still open {patience} later"),
                ))
            }
            event => Err(event.unexpected(expected)),
        }
    }

    /// What we sent is a violation: the subject must fail the connection (RFC 6455 §7.1.7).
    async fn failing(
        &self,
        cx: &Context,
        client: &mut Client,
        log: &mut Vec<Event>,
        sequences: &Sequences,
    ) -> Result<Verdict, Verdict> {
        let tolerated: Vec<Event> = self
            .tolerated
            .iter()
            .map(Expected::event)
            .collect::<Result<_, _>>()
            .map_err(broken_row)?;
        let codes = if self.codes.is_empty() { &[1002][..] } else { &self.codes };
        let expected = format!("the subject closes with {}", spell_codes(codes));
        loop {
            let event = client.next(cx.answer_by()).await;
            let got = event.describe();
            let verdict = match &event {
                Event::Message { .. } | Event::Pong(_) => {
                    log.push(event);
                    if !tolerated.is_empty() && *log == tolerated {
                        return Ok(Verdict::warn(
                            expected,
                            format!("tolerated: {}", describe(log)),
                        ));
                    }
                    check(sequences, log)
                        .map_err(|verdict| Verdict { expected: expected.clone(), ..verdict })?;
                    continue;
                }
                Event::Close { code: Some(code), .. } if codes.contains(code) => {
                    Verdict::pass(expected, got.as_str())
                }
                // §7.1.7: an endpoint SHOULD send a Close frame, with a status code that fits.
                Event::Close { code: None, .. } | Event::Ended => {
                    Verdict::warn(expected, got.as_str())
                }
                Event::Silence => {
                    let patience = spell(cx.timing().answer);
                    Verdict::fail(expected, format!("nothing: still open after {patience}"))
                }
                Event::Close { .. } | Event::Fault { .. } => event.unexpected(expected),
            };
            return if sequences.contain(log) {
                Ok(verdict)
            } else {
                Err(Verdict::fail(sequences.describe(), format!("{}, then {got}", describe(log))))
            };
        }
    }

    /// What is wrong with the row itself, for the catalogue's own test.
    pub(crate) fn flaw(&self) -> Option<String> {
        let frames = self.send.iter().filter_map(|step| match step {
            Step::Frame(row) => Some(row.frame([0; 4])),
            Step::Until { .. } => None,
        });
        let frames: Result<Vec<Frame>, String> = frames.collect();
        let closes =
            matches!(&frames, Ok(frames) if frames.iter().any(|f| f.opcode == opcode::CLOSE));
        match (frames, self.sequences()) {
            (Err(why), _) | (_, Err(why)) => Some(why),
            _ if self.send.is_empty() => Some("sends nothing".into()),
            _ if matches!(self.close, Close::Sent | Close::Broken) != closes
                && self.close != Close::Theirs =>
            {
                Some("`close` does not fit the frames sent".into())
            }
            _ => None,
        }
    }
}

fn check(sequences: &Sequences, log: &[Event]) -> Result<(), Verdict> {
    if sequences.begin_with(log) {
        return Ok(());
    }
    Err(Verdict::fail(sequences.describe(), describe(log)))
}

fn describe(log: &[Event]) -> String {
    /// Enough to see the pattern; the trace has the rest.
    const MAX: usize = 4;
    let mut words: Vec<String> = log.iter().take(MAX).map(Event::describe).collect();
    if log.len() > MAX {
        words.push(format!("{} more", log.len() - MAX));
    }
    if words.is_empty() { "no message".into() } else { words.join(", ") }
}

fn spell_codes(codes: &[u16]) -> String {
    codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")
}

fn broken_row(why: String) -> Verdict {
    Verdict::new(crate::verdict::Outcome::Error, "a catalogue row that can be sent", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(toml: &str) -> Row {
        let head = "id = 'x'\ntitle = 't'\nsection = 's'\nstrength = 'must'\n";
        toml::from_str(&format!("{head}{toml}")).unwrap()
    }

    #[test]
    fn frames_as_the_catalogue_writes_them() {
        let row = row(
            "close = 'sent'\nsend = [{ text = 'a', fin = false, rsv = 4 }, { op = 11 }, \
             { binary = { fill = \"\\u00fe\", len = 3 } }, { close = 1000, reason = { hex = '6869' } }]",
        );
        assert_eq!(row.flaw(), None);
        let frames: Vec<Frame> = row
            .send
            .iter()
            .map(|step| match step {
                Step::Frame(frame) => frame.frame([1, 2, 3, 4]).unwrap(),
                Step::Until { .. } => unreachable!("no such step here"),
            })
            .collect();
        assert_eq!((frames[0].opcode, frames[0].fin, frames[0].rsv), (1, false, 4));
        assert_eq!(frames[1].opcode, 11);
        assert_eq!(frames[2].payload, [0xfe; 3]);
        assert_eq!(frames[3].payload, [0x03, 0xe8, b'h', b'i']);
    }

    #[test]
    fn a_row_that_contradicts_itself_is_flawed() {
        assert!(row("close = 'ours'\nsend = []").flaw().is_some());
        assert!(row("close = 'sent'\nsend = [{ text = 'a' }]").flaw().is_some());
        assert!(row("close = 'ours'\nsend = [{ close = 1000 }]").flaw().is_some());
        assert!(row("close = 'ours'\nsend = [{ text = 'a', ping = 'b' }]").flaw().is_some());
        assert!(row("close = 'ours'\nsend = [{ text = { hex = 'zz' } }]").flaw().is_some());
    }

    #[test]
    fn sequences_are_compared_as_they_grow() {
        let pong = |p: &str| Event::Pong(p.into());
        let sequences = Sequences(vec![vec![pong("1"), pong("2")], vec![pong("2")]]);
        assert!(sequences.begin_with(&[]) && sequences.begin_with(&[pong("1")]));
        assert!(
            !sequences.begin_with(&[pong("3")]) && !sequences.begin_with(&[pong("2"), pong("1")])
        );
        assert!(sequences.end_with(&[pong("2")]) && !sequences.end_with(&[pong("1")]));
    }
}
