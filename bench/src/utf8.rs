//! Text, checked as it is for a message that arrives whole.

use std::hint::black_box;

use seawall_codec::ws::utf8;

use crate::contest::Row;

pub fn rows() -> Vec<Row> {
    let ascii = "The quick brown fox jumps over the lazy dog. ".repeat(400);
    let mixed = "Über den Wölken – κόσμε 日本語 😀 ".repeat(400);
    let mut rows = vec![];
    for (name, text) in [("ASCII", &ascii), ("mixed", &mixed)] {
        for len in [20, 1 << 10, 16 << 10] {
            rows.push(row(name, &text[..text.floor_char_boundary(len)]));
        }
    }
    rows
}

fn row(name: &str, text: &str) -> Row {
    // The same bytes for all: how they lie in memory counts.
    let bytes: &[u8] = text.as_bytes().to_vec().leak();
    let len = text.len();
    Row::new(format!("UTF-8, {name}, {len} B"))
        .with("seawall", &len, move || utf8::whole(black_box(bytes)).map_or(0, str::len))
        .with("simdutf8", &len, move || {
            simdutf8::basic::from_utf8(black_box(bytes)).map_or(0, str::len)
        })
        .with("std", &len, move || std::str::from_utf8(black_box(bytes)).map_or(0, str::len))
}
