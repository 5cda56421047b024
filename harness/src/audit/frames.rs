//! WebSocket frames of the subject, octet by octet: held is one header, and three octets of a character.

use std::mem;

use super::rule::Rule;
use crate::verdict::Outcome;
use crate::ws::frame::{opcode, opcode_name};

/// Octets of a frame that a finding shows.
const SHOWN: usize = 32;

/// What is known of a connection's frames so far.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// An extension was agreed on: what reserved bits and payloads mean is its own affair.
    extended: bool,
    header: Vec<u8>,
    /// The frame whose payload comes.
    current: Option<Current>,
    /// The message under assembly: whether its text is to be looked at, and what began a character.
    message: Option<Text>,
    closed: bool,
    /// Frames whose header was seen.
    pub(super) count: usize,
}

#[derive(Debug)]
struct Current {
    opcode: u8,
    fin: bool,
    left: u64,
    /// A control frame's payload.
    payload: Vec<u8>,
    /// Its beginning, to be shown.
    shown: Vec<u8>,
    /// Masked, where it must not be: what the payload says is then nobody's business.
    opaque: bool,
}

#[derive(Debug, Default)]
struct Text {
    is_text: bool,
    /// Octets that begin a character.
    tail: Vec<u8>,
}

/// Told of each breach: the rule, how bad it is, in words, and the octets.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Rule, Outcome, String, &[u8]);

impl Frames {
    pub(super) fn new(extended: bool) -> Self {
        Self { extended, ..Self::default() }
    }

    /// Octets that came.
    pub(super) fn push(&mut self, mut octets: &[u8], tell: Tell<'_>) {
        while !octets.is_empty() {
            if let Some(mut current) = self.current.take() {
                let taken = usize::try_from(current.left)
                    .map_or(octets.len(), |left| left.min(octets.len()));
                let (payload, rest) = octets.split_at(taken);
                current.left -= taken as u64;
                octets = rest;
                let room = SHOWN.saturating_sub(current.shown.len());
                current.shown.extend_from_slice(&payload[..taken.min(room)]);
                self.payload(&mut current, payload, tell);
                if current.left > 0 {
                    self.current = Some(current);
                } else {
                    self.end(&current, tell);
                }
            } else {
                self.header.push(octets[0]);
                octets = &octets[1..];
                let Some(current) = self.parse_header(tell) else { continue };
                if current.left == 0 {
                    self.end(&current, tell);
                } else {
                    self.current = Some(current);
                }
            }
        }
    }

    /// The frame whose header is whole.
    fn parse_header(&mut self, tell: Tell<'_>) -> Option<Current> {
        let header = &self.header;
        let (&first, &second) = (header.first()?, header.get(1)?);
        let length_octets = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & 0x80 != 0;
        if header.len() < 2 + length_octets + if masked { 4 } else { 0 } {
            return None;
        }
        let len = match length_octets {
            0 => u64::from(second & 0x7f),
            n => header[2..2 + n].iter().fold(0, |len, octet| len << 8 | u64::from(*octet)),
        };
        let header = mem::take(&mut self.header);
        self.count += 1;
        let (fin, rsv, opcode) = (first & 0x80 != 0, first >> 4 & 7, first & 0xf);
        let name = opcode_name(opcode);
        let mut fail = |rule, what: String| tell(rule, Outcome::Fail, what, &header);
        if masked {
            fail(Rule::Mask, format!("a masked frame: {name}"));
        }
        if rsv != 0 && !self.extended {
            fail(Rule::Reserved, format!("{name} with reserved bits {rsv:03b}"));
        }
        if !matches!(opcode, 0..=2 | 8..=10) {
            fail(Rule::Opcode, format!("opcode {opcode}"));
        }
        let least = match len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        if length_octets != least || len >> 63 != 0 {
            fail(
                Rule::Length,
                format!("{name}: a length of {len} in {} octets", length_octets.max(1)),
            );
        }
        if opcode >= 8 && (!fin || len > 125) {
            let what = if fin { format!("of {len} octets") } else { "without FIN".into() };
            fail(Rule::ControlFrame, format!("{name} {what}"));
        }
        if self.closed {
            // What must not follow is data; a Pong or a second Close is merely pointless.
            let outcome = if opcode < 8 { Outcome::Fail } else { Outcome::Warn };
            tell(Rule::AfterClose, outcome, format!("{name} behind Close"), &header);
        }
        match opcode {
            opcode::CONTINUATION if self.message.is_none() => {
                tell(Rule::Fragments, Outcome::Fail, "a continuation of nothing".into(), &header);
            }
            opcode::TEXT | opcode::BINARY => {
                if self.message.is_some() {
                    let what = format!("{name} inside a message");
                    tell(Rule::Fragments, Outcome::Fail, what, &header);
                }
                let is_text = opcode == opcode::TEXT && rsv == 0;
                self.message = Some(Text { is_text, tail: Vec::new() });
            }
            _ => {}
        }
        let payload = Vec::new();
        Some(Current { opcode, fin, left: len, payload, shown: header, opaque: masked })
    }

