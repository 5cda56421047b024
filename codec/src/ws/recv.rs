//! Receiving: bytes to events.

use alloc::borrow::{Cow, ToOwned as _};
use core::mem;

use super::code::CloseCode;
use super::connection::{Connection, Partial};
use super::error::Violation;
use super::event::{Event, Kind};
use super::header::{Header, MAX_HEADER_LEN};
use super::limits::Role;
use super::mask::Mask;
use super::message::Message;
use super::opcode::Opcode;
use super::utf8;

/// A frame whose header is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    opcode: Opcode,
    fin: bool,
    /// RSV1: the message that it begins is compressed.
    compressed: bool,
    mask: Option<Mask>,
    /// Bytes of the payload.
    len: usize,
    /// Bytes of the payload that have not arrived, at most `len`.
    left: usize,
}

impl Connection {
    /// Takes the next event out of `input`, the bytes just read, and moves `input`
    /// past what it consumed. `None` means that all of it is consumed.
    ///
    /// The caller may stop between two events, for example while its output is
    /// backed up, and go on later with what is left of `input`. After the peer's
    /// Close, and after a violation, the rest is discarded (§5.5.1, §7.1.7). After our
    /// own Close messages still come: the peer may have sent them before it knew.
    ///
    /// # Errors
    ///
    /// A [`Violation`], at the first byte that is wrong. Hand it to
    /// [`fail`](Self::fail); the connection receives nothing more.
    pub fn recv<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, Violation> {
        while !input.is_empty() {
            if self.failed || !self.closing.can_recv() {
                *input = &mut [];
                break;
            }
            match self.recv_frame(input) {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(violation) => {
                    *input = &mut [];
                    self.failed = true;
                    self.partial = None;
                    return Err(violation);
                }
            }
        }
        Ok(None)
    }

    /// Receives from one frame: all of it, or what `input` has of it.
    fn recv_frame<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, Violation> {
        let half = self.partial.as_mut().and_then(|partial| partial.frame.take());
        let mut frame = match half {
            Some(frame) => frame,
            None => match self.recv_header(input)? {
                Some(header) => self.admit(header)?,
                None => return Ok(None),
            },
        };
        let len = frame.left.min(input.len());
        let payload = take_front(input, len);
        if let Some(mask) = &mut frame.mask {
            mask.apply(payload);
        }
        frame.left -= len;
        if frame.left > 0 {
            self.partial.get_or_insert_default().frame = Some(frame);
        }
        let event = match frame.opcode {
            Opcode::Text => self.recv_data(Kind::Text, &frame, payload),
            Opcode::Binary => self.recv_data(Kind::Binary, &frame, payload),
            Opcode::Continuation => self.recv_more(&frame, payload),
            Opcode::Ping => Ok(self.recv_control(&frame, payload).map(Event::Ping)),
            Opcode::Pong => Ok(self.recv_control(&frame, payload).map(Event::Pong)),
            Opcode::Close => match self.recv_control(&frame, payload) {
                Some(payload) => self.recv_close(payload).map(Some),
                None => Ok(None),
            },
        };
        if self.partial.as_ref().is_some_and(|partial| partial.is_empty()) {
            self.partial = None;
        }
        event
    }

    /// Reads a header, over as many calls as it takes.
    fn recv_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Violation> {
        let from = match self.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let rsv1 = self.deflate.is_some();
        let held = self.partial.as_ref().map_or(0, |partial| usize::from(partial.head_len));
        let decoded = match &mut self.partial {
            Some(partial) if held > 0 => {
                let head = &mut partial.head;
                let more = input.len().min(MAX_HEADER_LEN - held);
                head[held..held + more].copy_from_slice(&input[..more]);
                Header::decode(&head[..held + more], from, rsv1)?
            }
            _ => Header::decode(input, from, rsv1)?,
        };
        match decoded {
            Some((header, len)) => {
                if let Some(partial) = &mut self.partial {
                    partial.head_len = 0;
                }
                take_front(input, len - held);
                Ok(Some(header))
            }
            None => {
                // Less than a header, so all of it fits behind what is held.
                let rest = mem::take(input);
                let partial = self.partial.get_or_insert_default();
                partial.head[held..held + rest.len()].copy_from_slice(rest);
                partial.head_len += rest.len() as u8;
                Ok(None)
            }
        }
    }

