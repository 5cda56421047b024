use std::time::{Duration, Instant};

use seawall_http_server::{Limits, Request, Response, Router, Status, Timeouts};

use crate::{Client, Fixture, PATIENCE};

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

/// Short enough for a test to wait for, with the others out of the way.
const SHORT: Duration = Duration::from_millis(50);

fn patient() -> Timeouts {
    Timeouts {
        first_byte: PATIENCE,
        head: PATIENCE,
        keep_alive: PATIENCE,
        progress: PATIENCE,
        handler: PATIENCE,
        linger: SHORT,
        ..Timeouts::default()
    }
}

/// H-07.
#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let fixture = Fixture::with(|server| {
        server.limits(Limits { requests_per_connection: 2000, ..Limits::default() })
    });
    let mut client = fixture.client();
    let requests: String =
        (0..1000).map(|n| format!("GET /users/{n} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    client.send(requests);
    for n in 0..1000 {
        assert_eq!(client.answer().text(), n.to_string());
    }
}

#[test]
fn a_slow_handler_does_not_hold_back_earlier_answers() {
    let (release, blocked) = async_channel::bounded::<()>(1);
    let router = crate::routes().get("/wait", move |_: Request| {
        let blocked = blocked.clone();
        async move {
            let _ = blocked.recv().await;
            "at last\n"
        }
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    client.send(format!("{HELLO}GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_eq!(client.answer().text(), "hello\n");
    drop(release);
    assert_eq!(client.answer().text(), "at last\n");
}

#[test]
fn who_asks_to_close_is_answered_and_closed() {
    let fixture = Fixture::new();
    for option in ["close", "CLOSE", "foo, close", "keep-alive, close"] {
        let mut client = fixture.client();
        let request = format!("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: {option}\r\n\r\n");
        client.send(request + HELLO);
        assert!(client.answer().closes(), "{option}");
        assert!(client.is_closed(), "{option}: the second request is not answered");
    }
}

#[test]
fn http_1_0_ends_unless_it_asks_to_go_on() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let answer = client.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(answer.field("connection"), Some("keep-alive"));
    assert!(client.ask("GET /hello HTTP/1.0\r\n\r\n").closes());
    assert!(client.is_closed());
}

#[test]
fn a_client_that_ends_its_direction_still_gets_its_answers() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.send(HELLO.repeat(3)).half_close();
    for _ in 0..3 {
        assert_eq!(client.answer().status, 200);
    }
    assert!(client.is_closed());
    // In the middle of a request there is nothing to answer but that.
    let mut client = fixture.client();
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello").half_close();
    assert_eq!(client.answer().status, 400);
    assert!(client.is_closed());
}

/// H-06.
#[test]
fn requests_on_one_connection_are_counted() {
    let fixture = Fixture::with(|server| {
        server.limits(Limits { requests_per_connection: 2, ..Limits::default() })
    });
    let mut client = fixture.client();
    assert!(!client.get("/hello").closes());
    assert!(client.get("/hello").closes());
    assert!(client.is_closed());
}

/// H-06.
#[test]
fn connections_from_one_address_are_counted() {
    let fixture = Fixture::with(|server| {
        server.limits(Limits { connections_per_address: 1, ..Limits::default() })
    });
    let mut first = fixture.client();
    assert_eq!(first.get("/hello").status, 200);
    let mut second = fixture.client();
    assert_eq!(second.answer().status, 503);
    assert!(second.is_closed());
    drop(first);
    fixture.until(|| fixture.running.stats().active == 0);
    assert_eq!(fixture.client().get("/hello").status, 200);
    assert_eq!(fixture.running.stats().refused, 1);
}

/// A client whose request is there already when it is turned away once got a reset, by which the
/// 503 can be lost.
#[test]
fn a_connection_too_many_is_closed_in_order() {
    let fixture = Fixture::with(|server| {
        server.limits(Limits { connections: 2, connections_per_address: 1, ..Limits::default() })
    });
    let mut first = fixture.client();
    assert_eq!(first.get("/hello").status, 200);
    let mut other = Client::connect_from([127, 0, 0, 2], fixture.address());
    assert_eq!(other.get("/hello").status, 200);
    // It waits in the system's queue, and its request with it.
    let mut beyond = fixture.client();
    beyond.send(HELLO);
    drop(other);
    assert_eq!(beyond.answer().status, 503);
    assert_eq!(beyond.rest(), Ok(Vec::new()));
}

/// H-06, HTTP-07.
#[test]
fn beyond_all_connections_the_next_waits() {
    let fixture =
        Fixture::with(|server| server.limits(Limits { connections: 1, ..Limits::default() }));
    let mut first = fixture.client();
    assert_eq!(first.get("/hello").status, 200);
    let mut second = fixture.client();
    second.send(HELLO);
    assert_eq!(first.get("/hello").status, 200, "the first goes on");
    assert_eq!(fixture.running.stats().accepted, 1, "the second waits in the system's queue");
    drop(first);
    assert_eq!(second.answer().status, 200);
}

/// Of two endpoints the one without clients once kept a place for its next: the other had one less
/// than [`Limits::connections`] says, and none where that is 1.
#[test]
fn an_endpoint_that_waits_for_clients_keeps_no_place() {
    let fixture = Fixture::with(|server| {
        let server = server.limits(Limits { connections: 1, ..Limits::default() });
        server.listen(([127, 0, 0, 1], 0).into())
    });
    for _ in 0..2 {
        for address in fixture.running.local_addrs() {
            assert_eq!(Client::connect(*address).get("/hello").status, 200);
            fixture.until(|| fixture.running.stats().active == 0);
        }
    }
}

/// H-06.
#[test]
fn each_wait_for_a_client_ends() {
    let table: [(&str, Timeouts, Option<u16>); 5] = [
        ("", Timeouts { first_byte: SHORT, ..patient() }, None),
        ("GET /hello HT", Timeouts { head: SHORT, ..patient() }, Some(408)),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello",
            Timeouts { progress: SHORT, ..patient() },
            Some(408),
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            Timeouts { progress: SHORT, ..patient() },
            Some(408),
        ),
        (
            "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello",
            Timeouts { progress: SHORT, ..patient() },
            Some(200),
        ),
    ];
    for (sent, timeouts, status) in table {
        let fixture = Fixture::with(|server| server.timeouts(timeouts));
        let mut client = fixture.client();
        client.send(sent);
        if let Some(status) = status {
            assert_eq!(client.answer().status, status, "{sent:?}");
        }
        assert!(client.is_closed(), "{sent:?}");
        assert_eq!(fixture.events().len(), 1, "{sent:?}: {:?}", fixture.events());
        assert_eq!(fixture.running.stats().timeouts, 1, "{sent:?}");
    }
}

/// H-06.
#[test]
fn a_client_between_two_requests_is_let_go_without_a_word() {
    let fixture =
        Fixture::with(|server| server.timeouts(Timeouts { keep_alive: SHORT, ..patient() }));
    let mut client = fixture.client();
    assert_eq!(client.get("/hello").status, 200);
    assert!(client.is_closed());
    assert!(fixture.events().is_empty(), "that is no failure");
}

/// H-06.
#[test]
fn a_drip_below_the_minimum_rate_is_cut_off() {
    let fixture = Fixture::with(|server| {
        server.timeouts(Timeouts { progress: SHORT * 4, min_rate: 1 << 30, ..patient() })
    });
    let mut client = fixture.client();
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    // It never stands still for as long as it may, and yet it comes to an end.
    let mut sent = 0;
    while fixture.running.stats().client_errors == 0 {
        client.try_send(b"x");
        sent += 1;
        std::thread::yield_now();
    }
    assert!(sent > 1);
    assert_eq!(client.answer().status, 408);
}

/// H-06, H-09.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let fixture = Fixture::serve(
        Router::new().get("/big", async |_: Request| vec![b'x'; 64 << 20]),
        |server| server.timeouts(Timeouts { progress: SHORT, ..patient() }),
    );
    let mut client = fixture.client();
    client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    fixture.until(|| fixture.running.stats().timeouts == 1);
    assert_eq!(fixture.events(), ["failed: the client was too slow: a response"]);
}

