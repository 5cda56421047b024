//! An example server in a process of its own, and a client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;
use std::{fs, process};

/// A failed expectation ends a test long before this; a hang ends it here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs; killed when dropped.
pub(crate) struct Example {
    child: Child,
    /// `http://127.0.0.1:…` of each endpoint.
    pub(crate) urls: Vec<String>,
    stderr: BufReader<ChildStderr>,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) content: String,
}

impl Example {
    /// Starts `binary` and waits until it has said where it listens, at `endpoints` addresses.
    pub(crate) fn start(binary: &str, endpoints: usize, flags: &[&str]) -> Self {
        let mut child = Command::new(binary)
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let urls = lines
            .take(endpoints)
            .map(|line| line.strip_prefix("listening on ").expect("it says where").to_owned());
        Self { urls: urls.collect(), child, stderr }
    }

    /// Starts it at a free port.
    pub(crate) fn plain(binary: &str, flags: &[&str]) -> Self {
        Self::start(binary, 1, &[&["--listen", "127.0.0.1:0"], flags].concat())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.urls[0].strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `request`, a request line without version and fields, with `content`.
    pub(crate) fn ask(&self, request: &str, content: impl AsRef<[u8]>) -> Answer {
        let content = content.as_ref();
        let (line, fields) = request.split_once("\r\n").unwrap_or((request, ""));
        let end = if fields.is_empty() { "" } else { "\r\n" };
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{fields}{end}\r\n",
            content.len()
        );
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        // Refused half way, it may not be taken to the end.
        let _ = stream.write_all(content);
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, content) = text.split_once("\r\n\r\n").expect(&text);
        let status = head.strip_prefix("HTTP/1.1 ").expect(head)[..3].parse().unwrap();
        Answer { status, head: head.to_owned(), content: content.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "")
    }

    pub(crate) fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// The next line on standard error.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// Stops it as a service manager does: it must end in order. What it still complained of.
    pub(crate) fn stop(self) -> String {
        self.stop_by("-TERM")
    }

    pub(crate) fn stop_by(mut self, signal: &str) -> String {
        self.signal(signal);
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{rest}");
        rest
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is gone with its handle.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("{name}-{}", process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
