//! Frames that wait for one client, in order. Pure state: no lock, no waker.
//!
//! Short frames that nobody will drop lie one behind the other in one buffer, which leaves in one
//! write. A frame that may still be dropped or replaced is a piece of its own, and so is a long one:
//! it is encoded once, and never copied to make room for another.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use seawall_codec::ws::{Opcode, frame};

use crate::batch::Batch;

/// Pieces are gathered into one write up to this many octets. What was taken to be written can be
/// dropped no more, so this is also how stale a client's messages are at most when it recovers.
const GATHER_LEN: usize = 16 * 1024;

/// From this length on, a frame is a piece of its own, and written from where it is. Below, a copy
/// costs less.
const LONG_LEN: usize = 4 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Made when the first piece comes, given back with the last: most connections need none.
    #[expect(clippy::box_collection, reason = "three words less for each connection without one")]
    pieces: Option<Box<VecDeque<Piece>>>,
    /// Frames behind all pieces.
    tail: Vec<u8>,
    /// Messages in `tail`.
    tail_messages: u32,
    /// Octets in all.
    bytes: usize,
    /// Messages in all.
    messages: u32,
}

#[derive(Debug)]
struct Piece {
    frame: Frame,
    key: Option<u64>,
    /// How many messages it holds; only a piece with exactly one may be dropped.
    messages: u32,
    loose: bool,
}

/// An encoded frame, or several.
#[derive(Debug)]
pub(crate) enum Frame {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Default for Frame {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Frame {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Queue {
    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Messages that wait.
    pub(crate) fn messages(&self) -> usize {
        self.messages as usize
    }

    /// Lets `append` write frames at the end: `messages` of them, which will not be dropped.
    pub(crate) fn append<T>(&mut self, messages: u32, append: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let before = self.tail.len();
        let done = append(&mut self.tail);
        self.bytes += self.tail.len() - before;
        self.tail_messages += messages;
        self.messages += messages;
        done
    }

    /// Encodes a message at the end, which will not be dropped.
    pub(crate) fn push_message(&mut self, opcode: Opcode, payload: &[u8]) {
        if payload.len() < LONG_LEN {
            self.append(1, |tail| frame::encode(opcode, true, None, payload, tail));
        } else {
            let mut bytes = Vec::new();
            frame::encode(opcode, true, None, payload, &mut bytes);
            self.push(Frame::Own(bytes), None, false);
        }
    }

    /// Puts a message at the end that is encoded already, and will not be dropped.
    pub(crate) fn push_encoded(&mut self, frame: Vec<u8>) {
        if frame.len() < LONG_LEN {
            self.append(1, |tail| match tail.is_empty() {
                true => *tail = frame,
                false => tail.extend_from_slice(&frame),
            });
        } else {
            self.push(Frame::Own(frame), None, false);
        }
    }

    /// Puts a message at the end that many clients share.
    pub(crate) fn push_shared(&mut self, frame: &Arc<[u8]>) {
        if frame.len() < LONG_LEN {
            self.append(1, |tail| tail.extend_from_slice(frame));
        } else {
            self.push(Frame::Shared(Arc::clone(frame)), None, false);
        }
    }

    /// Puts a message at the end that may be dropped, or replaced by one with the same key.
    pub(crate) fn push_loose(&mut self, frame: Frame, key: Option<u64>) {
        self.push(frame, key, true);
    }

    fn push(&mut self, frame: Frame, key: Option<u64>, loose: bool) {
        if !self.tail.is_empty() {
            let frame = Frame::Own(mem::take(&mut self.tail));
            let messages = mem::take(&mut self.tail_messages);
            self.push_piece(Piece { frame, key: None, messages, loose: false });
        }
        self.bytes += frame.bytes().len();
        self.messages += 1;
        self.push_piece(Piece { frame, key, messages: 1, loose });
    }

    fn push_piece(&mut self, piece: Piece) {
        self.pieces.get_or_insert_default().push_back(piece);
    }

