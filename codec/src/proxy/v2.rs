//! Version 2: octets (§2.2).

use core::net::{IpAddr, SocketAddr};

use super::{MAX_LEN, Origin, Parsed, SHORTEST, SIGNATURE, Violation};

/// Signature, version and command, kind of address, length of what follows.
const FIXED: usize = 16;

/// Parses what begins like [`SIGNATURE`], as far as it has come.
///
/// What follows the addresses (TLVs, §2.2) is passed over unread.
pub(super) fn parse(input: &[u8]) -> Result<Parsed, Violation> {
    let Some((fixed, rest)) = input.split_at_checked(FIXED) else {
        // It may still turn out to be no header at all.
        let certain = if input.len() < SIGNATURE.len() { SHORTEST } else { FIXED };
        return Ok(Parsed::Needs(certain.saturating_sub(input.len()).max(1)));
    };
    let local = match fixed[12] {
        0x20 => true,
        0x21 => false,
        _ => return Err(Violation::Command),
    };
    let kind = fixed[13];
    if kind >> 4 > 3 || kind & 0x0f > 2 {
        return Err(Violation::Family);
    }
    let len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if FIXED + len > MAX_LEN {
        return Err(Violation::TooLong);
    }
    let Some(payload) = rest.get(..len) else { return Ok(Parsed::Needs(len - rest.len())) };
    let origin = match kind {
        _ if local => Origin::Local,
        0x11 => addresses::<4>(payload).ok_or(Violation::Address)?,
        0x21 => addresses::<16>(payload).ok_or(Violation::Address)?,
        _ => Origin::Unknown,
    };
    Ok(Parsed::Header { origin, len: FIXED + len })
}

/// Two addresses of `N` octets, then two ports.
fn addresses<const N: usize>(payload: &[u8]) -> Option<Origin>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = payload.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (from, rest) = rest.split_first_chunk::<2>()?;
    let (to, _) = rest.split_first_chunk::<2>()?;
    Some(Origin::Client {
        source: SocketAddr::new(IpAddr::from(*source), u16::from_be_bytes(*from)),
        destination: SocketAddr::new(IpAddr::from(*destination), u16::from_be_bytes(*to)),
    })
}
