use bytes::Bytes;
use futures_util::{AsyncReadExt, TryStreamExt};
use http_body_util::{BodyExt, Full};
use seawall_compat::types::{
    request_from_http, request_to_http, response_from_http, response_to_http,
};

use async_std::task::block_on;

#[test]
fn a_request_there_and_back() {
    let request = http::Request::builder()
        .method("PATCH")
        .uri("/a%20b?c=d")
        .header("host", "example.org:8080")
        .header("accept", "text/html")
        .header("accept", "text/plain")
        .body(Full::new(Bytes::from_static(b"content")))
        .unwrap();
    let converted = request_from_http(request).unwrap();
    assert_eq!(converted.method(), http_types::Method::Patch);
    assert_eq!(converted.url().as_str(), "http://example.org:8080/a%20b?c=d");
    assert_eq!(converted.version(), Some(http_types::Version::Http1_1));
    assert_eq!(converted.len(), Some(7));
    assert!(converted.header("content-type").is_none(), "nobody said what it is");

    let back = request_to_http(converted).unwrap();
    assert_eq!(back.method(), "PATCH");
    assert_eq!(back.uri(), "http://example.org:8080/a%20b?c=d");
    assert_eq!(back.version(), http::Version::HTTP_11);
    let accepted: Vec<_> = back.headers().get_all("accept").iter().collect();
    assert_eq!(accepted, ["text/html", "text/plain"]);
    assert_eq!(block_on(back.into_body().collect()).unwrap().to_bytes(), "content");
}

#[test]
fn a_response_there_and_back() {
    let mut response = http_types::Response::new(http_types::StatusCode::ImATeapot);
    response.append_header("set-cookie", "a=1");
    response.append_header("set-cookie", "b=2");
    response.set_body("short and stout");

    let converted = response_to_http(response).unwrap();
    assert_eq!(converted.status(), 418);
    let cookies: Vec<_> = converted.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(converted.headers()["content-type"], "text/plain;charset=utf-8");

    let mut back = response_from_http(converted).unwrap();
    assert_eq!(back.status(), http_types::StatusCode::ImATeapot);
    assert_eq!(back.header("set-cookie").unwrap().iter().count(), 2);
    assert_eq!(back.header("content-type").unwrap().as_str(), "text/plain;charset=utf-8");
    assert_eq!(back.len(), Some(15));
    let mut content = String::new();
    block_on(back.read_to_string(&mut content)).unwrap();
    assert_eq!(content, "short and stout");
}

#[test]
fn what_the_other_cannot_hold_is_refused_with_a_status() {
    let request = |method: &str, uri: &str, value: &[u8]| {
        http::Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "h")
            .header("x", http::HeaderValue::from_bytes(value).unwrap())
            .body(Full::new(Bytes::new()))
            .unwrap()
    };
    let status = |request| request_from_http(request).map_err(|error| u16::from(error.status()));
    assert_eq!(status(request("BREW", "/", b"a")).unwrap_err(), 501);
    assert_eq!(status(request("GET", "/", b"\xFF")).unwrap_err(), 400);
    assert_eq!(status(request("OPTIONS", "*", b"a")).unwrap().url().as_str(), "http://h/");
    let absolute = status(request("GET", "https://other.org/a", b"a")).unwrap();
    assert_eq!(absolute.url().as_str(), "https://other.org/a");
    let nowhere = http::Request::get("/").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(status(nowhere).unwrap_err(), 400);
}

#[test]
fn a_body_that_fails_fails_on_the_other_side() {
    let pieces = [Ok("some"), Err(std::io::Error::other("torn"))];
    let body = futures_util::stream::iter(pieces)
        .map_ok(|piece| http_body::Frame::data(Bytes::from(piece)));
    let response = http::Response::new(http_body_util::StreamBody::new(body));
    let mut converted = response_from_http(response).unwrap();
    assert_eq!(converted.len(), None);
    let mut content = Vec::new();
    let error = block_on(converted.read_to_end(&mut content)).unwrap_err();
    assert!(error.to_string().contains("torn"), "{error}");
    assert_eq!(content, b"some");
}
