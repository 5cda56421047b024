//! Lines: of a head, of a chunked body, of a trailer section.

use super::fault::{Fault, Faults};
use super::input::{Deadline, Input, Lack};

/// What CR, LF and NUL alone mean in a line (RFC 9112 §2.2).
#[derive(Clone, Copy)]
pub(super) struct Rules {
    cr: Alone,
    lf: Alone,
    nul: Alone,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Alone {
    Refused,
    Kept,
    EndsLine,
}

impl Rules {
    /// The rules of the request line, of fields and of trailers.
    pub(super) fn of_head(faults: &Faults) -> Self {
        let alone = |ends, kept| match (faults.has(ends), faults.has(kept)) {
            (true, _) => Alone::EndsLine,
            (false, true) => Alone::Kept,
            (false, false) => Alone::Refused,
        };
        let guessed = faults.has(Fault::FramingGuessed);
        if guessed {
            return Self { cr: Alone::Kept, lf: Alone::Kept, nul: Alone::Kept };
        }
        let nul = faults.has(Fault::NulAccepted);
        Self {
            cr: alone(Fault::BareCrEndsLine, Fault::BareCrKept),
            lf: alone(Fault::BareLfEndsLine, Fault::BareLfKept),
            nul: if nul { Alone::Kept } else { Alone::Refused },
        }
    }

    /// The rules of the lines between chunks.
    pub(super) fn of_chunks(faults: &Faults) -> Self {
        let lenient = faults.has(Fault::ChunkLineEndLenient);
        let line_end = if lenient { Alone::EndsLine } else { Alone::Refused };
        let unchecked = faults.has(Fault::ChunkExtensionUnchecked);
        let nul = if unchecked { Alone::Kept } else { Alone::Refused };
        Self { cr: line_end, lf: line_end, nul }
    }
}

/// Why there is no line.
pub(super) enum NoLine {
    /// An octet that may not stand there: refused as soon as it is seen.
    Malformed,
    /// More octets than allowed and no end.
    TooLong,
    /// The client sent no more.
    Lack(Lack),
}

/// Reads one line and drops its end.
pub(super) fn read(
    input: &mut Input,
    rules: Rules,
    max: usize,
    deadline: Deadline,
) -> Result<Vec<u8>, NoLine> {
    let mut seen = 0;
    loop {
        let unread = input.unread();
        while seen < unread.len() {
            let (meaning, end) = match (unread[seen], unread.get(seen + 1)) {
                (b'\r', None) => break,
                (b'\r', Some(b'\n')) => (Alone::EndsLine, 2),
                (b'\r', Some(_)) => (rules.cr, 1),
                (b'\n', _) => (rules.lf, 1),
                (0, _) => (rules.nul, 1),
                _ => (Alone::Kept, 1),
            };
            match meaning {
                Alone::Kept => seen += 1,
                Alone::Refused => return Err(NoLine::Malformed),
                Alone::EndsLine => {
                    let line = unread[..seen].to_vec();
                    input.consume(seen + end);
                    return Ok(line);
                }
            }
        }
        if seen > max {
            return Err(NoLine::TooLong);
        }
        input.fill(deadline).map_err(NoLine::Lack)?;
    }
}
