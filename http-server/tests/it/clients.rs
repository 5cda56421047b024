//! Clients that no one here wrote, over real sockets, plain and over TLS: curl, where it is
//! installed, and `reqwest`, which is hyper.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use reqwest::blocking::{Body, Client};
use reqwest::{Certificate, StatusCode};
use seawall_http_server::{
    BodySender, ClientGone, Representation, Request, Response, Router, Status,
};

use crate::secure::Secure;
use crate::{Fixture, PATIENCE};

fn routes() -> Router {
    crate::routes()
        .get("/numbers", async |_: Request| {
            Response::new(Status::OK).stream("text/plain", async |mut sender: BodySender| {
                for n in 0..10_000 {
                    sender.send(format!("{n}\n")).await?;
                }
                Ok::<(), ClientGone>(())
            })
        })
        .get("/file", async |request: Request| {
            Representation::new("text/plain", &b"0123456789"[..]).etag("\"a\"").respond(&request)
        })
        .post("/chunked", async |mut request: Request| {
            let chunked = request.field("transfer-encoding") == Some(b"chunked");
            match request.content().await {
                Ok(content) => format!("{chunked} {}\n", content.len()),
                Err(error) => error.to_string(),
            }
        })
}

/// A server for plain and one for TLS, and how they are reached by name.
struct Servers {
    plain: Fixture,
    secure: Secure,
}

impl Servers {
    fn start() -> Self {
        let plain = Fixture::serve(routes(), |server| server);
        Self { plain, secure: Secure::serve(routes(), |server| server) }
    }

    fn urls(&self) -> [String; 2] {
        let secure = self.secure.address().port();
        [format!("http://{}", self.plain.address()), format!("https://localhost:{secure}")]
    }
}

/// What curl wrote, and what it said about it.
struct Said {
    content: String,
    verbose: String,
}

/// Runs curl, with `input` for it to read.
fn curl(servers: &Servers, flags: &[&str], input: &[u8]) -> Said {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let trusted = format!("{folder}/trusted-{}.pem", servers.secure.address().port());
    std::fs::write(&trusted, &servers.secure.pem).unwrap();
    let resolve = format!("localhost:{}:127.0.0.1", servers.secure.address().port());
    let mut child = Command::new("curl")
        .args(["--silent", "--show-error", "--verbose", "--http1.1", "--noproxy", "*"])
        .args(["--max-time", &PATIENCE.as_secs().to_string()])
        .args(["--cacert", &trusted, "--resolve", &resolve])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeding.join().unwrap();
    std::fs::remove_file(trusted).unwrap();
    let verbose = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{flags:?}: {verbose}");
    Said { content: String::from_utf8(output.stdout).unwrap(), verbose }
}

#[test]
fn curl_is_served() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: there is no curl");
        return;
    }
    let servers = Servers::start();
    let numbers: String = (0..10_000).map(|n| format!("{n}\n")).collect();
    let mebibyte = vec![b'x'; 1 << 20];
    for url in servers.urls() {
        let at = |path: &str| format!("{url}{path}");
        let ask = |flags: &[&str], input: &[u8]| curl(&servers, flags, input);
        // Two on one connection.
        let said = ask(&[&at("/hello"), &at("/hello")], b"");
        assert_eq!(said.content, "hello\nhello\n");
        assert!(said.verbose.contains("Re-using existing connection"), "{}", said.verbose);
        let said = ask(&["--http1.0", &at("/hello")], b"");
        assert_eq!(said.content, "hello\n");
        assert!(said.verbose.contains("> GET /hello HTTP/1.0\r\n"), "{}", said.verbose);
        let said = ask(&["--head", &at("/hello")], b"");
        assert!(said.content.contains("\r\nContent-Length: 6\r\n"), "{}", said.content);
        // A stream, chunked and until the end of the connection.
        assert_eq!(ask(&[&at("/numbers")], b"").content, numbers);
        assert_eq!(ask(&["--http1.0", &at("/numbers")], b"").content, numbers);
        // Uploads: by length, and in chunks from what curl reads as it goes.
        let post = ["--data-binary", "@-", "--header", "Content-Type:"];
        let said = ask(&[&post[..], &[&at("/echo")]].concat(), &mebibyte);
        assert_eq!(said.content.as_bytes(), mebibyte);
        let chunked = ["--request", "POST", "--upload-file", "-"];
        let said = ask(&[&chunked[..], &[&at("/chunked")]].concat(), &mebibyte);
        assert_eq!(said.content, "true 1048576\n");
        // It waits for a second at most, and for 100 only with so much.
        let expect = ["--header", "Expect: 100-continue", "--expect100-timeout", "20"];
        let said = ask(&[&post[..], &expect, &[&at("/echo")]].concat(), &mebibyte);
        assert_eq!(said.content.len(), mebibyte.len());
        assert!(said.verbose.contains("< HTTP/1.1 100 Continue"), "{}", said.verbose);
        // Parts, and what has not changed.
        assert_eq!(ask(&["--range", "2-4", &at("/file")], b"").content, "234");
        let code = ["--write-out", "%{http_code}", "--header", "If-None-Match: \"a\""];
        assert_eq!(ask(&[&code[..], &[&at("/file")]].concat(), b"").content, "304");
    }
}

