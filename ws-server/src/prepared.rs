//! A message for many clients: encoded once, not once for each.

use std::sync::Arc;

use seawall_codec::ws::{Kind, frame};

use crate::Message;
use crate::deflate::{Deflate, Encoder};

/// A message and the frames that were made of it so far: one without compression, and one for each
/// agreement on compression among the clients.
pub(crate) struct Prepared<'m> {
    pub(crate) message: Message<'m>,
    plain: Option<Arc<[u8]>>,
    compressed: Vec<(Deflate, Arc<[u8]>)>,
}

impl<'m> Prepared<'m> {
    pub(crate) fn new(message: Message<'m>) -> Self {
        Self { message, plain: None, compressed: Vec::new() }
    }

    /// The frame for a client with this encoder.
    ///
    /// A client whose server keeps a context gets the frame without compression: a compressed one
    /// would be different for each, and a context takes no notice of what passes it by.
    pub(crate) fn frame(&mut self, encoder: Option<&Encoder>) -> &Arc<[u8]> {
        let Some((encoder, deflate)) = encoder
            .filter(|encoder| encoder.wants(self.message.as_bytes()))
            .and_then(|encoder| Some((encoder, encoder.shared()?)))
        else {
            return self.plain.get_or_insert_with(|| plain(self.message));
        };
        let known = self.compressed.iter().position(|(known, _)| *known == deflate);
        let at = known.unwrap_or_else(|| {
            let message = self.message;
            let mut frame = Vec::new();
            encoder.with(|compressor| {
                compressor.encode(kind(message), message.as_bytes(), None, &mut frame);
            });
            self.compressed.push((deflate, frame.into()));
            self.compressed.len() - 1
        });
        &self.compressed[at].1
    }
}

fn plain(message: Message<'_>) -> Arc<[u8]> {
    let mut bytes = Vec::new();
    frame::encode(kind(message).opcode(), true, None, message.as_bytes(), &mut bytes);
    bytes.into()
}

pub(crate) fn kind(message: Message<'_>) -> Kind {
    match message {
        Message::Text(_) => Kind::Text,
        Message::Binary(_) => Kind::Binary,
    }
}
