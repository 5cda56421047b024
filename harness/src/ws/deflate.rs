//! permessage-deflate (RFC 7692) as a client speaks it: offers, what became of them, and the two streams.
//!
//! The compression itself is a library's; what the RFC says about it is judged here, by what was agreed on.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::http::Response;

/// The name of the extension.
const NAME: &str = "permessage-deflate";
/// What ends each sync flush, and is not sent (§7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The window that holds where none is agreed on, in bits (§7.1.2).
const WIDEST: u8 = 15;

/// What a client asks for in `Sec-WebSocket-Extensions` (§7.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Offer {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<u8>,
    /// Without a value: the client knows the parameter, and leaves the choice to the server.
    pub(crate) client_max_window_bits: bool,
}

/// What client and server agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Agreed {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: u8,
    pub(crate) client_max_window_bits: u8,
}

/// Both streams of a connection.
pub(crate) struct Deflate {
    agreed: Agreed,
    compress: Compress,
    decompress: Box<DecompressorOxide>,
    /// What the subject may still refer to, exactly as long as the window that was agreed on: with a longer one
    /// a reference that is too far back would go unseen.
    window: Vec<u8>,
    /// Where the next octet goes in the window.
    at: usize,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if self.client_max_window_bits {
            f.write_str("; client_max_window_bits")?;
        }
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        match self.server_max_window_bits {
            Some(bits) => write!(f, "; server_max_window_bits={bits}"),
            None => Ok(()),
        }
    }
}

impl Agreed {
    /// What a response says to these offers; `None` if the subject takes none.
    ///
    /// # Errors
    ///
    /// Which rule the response breaks.
    pub(crate) fn read(response: &Response, offers: &[Offer]) -> Result<Option<Self>, String> {
        let lines: Vec<&[u8]> = response.all("sec-websocket-extensions").collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&lines.join(&b", "[..])).into_owned();
        let fault = |what: &str| Err(format!("Sec-WebSocket-Extensions is {text:?}: {what}"));
        if text.contains(',') {
            return fault("more than one extension, though one was offered (RFC 7692 §5.1)");
        }
        let mut words = text.split(';').map(str::trim);
        if words.next() != Some(NAME) {
            return fault("not the extension that was offered (RFC 6455 §4.2.2)");
        }
        let mut agreed = Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: WIDEST,
            client_max_window_bits: WIDEST,
        };
        let mut seen = Vec::new();
        let mut client_bits = false;
        for word in words {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (word, None),
            };
            if seen.contains(&name) {
                return fault("a parameter comes twice (RFC 7692 §7.1)");
            }
            seen.push(name);
            match (name, value.map(bits)) {
                ("server_no_context_takeover", None) => agreed.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => agreed.client_no_context_takeover = true,
                ("server_max_window_bits", Some(Some(bits))) => {
                    agreed.server_max_window_bits = bits;
                }
                ("client_max_window_bits", Some(Some(bits))) => {
                    agreed.client_max_window_bits = bits;
                    client_bits = true;
                }
                _ => {
                    return fault(
                        "a parameter that is none, or with a value that is none (RFC 7692 §7.1)",
                    );
                }
            }
        }
        let answers = |offer: &Offer| {
            (!offer.server_no_context_takeover || agreed.server_no_context_takeover)
                && offer
                    .server_max_window_bits
                    .is_none_or(|most| agreed.server_max_window_bits <= most)
                && (!client_bits || offer.client_max_window_bits)
        };
        if offers.iter().any(answers) {
            return Ok(Some(agreed));
        }
        if client_bits && !offers.iter().any(|offer| offer.client_max_window_bits) {
            return fault("client_max_window_bits was not offered (RFC 7692 §7.1.2.2)");
        }
        fault("this accepts no offer as it was made (RFC 7692 §7.1)")
    }
}

/// The bits of a window: 8 to 15, without leading zeros (§7.1.2).
fn bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

impl Deflate {
    pub(crate) fn new(agreed: Agreed) -> Self {
        // Within 256 octets the library cannot compress, but it can leave them as they are.
        let (level, bits) = match agreed.client_max_window_bits {
            8 => (Compression::none(), 9),
            bits => (Compression::fast(), bits),
        };
        Self {
            agreed,
            compress: Compress::new_with_window_bits(level, false, bits),
            decompress: Box::default(),
            window: vec![0; 1 << agreed.server_max_window_bits],
            at: 0,
        }
    }

    pub(crate) fn agreed(&self) -> Agreed {
        self.agreed
    }