    fn payload(&mut self, current: &mut Current, payload: &[u8], tell: Tell<'_>) {
        /// Longer than any control frame may be.
        const MAX_CONTROL: usize = 256;
        if current.opaque {
            return;
        }
        if current.opcode >= 8 {
            let room = MAX_CONTROL.saturating_sub(current.payload.len());
            current.payload.extend_from_slice(&payload[..payload.len().min(room)]);
            return;
        }
        let Some(text) = self.message.as_mut().filter(|text| text.is_text) else { return };
        if !text.push(payload) {
            text.is_text = false;
            tell(Rule::Utf8, Outcome::Fail, "text that is not UTF-8".into(), &current.shown);
        }
    }

    fn end(&mut self, current: &Current, tell: Tell<'_>) {
        let Current { opcode, fin, payload, shown, opaque, .. } = current;
        if *opcode < 8 {
            if *fin
                && let Some(text) = self.message.take()
                && text.is_text
                && !text.tail.is_empty()
            {
                tell(Rule::Utf8, Outcome::Fail, "text that ends inside a character".into(), shown);
            }
            return;
        }
        if *opcode != opcode::CLOSE {
            return;
        }
        self.closed = true;
        if *opaque {
            return;
        }
        match payload.split_first_chunk() {
            None if payload.is_empty() => {}
            None => {
                tell(Rule::CloseCode, Outcome::Fail, "a close code of one octet".into(), shown);
            }
            Some((code, reason)) => {
                let code = u16::from_be_bytes(*code);
                let outcome = match code {
                    1000..=1003 | 1007..=1014 | 3000..=4999 => None,
                    // Reserved, and undefined: no sentence says that they must not be sent.
                    1004 | 1016..=2999 => Some(Outcome::Warn),
                    _ => Some(Outcome::Fail),
                };
                if let Some(outcome) = outcome {
                    tell(Rule::CloseCode, outcome, format!("Close {code}"), shown);
                }
                if str::from_utf8(reason).is_err() {
                    tell(
                        Rule::Utf8,
                        Outcome::Fail,
                        "a close reason that is not UTF-8".into(),
                        shown,
                    );
                }
            }
        }
    }
}

impl Text {
    /// Whether the text may still be UTF-8.
    fn push(&mut self, payload: &[u8]) -> bool {
        let mut octets = mem::take(&mut self.tail);
        octets.extend_from_slice(payload);
        match str::from_utf8(&octets) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() => {
                self.tail = octets.split_off(error.valid_up_to());
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, however the octets are cut.
    fn found(octets: &[u8], extended: bool) -> Vec<(Rule, Outcome)> {
        let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut frames, mut found) = (Frames::new(extended), Vec::new());
            for piece in pieces {
                frames.push(piece, &mut |rule, outcome, _, shown| {
                    assert!(!shown.is_empty() && shown.len() <= SHOWN + 14);
                    found.push((rule, outcome));
                });
            }
            found
        };
        let whole = run(&mut std::iter::once(octets));
        assert_eq!(run(&mut octets.chunks(1)), whole);
        whole
    }

    #[test]
    fn sound_frames_are_sound() {
        let mut octets =
            vec![0x81, 2, b'h', b'i', 0x01, 1, 0xc3, 0x89, 0, 0x80, 1, 0xa9, 0x82, 126, 0, 126];
        octets.extend([0xff; 126]);
        octets.extend([0x8a, 0, 0x88, 5, 0x03, 0xe8, b'b', b'y', b'e']);
        assert_eq!(found(&octets, false), []);
        assert_eq!(found(&[0xc1, 1, 0xff], true), [], "compressed");
    }

    #[test]
    fn each_breach_is_found() {
        use Outcome::{Fail, Warn};
        let long_pong: Vec<u8> = [&[0x8a, 126, 0, 126][..], &[0; 126]].concat();
        let cases: &[(&[u8], Rule, Outcome)] = &[
            (&[0x81, 0x81, 0, 0, 0, 0, b'x'], Rule::Mask, Fail),
            (&[0xc1, 1, b'x'], Rule::Reserved, Fail),
            (&[0x83, 0], Rule::Opcode, Fail),
            (&[0x81, 126, 0, 1, b'x'], Rule::Length, Fail),
            (&[0x09, 0], Rule::ControlFrame, Fail),
            (&long_pong, Rule::ControlFrame, Fail),
            (&[0x80, 0], Rule::Fragments, Fail),
            (&[0x01, 0, 0x81, 0], Rule::Fragments, Fail),
            (&[0x81, 1, 0xff], Rule::Utf8, Fail),
            (&[0x81, 1, 0xc3], Rule::Utf8, Fail),
            (&[0x88, 1, 3], Rule::CloseCode, Fail),
            (&[0x88, 2, 0x03, 0xed], Rule::CloseCode, Fail),
            (&[0x88, 2, 0x03, 0xec], Rule::CloseCode, Warn),
            (&[0x88, 3, 0x03, 0xe8, 0xff], Rule::Utf8, Fail),
            (&[0x88, 0, 0x81, 0], Rule::AfterClose, Fail),
            (&[0x88, 0, 0x8a, 0], Rule::AfterClose, Warn),
        ];
        for (octets, rule, outcome) in cases {
            assert_eq!(found(octets, false), [(*rule, *outcome)], "{octets:02x?}");
        }
    }
}
