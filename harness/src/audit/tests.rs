//! What the audit says of whole connections: each breach, and no more than that.

use super::*;

const DATE: &str = "Date: Fri, 20 Nov 2026 10:00:00 GMT\r\n";
const GET: &str = "GET /file HTTP/1.1\r\nHost: h\r\n\r\n";

/// Speaks on a connection, in whole pieces and octet by octet; gives back which rules were broken, with their
/// words. Dates are of another day than ours, so that rule is left out unless none is there.
fn found(talk: &[(&str, &str)], secure: bool) -> Vec<(Rule, Outcome, String)> {
    let run = |cut: usize| {
        let audit = Audit::of(vec!["/file".into()]);
        let case = Rc::from("case");
        let mut tap = Tap::new(&audit, &case, secure);
        for (sent, received) in talk {
            sent.as_bytes().chunks(cut).for_each(|piece| tap.sent(piece));
            let received: Vec<u8> = received.chars().map(|c| u8::try_from(c).unwrap()).collect();
            received.chunks(cut).for_each(|piece| tap.received(piece));
        }
        drop(tap);
        let inner = audit.inner.borrow();
        let seen = inner.found.iter().map(|(rule, cases)| {
            let seen = &cases["case"];
            (*rule, seen.outcome, seen.what.clone())
        });
        seen.filter(|(_, _, what)| !what.contains("from our clock")).collect::<Vec<_>>()
    };
    let whole = run(usize::MAX);
    let bare = |found: &[(Rule, Outcome, String)]| -> Vec<_> {
        found.iter().map(|(rule, outcome, _)| (*rule, *outcome)).collect()
    };
    assert_eq!(bare(&run(1)), bare(&whole), "however it is cut");
    whole
}

fn rules(talk: &[(&str, &str)]) -> Vec<Rule> {
    found(talk, false).into_iter().map(|(rule, ..)| rule).collect()
}

fn ok(fields: &str, content: &str) -> String {
    let len = content.len();
    format!(
        "HTTP/1.1 200 OK\r\n{DATE}{fields}Content-Type: text/plain\r\nContent-Length: {len}\r\n\r\n{content}"
    )
}

#[test]
fn sound_answers_break_no_rule() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\n{DATE}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n{}",
        ok("", "next")
    );
    let until_close =
        format!("HTTP/1.0 200 OK\r\n{DATE}Content-Type: text/plain\r\n\r\nHTTP/1.1 is content");
    let head = "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n";
    let answer_to_head = ok("", "").replace("Length: 0", "Length: 5");
    for talk in [
        &[(GET, &ok("", "hello")[..]), (GET, &ok("", "")[..])][..],
        &[(&format!("{GET}{GET}"), &chunked)],
        &[(GET, &until_close)],
        &[(head, &answer_to_head), (GET, &ok("", "hello"))],
        &[
            (
                "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\n",
            ),
            ("x", &ok("", "x")),
        ],
        &[(GET, &format!("HTTP/1.1 304 \r\n{DATE}\r\n{}", ok("", "hello")))],
        &[(GET, "HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n")],
    ] {
        assert_eq!(found(talk, false), [], "{talk:?}");
    }
}

#[test]
fn what_was_no_request_may_be_answered_in_any_way() {
    let binary = "\u{15}\u{3}\u{1}\0\u{2}\u{2}F";
    for talk in [
        // HTTP/0.9, an alert of TLS, a preface of HTTP/2.
        ("GET /\r\n", "<html>"),
        ("\u{16}\u{3}\u{1}", binary),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\0\u{12}\u{4}\0"),
        // It may have been a HEAD.
        ("HEAD  / HTTP/1.1\r\n\r\n", &ok("", "").replace("Length: 0", "Length: 5")),
        ("", "SSH-2.0-x\r\n"),
    ] {
        assert_eq!(rules(&[talk]), [], "{talk:?}");
    }
    // But whatever says that it is HTTP is held to it.
    assert_eq!(rules(&[("GET /\r\n", "HTTP/1.1 400\r\n\r\n")]), [Rule::StatusLine, Rule::Date]);
}

