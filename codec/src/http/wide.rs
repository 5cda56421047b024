//! Scanning by vectors of 32 bytes, where the processor has AVX2.

use fearless_simd::{Level, prelude::*, u8x16, u8x32, x86::Avx2};

use super::chars::CLASS;
use super::scan::{Scan, Words};

/// AVX2, known to be there.
#[derive(Clone, Copy)]
pub(super) struct Wide(Avx2);

impl Wide {
    /// Gives the scan if the processor can do it.
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        Level::new().as_avx2().map(Self)
    }

    /// Does `work` as code that may use AVX2: all that is inlined into it.
    #[inline(always)]
    pub(super) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        self.0.vectorize(work)
    }

    /// One bit for each byte that is not of the class.
    #[inline(always)]
    fn others<const OF: u8>(self, block: &[u8; BLOCK]) -> u64 {
        let (columns, rows) = const { nibbles(OF) };
        let block = u8x32::load_array_ref(self.0, block);
        let columns = u8x32::block_splat(u8x16::load_array(self.0, columns));
        let rows = u8x32::block_splat(u8x16::load_array(self.0, rows));
        let column = columns.swizzle_dyn_within_blocks(block & 0x0F);
        let row = rows.swizzle_dyn_within_blocks(block >> 4);
        (column & row).simd_eq(0).to_bitmask()
    }
}

const BLOCK: usize = 32;

impl Scan for Wide {
    #[inline(always)]
    fn skip<const OF: u8>(self, bytes: &[u8], mut at: usize) -> usize {
        loop {
            let rest = &bytes[at..];
            if let Some(block) = rest.first_chunk() {
                let others = self.others::<OF>(block);
                if others != 0 {
                    return at + others.trailing_zeros() as usize;
                }
                at += BLOCK;
            } else if let Some(block) = bytes.last_chunk() {
                // Away with the bytes before `at`; behind the block is an end in any case.
                let others = (self.others::<OF>(block) | 1 << BLOCK) >> (BLOCK - rest.len());
                return at + others.trailing_zeros() as usize;
            } else {
                return Words.skip::<OF>(bytes, at);
            }
        }
    }
}

/// The table of the class by nibbles: a byte belongs to it if the entry of its low
/// nibble (its column) and that of its high nibble (its row) have a bit in common. The
/// rows of ASCII have one bit each. No class has any byte of row 1, so its bit is
/// free for the rows above ASCII, of which a class has all or nothing.
const fn nibbles(of: u8) -> ([u8; 16], [u8; 16]) {
    let mut columns = [0; 16];
    let rows = [1, 0, 4, 8, 16, 32, 64, 128, 2, 2, 2, 2, 2, 2, 2, 2];
    let mut byte = 0;
    while byte < 256 {
        if CLASS[byte] & of != 0 {
            columns[byte & 0xF] |= rows[byte >> 4];
        }
        byte += 1;
    }
    (columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scan::tests::exact;

    #[test]
    fn by_vectors() {
        if let Some(wide) = Wide::detect() {
            wide.run(|| exact(wide));
        }
    }
}
