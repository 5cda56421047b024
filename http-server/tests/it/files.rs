use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use seawall_http_server::{
    BodySender, ClientGone, Files, Limits, Representation, Request, Response, Router, Status,
    Timeouts, blocking,
};

use crate::{Fixture, PATIENCE};

/// A folder that is gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("seawall-{}-{n}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

#[test]
fn nothing_outside_of_the_folder_is_found() {
    let folder = Folder::new();
    folder.write("secret.txt", b"secret");
    folder.write("public/a.txt", b"a");
    folder.write("public/.git/config", b"secret");
    folder.write("public/deep/index.html", b"<p>deep");
    folder.write("public/100% sure.txt", b"sure");
    let public = folder.0.join("public");
    symlink(folder.0.join("secret.txt"), public.join("link.txt")).unwrap();
    symlink(&folder.0, public.join("up")).unwrap();
    let router = Router::new()
        .any("/files/{*path}", Files::new(&public))
        .get("/links/{*path}", Files::new(&public).follow_links())
        .get("/bare/{*path}", Files::new(&public).index(None))
        .fallback(Files::new(&public));
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    for (path, status, text) in [
        ("/files/a.txt", 200, "a"),
        ("/files/%61.txt", 200, "a"),
        ("/files/100%25%20sure.txt", 200, "sure"),
        ("/files/deep/", 200, "<p>deep"),
        ("/deep/", 200, "<p>deep"),
        ("/a.txt?x=1", 200, "a"),
        ("/links/link.txt", 200, "secret"),
        ("/links/up/secret.txt", 200, "secret"),
        ("/files/link.txt", 404, ""),
        ("/files/up/secret.txt", 404, ""),
        ("/files/../secret.txt", 404, ""),
        ("/files/deep/../../secret.txt", 404, ""),
        ("/files/%2e%2e/secret.txt", 404, ""),
        ("/files/..%2fsecret.txt", 404, ""),
        ("/files/..%5csecret.txt", 404, ""),
        ("/files/%252e%252e/secret.txt", 404, ""),
        ("/files//secret.txt", 404, ""),
        ("/files/a.txt%00.html", 404, ""),
        ("/files/a.txt/", 404, ""),
        ("/files/a.txt/b", 404, ""),
        ("/files/.git/config", 404, ""),
        ("/files/none", 404, ""),
        ("/files/", 404, ""),
        ("/bare/deep/", 404, ""),
        ("/bare/deep", 404, ""),
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.text(), text, "{path}");
        }
    }
    let answer = client.get("/files/deep?x=1");
    assert_eq!((answer.status, answer.field("location")), (308, Some("/files/deep/?x=1")));
    let answer = client.ask("DELETE /files/a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")));
    let answer = client.get("/files/a.txt");
    assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
}

