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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_encoded_once_for_all_clients() {
        let mut prepared = Prepared::new(Message::Text("to everyone"));
        let first = Arc::clone(prepared.frame(None));
        assert_eq!(&first[..], b"\x81\x0Bto everyone");
        assert!(Arc::ptr_eq(&first, prepared.frame(None)));
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_message_is_compressed_once_for_each_agreement() {
        use crate::Compression;
        use crate::deflate::tests::encoder;

        let text = "again and ".repeat(100);
        let mut prepared = Prepared::new(Message::Text(&text));
        let plain = Arc::clone(prepared.frame(None));
        let small_window = Compression { server_window_bits: 9, ..Compression::default() };
        let [a, b, other] =
            [Compression::default(), Compression::default(), small_window].map(|c| encoder(&c));
        let first = Arc::clone(prepared.frame(Some(&a)));
        assert!(first.len() < plain.len());
        assert!(Arc::ptr_eq(&first, prepared.frame(Some(&b))));
        assert!(!Arc::ptr_eq(&first, prepared.frame(Some(&other))));
        assert!(Arc::ptr_eq(&first, prepared.frame(Some(&a))), "both are kept");
        // A context would make it different for each: those get it as it is.
        let context = Compression { server_context: true, ..Compression::default() };
        assert!(Arc::ptr_eq(&plain, prepared.frame(Some(&encoder(&context)))));
    }
}
