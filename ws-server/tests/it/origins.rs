use seawall_ws_server::WebSocket;

use crate::client::{Client, handshake_with};
use crate::{Fixture, Probe};

/// The status of a handshake from a page of this origin.
fn status(fixture: &Fixture, origin: &str) -> String {
    let mut client = Client::connect(fixture.address());
    let head = client.send(handshake_with("/", origin)).head(); // its Host is "h"
    head.split(' ').nth(1).unwrap().to_owned()
}

type Route = WebSocket<Box<dyn Fn() -> Probe + Send + Sync>>;

#[test]
fn a_page_of_another_host_may_not_connect_unless_it_is_allowed() {
    let same: fn(Route) -> Route = |route| route;
    let also: fn(Route) -> Route =
        |route| route.origins(["https://app.example.org", "http://localhost:3000"]);
    let any: fn(Route) -> Route = WebSocket::any_origin;
    for (field, statuses) in [
        ("", ["101", "101", "101"]),
        ("Origin: http://h\r\n", ["101", "101", "101"]),
        ("Origin: https://H:443\r\n", ["101", "101", "101"]),
        ("Origin: http://h:8080\r\n", ["403", "403", "101"]),
        ("Origin: https://app.example.org\r\n", ["403", "101", "101"]),
        ("Origin: https://app.example.org.evil.test\r\n", ["403", "403", "101"]),
        ("Origin: http://localhost:3000\r\n", ["403", "101", "101"]),
        ("Origin: null\r\n", ["403", "403", "101"]),
        ("Origin: http://h\r\nOrigin: http://h\r\n", ["403", "403", "403"]),
        ("Origin: \u{fffd}\r\n", ["403", "403", "101"]),
    ] {
        for (setup, expected) in [same, also, any].into_iter().zip(statuses) {
            let fixture = Fixture::with(setup);
            assert_eq!(status(&fixture, field), expected, "{field:?}");
            assert_eq!(fixture.is_silent(), expected == "403", "told of it");
        }
    }
}
