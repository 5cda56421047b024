//! permessage-deflate at its edges (RFC 7692): what is no message, what only looks like none, what was agreed on.

use flate2::{Compress, Compression, FlushCompress};

use super::case;
use crate::case::{Case, Family};
use crate::context::Context;
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::deflate::{Agreed, Offer};
use crate::ws::frame::{Frame, RSV1, opcode};

/// Any context, any window: what most clients offer.
const PLAIN: Offer = Offer {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: true,
};
/// "Hello", compressed (§7.2.3.1).
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

pub(super) fn cases() -> Vec<Case> {
    use Strength::{Hardening, Info, May, Must, Should};
    vec![
        ws(
            "handshake/28",
            "An offer to compress that is not valid is declined",
            "RFC 7692 §7.1",
            Must,
            bad_offers,
        ),
        ws(
            "handshake/29",
            "No answer has client_max_window_bits that was not offered",
            "RFC 7692 §7.1.2.2",
            Must,
            client_bits,
        ),
        ws(
            "handshake/30",
            "Of two offers the first of which is not valid, the second is accepted, or none",
            "RFC 7692 §5.1, §7.1",
            Must,
            second_offer,
        ),
        ws("deflate/01", "RSV1 on a continuation", "RFC 7692 §6.1", Must, rsv1_continuation),
        ws("deflate/02", "RSV1 on control frames", "RFC 7692 §6.1", Must, rsv1_control),
        ws("deflate/03", "Compressed messages and others in turn", "RFC 7692 §6", Must, mixed),
        ws("deflate/04", "Compressed messages without content", "RFC 7692 §7.2.3.6", Must, empty),
        ws("deflate/05", "Blocks of every kind", "RFC 7692 §7.2.3", Must, blocks),
        ws(
            "deflate/05-final",
            "A final block, and messages behind it",
            "RFC 7692 §7.2.3.4",
            Should,
            final_block,
        ),
        ws("deflate/06", "What is no DEFLATE data", "RFC 7692 §7.2.2", Must, garbage),
        ws(
            "deflate/07",
            "A compressed message in frames of one octet, with empty ones and Pings between",
            "RFC 7692 §6.1",
            Must,
            fragments,
        ),
        ws(
            "deflate/08",
            "A thousand messages that refer to those before",
            "RFC 7692 §7.2.1",
            Must,
            context,
        ),
        ws(
            "deflate/09",
            "A reference that client_no_context_takeover rules out",
            "RFC 7692 §7.1.1.2",
            Info,
            forbidden_context,
        ),
        ws(
            "deflate/10",
            "server_no_context_takeover is kept",
            "RFC 7692 §7.1.1.1",
            Must,
            no_server_context,
        ),
        ws(
            "deflate/11",
            "server_max_window_bits is kept, from 9 to 15",
            "RFC 7692 §7.1.2.1",
            Must,
            windows,
        ),
        ws(
            "deflate/12",
            "A quarter of a megabyte that becomes a quarter of a gigabyte",
            "RFC 7692 §8",
            Hardening,
            bomb,
        )
        .exclusive(),
        ws(
            "deflate/13",
            "Text that shows only uncompressed that it is not UTF-8",
            "RFC 6455 §8.1, RFC 7692 §6.2",
            Must,
            not_utf8,
        ),
        ws(
            "deflate/14",
            "The four octets at the end of a flush are not left out",
            "RFC 7692 §7.2.2",
            May,
            tail,
        ),
        ws(
            "deflate/15",
            "RSV1 where no compression was agreed on",
            "RFC 6455 §5.2",
            Must,
            not_agreed,
        ),
    ]
}

fn ws<F, Fut>(id: &str, title: &str, section: &str, strength: Strength, run: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    case(Family::Ws, id, title, &[Route::WsEcho], run).rule(section, strength)
}

/// A connection on which this offer was accepted.
///
/// # Errors
///
/// The verdict that says it was not, which is no fault.
async fn agreed(cx: &Context, offer: Offer) -> Result<(Client, Agreed), Verdict> {
    let client = Client::open_deflate(cx, &[offer]).await?;
    let agreed = client.and_then(|client| client.agreed().map(|agreed| (client, agreed)));
    agreed.ok_or_else(|| {
        let expected = format!("101 with {offer}");
        Verdict::new(
            Outcome::Skip,
            expected,
            "the subject declines permessage-deflate as it was offered",
        )
    })
}

/// Compresses by itself, whatever was agreed on; `Sync` flushes end in four octets that are left out.
fn deflate(compress: &mut Compress, message: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut payload = Vec::with_capacity(message.len() + 1024);
    // Fails only where it is told to finish and then to go on.
    _ = compress.compress_vec(message, &mut payload, flush);
    if flush == FlushCompress::Sync {
        payload.truncate(payload.len() - 4);
    }
    payload
}

