//! A client that knows nothing but frames.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;

pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A frame as it came.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// The first octet: FIN, reserved bits, opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// A masked frame. The key is fixed: nobody is to be fooled here.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    frame
}

pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
}

pub(crate) const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(crate) fn handshake(path: &str) -> String {
    handshake_with(path, "")
}

/// With field lines of the test's own.
pub(crate) fn handshake_with(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
         {KEY}Sec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    pub(crate) fn open(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::connect(address);
        let head = client.send(handshake(path)).head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        client
    }

    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(octets.as_ref()).unwrap();
        self
    }

    /// Sends as far as the server takes it, without waiting for it.
    pub(crate) fn flood(&mut self, octets: &[u8]) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let result = self.stream.write(octets);
        self.stream.set_nonblocking(false).unwrap();
        !matches!(result, Err(error) if error.kind() != ErrorKind::WouldBlock)
    }

    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                return String::from_utf8(self.read.drain(..at + 4).collect()).unwrap();
            }
            assert!(self.more().unwrap(), "closed within a head");
        }
    }

    /// The next frame. Every frame of a server is checked: unmasked, the length minimal.
    pub(crate) fn frame(&mut self) -> Frame {
        let [first, second] = self.exactly(2)[..] else { unreachable!() };
        assert_eq!(second & 0x80, 0, "a server's frame is not masked");
        let len = match second {
            126 => {
                let len = u16::from_be_bytes(self.exactly(2).try_into().unwrap());
                assert!(len >= 126);
                usize::from(len)
            }
            127 => {
                let len = u64::from_be_bytes(self.exactly(8).try_into().unwrap());
                assert!(len > 0xFFFF);
                usize::try_from(len).unwrap()
            }
            len => usize::from(len),
        };
        Frame { first, payload: self.exactly(len) }
    }

    /// The next frame is this one.
    #[track_caller]
    pub(crate) fn expect(&mut self, first: u8, payload: impl AsRef<[u8]>) -> &mut Self {
        let came = self.frame();
        assert_eq!(came.first, first, "{came:?}");
        assert!(came.payload == payload.as_ref(), "{came:?}");
        self
    }

    /// The next frame is a Close with this code; then the server closes the connection.
    #[track_caller]
    pub(crate) fn expect_close(&mut self, code: u16) -> String {
        let close = self.frame();
        assert_eq!(close.first, CLOSE, "{close:?}");
        assert_eq!(close.payload[..2], code.to_be_bytes(), "{close:?}");
        String::from_utf8(close.payload[2..].to_vec()).unwrap()
    }

    /// Whether the server closes without another octet.
    pub(crate) fn is_closed(&mut self) -> bool {
        loop {
            match self.more() {
                Ok(true) => {}
                Ok(false) | Err(ErrorKind::ConnectionReset) => return self.read.is_empty(),
                Err(_) => return false,
            }
        }
    }

    fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.read.len() < len {
            assert!(self.more().unwrap(), "closed after {:?}", self.read);
        }
        self.read.drain(..len).collect()
    }

    fn more(&mut self) -> Result<bool, ErrorKind> {
        let mut buffer = [0; 64 * 1024];
        let len = self.stream.read(&mut buffer).map_err(|error| error.kind())?;
        self.read.extend_from_slice(&buffer[..len]);
        Ok(len > 0)
    }
}