    /// Checks a header against the message it belongs to and against the limits,
    /// before any of its payload is stored.
    fn admit(&mut self, header: Header) -> Result<Frame, Violation> {
        if !header.opcode.is_control() {
            let limits = *self.limits;
            let mut message = self.message();
            match (header.opcode, &mut message) {
                (Opcode::Continuation, None) => return Err(Violation::NothingToContinue),
                (Opcode::Continuation, Some(message)) => {
                    message.count_fragment(limits.max_fragments)?;
                }
                (_, Some(_)) => return Err(Violation::MessageInterrupted),
                (_, None) => {}
            }
            if header.len > limits.max_frame_len as u64 {
                return Err(Violation::FrameTooBig);
            }
            // How long compressed payload becomes is seen only while it does.
            let compressed =
                header.rsv1 || message.as_ref().is_some_and(|message| message.is_compressed());
            let before = message.map_or(0, |message| message.len());
            let left = limits.max_message_len.saturating_sub(before) as u64;
            if header.len > left && !compressed {
                return Err(Violation::MessageTooBig);
            }
        }
        // At most a limit, or 125: it fits.
        let len = header.len as usize;
        let mask = header.mask.map(Mask::new);
        let Header { opcode, fin, rsv1: compressed, .. } = header;
        Ok(Frame { opcode, fin, compressed, mask, len, left: len })
    }

    /// Receives unmasked payload of the first frame of a message.
    fn recv_data<'b>(
        &mut self,
        kind: Kind,
        frame: &Frame,
        payload: &'b [u8],
    ) -> Result<Option<Event<'b>>, Violation> {
        if self.message().is_none() {
            if frame.fin && !frame.compressed && payload.len() == frame.len {
                return Ok(Some(match kind {
                    Kind::Text => Event::Text(Cow::Borrowed(utf8::whole(payload)?)),
                    Kind::Binary => Event::Binary(Cow::Borrowed(payload)),
                }));
            }
            let message = Message::new(kind, frame.compressed);
            self.partial.get_or_insert_default().message = Some(message);
        }
        self.recv_more(frame, payload)
    }

    /// Receives unmasked payload of the message that has begun.
    fn recv_more<'b>(
        &mut self,
        frame: &Frame,
        payload: &'b [u8],
    ) -> Result<Option<Event<'b>>, Violation> {
        // `admit` let the frame in, so there is a message.
        let Some(partial) = &mut self.partial else { return Ok(None) };
        let Some(message) = &mut partial.message else { return Ok(None) };
        let last = frame.fin && frame.left == 0;
        match &mut self.deflate {
            Some(deflate) if message.is_compressed() => {
                let max = self.limits.max_message_len;
                deflate.inflate(payload, last, |bytes| message.push_within(bytes, max))?;
            }
            _ => message.push(payload)?,
        }
        if last { partial.message.take().map(Message::finish).transpose() } else { Ok(None) }
    }

    /// Receives unmasked payload of a control frame: all of it, once it is there.
    fn recv_control<'b>(&mut self, frame: &Frame, payload: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        if payload.len() == frame.len {
            return Some(Cow::Borrowed(payload));
        }
        let control = &mut self.partial.get_or_insert_default().control;
        control.extend_from_slice(payload);
        (frame.left == 0).then(|| Cow::Owned(mem::take(control)))
    }

    /// Receives a Close frame. What is due next is in `closing`, for the caller to ask.
    fn recv_close<'b>(&mut self, payload: Cow<'b, [u8]>) -> Result<Event<'b>, Violation> {
        let close = decode_close(payload)?;
        let _due = self.closing.recv()?;
        self.partial = None;
        Ok(close)
    }

    /// The message that has begun.
    fn message(&mut self) -> Option<&mut Message> {
        self.partial.as_mut()?.message.as_mut()
    }
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.head_len == 0
            && self.frame.is_none()
            && self.message.is_none()
            && self.control.is_empty()
    }
}

/// Takes the first `len` bytes off `input`.
fn take_front<'b>(input: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let (front, rest) = mem::take(input).split_at_mut(len);
    *input = rest;
    front
}

/// The event that a Close payload stands for (§5.5.1).
fn decode_close(payload: Cow<'_, [u8]>) -> Result<Event<'_>, Violation> {
    let code = match *payload {
        [] => None,
        [_] => return Err(Violation::CloseLength),
        [high, low, ..] => {
            let code = u16::from_be_bytes([high, low]);
            Some(CloseCode::new(code).ok_or(Violation::CloseCode(code))?)
        }
    };
    let reason = match payload {
        Cow::Borrowed(bytes) => Cow::Borrowed(utf8::whole(bytes.get(2..).unwrap_or_default())?),
        Cow::Owned(bytes) => {
            Cow::Owned(utf8::whole(bytes.get(2..).unwrap_or_default())?.to_owned())
        }
    };
    Ok(Event::Close { code, reason })
}
