//! First messages of a handshake (`ClientHello`, RFC 8446 §4.1.2), octet by octet.

/// A first message of a client that knows nothing newer than TLS 1.`minor`, with what clients of those days
/// offered: most servers of those days would have taken it.
pub(super) fn old(minor: u8, random: &mut fastrand::Rng) -> Vec<u8> {
    /// ECDHE and RSA with AES-CBC and 3DES, and that we know of RFC 5746.
    const SUITES: [u16; 7] = [0xc013, 0xc014, 0xc009, 0xc00a, 0x002f, 0x000a, 0x00ff];
    /// `supported_groups` (P-256, P-384), `ec_point_formats` (uncompressed).
    const EXTENSIONS: &[u8] = b"\x00\x0a\x00\x06\x00\x04\x00\x17\x00\x18\x00\x0b\x00\x02\x01\x00";
    let mut body = vec![3, minor];
    body.extend((0..32).map(|_| random.u8(..)));
    body.push(0); // no session to resume
    body.extend((2 * SUITES.len() as u16).to_be_bytes());
    body.extend(SUITES.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend([1, 0]); // no compression
    body.extend((EXTENSIONS.len() as u16).to_be_bytes());
    body.extend(EXTENSIONS);
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    record(&message)
}

/// Cuts records of plain handshake messages into ones of at most `len` octets.
pub(super) fn in_records(octets: &[u8], len: usize) -> Vec<u8> {
    let mut records = Vec::new();
    let mut rest = octets;
    while let [22, _, _, high, low, behind @ ..] = rest {
        let end = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        records.extend(behind[..end].chunks(len).flat_map(record));
        rest = &behind[end..];
    }
    records.extend(rest);
    records
}

/// A record of the type handshake, with the version that first messages have.
fn record(fragment: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.extend((fragment.len() as u16).to_be_bytes());
    record.extend(fragment);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_say_what_follows() {
        let hello = old(2, &mut fastrand::Rng::with_seed(1));
        assert_eq!(hello[..3], [22, 3, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(hello[5..8], [1, 0, 0]);
        assert_eq!(usize::from(hello[8]), hello.len() - 9);
        assert_eq!(hello[9..11], [3, 2]);
    }

    #[test]
    fn records_are_cut_and_what_is_none_is_left() {
        let octets = b"\x16\x03\x01\x00\x05hello\x17\x03\x03\x00\x01x";
        let cut = in_records(octets, 2);
        let parts = b"\x16\x03\x01\x00\x02he\x16\x03\x01\x00\x02ll\x16\x03\x01\x00\x01o";
        assert_eq!(cut, [&parts[..], b"\x17\x03\x03\x00\x01x"].concat());
    }
}
