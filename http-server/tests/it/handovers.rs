use futures_lite::{AsyncReadExt, AsyncWriteExt};
use seawall_http_server::{Context, Request, Response, Router, Upgraded};

use crate::Fixture;

/// Speaks a protocol that sends everything back in capitals.
async fn shout(mut upgraded: Upgraded, context: Context) -> std::io::Result<()> {
    assert!(!context.is_stopping());
    let mut buffer = [0; 64];
    loop {
        let len = upgraded.read(&mut buffer).await?;
        if len == 0 {
            return upgraded.close().await;
        }
        upgraded.write_all(buffer[..len].to_ascii_uppercase().as_slice()).await?;
    }
}

fn routes() -> Router {
    Router::new().any("/shout", async |_: Request| Response::switching_protocols("shout", shout))
}

const UPGRADE: &str = "GET /shout HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\n";

#[test]
fn octets_behind_the_head_belong_to_the_new_protocol() {
    let fixture = Fixture::serve(routes(), |server| server);
    let mut client = fixture.client();
    client.send(format!("{UPGRADE}\r\nhello"));
    let head = client.head();
    assert_eq!((head.status, head.field("upgrade")), (101, Some("shout")));
    assert_eq!(head.field("connection"), Some("Upgrade"));
    assert_eq!(client.exactly(5), b"HELLO");
    client.send(", world").half_close();
    assert_eq!(client.rest().unwrap(), b", WORLD");
    assert_eq!(fixture.running.stats().upgrades, 1);
}

#[test]
fn a_client_that_waits_for_100_gets_it_first() {
    let fixture = Fixture::serve(routes(), |server| server);
    let mut client = fixture.client();
    client.send(format!("{UPGRADE}Expect: 100-continue\r\n\r\n"));
    assert_eq!(client.head().status, 100);
    assert_eq!(client.head().status, 101);
}

#[test]
fn only_when_asked_for_after_the_whole_request_and_not_in_http_1_0() {
    let fixture = Fixture::serve(routes(), |server| server);
    for request in [
        "POST /shout HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\nContent-Length: 100000\r\n\r\nhello",
        "GET /shout HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n",
        "GET /shout HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let mut client = fixture.client();
        let answer = client.ask(request);
        assert_eq!((answer.status, answer.closes()), (400, true), "{request}");
        client.half_close();
        assert!(client.is_closed());
    }
}

/// H-03.
#[test]
fn a_shutdown_tells_upgraded_connections_to_end() {
    let router = Router::new().any("/wait", async |_: Request| {
        Response::switching_protocols("wait", async |mut upgraded: Upgraded, context: Context| {
            context.stopping().await;
            upgraded.write_all(b"bye").await?;
            upgraded.close().await
        })
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    client.send("GET /wait HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: wait\r\n\r\n");
    assert_eq!(client.head().status, 101);
    assert_eq!(fixture.block_on(fixture.running.shutdown(crate::PATIENCE)), 0);
    assert_eq!(client.rest().unwrap(), b"bye");
}

#[test]
fn a_shutdown_kills_upgraded_connections_that_do_not_end() {
    let router = Router::new().any("/deaf", async |_: Request| {
        Response::switching_protocols("deaf", async |_: Upgraded, _: Context| {
            std::future::pending::<()>().await;
        })
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    client.send("GET /deaf HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: deaf\r\n\r\n");
    assert_eq!(client.head().status, 101);
    let deadline = std::time::Duration::from_millis(50);
    assert_eq!(fixture.block_on(fixture.running.shutdown(deadline)), 1);
    assert!(client.is_closed());
}
