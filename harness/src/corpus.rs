//! What groups 12 and 13 compress: five texts and pictures of the sizes and kinds that the field knows, made
//! here, the same in every run.

use std::fmt::Write;
use std::sync::LazyLock;

use fastrand::Rng;

/// One of the five.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Corpus {
    /// 194 056 octets of JSON, ASCII throughout.
    Json,
    /// 263 222 octets: a bitmap of 512 × 512 greys.
    Bitmap,
    /// 222 218 octets of prose, of whose 219 371 characters 2 846 are not ASCII.
    Prose,
    /// 263 647 octets of HTML, of whose 263 620 characters 26 are not ASCII.
    Html,
    /// 1 042 328 octets of a document: compressed streams between short texts.
    Document,
}

impl Corpus {
    /// Its octets.
    pub(crate) fn octets(self) -> &'static [u8] {
        static JSON: LazyLock<Vec<u8>> = LazyLock::new(json);
        static BITMAP: LazyLock<Vec<u8>> = LazyLock::new(bitmap);
        static PROSE: LazyLock<Vec<u8>> = LazyLock::new(prose);
        static HTML: LazyLock<Vec<u8>> = LazyLock::new(html);
        static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(document);
        match self {
            Self::Json => &JSON,
            Self::Bitmap => &BITMAP,
            Self::Prose => &PROSE,
            Self::Html => &HTML,
            Self::Document => &DOCUMENT,
        }
    }
}

/// A window that slides over a corpus, and begins anew at its end.
#[derive(Debug)]
pub(crate) struct Window {
    corpus: &'static [u8],
    /// Counts characters instead of octets, and cuts between them.
    characters: bool,
    at: usize,
}

impl Window {
    pub(crate) fn new(corpus: Corpus, characters: bool) -> Self {
        Self { corpus: corpus.octets(), characters, at: 0 }
    }

    /// The next `len` characters or octets.
    pub(crate) fn slide(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 8);
        let mut left = len;
        while left > 0 {
            let rest = &self.corpus[self.at..];
            let (octets, count) = if self.characters {
                // Where the first that is too much begins.
                let mut begins =
                    rest.iter().enumerate().filter(|(_, octet)| **octet & 0xc0 != 0x80);
                match begins.nth(left) {
                    Some((at, _)) => (at, left),
                    None => {
                        (rest.len(), rest.iter().filter(|octet| **octet & 0xc0 != 0x80).count())
                    }
                }
            } else {
                let octets = left.min(rest.len());
                (octets, octets)
            };
            out.extend_from_slice(&rest[..octets]);
            self.at = (self.at + octets) % self.corpus.len();
            left -= count;
        }
        out
    }
}

const SYLLABLES: &[&str] = &[
    "al", "ber", "chen", "da", "den", "ein", "er", "ge", "gen", "hal", "haus", "heit", "ich", "in",
    "kel", "lich", "mor", "nacht", "ne", "ob", "ran", "rei", "sam", "schen", "sel", "stein", "tag",
    "te", "ten", "un", "ver", "wald", "wan", "zu",
];

/// A word of one to three syllables, often one of those that are used most.
fn word(random: &mut Rng) -> String {
    (0..random.usize(1..=3))
        .map(|_| {
            let few = random.bool();
            SYLLABLES[random.usize(..if few { 8 } else { SYLLABLES.len() })]
        })
        .collect()
}

/// Sentences of `len` characters, `narrow` of which take two octets and one three.
fn sentences(random: &mut Rng, len: usize, narrow: usize) -> String {
    let mut text = String::with_capacity(len + 64);
    while text.len() < len {
        let words: Vec<String> = (0..random.usize(4..16)).map(|_| word(random)).collect();
        let sentence = words.join(" ");
        let (first, rest) = sentence.split_at(1);
        _ = write!(
            text,
            "{}{rest}{}",
            first.to_uppercase(),
            [". ", ", ", ".\n"][random.usize(..3)]
        );
    }
    text.truncate(len);
    widen(&text, narrow)
}

/// Puts `narrow` characters of two octets and one of three in place of letters, evenly spread.
fn widen(text: &str, narrow: usize) -> String {
    let letters = text.bytes().filter(u8::is_ascii_lowercase).count();
    let every = letters / (narrow + 1);
    let mut seen = 0;
    let mut left = narrow + 1;
    text.chars()
        .map(|char| {
            if !char.is_ascii_lowercase() {
                return char;
            }
            seen += 1;
            if seen % every != 0 || left == 0 {
                return char;
            }
            left -= 1;
            if left == 0 { '€' } else { ['ä', 'ö', 'ü', 'ß'][left % 4] }
        })
        .collect()
}

