//! Sending: commands to frames, appended to the caller's buffer.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::close::{Closing, Due, MAX_REASON_LEN};
use super::code::CloseCode;
use super::connection::Connection;
use super::error::{Misuse, Violation};
use super::event::Kind;
use super::frame;
use super::header::{Header, MAX_CONTROL_LEN};
use super::limits::Role;
use super::opcode::Opcode;

impl Connection {
    /// Appends a text message.
    ///
    /// # Errors
    ///
    /// [`Misuse::AfterClose`], or [`Misuse::MessageInterrupted`] between fragments.
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Misuse> {
        self.send_message(Kind::Text, text.as_bytes(), out)
    }

    /// Appends a binary message.
    ///
    /// # Errors
    ///
    /// [`Misuse::AfterClose`], or [`Misuse::MessageInterrupted`] between fragments.
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
        self.send_message(Kind::Binary, bytes, out)
    }

    /// Appends only the header of a message of `len` bytes, for a server that writes the
    /// payload from where it lies, right behind what is in `out`: a large message need not
    /// be copied first. That a text is UTF-8 is up to the caller. The message is not
    /// compressed, whatever was agreed.
    ///
    /// # Errors
    ///
    /// [`Misuse::HeaderAlone`] from a client, which must mask the payload;
    /// [`Misuse::AfterClose`], or [`Misuse::MessageInterrupted`] between fragments.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::ws::{Connection, Kind, Limits};
    /// use std::io::{IoSlice, Write as _};
    ///
    /// let mut connection = Connection::server(Limits::default());
    /// let picture = [0x2A; 1000];
    /// let (mut out, mut socket) = (Vec::new(), Vec::new());
    /// connection.send_header(Kind::Binary, picture.len(), &mut out)?;
    /// let written = socket.write_vectored(&[IoSlice::new(&out), IoSlice::new(&picture)])?;
    /// assert_eq!((written, &socket[..4]), (1004, &b"\x82\x7E\x03\xE8"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_header(&self, kind: Kind, len: usize, out: &mut Vec<u8>) -> Result<(), Misuse> {
        self.check_message()?;
        match self.role {
            Role::Client => Err(Misuse::HeaderAlone),
            Role::Server => {
                Header::new(kind.opcode(), len as u64).encode(out);
                Ok(())
            }
        }
    }

    /// Whether a message may begin.
    fn check_message(&self) -> Result<(), Misuse> {
        if self.sending {
            return Err(Misuse::MessageInterrupted);
        }
        if !self.closing.can_send_data() {
            return Err(Misuse::AfterClose);
        }
        Ok(())
    }

    fn send_message(&mut self, kind: Kind, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
        self.check_message()?;
        let mask = self.masking_key();
        match &mut self.deflate {
            Some(deflate) => deflate.encode(kind, bytes, mask, out),
            None => frame::encode(kind.opcode(), true, mask, bytes, out),
        }
        Ok(())
    }

    /// Appends the next fragment of a message: the first call begins the message,
    /// the one with `fin` ends it. `kind` counts in the first only. The fragments
    /// of a text must be UTF-8 when joined (§5.6); each by itself need not. A message
    /// in fragments is never compressed.
    ///
    /// # Errors
    ///
    /// [`Misuse::AfterClose`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::ws::{Connection, Kind, Limits};
    ///
    /// let mut connection = Connection::server(Limits::default());
    /// let mut out = Vec::new();
    /// connection.send_fragment(Kind::Text, b"Hel", false, &mut out)?;
    /// connection.send_ping(b"", &mut out)?; // control frames may come between
    /// connection.send_fragment(Kind::Text, b"lo", true, &mut out)?;
    /// assert_eq!(out, b"\x01\x03Hel\x89\x00\x80\x02lo");
    /// # Ok::<(), seawall_codec::ws::Misuse>(())
    /// ```
    pub fn send_fragment(
        &mut self,
        kind: Kind,
        payload: &[u8],
        fin: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        let opcode = if self.sending { Opcode::Continuation } else { kind.opcode() };
        self.send_frame(opcode, fin, payload, out)?;
        self.sending = !fin;
        Ok(())
    }

    /// Appends a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// [`Misuse::AfterClose`], [`Misuse::ControlTooLong`].
    pub fn send_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
        self.send_control(Opcode::Ping, payload, out)
    }

    /// Appends a Pong: the answer to a Ping if the payload is that Ping's.
    ///
    /// # Errors
    ///
    /// [`Misuse::AfterClose`], [`Misuse::ControlTooLong`].
    pub fn send_pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
        self.send_control(Opcode::Pong, payload, out)
    }

    /// Keeps the payload of a Ping to answer it later, in place of one kept before:
    /// an endpoint "MAY elect to send a Pong frame for only the most recently
    /// processed Ping frame" (§5.5.3). For the time when output is backed up, so
    /// that a peer that pings and never reads costs 125 bytes.
    pub fn hold_pong(&mut self, payload: &[u8]) {
        let payload = &payload[..payload.len().min(MAX_CONTROL_LEN)];
        self.held_pong = Some(Box::new(payload.to_vec()));
    }

    /// Whether a Pong is kept.
    #[must_use]
    pub fn holds_pong(&self) -> bool {
        self.held_pong.is_some()
    }

    /// Appends the Pong that was kept, if there is one and it may still be sent;
    /// gives whether it did.
    pub fn send_held_pong(&mut self, out: &mut Vec<u8>) -> bool {
        match self.held_pong.take() {
            Some(payload) => self.send_pong(&payload, out).is_ok(),
            None => false,
        }
    }

    /// Appends a Close frame: opens the closing handshake, or answers the peer's.
    /// `None` sends no payload; then `reason` must be empty.
    ///
    /// # Errors
    ///
    /// [`Misuse::CloseTwice`], [`Misuse::ReasonWithoutCode`], and
    /// [`Misuse::ControlTooLong`] if `reason` is longer than 123 bytes: see
    /// [`fit_reason`](super::close::fit_reason).
    pub fn close(
        &mut self,
        code: Option<CloseCode>,
        reason: &str,
        out: &mut Vec<u8>,
    ) -> Result<Due, Misuse> {
        if code.is_none() && !reason.is_empty() {
            return Err(Misuse::ReasonWithoutCode);
        }
        if reason.len() > MAX_REASON_LEN {
            return Err(Misuse::ControlTooLong);
        }
        let due = self.closing.send()?;
        let mut payload = [0; MAX_CONTROL_LEN];
        let mut len = 0;
        if let Some(code) = code {
            payload[..2].copy_from_slice(&code.get().to_be_bytes());
            payload[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
            len = 2 + reason.len();
        }
        self.append(Opcode::Close, true, &payload[..len], out);
        self.held_pong = None;
        Ok(due)
    }

    /// Appends the Close that answers the peer's, with the same code, if an answer is
    /// due; gives whether it was. Then both have said Close: a server disconnects.
    ///
    /// # Examples
    ///
    /// ```
    /// use seawall_codec::ws::{Connection, Event, Limits};
    ///
    /// let mut connection = Connection::server(Limits::default());
    /// let mut out = Vec::new();
    /// let mut input = &mut b"\x88\x82\0\0\0\0\x03\xE8".clone()[..];
    /// if let Some(Event::Close { code, .. }) = connection.recv(&mut input)? {
    ///     assert!(connection.answer_close(code, &mut out));
    /// }
    /// assert_eq!(out, b"\x88\x02\x03\xE8");
    /// # Ok::<(), seawall_codec::ws::Violation>(())
    /// ```
    pub fn answer_close(&mut self, code: Option<CloseCode>, out: &mut Vec<u8>) -> bool {
        self.closing() == Closing::Received && self.close(code, "", out).is_ok()
    }

    /// Fails the connection (§7.1.7): appends a Close frame that names the
    /// violation, unless a Close was sent before. The caller writes what it can and
    /// disconnects without waiting for the peer's Close.
    pub fn fail(&mut self, violation: Violation, out: &mut Vec<u8>) {
        self.failed = true;
        // The only error left is that our Close is out already: then it stands.
        let _ = self.close(Some(violation.close_code()), &violation.to_string(), out);
    }

    fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        if payload.len() > MAX_CONTROL_LEN {
            return Err(Misuse::ControlTooLong);
        }
        self.send_frame(opcode, true, payload, out)
    }

    fn send_frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        if !self.closing.can_send_data() {
            return Err(Misuse::AfterClose);
        }
        self.append(opcode, fin, payload, out);
        Ok(())
    }

    fn append(&self, opcode: Opcode, fin: bool, payload: &[u8], out: &mut Vec<u8>) {
        frame::encode(opcode, fin, self.masking_key(), payload, out);
    }

    fn masking_key(&self) -> Option<[u8; 4]> {
        match self.role {
            Role::Client => Some((self.key)()),
            Role::Server => None,
        }
    }
}
