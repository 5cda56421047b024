use std::future::pending;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver as Reports, Sender as Report, channel};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use seawall_actor::{Runtime, TrySendError};
use seawall_http_server::{Handler as Route, Request, Running, Server};
use seawall_ws_server::{
    Accept, By, CloseCode, Closed, Handler, Limits, Message, Pong, Receiver, Reject, Sender,
    Timeouts, WebSocket,
};

use crate::PATIENCE;
use crate::client::{BINARY, Client, PING, PONG, TEXT, close, frame, handshake, handshake_with};

/// Short enough for a test to wait for.
const SHORT: Duration = Duration::from_millis(50);

/// What others tell a [`Talker`].
#[derive(Debug)]
enum Info {
    Say(String),
    Wait(Reports<()>),
}

#[derive(Debug)]
enum Told {
    Open(Sender<Info>),
    Ping(Vec<u8>),
    Pong(Vec<u8>, Option<Duration>),
    /// A callback that never returns has begun.
    Stuck,
    /// It was dropped.
    Unstuck,
    Closed(Closed),
}

/// Tells its test all that it is told.
struct Talker(Report<Told>);

impl Talker {
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Handler<Info> for Talker {
    async fn on_connect(
        &mut self,
        request: &Request,
        sender: &Sender<Info>,
    ) -> Result<Accept, Reject> {
        self.tell(Told::Open(sender.clone()));
        assert_ne!(request.path(), "/panic");
        let accept = Accept::new().select(request, &["second", "third"]);
        Ok(match request.path() {
            "/small" => accept.limits(Limits { message: 10, ..Limits::default() }),
            _ => accept,
        })
    }

    async fn on_message(&mut self, message: Message<'_>, sender: &Sender<Info>) {
        match message {
            Message::Text("stick") => {
                struct Unstuck(Report<Told>);
                impl Drop for Unstuck {
                    fn drop(&mut self) {
                        let _ = self.0.send(Told::Unstuck);
                    }
                }
                let _unstuck = Unstuck(self.0.clone());
                self.tell(Told::Stuck);
                pending::<()>().await;
            }
            message => drop(sender.send(message).await),
        }
    }

    async fn on_info(&mut self, info: Info, sender: &Sender<Info>) {
        match info {
            Info::Say(text) => drop(sender.send(&*text).await),
            Info::Wait(until) => drop(until.recv_timeout(PATIENCE)),
        }
    }

    async fn on_ping(&mut self, payload: &[u8], _: &Sender<Info>) {
        self.tell(Told::Ping(payload.to_vec()));
    }

    async fn on_pong(&mut self, pong: Pong<'_>, _: &Sender<Info>) {
        self.tell(Told::Pong(pong.payload.to_vec(), pong.round_trip));
    }

    async fn on_close(&mut self, closed: &Closed) {
        self.tell(Told::Closed(closed.clone()));
    }
}

/// A server whose every path is a [`Talker`].
struct Fixture {
    running: Running,
    told: Reports<Told>,
    runtime: Runtime,
}

fn serve(handler: impl Route) -> (Running, Runtime) {
    let runtime = Runtime::new().unwrap();
    let server = Server::new(handler).listen(([127, 0, 0, 1], 0).into());
    (server.start(runtime.scope()).unwrap(), runtime)
}

fn patient() -> Timeouts {
    Timeouts { ping: PATIENCE, pong: PATIENCE, close: PATIENCE, write: PATIENCE }
}

impl Fixture {
    fn new(limits: Limits, timeouts: Timeouts) -> Self {
        let (report, told) = channel();
        let report = Mutex::new(report);
        let make = move || Talker(report.lock().unwrap().clone());
        let (running, runtime) = serve(WebSocket::new(make).limits(limits).timeouts(timeouts));
        Self { running, told, runtime }
    }

    #[track_caller]
    fn told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("told")
    }

    fn open(&self) -> (Client, Sender<Info>) {
        let client = Client::open(self.running.local_addr(), "/");
        let Told::Open(sender) = self.told() else { panic!("not told of the connection") };
        (client, sender)
    }
}