    fn front(&self) -> Option<&Piece> {
        self.pieces.as_ref()?.front()
    }

    /// Takes out the oldest piece, or another by its place.
    fn remove(&mut self, at: usize) -> Option<Piece> {
        let pieces = self.pieces.as_mut()?;
        let piece = pieces.remove(at)?;
        self.bytes -= piece.frame.bytes().len();
        self.messages -= piece.messages;
        if pieces.is_empty() {
            self.pieces = None;
        }
        Some(piece)
    }

    /// The place of the message with this key, if one waits.
    pub(crate) fn find(&self, key: u64) -> Option<usize> {
        // The newest are at the end, and a client that keeps up has few.
        self.pieces.as_ref()?.iter().rposition(|piece| piece.key == Some(key))
    }

    /// Puts a message in the place of another. If more than `max_len` octets would wait then, it
    /// is given back, and the other is taken out all the same.
    pub(crate) fn replace(&mut self, at: usize, frame: Frame, max_len: usize) -> Result<(), Frame> {
        let Some(old) = self.pieces.as_mut().and_then(|pieces| pieces.get_mut(at)) else {
            return Err(frame);
        };
        let len = self.bytes - old.frame.bytes().len() + frame.bytes().len();
        if len > max_len {
            self.remove(at);
            return Err(frame);
        }
        self.bytes = len;
        old.frame = frame;
        Ok(())
    }

    /// Drops the oldest message that may be dropped; tells whether there was one.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let oldest =
            self.pieces.as_ref().and_then(|pieces| pieces.iter().position(|piece| piece.loose));
        oldest.is_some_and(|at| self.remove(at).is_some())
    }

    /// Drops everything; gives how many messages that were.
    pub(crate) fn clear(&mut self) -> usize {
        mem::take(self).messages()
    }

    /// Takes out what is to be written next; tells whether there is anything. The memory of what
    /// was in `next` is used again.
    pub(crate) fn take(&mut self, next: &mut Batch) -> bool {
        let mut own = next.take_buffer();
        while let Some(piece) = self.front() {
            let len = piece.frame.bytes().len();
            if !own.is_empty() && own.len() + len > GATHER_LEN {
                break;
            }
            let Some(piece) = self.remove(0) else { break };
            if own.is_empty() && len >= LONG_LEN {
                next.begin(piece.frame);
                self.take_more(next);
                return true;
            }
            own.extend_from_slice(piece.frame.bytes());
        }
        if self.pieces.is_none() && own.is_empty() {
            mem::swap(&mut own, &mut self.tail);
            self.messages -= mem::take(&mut self.tail_messages);
            self.bytes = 0;
        }
        let taken = !own.is_empty();
        next.begin(Frame::Own(own));
        taken
    }

    /// Takes out what may leave with a long frame: only what will not be dropped, since that may
    /// wait for its client's next octets a while longer.
    fn take_more(&mut self, next: &mut Batch) {
        while let Some(piece) = self.front()
            && !piece.loose
            && next.has_room(piece.frame.bytes().len())
            && let Some(piece) = self.remove(0)
        {
            next.push(piece.frame);
        }
    }

