//! What the targets share: cutting an input into reads.

/// Cuts `bytes` into pieces whose lengths `cuts` gives, over and over; the whole in
/// one piece if there are none.
pub fn pieces<'b>(bytes: &'b [u8], cuts: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let len = cuts.next().map_or(rest.len(), |cut| 1 + usize::from(*cut)).min(rest.len());
        let (piece, after) = rest.split_at(len);
        rest = after;
        Some(piece)
    })
}