#[test]
fn messages_of_the_application_reach_the_handler_and_are_bounded() {
    let fixture = Fixture::new(Limits { infos: 2, ..Limits::default() }, patient());
    let (mut client, sender) = fixture.open();
    sender.try_tell(Info::Say("hello".into())).unwrap();
    client.expect(TEXT, "hello");
    // No text of a client's is one of them.
    client.send(frame(TEXT, "Say(\"x\")")).expect(TEXT, "Say(\"x\")");

    let (go, until) = channel();
    let begun = Instant::now();
    let mut wait = Info::Wait(until);
    while let Err(TrySendError::Full(back)) = sender.try_tell(wait) {
        wait = back;
    }
    let mut taken = 0;
    loop {
        match sender.try_tell(Info::Say(taken.to_string())) {
            Ok(()) => taken += 1,
            Err(TrySendError::Full(Info::Say(back))) => {
                assert_eq!(back, taken.to_string(), "it comes back");
                break;
            }
            Err(error) => panic!("{error:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "never full");
    }
    assert!((1..=3).contains(&taken), "{taken} taken");
    // Who waits goes on as soon as there is room.
    let waiting = sender.clone();
    let waiting = std::thread::spawn(move || block_on(waiting.tell(Info::Say("last".into()))));
    go.send(()).unwrap();
    for n in 0..taken {
        client.expect(TEXT, n.to_string());
    }
    client.expect(TEXT, "last");
    waiting.join().unwrap().unwrap();

    client.send(close(1000, "")).expect_close(1000);
    assert!(client.is_closed());
    let Told::Closed(_) = fixture.told() else { panic!() };
    let Err(TrySendError::Closed(back)) = sender.try_tell(Info::Say("late".into())) else {
        panic!("taken by nobody");
    };
    assert!(matches!(&back, Info::Say(late) if late == "late"), "{back:?}");
    assert!(block_on(sender.tell(back)).is_err());
}

#[test]
fn a_flood_of_either_kind_does_not_hold_up_the_other() {
    let fixture = Fixture::new(Limits::default(), patient());
    let (mut client, sender) = fixture.open();
    let teller = sender.clone();
    let (begin, begun) = std::sync::mpsc::sync_channel(1);
    let telling = std::thread::spawn(move || {
        while block_on(teller.tell(Info::Say(String::new()))).is_ok() {
            let _ = begin.try_send(());
        }
    });
    begun.recv().unwrap();
    for n in 0..100 {
        client.send(frame(BINARY, [n]));
        let answer = std::iter::repeat_with(|| client.frame()).find(|frame| frame.first == BINARY);
        assert_eq!(answer.unwrap().payload, [n]);
    }
    sender.close(CloseCode::NORMAL, "");
    telling.join().unwrap();
}

#[test]
fn pings_and_pongs_are_told_and_the_round_trip_is_measured() {
    let fixture = Fixture::new(Limits::default(), Timeouts { ping: SHORT, ..patient() });
    let (mut client, sender) = fixture.open();
    client.send(frame(PING, "from the client")).expect(PONG, "from the client");
    let Told::Ping(payload) = fixture.told() else { panic!() };
    assert_eq!(payload, b"from the client");

    let beat = client.frame();
    assert_eq!((beat.first, beat.payload.len()), (PING, 4));
    let seen = Instant::now();
    client.send(frame(PONG, &beat.payload));
    let Told::Pong(payload, Some(round_trip)) = fixture.told() else { panic!("not measured") };
    assert_eq!(payload, beat.payload);
    assert!(round_trip <= seen.elapsed() + SHORT + PATIENCE);
    // Once only: the same Pong again answers nothing.
    client.send(frame(PONG, &beat.payload));
    assert!(matches!(fixture.told(), Told::Pong(_, None)));

    sender.ping("one more").unwrap();
    let ping = std::iter::repeat_with(|| client.frame()).find(|frame| frame.payload.len() != 4);
    assert_eq!(ping.unwrap().payload, b"one more");
}

#[test]
fn a_ping_of_the_applications_own_is_cut_off_and_counted() {
    let fixture = Fixture::new(Limits { queued_messages: 3, ..Limits::default() }, patient());
    let (mut client, sender) = fixture.open();
    sender.ping([7; 200]).unwrap();
    client.expect(PING, [7; 125]).send(frame(PONG, [7; 125]));
    assert!(matches!(fixture.told(), Told::Pong(payload, None) if payload == [7; 125]));
    // A client that reads nothing gets a bounded number of them, however often one is asked for.
    client.send(frame(TEXT, "stick"));
    assert!(matches!(fixture.told(), Told::Stuck));
    let begun = Instant::now();
    while sender.ping([7; 125]).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "never full");
    }
}

#[test]
fn one_subprotocol_and_limits_for_one_connection() {
    let fixture = Fixture::new(Limits::default(), patient());
    let address = fixture.running.local_addr();
    for (offer, answer) in
        [("first, second, third", Some("second")), ("third,second", Some("third")), ("first", None)]
    {
        let mut client = Client::connect(address);
        let fields = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        let head = client.send(handshake_with("/", &fields)).head();
        let selected = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(selected, answer, "{head}");
    }
    let mut client = Client::open(address, "/small");
    client.send(frame(BINARY, [0; 10])).expect(BINARY, [0; 10]);
    client.send(frame(BINARY, [0; 11])).expect_close(1009);
    let mut client = Client::open(address, "/");
    client.send(frame(BINARY, [0; 11])).expect(BINARY, [0; 11]);
}

