//! A client that knows nothing but octets, and as much HTTP as it takes to tell answers apart.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::PATIENCE;

pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) content: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }

    pub(crate) fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.contains("close"))
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects from another address of this machine.
    pub(crate) fn connect_from(own: [u8; 4], address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(octets.as_ref()).unwrap();
        self
    }

    /// Sends as far as the server takes it.
    pub(crate) fn try_send(&mut self, octets: &[u8]) {
        let _ = self.stream.write_all(octets);
    }

    pub(crate) fn half_close(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        let socket = SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).answer()
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
    }

    /// The next response, with content.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let coding = answer.field("transfer-encoding").map(str::to_owned);
        if coding.as_deref() == Some("chunked") {
            loop {
                let line = self.until(b"\r\n");
                let size = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                let data = self.exactly(size + 2);
                assert_eq!(&data[size..], b"\r\n");
                answer.content.extend_from_slice(&data[..size]);
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = answer.field("content-length") {
            answer.content = self.exactly(length.parse().unwrap());
        }
        answer
    }

    /// The next response's head.
    pub(crate) fn head(&mut self) -> Answer {
        let head = String::from_utf8(self.until(b"\r\n\r\n")).unwrap();
        let status = head.strip_prefix("HTTP/1.1 ").expect(&head)[..3].parse().unwrap();
        Answer { status, head, content: Vec::new() }
    }

    /// Everything up to the end of the stream; an error if it ends otherwise.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>, ErrorKind> {
        while self.more()? {}
        Ok(std::mem::take(&mut self.read))
    }

    /// Whether the server closes without another word.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.rest() {
            Ok(rest) => rest.is_empty(),
            Err(kind) => kind == ErrorKind::ConnectionReset,
        }
    }

    /// Whether nothing comes for so long.
    pub(crate) fn is_silent_for(&mut self, span: Duration) -> bool {
        self.stream.set_read_timeout(Some(span)).unwrap();
        let more = self.more();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        more == Err(ErrorKind::WouldBlock)
    }

    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            let more = self.more().unwrap();
            assert!(more, "closed after {:?}", self.read.escape_ascii().to_string());
        }
    }

    pub(crate) fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.read.len() < len {
            assert!(self.more().unwrap(), "closed after {} of {len} octets", self.read.len());
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
