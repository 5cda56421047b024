use std::time::Duration;

use seawall_http_server::{Endpoint, ForwardedBy, Limits, Networks, Request, Router, Timeouts};

use crate::client::{Answer, Client};
use crate::{Fixture, PATIENCE};

const WHO: &str = "GET /who HTTP/1.1\r\nHost: h\r\n\r\n";

/// Answers with the address of the connection, and that of the client by each of the fields.
fn who(trusted: &'static str) -> Router {
    let networks = Networks::parse([trusted]).unwrap();
    Router::new().get("/who", move |request: Request| {
        let usual = networks.client(&request, ForwardedBy::XForwardedFor);
        let standard = networks.client(&request, ForwardedBy::Forwarded);
        async move { format!("{} {usual} {standard}", request.peer_addr()) }
    })
}

/// A server whose first endpoint expects the PROXY protocol from `trusted`.
fn behind(trusted: &'static str, limits: Limits, timeouts: Timeouts) -> Fixture {
    Fixture::serve(who("192.0.2.0/24"), move |server| {
        let endpoint = Endpoint::new(([127, 0, 0, 1], 0).into())
            .behind_proxies(Networks::parse([trusted]).unwrap());
        server.limits(limits).timeouts(timeouts).listen_on(endpoint)
    })
}

/// The address of the connection, as an answer has it.
fn peer(answer: &Answer) -> &str {
    answer.text().split(' ').next().unwrap()
}

fn trusting() -> Fixture {
    behind("127.0.0.0/8", Limits::default(), Timeouts::default())
}

#[test]
fn a_proxy_names_the_client() {
    let fixture = trusting();
    let v2 =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x10\x00\x01\xbb";
    let headers: [(&[u8], &str); 2] = [
        (b"PROXY TCP6 2001:db8::7 ::1 4096 443\r\n", "[2001:db8::7]:4096"),
        (v2, "192.0.2.7:4096"),
    ];
    for (header, client) in headers {
        // With the request in one segment, and octet by octet.
        let whole = [header, WHO.as_bytes()].concat();
        let mut connection = fixture.client();
        assert_eq!(peer(&connection.ask(&whole)), client);
        assert_eq!(peer(&connection.ask(WHO)), client, "it holds for all of the connection");
        let mut connection = fixture.client();
        for octet in &whole {
            connection.send([*octet]);
        }
        assert_eq!(peer(&connection.answer()), client);
    }
}

#[test]
fn a_proxy_may_speak_for_itself() {
    let fixture = trusting();
    for header in [&b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"[..], b"PROXY UNKNOWN\r\n"] {
        let answer = fixture.client().ask([header, WHO.as_bytes()].concat());
        assert!(answer.text().starts_with("127.0.0.1:"), "{}", answer.text());
    }
}

/// Whoever may connect could claim to be anybody.
#[test]
fn who_is_no_proxy_is_refused_whatever_it_says() {
    let fixture = behind("192.0.2.0/24", Limits::default(), Timeouts::default());
    for header in ["", "PROXY TCP4 192.0.2.7 192.0.2.1 4096 443\r\n"] {
        let mut client = fixture.client();
        client.try_send(format!("{header}{WHO}").as_bytes());
        assert!(client.is_closed());
    }
    fixture.until(|| fixture.running.stats().refused == 2);
    assert_eq!(fixture.running.stats().requests, 0);
}

#[test]
fn a_proxy_that_says_nothing_is_refused() {
    let fixture = trusting();
    for octets in [WHO, "PROXY TCP4 192.0.2.7 192.0.2.1 x y\r\n"] {
        let mut client = fixture.client();
        client.try_send(octets.as_bytes());
        assert!(client.is_closed(), "{octets}");
    }
    fixture.until(|| fixture.events.lock().unwrap().len() == 2);
    let events = fixture.events.lock().unwrap().clone();
    assert!(
        events.iter().all(|event| event.contains("the proxy broke the protocol")),
        "{events:?}"
    );
    assert_eq!(fixture.running.stats().requests, 0);
}

#[test]
fn a_header_has_its_deadline() {
    let first_byte = Duration::from_millis(50);
    let timeouts = Timeouts { first_byte, ..Timeouts::default() };
    let fixture = behind("127.0.0.1", Limits::default(), timeouts);
    let mut client = fixture.client();
    client.send("PROXY TC");
    assert!(client.is_closed());
    fixture.until(|| fixture.running.stats().timeouts == 1);
}