#[test]
fn a_file_has_validators_and_parts() {
    let folder = Folder::new();
    // Longer than what is sent in one piece, and not a multiple of it.
    let content: Vec<u8> = (0..200_001_u32).map(|n| n as u8).collect();
    let path = folder.write("long.bin", &content);
    let changed = SystemTime::now() - Duration::from_secs(1000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
    folder.write("fresh.txt", b"fresh");
    let files = Files::new(&folder.0).cache_control("no-cache");
    let fixture = Fixture::serve(Router::new().fallback(files), |server| server);
    let mut client = fixture.client();
    let whole = client.get("/long.bin");
    assert_eq!((whole.status, whole.field("content-length")), (200, Some("200001")));
    assert!(whole.content == content);
    assert_eq!(whole.field("accept-ranges"), Some("bytes"));
    let (etag, modified) = (whole.field("etag").unwrap(), whole.field("last-modified").unwrap());
    assert!(etag.starts_with('"'), "{etag}");

    let part = client.ask(get("/long.bin", "Range: bytes=100000-199999\r\n"));
    assert_eq!(
        (part.status, part.field("content-range")),
        (206, Some("bytes 100000-199999/200001"))
    );
    assert!(part.content == content[100_000..200_000]);
    let last = client.ask(get("/long.bin", &format!("Range: bytes=-1\r\nIf-Range: {etag}\r\n")));
    assert_eq!((last.status, &last.content[..]), (206, &content[200_000..]));
    let beyond = client.ask(get("/long.bin", "Range: bytes=200001-\r\n"));
    assert_eq!((beyond.status, beyond.field("content-range")), (416, Some("bytes */200001")));

    for (fields, status) in [
        (format!("If-None-Match: {etag}\r\n"), 304),
        (format!("If-Modified-Since: {modified}\r\n"), 304),
        ("If-Match: \"other\"\r\n".to_owned(), 412),
        ("Range: bytes=0-0\r\nIf-Range: \"other\"\r\n".to_owned(), 200),
        ("Range: bytes=0-0,2-2\r\n".to_owned(), 200),
        (format!("If-None-Match: {etag}\r\nRange: bytes=0-0\r\n"), 304),
    ] {
        let answer = client.ask(get("/long.bin", &fields));
        assert_eq!(answer.status, status, "{fields}");
        if status == 304 {
            assert_eq!(
                (answer.field("etag"), answer.field("cache-control")),
                (Some(etag), Some("no-cache"))
            );
        }
    }
    client.send("HEAD /long.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=0-0\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status, head.field("content-length")), (200, Some("200001")));

    // Another change could hide behind this time: no promise that the octets are the same.
    assert!(client.get("/fresh.txt").field("etag").unwrap().starts_with("W/\""));
}

#[test]
fn content_from_memory_has_conditions_and_parts_too() {
    let router = Router::new().any("/x", async |request: Request| {
        Representation::new("text/plain", b"0123456789".to_vec())
            .etag("\"v1\"")
            .field("Vary", "Accept")
            .respond(&request)
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    let part = client.ask(get("/x", "Range: bytes=2-4\r\n"));
    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(part.field("vary"), Some("Accept"));
    let put = "PUT /x HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(client.ask(put).status, 412);
    assert_eq!(client.ask(get("/x", "If-None-Match: W/\"v1\"\r\n")).status, 304);
    assert_eq!(client.get("/x").text(), "0123456789");
}

#[test]
fn content_of_another_length_than_announced_is_cut_off() {
    async fn send(pieces: usize, mut sender: BodySender) -> Result<(), ClientGone> {
        for _ in 0..pieces {
            sender.send("01234").await?;
        }
        Ok(())
    }
    let of = |pieces| {
        move |_: Request| async move {
            let produce = move |sender| send(pieces, sender);
            Response::new(Status::OK).stream_of(10, "text/plain", produce)
        }
    };
    let router = Router::new().get("/1", of(1)).get("/2", of(2)).get("/3", of(3));
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    let answer = client.get("/2");
    assert_eq!((answer.field("content-length"), answer.text()), (Some("10"), "0123401234"));
    assert_eq!(answer.field("transfer-encoding"), None);
    client.send(get("/1", ""));
    client.head();
    assert!(client.rest().is_err(), "too short: a reset, not an end");
    let mut client = fixture.client();
    client.send(get("/3", ""));
    client.head();
    assert_eq!(client.exactly(10), b"0123401234");
    assert!(client.rest().is_err(), "too long");
    let events = fixture.events();
    assert_eq!(events, ["failed: the response's content is not as long as announced"; 2]);
}

/// The file lies on a disk: a client that takes nothing must not make the server read it.
#[test]
fn a_file_is_read_no_faster_than_the_client_takes_it() {
    let folder = Folder::new();
    let len = 64 << 20;
    let file = fs::File::create(folder.0.join("sparse")).unwrap();
    file.set_len(len).unwrap();
    let fixture = Fixture::serve(Router::new().fallback(Files::new(&folder.0)), |server| server);
    let mut client = fixture.client();
    client.send(get("/sparse", ""));
    let head = client.head();
    assert_eq!(head.field("content-length"), Some(len.to_string().as_str()));
    // What is not read yet can still be cut off: so it was not read ahead.
    file.set_len(0).unwrap();
    assert!(client.rest().is_err());
}

/// A download reads its file piece by piece, each on a thread that may block: it was cut off as
/// soon as none was free.
#[test]
fn a_download_waits_for_a_busy_pool_within_reason() {
    const LEN: usize = 200_000;
    let folder = Folder::new();
    let path = folder.write("long", &[b'x'; LEN]);
    for (progress, is_released) in [(PATIENCE, true), (Duration::from_millis(50), false)] {
        let (release, gate) = async_channel::bounded::<()>(1);
        let (enter, entered) = std::sync::mpsc::channel();
        let path = path.clone();
        let router = Router::new()
            .get("/long", move |request: Request| {
                let file = fs::File::open(&path).unwrap();
                let response = Representation::file("text/plain", file).unwrap().respond(&request);
                async move { response }
            })
            .get(
                "/block",
                blocking(move |_: Request| {
                    enter.send(()).unwrap();
                    let _ = gate.recv_blocking();
                    "released\n"
                }),
            );
        let limits = Limits { blocking_threads: 1, blocking_queue: 0, ..Limits::default() };
        let timeouts = Timeouts { progress, ..Timeouts::default() };
        let fixture = Fixture::serve(router, |server| server.limits(limits).timeouts(timeouts));
        let mut blocked = fixture.client();
        blocked.send(get("/block", ""));
        entered.recv_timeout(PATIENCE).unwrap();
        let mut client = fixture.client();
        client.send(get("/long", ""));
        // It has been refused a thread before this leaves.
        assert_eq!(client.head().status, 200);
        if is_released {
            drop(release);
            assert_eq!(client.exactly(LEN), [b'x'; LEN]);
        } else {
            assert!(client.is_closed());
        }
        assert_eq!(fixture.running.stats().blocking_refused, u64::from(!is_released));
    }
}
