use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use seawall_http_server::{BodySender, Request, Response, Router, Status, with_state};

use crate::{Fixture, PATIENCE};

/// Tells what it saw when the client had left.
type Told = std::sync::Arc<Mutex<Sender<&'static str>>>;

fn serve() -> (Fixture, Receiver<&'static str>) {
    let (told, news) = channel();
    let told: Told = std::sync::Arc::new(Mutex::new(told));
    let wait = async |told: Told, request: Request| {
        let gone = request.gone();
        drop(request);
        tell(&told, "waiting");
        gone.await;
        tell(&told, "gone");
        "to whom it may concern\n"
    };
    let stream = async |told: Told, _: Request| {
        Response::new(Status::OK).stream("text/plain", async move |sender: BodySender| {
            tell(&told, "waiting");
            sender.gone().await;
            tell(&told, "gone");
        })
    };
    // Waits for nothing, and holds what tells that it was dropped.
    let forever = async |told: Told, _: Request| {
        Response::new(Status::OK).stream("text/plain", async move |mut sender: BodySender| {
            let _dropped = Dropped(std::sync::Arc::clone(&told));
            let _ = sender.send("a beginning\n").await;
            tell(&told, "waiting");
            std::future::pending::<()>().await;
        })
    };
    let router = Router::new()
        .any("/wait", with_state(std::sync::Arc::clone(&told), wait))
        .get("/stream", with_state(std::sync::Arc::clone(&told), stream))
        .get("/forever", with_state(told, forever));
    (Fixture::serve(router, |server| server), news)
}

struct Dropped(Told);

impl Drop for Dropped {
    fn drop(&mut self) {
        tell(&self.0, "dropped");
    }
}

fn tell(told: &Told, what: &'static str) {
    let _ = told.lock().unwrap().send(what);
}

fn hear(news: &Receiver<&'static str>) -> &'static str {
    news.recv_timeout(PATIENCE).unwrap()
}

/// H-09.
#[test]
fn a_handler_hears_that_its_client_closed() {
    let (fixture, news) = serve();
    let mut client = fixture.client();
    client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(hear(&news), "waiting");
    drop(client);
    assert_eq!(hear(&news), "gone");
}

#[test]
fn who_closed_only_its_sending_side_still_gets_the_answer() {
    let (fixture, news) = serve();
    let mut client = fixture.client();
    // What is pipelined behind it is not lost by looking for the end.
    let get = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
    client.send(get.repeat(2));
    assert_eq!(hear(&news), "waiting");
    client.half_close();
    for _ in 0..2 {
        assert_eq!(client.answer().text(), "to whom it may concern\n");
    }
    assert!(client.is_closed());
}

#[test]
fn content_can_be_read_although_the_end_was_watched_for() {
    let router = Router::new().post("/both", async |mut request: Request| {
        let gone = request.gone();
        let content = async { request.content().await.map(|content| content.len()).ok() };
        let mut content = std::pin::pin!(content);
        // Both are polled again and again: octets go to whichever looks first.
        let mut gone = std::pin::pin!(gone);
        let len = std::future::poll_fn(|cx| {
            let _ = gone.as_mut().poll(cx);
            content.as_mut().poll(cx)
        });
        format!("{:?}", len.await)
    });
    let fixture = Fixture::serve(router, |server| server);
    let mut client = fixture.client();
    let head = "POST /both HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n";
    let content = vec![b'x'; 300_000];
    assert_eq!(client.send(head).ask(content).text(), "Some(300000)");
}

#[test]
fn a_stream_hears_that_its_client_closed() {
    let (fixture, news) = serve();
    let mut client = fixture.client();
    client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    client.head(); // unread, it would make the system reset the connection
    assert_eq!(hear(&news), "waiting");
    drop(client);
    assert_eq!(hear(&news), "gone");
}

/// A producer that waits for news of its own, and never asks about its client, would otherwise
/// stay for ever with a connection that is long reset.
#[test]
fn a_reset_ends_a_stream_that_looks_at_nothing() {
    let (fixture, news) = serve();
    let mut client = fixture.client();
    client.send("GET /forever HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(hear(&news), "waiting");
    client.reset();
    assert_eq!(hear(&news), "dropped");
}