fn compressor(level: Compression) -> Compress {
    Compress::new_with_window_bits(level, false, 9)
}

/// Sends a compressed text in one frame, and expects what it stands for.
async fn echoes(
    cx: &Context,
    client: &mut Client,
    payload: &[u8],
    text: &str,
) -> Result<(), Verdict> {
    let octets = client.message(opcode::TEXT, RSV1, payload, None);
    client.connection().send(&octets, cx.answer_by()).await;
    expect(cx, client, text).await
}

async fn expect(cx: &Context, client: &mut Client, text: &str) -> Result<(), Verdict> {
    let echo = Event::Message { opcode: opcode::TEXT, payload: text.into() };
    let event = client.next(cx.answer_by()).await;
    if event == echo { Ok(()) } else { Err(event.unexpected(echo.describe())) }
}

fn frame(client: &mut Client, fin: bool, rsv: u8, opcode: u8, payload: &[u8]) -> Vec<u8> {
    Frame { fin, rsv, ..Frame::new(opcode, payload, client.key()) }.octets()
}

/// The codes for what is no compressed message: no rule names one, and both of these fit.
const NO_MESSAGE: &[u16] = &[1007, 1002];

async fn bad_offers(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "101 without the extension";
    let mut worst = Verdict::pass(expected, "every one was declined");
    for parameter in [
        "unknown",
        "unknown=1",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=08",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_no_context_takeover=1",
        "client_no_context_takeover=x",
        "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=11",
    ] {
        let verdict =
            match Client::open_offering(&cx, &format!("permessage-deflate; {parameter}")).await {
                Ok((_, response)) => match response.field("sec-websocket-extensions") {
                    None => continue,
                    Some(answer) => Verdict::fail(expected, format!("accepted as {answer:?}")),
                },
                // Whoever cannot agree to compress can still talk.
                Err(verdict) => Verdict::warn(expected, verdict.got),
            };
        worst = worst.worse(verdict.at(parameter));
    }
    Ok(worst)
}

async fn client_bits(cx: Context) -> Result<Verdict, Verdict> {
    agreed(&cx, Offer::default()).await?;
    Ok(Verdict::pass("permessage-deflate without client_max_window_bits", "so it was"))
}

async fn second_offer(cx: Context) -> Result<Verdict, Verdict> {
    let expected = "the valid offer accepted, or none";
    let offers = "permessage-deflate; unknown, permessage-deflate";
    let (_, response) = Client::open_offering(&cx, offers).await?;
    let agreed = Agreed::read(&response, &[Offer::default()]);
    match agreed.map_err(|why| Verdict::fail(expected, why))? {
        Some(_) => Ok(Verdict::pass(expected, "it was accepted")),
        None => Ok(Verdict::pass(expected, "none was")),
    }
}

async fn rsv1_continuation(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    let mut octets = frame(&mut client, false, RSV1, opcode::TEXT, &HELLO[..3]);
    octets.extend(frame(&mut client, true, RSV1, opcode::CONTINUATION, &HELLO[3..]));
    client.connection().send(&octets, cx.answer_by()).await;
    client.fails(&cx, &[1002]).await?;
    Ok(Verdict::pass("Close 1002", "it came"))
}

async fn rsv1_control(cx: Context) -> Result<Verdict, Verdict> {
    for (opcode, name) in [(opcode::PING, "Ping"), (opcode::PONG, "Pong"), (opcode::CLOSE, "Close")]
    {
        let (mut client, _) = agreed(&cx, PLAIN).await?;
        let octets = frame(&mut client, true, RSV1, opcode, &[]);
        client.connection().send(&octets, cx.answer_by()).await;
        client.fails(&cx, &[1002]).await.map_err(|verdict| verdict.at(name))?;
    }
    Ok(Verdict::pass("Close 1002, for each kind", "it came"))
}

async fn mixed(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    for number in 0..6 {
        let text = format!("message {number}, message {number}");
        let payload = client.compress(text.as_bytes());
        echoes(&cx, &mut client, &payload, &text).await?;
        client.echoes(&cx, &text).await?;
    }
    client.close(&cx).await?;
    Ok(Verdict::pass("each comes back", "they came"))
}

async fn empty(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    for _ in 0..2 {
        echoes(&cx, &mut client, &[0x00], "").await?;
        // An empty block more.
        echoes(&cx, &mut client, &[0x02, 0x00], "").await.map_err(|verdict| verdict.at("02 00"))?;
        let payload = client.compress(b"and on it goes");
        echoes(&cx, &mut client, &payload, "and on it goes").await?;
    }
    client.close(&cx).await?;
    Ok(Verdict::pass("messages without content come back, and others between them", "they came"))
}