    /// The payload that stands for `message` (§7.2.1).
    pub(crate) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if message.is_empty() {
            return vec![0x00]; // §7.2.3.6: where there is nothing to flush, the library yields nothing
        }
        if self.agreed.client_no_context_takeover {
            self.compress.reset();
        }
        let mut payload = Vec::new();
        let began = self.compress.total_in();
        loop {
            payload.reserve(message.len() / 2 + 64);
            let done = (self.compress.total_in() - began) as usize;
            // Fails only where it is told to finish and then to go on.
            let Ok(_) =
                self.compress.compress_vec(&message[done..], &mut payload, FlushCompress::Sync)
            else {
                break;
            };
            if payload.len() < payload.capacity() {
                break;
            }
        }
        payload.truncate(payload.len().saturating_sub(TAIL.len()));
        payload
    }

    /// The message of at most `max` octets that `payload` stands for (§7.2.2).
    ///
    /// # Errors
    ///
    /// Which rule the payload breaks.
    pub(crate) fn decompress(&mut self, payload: &[u8], max: usize) -> Result<Vec<u8>, String> {
        if self.agreed.server_no_context_takeover {
            self.decompress.init();
            self.window.fill(0);
        }
        let input = [payload, &TAIL].concat();
        let mut rest = &input[..];
        let mut message = Vec::new();
        loop {
            let flags = TINFL_FLAG_HAS_MORE_INPUT;
            let (status, took, gave) =
                decompress(&mut self.decompress, rest, &mut self.window, self.at, flags);
            rest = &rest[took..];
            message.extend_from_slice(&self.window[self.at..self.at + gave]);
            self.at = (self.at + gave) % self.window.len();
            if message.len() > max {
                return Err(format!("it becomes more than the {max} octets that were sent"));
            }
            match status {
                TINFLStatus::HasMoreOutput => {}
                // A final block, behind which a new stream begins (§7.2.3.4).
                TINFLStatus::Done => self.decompress.init(),
                TINFLStatus::NeedsMoreInput => break,
                status => {
                    return Err(format!(
                        "no DEFLATE data within the window agreed on: {status:?} (RFC 7692 §7.2.2)"
                    ));
                }
            }
        }
        Ok(message)
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflate").field("agreed", &self.agreed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKING: Offer = Offer {
        server_no_context_takeover: true,
        client_no_context_takeover: false,
        server_max_window_bits: Some(10),
        client_max_window_bits: false,
    };

    fn read(extensions: &str, offers: &[Offer]) -> Result<Option<Agreed>, String> {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{extensions}\r\n");
        Agreed::read(&Response::whole(head.as_bytes()), offers)
    }

    #[test]
    fn what_was_agreed_on() {
        assert_eq!(read("", &[ASKING]), Ok(None));
        let agreed = read(
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"9\"; server_no_context_takeover\r\n",
            &[Offer::default(), ASKING],
        );
        let expected = Agreed {
            server_no_context_takeover: true,
            client_no_context_takeover: false,
            server_max_window_bits: 9,
            client_max_window_bits: 15,
        };
        assert_eq!(agreed, Ok(Some(expected)));
    }

    #[test]
    fn what_accepts_no_offer_is_a_fault() {
        for (extensions, why) in [
            ("permessage-deflate", "no offer"),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
                "no offer",
            ),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
                "not offered",
            ),
            ("permessage-deflate; server_no_context_takeover; server_max_window_bits", "value"),
            ("permessage-deflate; server_no_context_takeover; server_max_window_bits=09", "value"),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", "twice"),
            ("permessage-deflate, permessage-deflate", "more than one"),
            ("permessage-bzip2", "not the extension"),
        ] {
            let verdict = read(&format!("Sec-WebSocket-Extensions: {extensions}\r\n"), &[ASKING]);
            assert!(
                verdict.as_ref().is_err_and(|text| text.contains(why)),
                "{extensions}: {verdict:?}"
            );
        }
    }

    fn pair(server_bits: u8, no_context: bool) -> (Deflate, Deflate) {
        let agreed = Agreed {
            server_no_context_takeover: no_context,
            client_no_context_takeover: no_context,
            server_max_window_bits: server_bits,
            client_max_window_bits: 15,
        };
        (Deflate::new(agreed), Deflate::new(agreed))
    }

    /// 600 octets that resemble nothing, and then themselves.
    fn repeated() -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(7);
        let octets: Vec<u8> = (0..600).map(|_| random.u8(..)).collect();
        octets.repeat(2)
    }

    #[test]
    fn messages_come_back() {
        for no_context in [false, true] {
            let (mut from, mut to) = pair(15, no_context);
            for message in [&b"Hello"[..], b"", b"Hello", &repeated(), &[0; 100_000], b"Hello"] {
                let payload = from.compress(message);
                assert_eq!(to.decompress(&payload, message.len()), Ok(message.to_vec()));
            }
        }
    }

    #[test]
    fn the_sample_messages_of_section_7_2_3() {
        let (_, mut to) = pair(15, false);
        for payload in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            assert_eq!(to.decompress(payload, 5), Ok(b"Hello".to_vec()), "{payload:02x?}");
        }
    }

    #[test]
    fn references_beyond_the_window_that_was_agreed_on_are_a_fault() {
        let (mut from, mut wide) = pair(15, false);
        let payload = from.compress(&repeated());
        assert!(wide.decompress(&payload, 1200).is_ok());
        let (_, mut narrow) = pair(9, false);
        assert!(narrow.decompress(&payload, 1200).is_err());
    }

    #[test]
    fn references_to_a_message_that_was_to_be_forgotten_are_not_understood() {
        let (mut from, _) = pair(15, false);
        let (_, mut to) = pair(15, true);
        let text = b"once more, once more".to_vec();
        assert_eq!(to.decompress(&from.compress(&text), 100).as_ref(), Ok(&text));
        assert_ne!(to.decompress(&from.compress(&text), 100), Ok(text));
    }

    #[test]
    fn what_grows_beyond_the_message_is_cut_off() {
        let (mut from, mut to) = pair(15, false);
        assert!(to.decompress(&from.compress(&[0; 1 << 20]), 1 << 16).is_err());
    }
}