fn client(servers: &Servers) -> Client {
    let certificate = Certificate::from_pem(servers.secure.pem.as_bytes()).unwrap();
    let client = Client::builder().no_proxy().timeout(PATIENCE);
    client.tls_certs_only([certificate]).build().unwrap()
}

#[test]
fn reqwest_is_served() {
    let servers = Servers::start();
    let client = client(&servers);
    let mebibyte = vec![b'x'; 1 << 20];
    for url in servers.urls() {
        let at = |path: &str| format!("{url}{path}");
        for _ in 0..3 {
            assert_eq!(client.get(at("/hello")).send().unwrap().text().unwrap(), "hello\n");
        }
        let head = client.head(at("/hello")).send().unwrap();
        assert_eq!(
            (head.status(), &head.headers()["content-length"]),
            (StatusCode::OK, &"6".parse().unwrap())
        );
        let echoed = client.post(at("/echo")).body(mebibyte.clone()).send().unwrap();
        assert!(echoed.bytes().unwrap() == mebibyte);
        let body = Body::new(std::io::Cursor::new(mebibyte.clone()));
        let chunked = client.post(at("/chunked")).body(body).send().unwrap();
        assert_eq!(chunked.text().unwrap(), "true 1048576\n");
        let refused = client.post(at("/echo")).body(vec![b'x'; (1 << 20) + 1]).send().unwrap();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            client.delete(at("/hello")).send().unwrap().status(),
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}

/// Each piece arrives before the next is made, in either direction.
#[test]
fn reqwest_streams() {
    let (more, wanted) = async_channel::bounded::<()>(1);
    let (heard, hears) = async_channel::bounded::<Vec<u8>>(16);
    let router = Router::new()
        .get("/steps", move |_: Request| {
            let wanted = wanted.clone();
            async move {
                Response::new(Status::OK).stream("text/plain", async move |mut sender| {
                    for step in ["one\n", "two\n", "three\n"] {
                        sender.send(step).await?;
                        let _ = wanted.recv().await;
                    }
                    Ok::<(), ClientGone>(())
                })
            }
        })
        .post("/steps", move |mut request: Request| {
            let heard = heard.clone();
            async move {
                while let Ok(Some(piece)) = request.next_piece().await {
                    let _ = heard.send(piece).await;
                }
                "done\n"
            }
        });
    let fixture = Fixture::serve(router, |server| server);
    let url = format!("http://{}/steps", fixture.address());
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let mut response = client.get(&url).send().unwrap();
    for step in ["one\n", "two\n", "three\n"] {
        let mut piece = vec![0; step.len()];
        response.read_exact(&mut piece).unwrap();
        assert_eq!(piece, step.as_bytes());
        more.send_blocking(()).unwrap();
    }
    assert_eq!(response.read(&mut [0]).unwrap(), 0);

    // A piece is given to the client when the server has the one before.
    let steps = Steps { sent: 0, hears };
    let answer = client.post(&url).body(Body::new(steps)).send().unwrap();
    assert_eq!(answer.text().unwrap(), "done\n");
}

/// Three octets of content, each once the server has the one before.
struct Steps {
    sent: u8,
    hears: async_channel::Receiver<Vec<u8>>,
}

impl Read for Steps {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.sent > 0 {
            let piece = self.hears.recv_blocking().map_err(std::io::Error::other)?;
            assert_eq!(piece, [self.sent]);
        }
        if self.sent == 3 {
            return Ok(0);
        }
        self.sent += 1;
        buffer[0] = self.sent;
        Ok(1)
    }
}
