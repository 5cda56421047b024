use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs, hint, mem, process, thread};

/// The binary with these arguments.
pub(crate) fn harness(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary to its end: exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = harness(arguments).output().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (status.code().expect("ended by itself"), text(stdout), text(stderr))
}

/// Whether there is such a process. A zombie that nobody reaps yet is none.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !(stat.is_empty() || stat.contains(") Z "))
}

/// A file of its own for each test, gone with its value.
pub(crate) struct TempFile(pub(crate) PathBuf);

impl TempFile {
    pub(crate) fn new(name: &str, content: &str) -> Self {
        let path = env::temp_dir().join(format!("harness-cli-{}-{name}", process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

/// A server that answers 200 to whatever ends with an empty line, be it right or wrong.
pub(crate) fn naive_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(&listener, &|_| {}));
    address
}

/// A server of the same kind that breaks or works hard at each request whose method is `get`, or complains of an empty
/// line before one.
#[test]
#[ignore = "the subject itself: other tests start it in a process of its own"]
fn fragile_server() {
    let port: u16 = env::var("PORT").unwrap().parse().unwrap();
    let how = env::var("FRAGILE").unwrap();
    // Held while a request is looked at: who never lets go of it hangs all the others.
    let lock = Mutex::new(());
    serve(&TcpListener::bind(("127.0.0.1", port)).unwrap(), &|head| {
        let _held = lock.lock().unwrap();
        let reason: &[u8] = if how == "complains" { b"\r\nGET " } else { b"get " };
        if !head.starts_with(reason) {
            return;
        }
        match &how[..] {
            "dies" => {
                eprintln!("goodbye");
                process::exit(42);
            }
            "leaks" => (0..50).for_each(|_| mem::forget(TcpListener::bind("127.0.0.1:0"))),
            "spins" => loop {
                hint::spin_loop();
            },
            "toils" => toil(),
            "complains" => eprintln!("thread 'handler' panicked at src/handler.rs:1:1:"),
            _ => loop {
                thread::park();
            },
        }
    });
}

/// Computes for five seconds, however long the machine takes for that; the next time there is nothing to do.
fn toil() {
    static DONE: AtomicBool = AtomicBool::new(false);
    while !DONE.load(Ordering::SeqCst) {
        let counted = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let nanoseconds: u64 = counted.split_whitespace().next().unwrap().parse().unwrap();
        DONE.store(nanoseconds > 5_000_000_000, Ordering::SeqCst);
    }
}

fn serve(listener: &TcpListener, look: &(dyn Fn(&[u8]) + Sync)) {
    thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            scope.spawn(move || agree(stream, look));
        }
    });
}

fn agree(stream: TcpStream, look: &(dyn Fn(&[u8]) + Sync)) {
    answer_to(stream, |head| {
        look(head);
        false
    });
}

/// Answers each request with 200, or with 400 and an end where `refuses` says so.
pub(crate) fn answer_to(mut stream: TcpStream, refuses: impl Fn(&[u8]) -> bool) {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 3\r\n";
    let agreed = format!("HTTP/1.1 200 OK\r\n{date}\r\nyes");
    let refused = format!("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n{date}\r\nno!");
    let mut head = Vec::new();
    let mut octet = [0];
    while let Ok(1) = stream.read(&mut octet) {
        head.push(octet[0]);
        if head.ends_with(b"\r\n\r\n") {
            let refuses = refuses(&head);
            head.clear();
            let answer = if refuses { &refused } else { &agreed };
            if stream.write_all(answer.as_bytes()).is_err() || refuses {
                break;
            }
        }
    }
}
