//! How `reference` starts, says what is wrong, and stops.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

use crate::support::{Example, Folder};

const REFERENCE: &str = env!("CARGO_BIN_EXE_reference");

/// Runs it with flags that cannot work: it must end by itself.
fn refused(flags: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(REFERENCE).args(flags).output().unwrap();
    assert!(stdout.is_empty(), "it does not say that it listens");
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_port_in_use_is_one_line_with_a_cure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, stderr) = refused(&["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with(&format!("error: cannot listen on {address}: Address already in use"))
    );
    assert!(stderr.contains("--listen") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn https_beside_http_needs_a_certificate() {
    let (code, stderr) = refused(&["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--tls-cert") && stderr.contains("--tls-self-signed"), "{stderr}");

    let flags = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-self-signed"];
    let example = Example::start(REFERENCE, 2, &flags);
    let schemes = example.urls.iter().map(|url| url.split("://").next().unwrap());
    assert_eq!(schemes.collect::<Vec<_>>(), ["http", "https"]);
    example.stop();
}

/// A client that is none of ours, over TLS that is none of ours.
#[test]
fn curl_meets_certificates_that_are_replaced_while_it_runs() {
    let folder = Folder::new("reload");
    let [cert, key, ca] = ["cert.pem", "key.pem", "ca.pem"].map(|name| folder.0.join(name));
    let install = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&cert, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        made.cert.pem()
    };
    let first = install();
    let flags = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut example = Example::plain(REFERENCE, &flags);
    let port = example.urls[0].strip_prefix("https://127.0.0.1:").unwrap().to_owned();
    let hello = |trusted: &str| {
        fs::write(&ca, trusted).unwrap();
        let output = Command::new("curl")
            .args([
                "--silent",
                "--max-time",
                "20",
                "--resolve",
                &format!("localhost:{port}:127.0.0.1"),
            ])
            .args(["--cacert", ca.to_str().unwrap(), &format!("https://localhost:{port}/hello")])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(hello(&first), "hello\n");

    let second = install();
    example.signal("-HUP");
    assert_eq!(example.complaint(), "using the new certificates\n");
    assert_eq!(hello(&first), "", "the old one is no longer shown");
    assert_eq!(hello(&second), "hello\n");

    fs::write(&key, "").unwrap();
    example.signal("-HUP");
    let complaint = example.complaint();
    assert!(complaint.starts_with("still using the old certificates: "), "{complaint}");
    assert!(complaint.ends_with("key.pem: is empty\n"), "{complaint}");
    assert_eq!(hello(&second), "hello\n");

    example.stop();
}

#[test]
fn a_certificate_that_cannot_be_read_is_named() {
    let flags =
        ["--listen", "127.0.0.1:0", "--tls-cert", "/no/cert.pem", "--tls-key", "/no/key.pem"];
    let (code, stderr) = refused(&flags);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: /no/cert.pem: cannot be read: No such file or directory (os error 2)\n"
    );
}

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    for (flags, hint) in [
        (&["--head-timeout", "soon"][..], "write a time like 500ms"),
        (&["--max-body", "1 acre"], "write a size like 512"),
        (&["--tls-cert", "cert.pem"], "--tls-key"),
        (&["--listen", "8080"], "invalid socket address"),
    ] {
        let (code, stderr) = refused(flags);
        assert_eq!(code, Some(2), "{flags:?}");
        assert!(stderr.contains(hint), "{flags:?}: {stderr}");
    }
}

#[test]
fn sigterm_says_goodbye_to_websockets_and_exits_0() {
    let example = Example::plain(REFERENCE, &[]);
    let mut stream = example.connect();
    stream
        .write_all(
            b"GET /ws/echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    example.signal("-TERM");
    let mut close = [0; 4];
    reader.read_exact(&mut close).unwrap();
    assert_eq!(close, [0x88, 2, 0x03, 0xE9], "Close 1001");
    drop((stream, reader));
    example.stop();
}

#[test]
fn ctrl_c_ends_connections_in_order_and_exits_0() {
    let example = Example::plain(REFERENCE, &[]);
    let mut idle = example.connect();
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    idle.read_exact(&mut [0]).unwrap();
    assert_eq!(example.stop_by("-INT"), "");
    let mut rest = String::new();
    idle.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("\r\nhello\n"), "{rest}");
}

/// An accept that fails for want of descriptors is no reason to stop accepting, nor to spin.
#[test]
fn a_server_out_of_descriptors_recovers() {
    let limited = ["-c", "ulimit -n 24 && exec \"$0\" --listen 127.0.0.1:0", REFERENCE];
    let mut example = Example::start("sh", 1, &limited);
    let hoard: Vec<_> = (0..50).map(|_| example.connect()).collect();
    let complaint = example.complaint();
    assert!(complaint.contains("Too many open files"), "{complaint}");
    drop(hoard);
    assert_eq!(example.get("/hello").content, "hello\n");
    example.stop();
}
