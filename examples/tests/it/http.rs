//! The examples for `http-server`: each is started, asked, and stopped by a signal.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Command;
use std::time::Instant;

use crate::support::{Example, Folder, PATIENCE};

#[test]
fn hello() {
    let example = Example::plain(env!("CARGO_BIN_EXE_hello"), &[]);
    let answer = example.get("/hello");
    assert_eq!((answer.status, &answer.content[..]), (200, "hello\n"));
    assert_eq!(example.stop(), "");
}

#[test]
fn json_api() {
    let example = Example::plain(env!("CARGO_BIN_EXE_json"), &[]);
    let json = "\r\nContent-Type: application/json";
    let added = example.ask(&format!("POST /notes{json}"), r#"{"title":"buy milk"}"#);
    assert_eq!((added.status, &added.content[..]), (201, r#"{"title":"buy milk","done":false}"#));
    assert!(added.head.contains("\r\nLocation: /notes/1"), "{}", added.head);
    let done = r#"{"title":"buy milk","done":true}"#;
    assert_eq!(example.ask(&format!("PUT /notes/1{json}"), done).status, 204);
    assert_eq!(example.get("/notes/1").content, done);
    assert_eq!(example.get("/notes").content, format!(r#"{{"1":{done}}}"#));
    for (request, content, status) in [
        ("POST /notes", r#"{"title":"x"}"#, 415),
        (&format!("POST /notes{json}"), "{", 400),
        (&format!("POST /notes{json}"), r#"{"done":true}"#, 422),
        (&format!("PUT /notes/9{json}"), done, 404),
        ("GET /notes/none", "", 404),
        ("PATCH /notes/1", "", 405),
        ("DELETE /notes/1", "", 204),
        ("DELETE /notes/1", "", 404),
    ] {
        assert_eq!(example.ask(request, content).status, status, "{request}: {content}");
    }
    assert_eq!(example.stop(), "");
}

#[test]
fn upload() {
    let folder = Folder::new("upload");
    let flags = ["--folder", folder.path(), "--max-upload", "4MiB"];
    let example = Example::plain(env!("CARGO_BIN_EXE_upload"), &flags);
    assert!(example.get("/").content.contains("multipart/form-data"));
    let content = "0123456789abcdef".repeat(3 << 16);
    assert_eq!(example.ask("PUT /files/big.txt", &content).status, 201);
    assert_eq!(fs::read_to_string(folder.0.join("big.txt")).unwrap(), content);
    let part = example.ask("GET /files/big.txt\r\nRange: bytes=16-17", "");
    assert_eq!((part.status, &part.content[..]), (206, "01"));

    let form = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\r\none\r\n\
        --b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"../b\"\r\n\r\ntwo\r\n--b--\r\n";
    let answer = example.ask("POST /form\r\nContent-Type: multipart/form-data; boundary=b", form);
    assert_eq!((answer.status, &answer.content[..]), (201, "a.txt: 3 octets\n"));

    for (request, content, status) in [
        ("PUT /files/.hidden", "x", 400),
        ("PUT /files/..%2Fup", "x", 400),
        ("PUT /files/big.txt", &"x".repeat((4 << 20) + 1)[..], 413),
        ("POST /form", "x", 415),
    ] {
        assert_eq!(example.ask(request, content).status, status, "{request}");
    }
    // Half an upload leaves nothing, and what was there as it was.
    let mut stream = example.connect();
    stream
        .write_all(b"PUT /files/big.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(example.stop(), "");
    let mut names: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.txt", "big.txt"]);
    assert_eq!(fs::read_to_string(folder.0.join("big.txt")).unwrap(), content);
}

#[test]
fn stream() {
    let example = Example::plain(env!("CARGO_BIN_EXE_stream"), &[]);
    let numbers: String = (0..5000).map(|n| format!("{n}\n")).collect();
    assert_eq!(example.ask("PUT /sum", &numbers).content, "12497500\n");
    assert_eq!(example.ask("PUT /sum", "1\nx").status, 400);
    let chunked = example.get("/numbers?count=2");
    assert!(chunked.content.starts_with("4\r\n0\n1\n\r\n0\r\n"), "{}", chunked.content);

    let mut ticks = example.connect();
    ticks.write_all(b"GET /ticks HTTP/1.0\r\n\r\n").unwrap();
    let mut ticks = BufReader::new(ticks);
    let mut line = String::new();
    while line != "data: 1\n" {
        line.clear();
        assert!(ticks.read_line(&mut line).unwrap() > 0, "it ticks on");
    }
    // It would stream for ever; a stop ends it in order all the same.
    assert_eq!(example.stop(), "");
    let mut rest = String::new();
    ticks.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("\n"), "no event is cut: {rest:?}");
}

#[test]
fn files() {
    let folder = Folder::new("files");
    fs::write(folder.0.join("page.html"), "<p>hello").unwrap();
    let example = Example::plain(env!("CARGO_BIN_EXE_files"), &["--folder", folder.path()]);
    let page = example.get("/page.html");
    assert_eq!((page.status, &page.content[..]), (200, "<p>hello"));
    assert!(page.head.contains("\r\nCache-Control: max-age=3600"), "{}", page.head);
    assert!(page.head.contains("\r\nContent-Type: text/html"), "{}", page.head);
    let modified = page.head.lines().find_map(|line| line.strip_prefix("Last-Modified: ")).unwrap();
    let again = example.ask(&format!("GET /page.html\r\nIf-Modified-Since: {modified}"), "");
    assert_eq!((again.status, &again.content[..]), (304, ""));
    assert_eq!(example.get("/../Cargo.toml").status, 404);
    assert_eq!(example.get("/health").content, "ok\n");
    assert_eq!(example.stop(), "");
}

#[test]
fn metrics() {
    let example = Example::plain(env!("CARGO_BIN_EXE_metrics"), &[]);
    example.get("/hello");
    example.get("/none");
    let expected = [
        "http_server_connections_active ",
        "http_server_requests_total ",
        "http_server_request_duration_seconds_count{method=\"GET\",status=\"200\"} ",
        "http_server_request_duration_seconds_count{method=\"GET\",status=\"404\"} 1\n",
        "http_server_request_duration_seconds_bucket{method=\"GET\",status=\"404\",le=\"30\"} 1\n",
        "# TYPE http_server_timeouts_total counter\n",
    ];
    // A request is counted when it is answered, which its client may see first.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = example.get("/metrics");
        let media_type = "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
        assert!(answer.head.contains(media_type), "{}", answer.head);
        if expected.iter().all(|line| answer.content.contains(line)) {
            break;
        }
        assert!(Instant::now() < deadline, "{}", answer.content);
    }
    assert_eq!(example.stop(), "");
}

/// Certificates by name, replaced while it runs; and http that leads to https.
#[test]
fn tls() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no curl");
        return;
    }
    let folder = Folder::new("tls");
    let file = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let install = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        fs::write(file(&format!("{name}.pem")), made.cert.pem()).unwrap();
        fs::write(file(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        format!("{}:{}", file(&format!("{name}.pem")), file(&format!("{name}.key")))
    };
    let (one, other) = (install("one.test"), install("other.test"));
    let flags = ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--watch", "50ms"];
    let identities = ["--identity", &one, "--identity", &other];
    let mut example =
        Example::start(env!("CARGO_BIN_EXE_tls"), 2, &[&flags[..], &identities].concat());
    let port = |url: &str| url.rsplit_once(':').unwrap().1.to_owned();
    let https = port(&example.urls[1]);
    let ask = |name: &str, trusted: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--noproxy", "*", "--cacert", trusted]);
        curl.args(["--resolve", &format!("{name}:{https}:127.0.0.1")]);
        let output = curl.arg(format!("https://{name}:{https}/")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (trusted, kept) = (file("one.test.pem"), file("kept.pem"));
    let said = "Tls13, client certificates: 0\n";
    assert_eq!(ask("one.test", &trusted), said);
    assert_eq!(ask("other.test", &file("other.test.pem")), said);
    assert_eq!(ask("other.test", &trusted), "", "the other has a certificate of its own");

    let redirected = example.get("/?a=b");
    assert_eq!(redirected.status, 308);
    let location = format!("\r\nLocation: https://localhost:{https}/?a=b\r\n");
    assert!(redirected.head.contains(&location), "{redirected:?}");

    // The watch sees it, whichever of the two files it reads first.
    fs::copy(&trusted, &kept).unwrap();
    install("one.test");
    while example.complaint() != "using the new certificates\n" {}
    assert_eq!(ask("one.test", &trusted), said);
    assert_eq!(ask("one.test", &kept), "", "the old one is no longer shown");
    example.signal("-HUP");
    while example.complaint() != "using the new certificates\n" {}
    assert_eq!(example.stop(), "");
}
