//! Groups 12 and 13: messages of every size, compressed (RFC 7692).
//!
//! A window slides over a corpus; what it shows is sent, one message after the other, and must come back octet for
//! octet, compressed within what was agreed on. The field sends a thousand messages a case, which for the longest is
//! 131 MB each way and tests little that the first few do not: unless a run is thorough, a case ends after one
//! megabyte. The corpora are ours, of the same kinds and sizes.

use crate::case::{Case, Family};
use crate::context::Context;
use crate::corpus::{Corpus, Window};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::ws::client::{Client, Event};
use crate::ws::deflate::Offer;
use crate::ws::frame::{RSV1, opcode};

use super::case;

/// Messages of a thorough run, and of any run whose messages are short.
const MESSAGES: usize = 1000;
/// Octets of messages after which a case of a usual run ends.
const USUAL: usize = 1 << 20;
/// Messages that every case sends: enough for one to refer to those before.
const FEWEST: usize = 8;

/// The length of each message, and of the frames into which what it becomes is cut.
const SIZES: [(usize, Option<usize>); 18] = [
    (16, None),
    (64, None),
    (256, None),
    (1024, None),
    (4096, None),
    (8192, None),
    (16_384, None),
    (32_768, None),
    (65_536, None),
    (131_072, None),
    (8192, Some(256)),
    (16_384, Some(256)),
    (32_768, Some(256)),
    (65_536, Some(256)),
    (131_072, Some(256)),
    (131_072, Some(1024)),
    (131_072, Some(4096)),
    (131_072, Some(32_768)),
];

/// What every group offers.
const USUAL_OFFER: Offer = Offer {
    server_no_context_takeover: false,
    client_no_context_takeover: true,
    server_max_window_bits: None,
    client_max_window_bits: true,
};

/// A case: what is compressed, under which offers, and how it is cut.
#[derive(Clone)]
struct Series {
    corpus: Corpus,
    opcode: u8,
    offers: Vec<Offer>,
    len: usize,
    cut: Option<usize>,
}

pub(super) fn cases() -> Vec<Case> {
    let kinds = [
        (Corpus::Json, opcode::TEXT, "JSON"),
        (Corpus::Bitmap, opcode::BINARY, "a bitmap"),
        (Corpus::Prose, opcode::BINARY, "prose"),
        (Corpus::Html, opcode::TEXT, "HTML"),
        (Corpus::Document, opcode::BINARY, "a document that is compressed already"),
    ];
    let asking = |server_no_context_takeover, server_max_window_bits| Offer {
        server_no_context_takeover,
        server_max_window_bits,
        ..USUAL_OFFER
    };
    let offers = [
        (vec![USUAL_OFFER], "the usual offer"),
        (vec![asking(true, None)], "no context kept"),
        (vec![asking(false, Some(9))], "a window of 512 octets"),
        (vec![asking(false, Some(15))], "a window of 32 KiB"),
        (vec![asking(true, Some(9))], "no context kept, a window of 512 octets"),
        (vec![asking(true, Some(15))], "no context kept, a window of 32 KiB"),
        (
            vec![asking(true, Some(9)), asking(true, None), USUAL_OFFER],
            "three offers to choose from",
        ),
    ];
    let mut cases = Vec::new();
    for ((corpus, opcode, title), group) in kinds.into_iter().zip(1..) {
        cases.extend(series(&format!("12.{group}"), title, corpus, opcode, &[USUAL_OFFER]));
    }
    for ((offers, title), group) in offers.into_iter().zip(1..) {
        cases.extend(series(&format!("13.{group}"), title, Corpus::Json, opcode::TEXT, &offers));
    }
    cases
}

fn series(
    group: &str,
    title: &str,
    corpus: Corpus,
    opcode: u8,
    offers: &[Offer],
) -> impl Iterator<Item = Case> {
    SIZES.into_iter().zip(1..).map(move |((len, cut), number)| {
        let series = Series { corpus, opcode, offers: offers.to_vec(), len, cut };
        let unit = if opcode == opcode::TEXT { "characters" } else { "octets" };
        let frames = cut.map(|cut| format!(", in frames of {cut}")).unwrap_or_default();
        let title = format!("Compressed, {title}: messages of {len} {unit}{frames}");
        let run = move |cx| {
            let series = series.clone();
            async move { series.run(&cx).await }
        };
        case(Family::Ws, &format!("{group}.{number}"), &title, &[Route::WsEcho], run)
            .rule("RFC 7692 §7", Strength::Must)
    })
}

impl Series {
    async fn run(&self, cx: &Context) -> Result<Verdict, Verdict> {
        let expected = "each message comes back, octet for octet, compressed as agreed";
        let Some(mut client) = Client::open_deflate(cx, &self.offers).await? else {
            let got = "the subject declines permessage-deflate";
            return Ok(Verdict::new(Outcome::Skip, expected, got));
        };
        let usual = (USUAL / self.len).clamp(FEWEST, MESSAGES);
        let count = if cx.is_thorough() { MESSAGES } else { usual };
        let mut window = Window::new(self.corpus, self.opcode == opcode::TEXT);
        let (mut plain, mut sent) = (0, 0);
        for number in 1..=count {
            let payload = window.slide(self.len);
            let compressed = client.compress(&payload);
            plain += payload.len();
            sent += compressed.len();
            let octets = client.message(self.opcode, RSV1, &compressed, self.cut);
            client.connection().send(&octets, cx.answer_by()).await;
            let echo = Event::Message { opcode: self.opcode, payload };
            match client.next(cx.answer_by()).await {
                event if event == echo => {}
                event => {
                    let which = format!("message {number} of {count}");
                    return Err(event.unexpected(expected).at(&which));
                }
            }
        }
        client.close(cx).await?;
        let ratio = 100 * sent / plain;
        Ok(Verdict::pass(
            expected,
            format!("so it was with {count} messages, sent at {ratio} % of their length"),
        ))
    }
}
