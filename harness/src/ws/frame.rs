//! WebSocket frames, read leniently and written literally.
//!
//! Source: RFC 6455 §5.2. The harness must be able to send what the RFC forbids and to name
//! what it received, however wrong; so a [`Frame`] holds any combination of bits, and
//! [`Frame::fault`] says which rule a received one breaks.

/// Opcodes of RFC 6455 §5.2.
pub(crate) mod opcode {
    pub(crate) const CONTINUATION: u8 = 0x0;
    pub(crate) const TEXT: u8 = 0x1;
    pub(crate) const BINARY: u8 = 0x2;
    pub(crate) const CLOSE: u8 = 0x8;
    pub(crate) const PING: u8 = 0x9;
    pub(crate) const PONG: u8 = 0xa;
}

/// The bit by which permessage-deflate marks a compressed message, as [`Frame::rsv`] has it.
pub(crate) const RSV1: u8 = 4;

/// One frame, its payload unmasked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    /// The three reserved bits as a number: 4 is RSV1, 2 RSV2, 1 RSV3.
    pub(crate) rsv: u8,
    /// Four bits; those above are ignored.
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
    /// Octets that hold the length on the wire: 0 (in the second octet), 2 or 8.
    pub(crate) length_octets: u8,
}

/// What [`Frame::parse`] found.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A whole frame, and how many octets it took.
    Frame(Frame, usize),
    /// The octets so far begin a frame.
    Partial,
}

impl Frame {
    /// A final, masked frame with the shortest length encoding.
    pub(crate) fn new(opcode: u8, payload: impl Into<Vec<u8>>, mask: [u8; 4]) -> Self {
        let payload = payload.into();
        let length_octets = match payload.len() {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        Self { fin: true, rsv: 0, opcode, mask: Some(mask), payload, length_octets }
    }

    /// The frame's octets.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Appends the frame's octets to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.fin) << 7 | (self.rsv & 7) << 4 | self.opcode & 0xf);
        let masked = u8::from(self.mask.is_some()) << 7;
        let len = self.payload.len();
        match self.length_octets {
            0 => out.push(masked | len.min(125) as u8),
            2 => {
                out.push(masked | 126);
                out.extend_from_slice(&(len.min(0xffff) as u16).to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        let start = out.len() + self.mask.map_or(0, |key| key.len());
        out.extend(self.mask.into_iter().flatten());
        out.extend_from_slice(&self.payload);
        if let Some(key) = self.mask {
            apply(key, &mut out[start..]);
        }
    }

    /// Reads the frame at the beginning of `bytes`, whatever rules it breaks.
    pub(crate) fn parse(bytes: &[u8]) -> Parsed {
        Self::parse_inner(bytes).map_or(Parsed::Partial, |(frame, len)| Parsed::Frame(frame, len))
    }

    fn parse_inner(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let mut at = 2;
        let (length_octets, len) = match second & 0x7f {
            126 => (2, u64::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))),
            127 => (8, u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?)),
            short => (0, u64::from(short)),
        };
        at += length_octets;
        let mask = if second & 0x80 == 0 { None } else { Some(*bytes.get(at..)?.first_chunk()?) };
        at += mask.map_or(0, |key: [u8; 4]| key.len());
        let end = at.checked_add(usize::try_from(len).ok()?)?;
        let mut payload = bytes.get(at..end)?.to_vec();
        if let Some(key) = mask {
            apply(key, &mut payload);
        }
        let frame = Self {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 7,
            opcode: first & 0xf,
            mask,
            payload,
            length_octets: length_octets as u8,
        };
        Some((frame, end))
    }

