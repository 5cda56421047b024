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

use serde::Deserialize;

use super::client::Event;
use super::frame::{Frame, opcode};
use super::sequences::Sequences;
use crate::verdict::Strength;
use crate::wire::text;

/// A case as the catalogue writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The number that the field knows, or a group and a number of ours.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) section: String,
    pub(crate) strength: Strength,
    pub(super) send: Vec<Step>,
    /// What the subject does in answer, in this order and nothing else.
    #[serde(default)]
    expect: Vec<Expected>,
    /// Other sequences that the RFC allows as well.
    #[serde(default)]
    also: Vec<Vec<Expected>>,
    /// Whether events may be left out, save the last.
    #[serde(default)]
    may_skip: bool,
    /// Where the subject must fail the connection: what a lenient one sends in place of it,
    /// a warning.
    #[serde(default)]
    tolerated: Vec<Expected>,
    #[serde(default)]
    pub(super) write: Write,
    pub(super) close: Close,
    /// Close codes that conform; a Close without a code always does.
    #[serde(default)]
    codes: Vec<u16>,
    /// Close codes in answer to ours that are only worth a warning.
    #[serde(default)]
    pub(super) lenient: Vec<u16>,
}

/// How frames become segments.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Write {
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
pub(super) enum Close {
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
pub(super) enum Step {
    /// Waits until so many events have come.
    Until { until: usize },
    /// Sends a frame.
    Frame(Box<FrameRow>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrameRow {
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

/// Octets: text stands for its UTF-8, hexadecimal for itself, and a filling, one octet a
/// character, is repeated and cut to the length.
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
    pub(super) fn frame(&self, drawn: [u8; 4]) -> Result<Frame, String> {
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

fn events(row: &[Expected]) -> Result<Vec<Event>, String> {
    row.iter().map(Expected::event).collect()
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
            may_skip: false,
            tolerated: Vec::new(),
            write: Write::Together,
            close: if valid { Close::Ours } else { Close::Theirs },
            codes: vec![if valid { 1000 } else { 1007 }],
            lenient: Vec::new(),
        }
    }

    /// What conforms, the preferred sequence first.
    pub(super) fn sequences(&self) -> Result<Sequences, String> {
        let rows = [&self.expect].into_iter().chain(&self.also);
        let sequences = rows.map(|row| events(row)).collect::<Result<_, _>>()?;
        Ok(Sequences { sequences, may_skip: self.may_skip })
    }

    /// What a lenient subject sends where it should fail the connection.
    pub(super) fn tolerated(&self) -> Result<Vec<Event>, String> {
        events(&self.tolerated)
    }

    /// The close codes that conform.
    pub(super) fn codes(&self) -> &[u16] {
        match (&self.codes[..], self.close) {
            ([], Close::Theirs) => &[1002],
            ([], Close::Ours | Close::Sent | Close::Broken) => &[1000],
            (codes, _) => codes,
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
        match (frames, self.sequences().and(self.tolerated())) {
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
}
