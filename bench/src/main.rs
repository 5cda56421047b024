//! The codec beside its peers, from memory, in one run. See `README.md`.
//!
//! `cargo run --release [-- WORD…]` prints a table of the rows whose name holds one of
//! the words, or of all.

mod contest;
mod http;
mod pipe;
mod utf8;
mod ws;

use contest::Row;

fn main() {
    fastrand::seed(9112); // the same heads each time
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rows = [ws::rows(), utf8::rows(), http::rows()];
    println!("| what | seawall | peers | seawall ÷ the best |\n|---|---:|---|---:|");
    for row in rows.into_iter().flatten().filter(|row| wanted(row, &words)) {
        println!("{}", row.run());
    }
}

fn wanted(row: &Row, words: &[String]) -> bool {
    words.is_empty() || words.iter().any(|word| row.name.contains(word))
}