/// All connections come from the proxy; the limit is for each of its clients.
#[test]
fn limits_count_clients_and_not_the_proxy() {
    let limits = Limits { connections_per_address: 1, ..Limits::default() };
    let fixture = behind("127.0.0.1", limits, Timeouts::default());
    let open = |client: &str| {
        let mut connection = fixture.client();
        connection.send(format!("PROXY TCP4 {client} 192.0.2.1 4096 443\r\n{WHO}"));
        connection
    };
    let mut first = open("192.0.2.7");
    assert!(first.answer().text().starts_with("192.0.2.7:"));
    assert!(open("192.0.2.8").answer().text().starts_with("192.0.2.8:"));
    let mut beyond = open("192.0.2.7");
    assert_eq!(beyond.answer().status, 503);
    assert_eq!(beyond.rest(), Ok(Vec::new()), "in order");
    drop(first);
    fixture.until(|| fixture.running.stats().active == 0);
    assert!(open("192.0.2.7").answer().text().starts_with("192.0.2.7:"));
}

/// A client has a whole /64 of IPv6 to itself, and could take a place for each of its addresses.
#[test]
fn limits_count_networks_where_a_client_has_one() {
    let limits = Limits { connections_per_address: 1, ..Limits::default() };
    for (first, second, status) in [
        ("TCP6 2001:db8::7", "TCP6 2001:db8:0:0:ffff::8", 503),
        ("TCP6 2001:db8::7", "TCP6 2001:db8:0:1::7", 200),
        ("TCP6 ::ffff:192.0.2.7", "TCP4 192.0.2.7", 503),
        ("TCP6 ::ffff:192.0.2.7", "TCP6 ::ffff:192.0.2.8", 200),
        ("TCP4 192.0.2.7", "TCP4 192.0.2.8", 200),
    ] {
        let fixture = behind("127.0.0.1", limits.clone(), Timeouts::default());
        let open = |client: &str| {
            let own = if client.starts_with("TCP4") { "192.0.2.1" } else { "::1" };
            let mut connection = fixture.client();
            connection.send(format!("PROXY {client} {own} 4096 443\r\n{WHO}"));
            let status = connection.answer().status;
            (connection, status)
        };
        let (_held, served) = open(first);
        assert_eq!((served, open(second).1), (200, status), "{first}, {second}");
    }
}

#[test]
fn a_shutdown_does_not_wait_for_a_header() {
    let timeouts = Timeouts { first_byte: PATIENCE, ..Timeouts::default() };
    let fixture = behind("127.0.0.1", Limits::default(), timeouts);
    let mut client = fixture.client();
    client.send("PROXY TC");
    fixture.until(|| fixture.running.stats().active == 1);
    assert_eq!(fixture.block_on(fixture.running.shutdown(PATIENCE)), 0);
    assert!(client.is_closed());
}

/// The fields of a request: what stands before the last address that a trusted proxy wrote is the
/// client's own word.
#[test]
fn forwarded_fields_are_believed_as_far_as_proxies_are() {
    let trusting = Fixture::serve(who("127.0.0.0/8"), |server| server);
    let distrusting = Fixture::serve(who("192.0.2.0/24"), |server| server);
    // The field, then the client by `X-Forwarded-For` and by `Forwarded`.
    let table = [
        ("", "127.0.0.1", "127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7", "127.0.0.1"),
        ("X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n", "192.0.2.7", "127.0.0.1"),
        (
            "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.7, 127.0.0.5\r\n",
            "192.0.2.7",
            "127.0.0.1",
        ),
        ("X-Forwarded-For: 192.0.2.7, unknown\r\n", "127.0.0.1", "127.0.0.1"),
        ("X-Forwarded-For: 127.0.0.9\r\n", "127.0.0.9", "127.0.0.1"),
        (
            "Forwarded: for=203.0.113.9, for=\"[2001:db8::7]:4096\";proto=https\r\n",
            "127.0.0.1",
            "2001:db8::7",
        ),
        (
            "X-Forwarded-For: 192.0.2.7\r\nForwarded: for=203.0.113.9\r\n",
            "192.0.2.7",
            "203.0.113.9",
        ),
        // A host that a client made up, recorded by a proxy.
        ("Forwarded: for=203.0.113.9;host=\"x,for=8.8.8.8;y\"\r\n", "127.0.0.1", "203.0.113.9"),
        ("Forwarded: host=\"x;for=8.8.8.8;y\";for=203.0.113.9\r\n", "127.0.0.1", "203.0.113.9"),
    ];
    for (fields, usual, standard) in table {
        let request = format!("GET /who HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let ask = |fixture: &Fixture| {
            let answer = Client::connect(fixture.address()).ask(&request);
            answer.text().split_once(' ').unwrap().1.to_owned()
        };
        assert_eq!(ask(&trusting), format!("{usual} {standard}"), "{fields}");
        let own = "127.0.0.1 127.0.0.1";
        assert_eq!(ask(&distrusting), own, "who is no proxy speaks for nobody: {fields}");
    }
}
