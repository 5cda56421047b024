//! Read buffers: lent out by the thread that polls, given back as soon as they are empty.
//!
//! A connection that waits for its peer holds none.

use std::cell::RefCell;

/// Octets that one read can take. One read then holds a head at its limit, or a good piece of
/// content; larger buffers gained nothing that the system calls saved would pay for.
const READ_LEN: usize = 16 * 1024;

/// Empty buffers that a thread keeps for the next reads: half a megabyte at most.
const KEPT: usize = 32;

/// Octets that one read can take from a peer that sends more than [`READ_LEN`] at once.
const LONG_READ_LEN: usize = 128 * 1024;

/// Empty buffers of that length that a thread keeps: a quarter of a megabyte.
const LONG_KEPT: usize = 2;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static LONG_POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn give_back(buffer: Vec<u8>) {
    // One that has grown for a long head is let go: the pools' sizes stay what they say.
    let (pool, kept) = match buffer.len() {
        READ_LEN => (&POOL, KEPT),
        LONG_READ_LEN => (&LONG_POOL, LONG_KEPT),
        _ => return,
    };
    pool.with_borrow_mut(|pool| {
        if pool.len() < kept {
            pool.push(buffer);
        }
    });
}

/// Octets that were read and not yet used.
///
/// # Examples
///
/// ```
/// use seawall_actor::Buffer;
///
/// let mut buffer = Buffer::default();
/// buffer.room()[..5].copy_from_slice(b"hello"); // as if read from a socket
/// buffer.filled_more(5);
/// assert_eq!(buffer.filled(), b"hello");
/// buffer.consume(5);
/// assert!(buffer.is_empty()); // and its memory is back with the thread
/// ```
#[derive(Debug, Default)]
pub struct Buffer {
    /// Not lent, and of length 0, while nothing waits in it.
    bytes: Vec<u8>,
    /// `start <= end <= bytes.len()`; what was read and not yet used lies between.
    start: usize,
    end: usize,
}

impl Buffer {
    /// What was read and not yet used.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// What was read and not yet used, to be changed in place.
    pub fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Whether nothing waits to be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room for at least one octet, after what waits.
    pub fn room(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            let lent = POOL.with_borrow_mut(Vec::pop);
            self.bytes = lent.unwrap_or_else(|| vec![0; READ_LEN]);
        }
        if self.end == self.bytes.len() {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            } else {
                // Only a head longer than a read comes here, and its limit ends the growth.
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// As [`room`](Self::room), but 128 KiB if nothing waits: for a peer whose last read filled all
    /// of its room. Where messages are long, fewer of them lie across two reads.
    pub fn long_room(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            let lent = LONG_POOL.with_borrow_mut(Vec::pop);
            self.bytes = lent.unwrap_or_else(|| vec![0; LONG_READ_LEN]);
        }
        self.room()
    }

    /// Counts `len` octets that were read into the room.
    pub fn filled_more(&mut self, len: usize) {
        self.end = (self.end + len).min(self.bytes.len());
    }

    /// Forgets the first `len` octets.
    pub fn consume(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
        if self.is_empty() {
            self.release();
        }
    }

    /// Gives the memory back if nothing waits in it.
    pub fn release(&mut self) {
        if self.is_empty() && !self.bytes.is_empty() {
            give_back(std::mem::take(&mut self.bytes));
            self.start = 0;
            self.end = 0;
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.start = self.end;
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut Buffer, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            let room = buffer.room();
            let len = room.len().min(left.len());
            room[..len].copy_from_slice(&left[..len]);
            buffer.filled_more(len);
            left = &left[len..];
        }
    }

    #[test]
    fn an_empty_buffer_holds_no_memory() {
        let mut buffer = Buffer::default();
        fill(&mut buffer, b"abc");
        buffer.consume(1);
        assert_eq!(buffer.filled(), b"bc");
        buffer.consume(2);
        assert!(buffer.is_empty());
        assert!(buffer.bytes.is_empty());
    }

    #[test]
    fn a_long_room_is_for_an_empty_buffer_and_its_memory_comes_back() {
        let mut buffer = Buffer::default();
        let room = buffer.long_room();
        assert_eq!(room.len(), LONG_READ_LEN);
        let address = room.as_ptr();
        buffer.release();
        assert_eq!(buffer.long_room().as_ptr(), address);
        buffer.release();
        fill(&mut buffer, b"abc");
        assert_eq!(buffer.long_room().len(), READ_LEN - 3);
    }

    #[test]
    fn what_waits_survives_growth_and_moving() {
        let mut buffer = Buffer::default();
        let long: Vec<u8> = (0..=255).cycle().take(READ_LEN + 10).collect();
        fill(&mut buffer, &long);
        assert_eq!(buffer.filled(), long);
        buffer.consume(READ_LEN);
        fill(&mut buffer, &long);
        assert_eq!(&buffer.filled()[..10], &long[READ_LEN..]);
        assert_eq!(&buffer.filled()[10..], long);
    }
}