#[test]
fn senders_find_a_connection_closed_that_never_began() {
    let fixture = Fixture::new(Limits::default(), patient());
    let head = Client::connect(fixture.running.local_addr()).send(handshake("/panic")).head();
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
    let Told::Open(sender) = fixture.told() else { panic!() };
    assert!(block_on(sender.send("anyone?")).is_err());
    assert!(block_on(sender.tell(Info::Say("anyone?".into()))).is_err());
    assert!(fixture.told.try_recv().is_err(), "not accepted, so not closed");
}

#[test]
fn a_callback_that_never_returns_holds_up_no_close() {
    let fixture = Fixture::new(Limits::default(), Timeouts { close: SHORT, ..patient() });
    let (mut client, sender) = fixture.open();
    client.send(frame(TEXT, "stick"));
    assert!(matches!(fixture.told(), Told::Stuck));
    sender.close(CloseCode::NORMAL, "enough");
    assert_eq!(client.expect_close(1000), "enough");
    assert!(client.is_closed());
    assert!(matches!(fixture.told(), Told::Unstuck));
    let Told::Closed(closed) = fixture.told() else { panic!() };
    assert_eq!((&*closed.reason, closed.by), ("enough", By::Server));
}

#[test]
fn a_handler_hears_of_its_end_even_if_it_is_killed() {
    let fixture = Fixture::new(Limits::default(), patient());
    let (mut client, _) = fixture.open();
    client.send(frame(TEXT, "stick"));
    assert!(matches!(fixture.told(), Told::Stuck));
    let killed = fixture.runtime.block_on(fixture.running.shutdown(SHORT));
    assert_eq!(killed, 1);
    client.expect_close(1001); // was said at once all the same
    assert!(matches!(fixture.told(), Told::Unstuck));
    let Told::Closed(closed) = fixture.told() else { panic!() };
    assert_eq!((&*closed.reason, closed.by), ("killed", By::Server));
    assert!(fixture.told.try_recv().is_err(), "told once");
}

/// A client that never paused was once never asked for what was due: its frames came before every
/// deadline, that of the close included.
#[test]
fn a_client_that_never_pauses_is_not_spared_the_deadlines() {
    let timeouts = Timeouts { ping: SHORT, pong: SHORT, close: SHORT, ..patient() };
    for said in ["", "close"] {
        let fixture = Fixture::new(Limits::default(), timeouts.clone());
        let (mut client, sender) = fixture.open();
        if said == "close" {
            sender.close(CloseCode::NORMAL, "");
        }
        let burst = frame(PONG, "").repeat(2000);
        let deadline = Instant::now() + PATIENCE;
        while client.flood(&burst) && fixture.running.stats().active > 0 {
            assert!(Instant::now() < deadline, "{said:?}: never ended");
        }
    }
}

async fn shout(mut receiver: Receiver, sender: Sender) {
    sender.send(receiver.target()).await.unwrap();
    while let Some(message) = receiver.recv().await {
        match message.as_text() {
            Some("return") => return,
            Some("panic") => panic!("as asked"),
            Some(text) => sender.send(&*text.to_uppercase()).await.unwrap(),
            None => sender.send(&message).await.unwrap(),
        }
    }
    let closed = receiver.closed().expect("it ended");
    assert_eq!((closed.code, closed.by), (CloseCode::new(4001), By::Client));
}

#[test]
fn an_async_function_is_a_handler_too() {
    let (running, _runtime) = serve(WebSocket::from_fn(shout));
    let open = || {
        let mut client = Client::open(running.local_addr(), "/any?path");
        client.expect(TEXT, "/any?path");
        client
    };
    let mut client = open();
    client.send(frame(TEXT, "loud")).expect(TEXT, "LOUD");
    client.send([frame(BINARY, [1, 2]), frame(TEXT, "b")].concat());
    client.expect(BINARY, [1, 2]).expect(TEXT, "B");
    client.send(frame(TEXT, "return")).expect_close(1000);
    let mut client = open();
    client.send(frame(TEXT, "panic")).expect_close(1011);
    let mut client = open();
    client.send(frame(TEXT, "last")).expect(TEXT, "LAST").send(close(4001, "bye"));
    client.expect_close(4001);
    assert!(client.is_closed());
    let deadline = Instant::now() + PATIENCE;
    while running.stats().active > 2 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(running.stats().crashes, 1, "the assertions of the function itself held");
}