    /// Gives back the memory of an empty queue.
    pub(crate) fn shrink(&mut self) {
        if self.tail.is_empty() {
            self.tail = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    fn loose(queue: &mut Queue, text: &str, key: Option<u64>) {
        queue.push_loose(Frame::Own(text.into()), key);
    }

    /// All that waits, and that the sums are right on the way.
    fn drain(mut queue: Queue) -> String {
        let mut all = Vec::new();
        let mut batch = Batch::default();
        while queue.take(&mut batch) {
            write(&mut batch, &mut all);
        }
        assert_eq!((queue.len(), queue.messages()), (0, 0));
        String::from_utf8(all).unwrap()
    }

    fn write(batch: &mut Batch, out: &mut Vec<u8>) {
        while !batch.is_done() {
            let mut stream = futures_lite::io::Cursor::new(Vec::new());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(batch.poll_write(Pin::new(&mut stream), &mut cx).is_ready());
            out.append(stream.get_mut());
        }
    }

    #[test]
    fn order_is_kept_whatever_is_mixed() {
        let mut queue = Queue::default();
        queue.append(1, |tail| tail.extend_from_slice(b"a"));
        queue.push_shared(&Arc::from(*b"b"));
        queue.push_shared(&Arc::from("c".repeat(LONG_LEN).into_bytes()));
        queue.append(1, |tail| tail.extend_from_slice(b"d"));
        loose(&mut queue, "e", None);
        queue.append(0, |tail| tail.extend_from_slice(b"f"));
        assert_eq!((queue.len(), queue.messages()), (5 + LONG_LEN, 5));
        assert_eq!(drain(queue), format!("ab{}def", "c".repeat(LONG_LEN)));
    }

    #[test]
    fn only_loose_messages_are_dropped_and_the_oldest_first() {
        let mut queue = Queue::default();
        queue.append(0, |tail| tail.extend_from_slice(b"ping,"));
        for text in ["1,", "2,", "3,"] {
            loose(&mut queue, text, None);
        }
        queue.append(0, |tail| tail.extend_from_slice(b"pong,"));
        assert!(queue.drop_oldest() && queue.drop_oldest());
        assert_eq!((queue.len(), queue.messages()), (12, 1));
        loose(&mut queue, "4,", None);
        assert!(queue.drop_oldest() && queue.drop_oldest() && !queue.drop_oldest());
        assert_eq!(drain(queue), "ping,pong,");
    }

    #[test]
    fn a_replacement_keeps_the_place() {
        let mut queue = Queue::default();
        loose(&mut queue, "a1,", Some(1));
        loose(&mut queue, "b1,", Some(2));
        loose(&mut queue, "c,", None);
        assert_eq!((queue.find(1), queue.find(2), queue.find(3)), (Some(0), Some(1), None));
        assert!(queue.replace(0, Frame::Own(b"a22,".to_vec()), 9).is_ok());
        assert_eq!((queue.len(), queue.messages()), (9, 3));
        assert!(queue.replace(1, Frame::Own(b"b22,".to_vec()), 9).is_err());
        assert_eq!((queue.len(), queue.messages()), (6, 2), "the older is gone");
        assert_eq!(drain(queue), "a22,c,");
    }

    #[test]
    fn small_pieces_leave_together_and_long_ones_alone() {
        let mut queue = Queue::default();
        for _ in 0..200 {
            loose(&mut queue, &"x".repeat(100), None);
        }
        loose(&mut queue, &"y".repeat(GATHER_LEN * 2), None);
        assert_eq!(batches(queue), [16_300, 3_700, 2 * GATHER_LEN]);
    }

    #[test]
    fn long_messages_leave_together_unless_they_may_be_dropped() {
        let payload = [b'x'; 2 * LONG_LEN];
        let len = payload.len() + 4; // with its header
        let mut queue = Queue::default();
        for _ in 0..3 {
            queue.push_message(Opcode::Binary, &payload);
        }
        queue.append(0, |tail| tail.extend_from_slice(b"pong"));
        queue.push_message(Opcode::Binary, &payload);
        assert_eq!(batches(queue), [4 * len + 4]);

        let mut queue = Queue::default();
        loose(&mut queue, &"x".repeat(len), None);
        loose(&mut queue, &"y".repeat(len), None);
        assert_eq!(batches(queue), [len, len]);
    }

    fn batches(mut queue: Queue) -> Vec<usize> {
        let mut batch = Batch::default();
        let mut lens = Vec::new();
        while queue.take(&mut batch) {
            lens.push(batch.len());
            write(&mut batch, &mut Vec::new());
        }
        lens
    }
}
