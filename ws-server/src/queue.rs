//! Frames that wait for one client, in order. Pure state: no lock, no waker.
//!
//! Small frames that nobody will drop lie one behind the other in one buffer, which leaves in one
//! write. A frame that may still be dropped or replaced is a piece of its own, and so is a long one
//! that many clients share.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

/// Pieces are gathered into one write up to this many octets. What was taken to be written can be
/// dropped no more, so this is also how stale a client's messages are at most when it recovers.
const GATHER_LEN: usize = 16 * 1024;

/// From this length on, a shared frame is not copied. Below, a copy costs less than its own write.
pub(crate) const SHARE_LEN: usize = 4 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    pieces: VecDeque<Piece>,
    /// Frames behind all pieces.
    tail: Vec<u8>,
    /// Messages in `tail`.
    tail_messages: usize,
    /// Octets in all.
    bytes: usize,
    /// Messages in all.
    messages: usize,
}

#[derive(Debug)]
struct Piece {
    frame: Frame,
    key: Option<u64>,
    /// How many messages it holds; only a piece with exactly one may be dropped.
    messages: usize,
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

    /// Empties it, and keeps its memory if that is at most `kept` octets.
    pub(crate) fn forget(&mut self, kept: usize) {
        match self {
            Self::Own(bytes) if bytes.capacity() <= kept => bytes.clear(),
            Self::Own(_) | Self::Shared(_) => *self = Self::default(),
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
        self.messages
    }

    /// Lets `append` write frames at the end: `messages` of them, which will not be dropped.
    pub(crate) fn append<T>(
        &mut self,
        messages: usize,
        append: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> T {
        let before = self.tail.len();
        let done = append(&mut self.tail);
        self.bytes += self.tail.len() - before;
        self.tail_messages += messages;
        self.messages += messages;
        done
    }

    /// Puts a message at the end that many clients share.
    pub(crate) fn push_shared(&mut self, frame: &Arc<[u8]>) {
        if frame.len() < SHARE_LEN {
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
            self.pieces.push_back(Piece { frame, key: None, messages, loose: false });
        }
        self.bytes += frame.bytes().len();
        self.messages += 1;
        self.pieces.push_back(Piece { frame, key, messages: 1, loose });
    }

    /// Puts a message in the place of the one with this key; gives it back if there is none.
    pub(crate) fn replace(&mut self, key: u64, frame: Frame) -> Result<(), Frame> {
        // The newest are at the end, and a client that keeps up has few.
        let old = self.pieces.iter_mut().rev().find(|piece| piece.key == Some(key));
        let Some(old) = old else { return Err(frame) };
        self.bytes -= old.frame.bytes().len();
        self.bytes += frame.bytes().len();
        old.frame = frame;
        Ok(())
    }

    /// Drops the oldest message that may be dropped; tells whether there was one.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let Some(at) = self.pieces.iter().position(|piece| piece.loose) else { return false };
        if let Some(piece) = self.pieces.remove(at) {
            self.bytes -= piece.frame.bytes().len();
            self.messages -= piece.messages;
        }
        true
    }

    /// Drops everything; gives how many messages that were.
    pub(crate) fn clear(&mut self) -> usize {
        mem::take(self).messages
    }

    /// Takes out what is to be written next; tells whether there is anything. The memory of what
    /// was in `next` is used again.
    pub(crate) fn take(&mut self, next: &mut Frame) -> bool {
        let mut own = match mem::take(next) {
            Frame::Own(own) => own,
            Frame::Shared(_) => Vec::new(),
        };
        own.clear();
        while let Some(piece) = self.pieces.front() {
            let len = piece.frame.bytes().len();
            if !own.is_empty() && own.len() + len > GATHER_LEN {
                break;
            }
            let Some(piece) = self.pieces.pop_front() else { break };
            self.bytes -= len;
            self.messages -= piece.messages;
            if own.is_empty() && len >= SHARE_LEN {
                *next = piece.frame;
                return true;
            }
            own.extend_from_slice(piece.frame.bytes());
        }
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new(); // an idle connection holds no memory
            if own.is_empty() {
                mem::swap(&mut own, &mut self.tail);
                self.messages -= mem::take(&mut self.tail_messages);
                self.bytes = 0;
            }
        }
        let taken = !own.is_empty();
        *next = Frame::Own(own);
        taken
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
    use super::*;

    fn loose(queue: &mut Queue, text: &str, key: Option<u64>) {
        queue.push_loose(Frame::Own(text.into()), key);
    }

    /// All that waits, and that the sums are right on the way.
    fn drain(mut queue: Queue) -> String {
        let mut all = String::new();
        let mut frame = Frame::default();
        while queue.take(&mut frame) {
            all += std::str::from_utf8(frame.bytes()).unwrap();
        }
        assert_eq!((queue.len(), queue.messages()), (0, 0));
        all
    }

    #[test]
    fn order_is_kept_whatever_is_mixed() {
        let mut queue = Queue::default();
        queue.append(1, |tail| tail.extend_from_slice(b"a"));
        queue.push_shared(&Arc::from(*b"b"));
        queue.push_shared(&Arc::from("c".repeat(SHARE_LEN).into_bytes()));
        queue.append(1, |tail| tail.extend_from_slice(b"d"));
        loose(&mut queue, "e", None);
        queue.append(0, |tail| tail.extend_from_slice(b"f"));
        assert_eq!((queue.len(), queue.messages()), (5 + SHARE_LEN, 5));
        assert_eq!(drain(queue), format!("ab{}def", "c".repeat(SHARE_LEN)));
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
        assert!(queue.replace(1, Frame::Own(b"a22,".to_vec())).is_ok());
        assert!(queue.replace(3, Frame::Own(Vec::new())).is_err());
        assert_eq!((queue.len(), queue.messages()), (9, 3));
        assert_eq!(drain(queue), "a22,b1,c,");
    }

    #[test]
    fn small_pieces_leave_together_and_long_ones_alone() {
        let mut queue = Queue::default();
        for _ in 0..200 {
            loose(&mut queue, &"x".repeat(100), None);
        }
        loose(&mut queue, &"y".repeat(GATHER_LEN * 2), None);
        let mut frame = Frame::default();
        let mut lens = Vec::new();
        while queue.take(&mut frame) {
            lens.push(frame.bytes().len());
        }
        assert_eq!(lens, [16_300, 3_700, 2 * GATHER_LEN]);
    }
}