/// H-05.
#[test]
fn a_handler_that_takes_too_long_is_504() {
    let router = crate::routes()
        .get("/hang", async |_: Request| std::future::pending::<&'static str>().await);
    let fixture =
        Fixture::serve(router, |server| server.timeouts(Timeouts { handler: SHORT, ..patient() }));
    let mut client = fixture.client();
    assert_eq!(client.get("/hang").status, 504);
    assert!(client.is_closed());
}

/// H-05. What a handler does before it first waits counts, too.
#[test]
fn the_handlers_time_runs_from_the_end_of_the_head() {
    let router = Router::new().get("/deadline", async |request: Request| {
        let entered = Instant::now();
        while Instant::now() == entered {}
        request.deadline().is_some_and(|deadline| deadline <= entered + PATIENCE).to_string()
    });
    let fixture = Fixture::serve(router, |server| server.timeouts(patient()));
    assert_eq!(fixture.client().get("/deadline").text(), "true");
}

/// H-03.
#[test]
fn a_shutdown_closes_the_idle_and_finishes_the_busy() {
    let (release, blocked) = async_channel::bounded::<()>(1);
    let (entered, inside) = std::sync::mpsc::channel();
    let router = crate::routes().get("/wait", move |_: Request| {
        let (blocked, entered) = (blocked.clone(), entered.clone());
        async move {
            entered.send(()).unwrap();
            let _ = blocked.recv().await;
            "finished\n"
        }
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut idle = fixture.client();
    assert_eq!(idle.get("/hello").status, 200);
    let mut fresh = fixture.client();
    let mut busy = fixture.client();
    busy.send(format!("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n{HELLO}"));
    inside.recv().unwrap();
    fixture.until(|| fixture.running.stats().accepted == 3);
    let address = fixture.address();
    let running = fixture.running.clone();
    let aborted = std::thread::scope(|threads| {
        let shutdown = threads.spawn(|| fixture.block_on(running.shutdown(PATIENCE)));
        assert!(idle.is_closed());
        assert!(fresh.is_closed());
        drop(release);
        let answer = busy.answer();
        assert_eq!((answer.text(), answer.closes()), ("finished\n", true));
        assert!(busy.is_closed(), "requests behind it are for another server");
        shutdown.join().unwrap()
    });
    assert_eq!(aborted, 0);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

/// H-03. A response that streams while the shutdown comes is finished, and one that never ends is cut off
/// at the deadline and counted.
#[test]
fn a_shutdown_lets_streams_end_until_its_deadline() {
    for ends in [true, false] {
        let (more, wanted) = async_channel::bounded::<()>(1);
        let router = Router::new().get("/stream", move |_: Request| {
            let wanted = wanted.clone();
            async move {
                Response::new(Status::OK).stream("text/plain", async move |mut sender| {
                    sender.send("one\n").await?;
                    let _ = wanted.recv().await;
                    sender.send("two\n").await
                })
            }
        });
        let fixture = Fixture::serve(router, |server| server);
        let mut client = fixture.client();
        client.send(format!("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n{HELLO}"));
        client.until(b"one\n\r\n");
        let running = fixture.running.clone();
        let deadline = if ends { PATIENCE } else { SHORT };
        let left = std::thread::scope(|threads| {
            let shutdown = threads.spawn(|| fixture.block_on(running.shutdown(deadline)));
            if ends {
                fixture.until(|| std::net::TcpStream::connect(fixture.address()).is_err());
                more.close();
                assert_eq!(client.until(b"0\r\n\r\n"), b"4\r\ntwo\n\r\n0\r\n\r\n");
                // Its head promised that the connection goes on: the next one takes that back.
                assert!(client.answer().closes());
                assert!(client.is_closed());
            }
            shutdown.join().unwrap()
        });
        assert_eq!(left, usize::from(!ends));
        if !ends {
            assert!(!client.rest().is_ok_and(|rest| rest.ends_with(b"0\r\n\r\n")));
        }
    }
}

/// A request whose content is still on its way is in flight: its client may finish it.
#[test]
fn a_shutdown_waits_for_the_content_of_requests() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nfirst");
    fixture.until(|| fixture.running.stats().requests == 1);
    let running = fixture.running.clone();
    let left = std::thread::scope(|threads| {
        let shutdown = threads.spawn(|| fixture.block_on(running.shutdown(PATIENCE)));
        fixture.until(|| std::net::TcpStream::connect(fixture.address()).is_err());
        let answer = client.ask(" last");
        assert_eq!((answer.text(), answer.closes()), ("first last", true));
        assert!(client.is_closed());
        shutdown.join().unwrap()
    });
    assert_eq!(left, 0);
}

/// H-03.
#[test]
fn a_shutdown_kills_what_does_not_end() {
    let (entered, inside) = std::sync::mpsc::channel();
    let router = crate::routes().get("/hang", move |_: Request| {
        let entered = entered.clone();
        async move {
            entered.send(()).unwrap();
            std::future::pending::<&'static str>().await
        }
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    client.send("GET /hang HTTP/1.1\r\nHost: h\r\n\r\n");
    inside.recv().unwrap();
    assert_eq!(fixture.block_on(fixture.running.shutdown(SHORT)), 1);
    assert!(client.is_closed());
}

/// H-09. A rest that is still to come is skipped up to 64 KiB; a longer one costs the connection.
#[test]
fn content_that_nobody_wants_is_skipped_up_to_a_limit() {
    let fixture = Fixture::with(|server| server.timeouts(patient()));
    for (len, persists) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let mut client = fixture.client();
        let head = format!("POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n");
        assert_eq!(client.ask(head).closes(), !persists, "{len}");
        client.try_send(&vec![b'x'; len]);
        if persists {
            assert_eq!(client.get("/hello").text(), "hello\n");
        } else {
            assert!(client.is_closed());
        }
    }
}

/// H-09. What a refused client still sends is read for as long as [`Timeouts::linger`] says.
#[test]
fn who_sends_for_ever_is_cut_off() {
    let fixture = Fixture::with(|server| server.timeouts(patient()));
    let mut client = fixture.client();
    client.send("bad\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    let deadline = Instant::now() + PATIENCE;
    while fixture.running.stats().active > 0 {
        assert!(Instant::now() < deadline, "it is read for ever");
        client.try_send(&[b'x'; 4096]);
    }
}

#[test]
fn an_address_in_use_is_an_error_that_says_so() {
    let fixture = Fixture::new();
    let server = seawall_http_server::Server::new(crate::routes()).listen(fixture.address());
    let error = server.start(fixture.runtime.scope()).unwrap_err();
    assert!(error.is_address_in_use() && error.is_io());
    assert!(error.to_string().starts_with(&format!("cannot listen on {}", fixture.address())));
}
