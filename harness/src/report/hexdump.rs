//! Octets as people have read them for sixty years: offset, hexadecimal, text.

use std::fmt::Write;

use super::Judged;
use crate::wire::text;

impl Judged {
    /// The octets that offend as a hexdump, `width` octets a line; empty if none do.
    ///
    /// # Panics
    ///
    /// If the width is zero.
    ///
    /// ```text
    /// 0000  48 54 54 50 2f 31 2e 31  20 32 30 30 20 4f 4b 0d  HTTP/1.1 200 OK.
    /// ```
    #[must_use]
    pub fn hexdump(&self, width: usize) -> Vec<String> {
        hexdump(&text::from_hex(&self.offending).unwrap_or_default(), width)
    }
}

fn hexdump(octets: &[u8], width: usize) -> Vec<String> {
    // What fits on one line needs no padding up to the text.
    let columns = width.min(octets.len());
    let line = |(number, octets): (usize, &[u8])| {
        let mut line = format!("{:04x} ", number * width);
        for i in 0..columns {
            if i % 8 == 0 {
                line.push(' ');
            }
            match octets.get(i) {
                Some(octet) => _ = write!(line, "{octet:02x} "),
                None => line.push_str("   "),
            }
        }
        line.push(' ');
        let printable = |&octet: &u8| matches!(octet, b' '..=b'~');
        line.extend(octets.iter().map(|o| if printable(o) { char::from(*o) } else { '.' }));
        line
    };
    octets.chunks(width).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_stand_in_columns() {
        let octets: Vec<u8> = (0x35..0x47).chain([0, 0xff]).collect();
        assert_eq!(
            hexdump(&octets, 16),
            [
                "0000  35 36 37 38 39 3a 3b 3c  3d 3e 3f 40 41 42 43 44  56789:;<=>?@ABCD",
                "0010  45 46 00 ff                                       EF..",
            ]
        );
        assert_eq!(hexdump(&[0x88, 2], 16), ["0000  88 02  .."]);
        assert!(hexdump(&[], 16).is_empty());
    }
}