async fn blocks(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    let samples: [(&str, &[u8]); 3] = [
        ("a fixed code", HELLO),
        ("not compressed", &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]),
        (
            "two blocks",
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ),
    ];
    for (what, payload) in samples {
        echoes(&cx, &mut client, payload, "Hello").await.map_err(|verdict| verdict.at(what))?;
    }
    // Long enough, and of few enough letters, for a code of its own.
    let text: String = (0..4000_u32).map(|i| char::from(b'a' + (i * i % 23 % 11) as u8)).collect();
    let payload =
        deflate(&mut compressor(Compression::best()), text.as_bytes(), FlushCompress::Sync);
    echoes(&cx, &mut client, &payload, &text)
        .await
        .map_err(|verdict| verdict.at("a code of its own"))?;
    client.close(&cx).await?;
    Ok(Verdict::pass("blocks of each kind are understood", "they were"))
}

async fn final_block(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    let payload = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    for _ in 0..2 {
        echoes(&cx, &mut client, &payload, "Hello").await?;
        echoes(&cx, &mut client, HELLO, "Hello")
            .await
            .map_err(|verdict| verdict.at("the message behind it"))?;
    }
    client.close(&cx).await?;
    Ok(Verdict::pass("each comes back", "they came"))
}

async fn garbage(cx: Context) -> Result<Verdict, Verdict> {
    let mut random = compressor(Compression::fast());
    // Its second half refers to the first message, which nobody is sent.
    _ = deflate(&mut random, b"what was never sent, at all", FlushCompress::Sync);
    let unsent = deflate(&mut random, b"what was never sent, at all", FlushCompress::Sync);
    for (what, payload) in [
        ("a block of type 3", &[0x07, 0x00][..]),
        ("a length that its complement contradicts", &[0x00, 0x05, 0x00, 0x00, 0x00, 0x48]),
        ("a reference to what was never sent", &unsent),
        ("octets of chance", &[0xff; 40]),
    ] {
        let (mut client, _) = agreed(&cx, PLAIN).await?;
        let octets = client.message(opcode::BINARY, RSV1, payload, None);
        client.connection().send(&octets, cx.answer_by()).await;
        client.fails(&cx, NO_MESSAGE).await.map_err(|verdict| verdict.at(what))?;
    }
    Ok(Verdict::pass("the subject closes, for each kind", "it did"))
}

async fn fragments(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    let text = "a compressed message, a compressed message, in frames of one octet";
    for _ in 0..2 {
        let payload = client.compress(text.as_bytes());
        let mut octets = frame(&mut client, false, RSV1, opcode::TEXT, &[]);
        for octet in &payload {
            octets.extend(frame(&mut client, false, 0, opcode::CONTINUATION, &[*octet]));
            octets.extend(frame(&mut client, false, 0, opcode::CONTINUATION, &[]));
        }
        octets.extend(frame(&mut client, true, 0, opcode::PING, b"between"));
        octets.extend(frame(&mut client, true, 0, opcode::CONTINUATION, &[]));
        client.connection().send(&octets, cx.answer_by()).await;
        match client.next(cx.answer_by()).await {
            Event::Pong(payload) if payload == b"between" => {}
            event => return Err(event.unexpected("the Pong")),
        }
        expect(&cx, &mut client, text).await?;
    }
    client.close(&cx).await?;
    Ok(Verdict::pass("the Pong, then the message", "they came"))
}

async fn context(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, agreed) = agreed(&cx, PLAIN).await?;
    let text =
        "The same words, over and over, which a stream that remembers makes very small.".repeat(3);
    let mut len = 0;
    for number in 1..=1000 {
        let payload = client.compress(text.as_bytes());
        len = payload.len();
        echoes(&cx, &mut client, &payload, &text)
            .await
            .map_err(|verdict| verdict.at(&format!("message {number} of 1000")))?;
    }
    client.close(&cx).await?;
    let kept = if agreed.client_no_context_takeover {
        ", without context, as the subject asked"
    } else {
        ""
    };
    Ok(Verdict::pass(
        "each comes back",
        format!("they came; the last was sent in {len} octets{kept}"),
    ))
}

/// The client breaks its word. No rule says that the server must notice.
async fn forbidden_context(cx: Context) -> Result<Verdict, Verdict> {
    let offer = Offer { client_no_context_takeover: true, ..PLAIN };
    let (mut client, agreed) = agreed(&cx, offer).await?;
    let expected = "a server that forgets cannot understand it";
    if !agreed.client_no_context_takeover {
        return Err(Verdict::new(Outcome::Skip, expected, "the subject did not agree to forget"));
    }
    let mut compress = compressor(Compression::fast());
    let text = "words that come again";
    let payload = deflate(&mut compress, text.as_bytes(), FlushCompress::Sync);
    echoes(&cx, &mut client, &payload, text).await?;
    let payload = deflate(&mut compress, text.as_bytes(), FlushCompress::Sync);
    let octets = client.message(opcode::TEXT, RSV1, &payload, None);
    client.connection().send(&octets, cx.answer_by()).await;
    let event = client.next(cx.answer_by()).await;
    let got = if matches!(event, Event::Message { .. }) {
        "it was understood: the context is kept".into()
    } else {
        event.describe()
    };
    Ok(Verdict::new(Outcome::Info, expected, got))
}