    /// The rule that this frame breaks, coming from a server that may set these reserved bits.
    ///
    /// `None` if it is sound by itself; whether it may come now is the connection's question.
    pub(crate) fn fault(&self, allowed_rsv: u8) -> Option<&'static str> {
        let len = self.payload.len();
        let control = self.opcode >= 8;
        let shortest = match len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        if self.mask.is_some() {
            Some("a server must not mask its frames (RFC 6455 §5.1)")
        } else if self.rsv & !allowed_rsv != 0 {
            Some(
                "a reserved bit is set that no extension agreed on gives a meaning here (RFC 6455 §5.2)",
            )
        } else if !matches!(self.opcode, 0..=2 | 8..=10) {
            Some("the opcode is reserved (RFC 6455 §5.2)")
        } else if self.length_octets != shortest {
            Some("the length is not written in the shortest form (RFC 6455 §5.2)")
        } else if control && !self.fin {
            Some("a control frame must not be fragmented (RFC 6455 §5.5)")
        } else if control && len > 125 {
            Some("a control frame's payload is longer than 125 octets (RFC 6455 §5.5)")
        } else if self.opcode == opcode::CLOSE && len == 1 {
            Some("a Close payload of one octet holds no close code (RFC 6455 §5.5.1)")
        } else if self.close_code().is_some_and(|code| !may_be_sent(code)) {
            Some("this close code must not be sent (RFC 6455 §7.4)")
        } else if self.opcode == opcode::CLOSE
            && len > 2
            && str::from_utf8(&self.payload[2..]).is_err()
        {
            Some("the close reason is not UTF-8 (RFC 6455 §5.5.1)")
        } else {
            None
        }
    }

    /// The close code, if this is a Close frame that holds one.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk()?;
        (self.opcode == opcode::CLOSE).then(|| u16::from_be_bytes(*code))
    }

    /// The opcode's name, or its number where it has none.
    pub(crate) fn name(&self) -> String {
        opcode_name(self.opcode)
    }
}

/// The opcode's name, or its number where it has none.
pub(crate) fn opcode_name(opcode: u8) -> String {
    match opcode {
        opcode::CONTINUATION => "continuation".into(),
        opcode::TEXT => "text".into(),
        opcode::BINARY => "binary".into(),
        opcode::CLOSE => "close".into(),
        opcode::PING => "ping".into(),
        opcode::PONG => "pong".into(),
        other => format!("opcode={other}"),
    }
}

/// Whether `code` may stand in a Close frame (§7.4.1, and the IANA registry for 1012–1014).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn apply(key: [u8; 4], payload: &mut [u8]) {
    for word in payload.chunks_mut(key.len()) {
        for (octet, key) in word.iter_mut().zip(key) {
            *octet ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Frame {
        match Frame::parse(bytes) {
            Parsed::Frame(frame, len) if len == bytes.len() => frame,
            other => panic!("not one whole frame: {other:?}"),
        }
    }

    #[test]
    fn the_samples_of_section_5_7() {
        let hello = whole(&[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(
            (hello.opcode, hello.fin, hello.mask, &hello.payload[..]),
            (1, true, None, &b"Hello"[..])
        );
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(whole(&masked).payload, b"Hello");
        let mut out = Vec::new();
        Frame::new(opcode::TEXT, "Hello", [0x37, 0xfa, 0x21, 0x3d]).encode(&mut out);
        assert_eq!(out, masked);
    }

    #[test]
    fn every_length_form_survives_the_way_there_and_back() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = Frame::new(opcode::BINARY, vec![7; len], [1, 2, 3, 4]);
            let mut out = Vec::new();
            frame.encode(&mut out);
            assert_eq!(whole(&out), frame, "{len}");
            for end in (0..out.len()).take(20) {
                assert!(matches!(Frame::parse(&out[..end]), Parsed::Partial), "{len} cut at {end}");
            }
        }
    }

    #[test]
    fn each_fault_is_named() {
        let sound = Frame { mask: None, ..Frame::new(opcode::TEXT, "x", [0; 4]) };
        assert_eq!(sound.fault(0), None);
        let close =
            |payload: &[u8]| Frame { mask: None, ..Frame::new(opcode::CLOSE, payload, [0; 4]) };
        assert_eq!(close(&[0x03, 0xe8]).fault(0), None);
        let faulty = [
            (Frame { mask: Some([0; 4]), ..sound.clone() }, "mask"),
            (Frame { rsv: 4, ..sound.clone() }, "reserved bit"),
            (Frame { opcode: 3, ..sound.clone() }, "opcode"),
            (Frame { length_octets: 2, ..sound.clone() }, "shortest"),
            (Frame { fin: false, opcode: opcode::PING, ..sound.clone() }, "fragmented"),
            (Frame { mask: None, ..Frame::new(opcode::PONG, vec![0; 126], [0; 4]) }, "125"),
            (close(b"x"), "one octet"),
            (close(&[0x03, 0xed]), "close code"),
            (close(&[0x03, 0xe8, 0xff]), "UTF-8"),
        ];
        for (frame, expected) in faulty {
            assert!(
                frame.fault(0).is_some_and(|f| f.contains(expected)),
                "{frame:?}: {:?}",
                frame.fault(0)
            );
        }
    }
}
