//! Frames: reading their headers (RFC 6455 §5.2) and writing them.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;

use super::fault::{Fault, Faults};
use super::input::{Deadline, Input, Lack};

/// A frame's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: u8,
    /// Marked as compressed (RFC 7692 §6).
    pub(super) compressed: bool,
    pub(super) len: u64,
    pub(super) key: [u8; 4],
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The client did wrong, and is told so with this close code.
    Violation(u16),
    /// The closing handshake is done.
    Closed,
    /// There is no one to talk to.
    Gone,
}

impl Header {
    /// Reads a header, and refuses it at the first octet that is wrong.
    pub(super) fn read(
        input: &mut Input,
        deadline: Deadline,
        deflates: bool,
        faults: &Faults,
    ) -> Result<Self, End> {
        let strict = |fault: Fault| !faults.has(fault);
        let [first, second] = read_array(input, deadline, faults)?;
        let (fin, rsv, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        let (masked, short) = (second & 0x80 != 0, second & 0x7f);
        let is_control = opcode >= CLOSE;
        let may_be = matches!(opcode, TEXT | BINARY) || faults.has(Fault::DeflateAnyRsv1);
        let compressed = deflates && rsv & COMPRESSED != 0;
        let rsv = if compressed && may_be { rsv & !COMPRESSED } else { rsv };
        let is_wrong = rsv != 0 && strict(Fault::AcceptRsv)
            || matches!(opcode, 3..=7 | 11..) && strict(Fault::AcceptReservedOpcode)
            || !masked && strict(Fault::AcceptUnmasked)
            || is_control && !fin && strict(Fault::AcceptFragmentedControl)
            || is_control && short > 125 && strict(Fault::AcceptLongControl);
        if is_wrong {
            return Err(PROTOCOL_ERROR);
        }
        let (len, least) = match short {
            126 => (u64::from(u16::from_be_bytes(read_array(input, deadline, faults)?)), 126),
            127 => (u64::from_be_bytes(read_array(input, deadline, faults)?), 1 << 16),
            short => (u64::from(short), 0),
        };
        let is_wrong = len < least && strict(Fault::AcceptNonMinimalLength)
            || len >> 63 != 0 && strict(Fault::AcceptHugeLength);
        if is_wrong {
            return Err(PROTOCOL_ERROR);
        }
        let len = if faults.has(Fault::LongLengthMisread) { len.min(126) } else { len };
        let key = if masked { read_array(input, deadline, faults)? } else { [0; 4] };
        Ok(Self { fin, opcode, compressed, len, key })
    }
}

fn read_array<const N: usize>(
    input: &mut Input,
    deadline: Deadline,
    faults: &Faults,
) -> Result<[u8; N], End> {
    loop {
        if let Some(&octets) = input.unread().first_chunk() {
            input.consume(N);
            return Ok(octets);
        }
        if faults.has(Fault::FrameInOneRead) && !input.unread().is_empty() {
            return Err(PROTOCOL_ERROR);
        }
        input.fill(deadline)?;
    }
}

impl From<Lack> for End {
    fn from(_: Lack) -> Self {
        Self::Gone
    }
}

/// The way out, shared by the session and what it pushes. Nothing leaves after Close.
pub(super) struct Output {
    stream: Arc<TcpStream>,
    closed: Mutex<bool>,
    faults: Faults,
}

impl Output {
    pub(super) fn new(stream: Arc<TcpStream>, faults: Faults) -> Self {
        Self { stream, closed: Mutex::new(false), faults }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends one frame, with [`COMPRESSED`] where that is due; returns whether it was still allowed to.
    pub(super) fn send(&self, opcode: u8, payload: &[u8]) -> io::Result<bool> {
        let mut closed = self.closed.lock().expect("no one panics here");
        let late = match opcode {
            CLOSE => Fault::CloseTwice,
            PONG => Fault::PongAfterClose,
            _ => Fault::AnswerAfterClose,
        };
        if *closed && !self.faults.has(late) {
            return Ok(false);
        }
        *closed |= opcode == CLOSE;
        (&*self.stream).write_all(&self.frame(opcode, payload))?;
        Ok(true)
    }

    fn frame(&self, opcode: u8, payload: &[u8]) -> Vec<u8> {
        let rsv = if self.faults.has(Fault::SetsRsv) { 0x40 } else { 0 };
        let mask = if self.faults.has(Fault::MasksOwnFrames) { 0x80 } else { 0 };
        let mut frame = vec![0x80 | rsv | opcode];
        match (payload.len(), u16::try_from(payload.len())) {
            (len @ 0..=125, _) if !self.faults.has(Fault::SendsNonMinimalLength) => {
                frame.push(mask | len as u8);
            }
            (_, Ok(len)) => {
                frame.push(mask | 126);
                frame.extend_from_slice(&len.to_be_bytes());
            }
            (len, Err(_)) => {
                frame.push(mask | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        if mask != 0 {
            // A key of zeros leaves the payload as it is.
            frame.extend_from_slice(&[0; 4]);
        }
        frame.extend_from_slice(payload);
        frame
    }
}

/// RSV1, beside an opcode.
pub(super) const COMPRESSED: u8 = 0x40;

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

pub(super) const PROTOCOL_ERROR: End = End::Violation(1002);
