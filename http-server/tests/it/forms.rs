use seawall_http_server::{Error, Limits, MultipartLimits, Request, Response, Router, blocking};
use serde_json::{Value, json};

use crate::Fixture;

fn routes() -> Router {
    Router::new()
        .post("/text", async |mut request: Request| request.text().await)
        .post("/json", async |mut request: Request| {
            let numbers: Vec<u8> = request.json().await?;
            Ok::<_, Error>(Response::json(&json!({ "sum": numbers.iter().sum::<u8>() })))
        })
        .post(
            "/blocking",
            blocking(|mut request: Request| {
                let value: Result<Value, _> = futures_lite::future::block_on(request.json());
                value.map(|value| value["a"].to_string())
            }),
        )
        .post("/form", async |mut request: Request| {
            let form = request.form().await?;
            let pairs: Vec<_> =
                form.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Ok::<_, Error>(pairs.join(";"))
        })
        .post("/typed", async |mut request: Request| {
            let form: std::collections::BTreeMap<String, u8> = request.form().await?.parse()?;
            Ok::<_, Error>(format!("{form:?}"))
        })
        .post("/upload", upload)
        .get("/unwritable", async |_: Request| {
            Response::json(&std::collections::BTreeMap::from([([1, 2], 3)]))
        })
}

/// Names, file names and lengths of all parts; of a part `skipped` nothing is read.
async fn upload(mut request: Request) -> Result<String, Error> {
    let limits = MultipartLimits { parts: 3, head: 200, part: 100_000 };
    let mut form = request.multipart(limits)?;
    let mut seen = Vec::new();
    while let Some(mut part) = form.next_part().await? {
        let mut name = part.name().to_owned();
        if let Some(file) = part.file_name() {
            name = format!("{name} ({file}, {})", part.content_type().unwrap_or("?"));
        }
        if part.name() == "skipped" {
            seen.push(name);
        } else if part.name() == "text" {
            seen.push(format!("{name}: {}", part.text().await?));
        } else {
            let mut len = 0;
            while let Some(piece) = part.next_piece().await? {
                len += piece.len();
            }
            seen.push(format!("{name}: {len}"));
        }
    }
    Ok(seen.join("; "))
}

fn post(path: &str, media_type: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let fields = if media_type.is_empty() {
        String::new()
    } else {
        format!("Content-Type: {media_type}\r\n")
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{fields}\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

/// H-15.
#[test]
fn content_is_read_as_what_it_is_sent_as() {
    let fixture = Fixture::serve(routes(), |server| server);
    let urlencoded = "application/x-www-form-urlencoded";
    let table: &[(&str, &str, &[u8], u16, &str)] = &[
        ("/text", "", "h\u{e9}".as_bytes(), 200, "h\u{e9}"),
        ("/text", "text/plain; charset=\"UTF-8\"", b"x", 200, "x"),
        ("/text", "application/xml", b"<x/>", 200, "<x/>"),
        ("/text", "text/plain; charset=iso-8859-1", b"x", 415, ""),
        ("/text", "text/plain; charset", b"x", 400, ""),
        ("/text", "text/plain", b"\xff", 400, ""),
        ("/json", "application/json", b"[1, 2, 3]", 200, r#"{"sum":6}"#),
        ("/json", "application/vnd.api+json; charset=utf-8", b"[]", 200, r#"{"sum":0}"#),
        ("/json", "application/json", b"[1, 2, 3", 400, ""),
        ("/json", "application/json", b"[1, 2, 300]", 422, ""),
        ("/json", "application/json", b"", 400, ""),
        ("/json", "text/plain", b"[]", 415, ""),
        ("/json", "", b"[]", 415, ""),
        ("/blocking", "application/json", br#"{"a": [1]}"#, 200, "[1]"),
        ("/form", urlencoded, b"a=1+2&b=%26&a=&c", 200, "a=1 2;b=&;a=;c="),
        ("/form", urlencoded, b"", 200, ""),
        ("/form", "text/plain", b"a=1", 415, ""),
        ("/typed", urlencoded, b"a=1&b=2", 200, r#"{"a": 1, "b": 2}"#),
        ("/typed", urlencoded, b"a=x", 422, ""),
    ];
    // One connection: whatever was wrong with the content, it was read.
    let mut client = fixture.client();
    for (path, media_type, content, status, text) in table {
        let answer = client.ask(post(path, media_type, content));
        let shown = content.escape_ascii();
        assert_eq!(answer.status, *status, "{path} {media_type} {shown}");
        if *status == 200 {
            assert_eq!(answer.text(), *text, "{path} {media_type} {shown}");
        }
    }
}

#[test]
fn a_value_that_json_cannot_hold_is_500_and_reported() {
    let fixture = Fixture::serve(routes(), |server| server);
    assert_eq!(fixture.client().get("/unwritable").status, 500);
    let events = fixture.events();
    assert!(events.iter().any(|event| event.contains("no JSON")), "{events:?}");
}

fn part(disposition: &str, content: &str) -> String {
    format!("--cut\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
}

const MULTIPART: &str = "multipart/form-data; boundary=cut";

/// H-15.
#[test]
fn a_multipart_form_comes_part_by_part() {
    let fixture = Fixture::serve(routes(), |server| server);
    let form = part("name=text", "hello")
        + &part("name=skipped", &"y".repeat(50_000))
        + &part("name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/css", &"x".repeat(99_999))
        + "--cut--\r\n";
    let answer = fixture.client().ask(post("/upload", MULTIPART, form));
    assert_eq!(answer.text(), "text: hello; skipped; file (a.txt, text/css): 99999");
}

#[test]
fn a_multipart_form_that_is_not_one_is_refused() {
    let fixture = Fixture::serve(routes(), |server| server);
    let end = "--cut--\r\n";
    let four = part("name=a", "").repeat(4);
    for (media_type, form, status) in [
        ("multipart/mixed; boundary=cut", end.to_owned(), 415),
        ("multipart/form-data", end.to_owned(), 400),
        ("multipart/form-data; boundary=\"\"", end.to_owned(), 400),
        (MULTIPART, part("name=a", "x"), 400),
        (MULTIPART, part("filename=a", "x") + end, 400),
        (MULTIPART, part(&format!("name={}", "a".repeat(200)), "x") + end, 400),
        (MULTIPART, part("name=text", "\u{e9}") + end, 200),
        (MULTIPART, four + end, 413),
        (MULTIPART, part("name=a", &"x".repeat(100_001)) + end, 413),
        (MULTIPART, part("name=skipped", &"x".repeat(100_001)) + end, 413),
    ] {
        let answer = fixture.client().ask(post("/upload", media_type, &form));
        assert_eq!(answer.status, status, "{media_type}: {:.100}", answer.text());
    }
}

#[test]
fn the_limit_on_all_content_holds_for_forms() {
    let fixture = Fixture::serve(routes(), |server| {
        server.limits(Limits { body: 1000, ..Limits::default() })
    });
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let content = chunk(&part("name=file", "")) + &chunk(&"x".repeat(1000));
    let head = format!("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Type: {MULTIPART}\r\n");
    let mut client = fixture.client();
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{content}"));
    assert_eq!(client.answer().status, 413);
    assert!(client.is_closed());
}
