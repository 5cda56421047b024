//! Version 1: a line of text (§2.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use super::{Origin, Parsed, SHORTEST, Violation};

pub(super) const PREFIX: &[u8] = b"PROXY ";

/// The longest line, its end included: two of the longest addresses of IPv6, and ports.
const MAX_LINE: usize = 107;

/// The shortest lines for each kind of address; of IPv6, `::` twice.
const KINDS: [(&[u8], usize); 3] = [
    (b"TCP4 ", b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n".len()),
    (b"TCP6 ", b"PROXY TCP6 :: :: 0 0\r\n".len()),
    (b"UNKNOWN", SHORTEST),
];

/// Parses a line that begins like [`PREFIX`], as far as it has come.
pub(super) fn parse(input: &[u8]) -> Result<Parsed, Violation> {
    let Some(kind) = input.get(PREFIX.len()..) else {
        return Ok(Parsed::Needs(SHORTEST - input.len()));
    };
    let is_it = |(name, _): &&(&[u8], usize)| {
        let len = kind.len().min(name.len());
        kind[..len] == name[..len]
    };
    // Of several that it may still be, the shortest.
    let Some(shortest) = KINDS.iter().filter(is_it).map(|(_, shortest)| *shortest).min() else {
        return Err(Violation::Family);
    };
    // The LF may be the last octet, the CR the one before.
    let line = &input[..input.len().min(MAX_LINE - 1)];
    let Some(end) = line.iter().position(|octet| matches!(octet, b'\r' | b'\n')) else {
        if line.len() == MAX_LINE - 1 {
            return Err(Violation::TooLong);
        }
        return Ok(Parsed::Needs(shortest.saturating_sub(line.len()).max(2)));
    };
    match input.get(end..end + 2) {
        Some(b"\r\n") => {}
        None if input[end] == b'\r' => return Ok(Parsed::Needs(1)),
        _ => return Err(Violation::Address),
    }
    let origin = origin(&line[PREFIX.len()..end]).ok_or(Violation::Address)?;
    Ok(Parsed::Header { origin, len: end + 2 })
}

/// What stands between prefix and line end.
fn origin(words: &[u8]) -> Option<Origin> {
    let text = core::str::from_utf8(words).ok()?;
    let mut words = text.split(' ');
    let (source, destination) = match words.next()? {
        "TCP4" => addresses::<Ipv4Addr>(&mut words)?,
        "TCP6" => addresses::<Ipv6Addr>(&mut words)?,
        // Whatever follows is to be ignored.
        "UNKNOWN" => return Some(Origin::Unknown),
        _ => return None,
    };
    let (from, to) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    Some(Origin::Client {
        source: SocketAddr::new(source, from),
        destination: SocketAddr::new(destination, to),
    })
}

fn addresses<'a, A: FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'a str>,
) -> Option<(IpAddr, IpAddr)> {
    let mut address = || Some(words.next()?.parse::<A>().ok()?.into());
    Some((address()?, address()?))
}

/// Digits alone: "heading zeroes are not permitted".
fn port(word: &str) -> Option<u16> {
    let plain = word.bytes().all(|octet| octet.is_ascii_digit());
    let led = word.len() > 1 && word.starts_with('0');
    word.parse().ok().filter(|_| plain && !led)
}