#[test]
fn each_breach_of_a_head_is_found() {
    let with = |fields: &str| ok(&format!("{fields}\r\n"), "hello");
    let status = |line: &str, fields: &str| {
        format!("HTTP/1.1 {line}\r\n{DATE}{fields}Content-Length: 0\r\n\r\n")
    };
    let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    let old = "GET / HTTP/1.0\r\n\r\n";
    let ranged = "GET / HTTP/1.1\r\nRange: bytes=9-\r\n\r\n";
    let chunked = |chunks: &str| {
        with("Transfer-Encoding: chunked")
            .replace("Content-Length: 5\r\n\r\nhello", &format!("\r\n{chunks}"))
    };
    let cases: &[(&str, String, &[Rule])] = &[
        (GET, "hello".into(), &[Rule::StatusLine]),
        (GET, "HTTP/1.1 20 OK\r\n\r\n".into(), &[Rule::StatusLine]),
        (GET, status("200", ""), &[Rule::StatusLine]),
        (GET, status("200 OK", "").replace("1.1", "1.2"), &[Rule::Version]),
        (GET, with("X: a\0b"), &[Rule::Control]),
        (GET, with("X: a\rb"), &[Rule::Control]),
        (GET, with("X y: a"), &[Rule::Control]),
        (GET, status("200 OK", "").replace("\r\n", "\n"), &[Rule::Control]),
        (GET, with("Vary: a b"), &[Rule::Grammar]),
        (GET, with("ETag: \"a\"\r\nETag: \"a\""), &[Rule::Singletons]),
        (GET, with("Content-Length: 5"), &[Rule::Lengths]),
        (GET, with("Transfer-Encoding: chunked"), &[Rule::Lengths]),
        (GET, status("204 No Content", ""), &[Rule::Bodiless]),
        (GET, "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n".into(), &[Rule::Bodiless]),
        (old, chunked("0\r\n\r\n"), &[Rule::OldClient]),
        (GET, chunked("+1\r\nx\r\n"), &[Rule::Framing]),
        (GET, chunked("1\r\nxy\r\n"), &[Rule::Framing]),
        (GET, chunked("1 \r\nx\r\n"), &[Rule::Framing]),
        (GET, with("X: y") + "more", &[Rule::Framing]),
        (GET, status("404 Not Found", "").replace(DATE, ""), &[Rule::Date]),
        (GET, with("X: y").replace("Content-Type", "X-Type"), &[Rule::ContentType]),
        (GET, with("X: y").replace("200", "205"), &[Rule::Reset]),
        (GET, status("206 Partial Content", ""), &[Rule::Partial]),
        (post, status("206 Partial Content", "Content-Range: bytes 0-0/1\r\n"), &[Rule::NotAsked]),
        (ranged, status("416 Range Not Satisfiable", ""), &[Rule::Unsatisfied]),
        (GET, status("401 Unauthorized", ""), &[Rule::Challenge]),
        (GET, status("407 Proxy Authentication Required", ""), &[Rule::Challenge]),
        (GET, status("302 Found", ""), &[Rule::Location]),
        (GET, with("Strict-Transport-Security: max-age=1"), &[Rule::Hsts]),
    ];
    for (sent, received, expected) in cases {
        assert_eq!(rules(&[(sent, received)]), *expected, "{sent:?} {received:?}");
    }
}

#[test]
fn strict_transport_security_belongs_into_tls() {
    let policy = |fields: &str| found(&[(GET, &ok(fields, ""))], true);
    assert_eq!(policy("Strict-Transport-Security: includeSubDomains; max-age=\"5\"\r\n"), []);
    assert_eq!(policy("Strict-Transport-Security: includeSubDomains\r\n").len(), 1);
}

#[test]
fn answers_to_head_and_304_are_those_to_get() {
    let head = "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n";
    let conditional = "GET /file HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"a\"\r\n\r\n";
    let get = ok("ETag: \"a\"\r\n", "hello");
    let plain = [(GET, &get[..]), (GET, &get[..])];
    let after = |sent, received: &str| rules(&[&plain[..], &[(sent, received)]].concat());
    let of_head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{DATE}{fields}\r\n");
    assert_eq!(after(head, &of_head("Content-Type: text/plain\r\nContent-Length: 5\r\n")), []);
    assert_eq!(after(head, &of_head("Content-Length: 5\r\n")), [Rule::Head]);
    assert_eq!(
        after(head, &of_head("Content-Type: text/plain\r\nContent-Length: 6\r\n")),
        [Rule::Head]
    );
    let not_modified = |fields: &str| format!("HTTP/1.1 304 Not Modified\r\n{DATE}{fields}\r\n");
    assert_eq!(after(conditional, &not_modified("ETag: \"a\"\r\nContent-Length: 5\r\n")), []);
    assert_eq!(after(conditional, &not_modified("")), [Rule::NotModified]);
    assert_eq!(
        after(conditional, &not_modified("ETag: \"a\"\r\nContent-Length: 0\r\n")),
        [Rule::NotModified]
    );
    // A resource that changes cannot be compared.
    let changed = ok("ETag: \"b\"\r\n", "hello, again");
    let talk = [
        (GET, &get[..]),
        (GET, &changed),
        (head, &of_head("Content-Type: x/y\r\nContent-Length: 5\r\n")),
    ];
    assert_eq!(rules(&talk), []);
}

#[test]
fn a_target_that_comes_back_as_html_is_reflected() {
    let asked = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", PROBE.0);
    let page = format!("no {}", str::from_utf8(PROBE.1).unwrap());
    let html = ok("", &page).replace("200 OK", "404 Not Found").replace("text/plain", "text/html");
    assert_eq!(rules(&[(&asked, &html)]), [Rule::Reflection]);
    assert_eq!(rules(&[(&asked, &html.replace("text/html", "text/plain"))]), []);
    assert_eq!(rules(&[(GET, &html)]), [], "it was not asked for");
}

#[test]
fn behind_101_there_are_frames() {
    let handshake = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n";
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let frames = format!("{switch}\u{81}\u{1}x\u{c1}\u{1}y");
    assert_eq!(rules(&[(handshake, &frames)]), [Rule::Reserved]);
    let other = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\0\0\0";
    assert_eq!(rules(&[(handshake, other)]), []);
}

#[test]
fn a_server_without_a_clock_sends_no_date() {
    let audit = Audit::default();
    let case = Rc::from("case");
    let undated = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let mut tap = Tap::new(&audit, &case, false);
    tap.received(undated.as_bytes());
    assert_eq!(audit.verdict(Rule::Date).outcome, Outcome::Warn);
    tap.received(ok("", "").as_bytes());
    tap.received(undated.as_bytes());
    let verdict = audit.verdict(Rule::Date);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(
        verdict.got.starts_with("3 of 3 heads, in 1 case:\n200: without a Date | \"HTTP/1.1 200")
            && verdict.got.ends_with(" in case"),
        "{}",
        verdict.got
    );
    assert_eq!(audit.verdict(Rule::Location).outcome, Outcome::Pass);
    assert_eq!(audit.verdict(Rule::Mask).outcome, Outcome::Skip, "there was no frame");
}
