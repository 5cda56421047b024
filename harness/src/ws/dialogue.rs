//! What many cases do with a WebSocket: ask for an echo, close it, have it fail.

use super::client::{Client, Event};
use super::frame::opcode;
use crate::context::{Context, spell};
use crate::verdict::{Outcome, Verdict};

impl Client {
    /// Sends a text and expects it back.
    ///
    /// # Errors
    ///
    /// The verdict where something else comes.
    pub(crate) async fn echoes(&mut self, cx: &Context, text: &str) -> Result<(), Verdict> {
        self.send(opcode::TEXT, text, cx.answer_by()).await;
        let echo = Event::Message { opcode: opcode::TEXT, payload: text.into() };
        let event = self.next(cx.answer_by()).await;
        if event == echo { Ok(()) } else { Err(event.unexpected(format!("the echo of {text:?}"))) }
    }

    /// Closes with 1000, and expects the answer and the end of the connection.
    ///
    /// # Errors
    ///
    /// The verdict where something else comes.
    pub(crate) async fn close(&mut self, cx: &Context) -> Result<(), Verdict> {
        self.send(opcode::CLOSE, 1000_u16.to_be_bytes(), cx.answer_by()).await;
        match self.next(cx.answer_by()).await {
            Event::Close { code: None | Some(1000), .. } => {}
            event => return Err(event.unexpected("our Close is answered by one with 1000")),
        }
        match self.next(cx.answer_by()).await {
            Event::Ended => Ok(()),
            event => Err(event.unexpected("the end of the connection, behind both Close frames")),
        }
    }

    /// Expects the subject to fail the connection (RFC 6455 §7.1.7), with one of these codes.
    ///
    /// # Errors
    ///
    /// The verdict where it does something else, or does not say why.
    pub(crate) async fn fails(&mut self, cx: &Context, codes: &[u16]) -> Result<(), Verdict> {
        self.fails_unless_silent(cx, codes, Outcome::Fail).await
    }

    /// The same; `silence` is how it counts that the subject waits for the rest of a frame.
    ///
    /// # Errors
    ///
    /// As of [`fails`](Self::fails).
    pub(crate) async fn fails_unless_silent(
        &mut self,
        cx: &Context,
        codes: &[u16],
        silence: Outcome,
    ) -> Result<(), Verdict> {
        let spelled: Vec<String> = codes.iter().map(u16::to_string).collect();
        let expected = format!("the subject closes with {}", spelled.join(" or "));
        match self.next(cx.answer_by()).await {
            Event::Close { code: Some(code), .. } if codes.contains(&code) => Ok(()),
            // An endpoint SHOULD send a Close frame, with a status code that fits.
            event @ (Event::Close { code: None, .. } | Event::Ended) => {
                Err(Verdict::warn(expected, event.describe()))
            }
            Event::Silence => {
                let patience = spell(cx.timing().answer);
                Err(Verdict::new(
                    silence,
                    expected,
                    format!("nothing: still open after {patience}"),
                ))
            }
            event => Err(event.unexpected(expected)),
        }
    }
}
