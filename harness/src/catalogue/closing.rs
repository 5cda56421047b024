//! How a WebSocket ends, where that takes more than one exchange.

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::opcode;

pub(super) fn cases() -> Vec<Case> {
    vec![ws(
        "7.1.6",
        "A quarter of a MiB, a short message, our Close and a Ping, all at once",
        "RFC 6455 §5.5.1",
        Strength::Info,
        all_at_once,
    )]
}

fn ws<F, Fut>(id: &str, title: &str, section: &str, strength: Strength, run: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    case(Family::Ws, id, title, &[Route::WsEcho], run).rule(section, strength)
}

/// Whether what came before the Close is still answered is the subject's choice: §5.5.1 lets it finish what it
/// is at, and no more. That nothing comes behind its own Close is not.
async fn all_at_once(cx: Context) -> Result<Verdict, Verdict> {
    let mut client = Client::open(&cx, Route::WsEcho, Source::Case).await?;
    let long: Vec<u8> = b"BAsd7&jh23".iter().copied().cycle().take(1 << 18).collect();
    let texts = [long, b"Hello World!".to_vec()];
    let mut octets = Vec::new();
    for text in &texts {
        octets.extend(client.message(opcode::TEXT, 0, text, None));
    }
    octets.extend(client.message(opcode::CLOSE, 0, &1000_u16.to_be_bytes(), None));
    octets.extend(client.message(opcode::PING, 0, b"", None));
    client.connection().send(&octets, cx.answer_by()).await;
    let expected = "Close 1000, then the end of the connection";
    let mut echoes = 0;
    let how = loop {
        let event = client.next(cx.answer_by()).await;
        match &event {
            Event::Message { opcode: opcode::TEXT, payload }
                if texts.get(echoes) == Some(payload) =>
            {
                echoes += 1;
            }
            Event::Close { code: None | Some(1000 | 1009), .. } | Event::Ended => break event,
            _ => return Err(event.unexpected(expected)),
        }
    };
    let got = format!("{echoes} of 2 messages came back, then: {}", how.describe());
    if matches!(how, Event::Close { .. }) {
        match client.next(cx.answer_by()).await {
            Event::Ended => {}
            Event::Silence => {
                let patience = spell(cx.timing().answer);
                let got = format!("{got}; the connection was still open {patience} later");
                return Err(Verdict::fail(expected, got));
            }
            event => return Err(event.unexpected(expected)),
        }
    }
    Ok(Verdict::new(Outcome::Info, expected, got))
}