fn json() -> Vec<u8> {
    const LEN: usize = 194_056;
    let mut random = Rng::with_seed(12);
    let mut text = String::from("[");
    let mut id = 0;
    while text.len() < LEN {
        id += 1;
        _ = write!(
            text,
            "\n  {{\"id\": {id}, \"name\": \"{}\", \"active\": {}, \"balance\": {:.2}, \"at\": [{:.6}, {:.6}], \
             \"tags\": [\"{}\", \"{}\"], \"note\": \"{}\"}},",
            word(&mut random),
            random.bool(),
            random.f64() * 10_000.0,
            random.f64() * 180.0 - 90.0,
            random.f64() * 360.0 - 180.0,
            word(&mut random),
            word(&mut random),
            sentences(&mut random, 60, 0).trim_end().replace(['\n', '€'], " "),
        );
    }
    text.truncate(LEN - 1);
    text.push(']');
    text.into_bytes()
}

fn bitmap() -> Vec<u8> {
    const SIDE: usize = 512;
    const HEAD: usize = 54 + 4 * 256;
    let mut random = Rng::with_seed(13);
    let mut out = Vec::with_capacity(HEAD + SIDE * SIDE);
    out.extend(b"BM");
    for word in [(HEAD + SIDE * SIDE) as u32, 0, HEAD as u32, 40, SIDE as u32, SIDE as u32] {
        out.extend(word.to_le_bytes());
    }
    out.extend([1, 0, 8, 0]);
    for word in [0, (SIDE * SIDE) as u32, 2835, 2835, 256, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend((0..=255).flat_map(|grey| [grey, grey, grey, 0]));
    for y in 0..SIDE {
        for x in 0..SIDE {
            let slope = (x + 2 * y) / 8;
            out.push((slope as u8).wrapping_add(random.u8(..4)));
        }
    }
    out
}

fn prose() -> Vec<u8> {
    sentences(&mut Rng::with_seed(14), 219_371, 2_845).into_bytes()
}

fn html() -> Vec<u8> {
    const LEN: usize = 263_620;
    const END: &str = "</body></html>\n";
    let mut random = Rng::with_seed(15);
    let mut text =
        String::from("<!DOCTYPE html>\n<html><head><title>A long page</title></head><body>\n");
    while text.len() < LEN {
        let class = word(&mut random);
        let body = sentences(&mut random, 220, 0).replace('€', "e");
        _ = write!(
            text,
            "<div class=\"entry {class}\"><h2><a href=\"/{class}/{}.html\">{}</a></h2>\n<p>{body}</p></div>\n",
            random.u16(..),
            word(&mut random),
        );
    }
    text.truncate(LEN - END.len());
    (widen(&text, 25) + END).into_bytes()
}

fn document() -> Vec<u8> {
    const LEN: usize = 1_042_328;
    let mut random = Rng::with_seed(16);
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut number = 0;
    while out.len() < LEN {
        number += 1;
        let len = random.usize(2_000..60_000);
        out.extend(
            format!("{number} 0 obj\n<< /Length {len} /Filter /FlateDecode >>\nstream\n").bytes(),
        );
        out.extend((0..len).map(|_| random.u8(..)));
        out.extend(b"\nendstream\nendobj\n");
    }
    out.truncate(LEN);
    out
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    const ALL: [Corpus; 5] =
        [Corpus::Json, Corpus::Bitmap, Corpus::Prose, Corpus::Html, Corpus::Document];

    #[test]
    fn they_have_the_sizes_that_the_field_knows() {
        let sizes = ALL.map(|corpus| corpus.octets().len());
        assert_eq!(sizes, [194_056, 263_222, 222_218, 263_647, 1_042_328]);
        for (corpus, characters, wide) in [
            (Corpus::Json, 194_056, 0),
            (Corpus::Prose, 219_371, 2_846),
            (Corpus::Html, 263_620, 26),
        ] {
            let text = str::from_utf8(corpus.octets()).unwrap();
            let count =
                |text: &str| (text.chars().count(), text.chars().filter(|c| !c.is_ascii()).count());
            assert_eq!(count(text), (characters, wide), "{corpus:?}");
        }
    }

    #[test]
    fn they_compress_as_their_kinds_do() {
        let percent = ALL.map(|corpus| {
            let octets = corpus.octets();
            let mut out = Vec::with_capacity(octets.len() + 4096);
            let mut compress = Compress::new(Compression::default(), false);
            compress.compress_vec(octets, &mut out, FlushCompress::Finish).unwrap();
            100 * out.len() / octets.len()
        });
        for (percent, most) in percent.into_iter().zip([40, 60, 45, 40, 101]) {
            assert!((5..=most).contains(&percent), "{percent:?}");
        }
    }

    #[test]
    fn the_window_slides_and_begins_anew_between_characters() {
        let mut window = Window::new(Corpus::Prose, true);
        let mut all = Vec::new();
        for _ in 0..4 {
            let piece = window.slide(100_000);
            assert_eq!(str::from_utf8(&piece).map(|text| text.chars().count()), Ok(100_000));
            all.extend(piece);
        }
        let once = Corpus::Prose.octets();
        assert!(all.starts_with(once) && once.starts_with(&all[once.len()..]));
        assert_eq!(Window::new(Corpus::Prose, false).slide(1000), once[..1000]);
    }
}
