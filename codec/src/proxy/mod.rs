//! The PROXY protocol, versions 1 and 2: by which a proxy tells, before the first octet of the
//! connection that it passes on, whose connection that is.
//!
//! Source: "The PROXY protocol", `HAProxy` Technologies, versions 1 & 2, of 2020/03/05. Whoever
//! believes it must know that a proxy sends it: a client could claim to be anybody.
//!
//! [`parse`] is pure and reads nothing ahead: it says how many octets more belong to the header for
//! certain, so that whoever reads exactly those finds the first octet behind it untouched, be it of
//! HTTP or of TLS.

mod error;
mod v1;
mod v2;

use core::net::SocketAddr;

pub use error::Violation;

/// Octets that a header may have: those that fit any segment, as §2.2 has it. Version 1 needs 107.
pub const MAX_LEN: usize = 536;

/// What begins version 2 (§2.2): no line of text, in any protocol, does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The shortest header: `PROXY UNKNOWN` and its line end.
const SHORTEST: usize = 15;

/// How far a header has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// It is whole.
    Header {
        /// Whose connection it is.
        origin: Origin,
        /// How many octets it has.
        len: usize,
    },
    /// At least so many octets more belong to it; at least one.
    Needs(usize),
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// A client's, which connected to the proxy.
    Client {
        /// The client.
        source: SocketAddr,
        /// Where it connected to.
        destination: SocketAddr,
    },
    /// The proxy's own, to see whether we live (version 2, `LOCAL`).
    Local,
    /// The proxy does not know, or it is not TCP over IP.
    Unknown,
}

/// Parses a header at the beginning of what a proxy sent.
///
/// # Errors
///
/// [`Violation`] at the first octet that fits neither version, or beyond [`MAX_LEN`]. Then nothing
/// that follows can be trusted: the connection is to be closed.
///
/// # Examples
///
/// ```
/// use seawall_codec::proxy::{Origin, Parsed, Violation, parse};
///
/// let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
/// let Parsed::Header { origin: Origin::Client { source, .. }, len } = parse(line)? else { panic!() };
/// assert_eq!((source, len), ("192.0.2.1:56324".parse().unwrap(), line.len()));
///
/// assert_eq!(parse(b"PROXY T")?, Parsed::Needs(15)); // the rest of `PROXY TCP6 :: :: 0 0`
/// assert_eq!(parse(b"GET / HTTP/1.1\r\n"), Err(Violation::Signature));
/// # Ok::<_, Violation>(())
/// ```
pub fn parse(input: &[u8]) -> Result<Parsed, Violation> {
    let begins = |with: &[u8]| {
        let len = input.len().min(with.len());
        input[..len] == with[..len]
    };
    match input.first() {
        None => Ok(Parsed::Needs(SHORTEST)),
        Some(b'\r') if begins(SIGNATURE) => v2::parse(input),
        Some(b'P') if begins(v1::PREFIX) => v1::parse(input),
        Some(_) => Err(Violation::Signature),
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Every header there is a rule for, with what it says.
    fn sound() -> Vec<(Vec<u8>, Origin)> {
        let client = |source: &str, destination: &str| Origin::Client {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        };
        let v2 = |command: u8, family: u8, payload: &[u8]| {
            let mut header = SIGNATURE.to_vec();
            header.extend([command, family]);
            header.extend((payload.len() as u16).to_be_bytes());
            header.extend(payload);
            header
        };
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
        let mut v6 = [0; 36];
        (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 80, 81);
        let with_tlv = [&v4[..], b"\x04\x00\x02xx"].concat();
        let longest = [&v4[..], &[4; MAX_LEN - 16 - 12]].concat();
        let four = client("192.0.2.1:56324", "198.51.100.1:443");
        [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(), four),
            (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n".to_vec(), client("0.0.0.0:0", "0.0.0.0:0")),
            (
                b"PROXY TCP6 ::1 2001:db8::2 1 65535\r\n".to_vec(),
                client("[::1]:1", "[2001:db8::2]:65535"),
            ),
            (b"PROXY TCP6 :: :: 1 1\r\n".to_vec(), client("[::]:1", "[::]:1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Origin::Unknown),
            ([b"PROXY UNKNOWN ", &[b'x'; 91][..], b"\r\n"].concat(), Origin::Unknown),
            (b"PROXY UNKNOWN ffff::1 whatever it knows\r\n".to_vec(), Origin::Unknown),
            (v2(0x21, 0x11, &v4), four),
            (v2(0x21, 0x11, &with_tlv), four),
            (v2(0x21, 0x11, &longest), four),
            (v2(0x21, 0x21, &v6), client("[::1]:80", "[::2]:81")),
            (v2(0x21, 0x00, b""), Origin::Unknown),
            (v2(0x21, 0x12, &v4), Origin::Unknown),
            (v2(0x21, 0x31, &[0; 216]), Origin::Unknown),
            (v2(0x20, 0x00, b""), Origin::Local),
            (v2(0x20, 0x11, &v4), Origin::Local),
        ]
        .into()
    }

    #[test]
    fn what_is_said_is_understood() {
        for (header, origin) in sound() {
            let len = header.len();
            let whole = Ok(Parsed::Header { origin, len });
            assert_eq!(parse(&header), whole, "{}", header.escape_ascii());
            let behind = [&header[..], b"GET"].concat();
            assert_eq!(parse(&behind), whole, "{}", header.escape_ascii());
        }
    }

    /// Whoever reads what is needed, and no more, ends exactly behind the header.
    #[test]
    fn what_is_needed_is_never_too_much() {
        for (header, _) in sound() {
            for len in 0..header.len() {
                let Ok(Parsed::Needs(more)) = parse(&header[..len]) else {
                    panic!("{} at {len}", header.escape_ascii());
                };
                assert!((1..=header.len() - len).contains(&more), "{}", header.escape_ascii());
            }
        }
    }

    #[test]
    fn what_fits_no_rule_is_refused() {
        use Violation::{Address, Command, Family, Signature, TooLong};
        let long = [b"PROXY UNKNOWN ", &[b'x'; 92][..]].concat();
        let ended = [&long[..], b"\r\n"].concat();
        let table: &[(&[u8], Violation)] = &[
            (b"GET / HTTP/1.1\r\n\r\n", Signature),
            (b"\x16\x03\x01", Signature),
            (b"proxy TCP4 ", Signature),
            (b"\r\n\r\nGET", Signature),
            (b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", Family),
            (b"PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n", Family),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n\r\n", Address),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", Address),
            (b"PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n", Address),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", Address),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n", Address),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", Address),
            (b"PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n", Address),
            (b"PROXY TCP4 ::1 ::1 1 1     \r\n", Address),
            (b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n", Address),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n    ", Address),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\rx\r\n", Address),
            (&long, TooLong),
            (&ended, TooLong),
            (b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0", Command),
            (b"\r\n\r\n\0\r\nQUIT\n\x22\x11\0\0", Command),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x41\0\0", Family),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x13\0\0", Family),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b12345678901", Address),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x09", TooLong),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", TooLong),
        ];
        for (octets, violation) in table {
            assert_eq!(parse(octets), Err(*violation), "{}", octets.escape_ascii());
        }
    }
}