async fn no_server_context(cx: Context) -> Result<Verdict, Verdict> {
    let offer = Offer { server_no_context_takeover: true, ..PLAIN };
    let (mut client, _) = agreed(&cx, offer).await?;
    let text = "The same words each time, which a server that forgets must send anew.".repeat(5);
    for _ in 0..4 {
        let payload = client.compress(text.as_bytes());
        echoes(&cx, &mut client, &payload, &text).await?;
    }
    client.close(&cx).await?;
    Ok(Verdict::pass("each answer can be understood without those before", "it could"))
}

async fn windows(cx: Context) -> Result<Verdict, Verdict> {
    let mut kept = Vec::new();
    for bits in 9..=15 {
        let offer = Offer { server_max_window_bits: Some(bits), ..PLAIN };
        let mut client = match agreed(&cx, offer).await {
            Ok((client, _)) => client,
            Err(verdict) if verdict.outcome == Outcome::Skip => continue,
            Err(verdict) => return Err(verdict.at(&format!("{bits} bits"))),
        };
        // What comes again lies just beyond the window.
        let mut random = cx.random();
        let once: String = (0..(1 << bits) + 100).map(|_| random.lowercase()).collect();
        let text = once.repeat(2);
        let octets = client.message(opcode::TEXT, 0, text.as_bytes(), None);
        client.connection().send(&octets, cx.answer_by()).await;
        expect(&cx, &mut client, &text)
            .await
            .map_err(|verdict| verdict.at(&format!("{bits} bits")))?;
        kept.push(bits.to_string());
    }
    let expected = "no answer refers to what lies beyond the window agreed on";
    if kept.is_empty() {
        return Ok(Verdict::new(Outcome::Skip, expected, "the subject declines every window"));
    }
    Ok(Verdict::pass(expected, format!("none did, for {} bits", kept.join(", "))))
}

/// A server that inflates before it counts is brought down by a quarter of a megabyte.
async fn bomb(cx: Context) -> Result<Verdict, Verdict> {
    const MEGABYTES: usize = 256;
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    let zeros = vec![0; 1 << 20];
    let mut compress = compressor(Compression::best());
    let sync = |compress: &mut Compress| {
        let mut payload = deflate(compress, &zeros, FlushCompress::Sync);
        payload.extend([0x00, 0x00, 0xff, 0xff]);
        payload
    };
    let mut payload = sync(&mut compress);
    // Every megabyte but the first is the same.
    payload.extend(sync(&mut compress).repeat(MEGABYTES - 1));
    let octets = client.message(opcode::BINARY, RSV1, &payload, None);
    client.connection().send(&octets, cx.answer_by()).await;
    client.fails(&cx, &[1009]).await?;
    Ok(Verdict::pass("Close 1009", format!("it came, for {} octets", payload.len())))
}

async fn not_utf8(cx: Context) -> Result<Verdict, Verdict> {
    for cut in [None, Some(1)] {
        let (mut client, _) = agreed(&cx, PLAIN).await?;
        let payload = client.compress(b"Hello \xce\xba\xed\xa0\x80 there");
        let octets = client.message(opcode::TEXT, RSV1, &payload, cut);
        client.connection().send(&octets, cx.answer_by()).await;
        let which = if cut.is_some() { "in frames of one octet" } else { "in one frame" };
        client.fails(&cx, &[1007]).await.map_err(|verdict| verdict.at(which))?;
    }
    Ok(Verdict::pass("Close 1007", "it came, for one frame and for many"))
}

/// It is the client's fault, but whoever does as §7.2.2 says will not notice.
async fn tail(cx: Context) -> Result<Verdict, Verdict> {
    let (mut client, _) = agreed(&cx, PLAIN).await?;
    let text = "and four octets";
    let mut payload = client.compress(text.as_bytes());
    payload.extend([0x00, 0x00, 0xff, 0xff]);
    echoes(&cx, &mut client, &payload, text).await?;
    client.close(&cx).await?;
    Ok(Verdict::pass("the message comes back", "it came"))
}

async fn not_agreed(cx: Context) -> Result<Verdict, Verdict> {
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let octets = client.message(opcode::TEXT, RSV1, HELLO, None);
    client.connection().send(&octets, cx.answer_by()).await;
    client.fails(&cx, &[1002]).await?;
    Ok(Verdict::pass("Close 1002", "it came"))
}
