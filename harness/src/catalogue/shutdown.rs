//! Told to stop: what was begun is brought to its end, what only waits is closed, and the process ends in time.
//!
//! H-03. Each case starts a subject of its own, asks it to stop as the profile says, and watches it.

use std::time::{Duration, Instant};

use async_io::Timer;

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::http::exchange::{Answer, get, healthy, healthy_on, next_answer, post_echo};
use crate::route::Route;
use crate::subject::Subject;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::{Connection, Read, Source, within};
use crate::ws::client::{Client, Event};
use crate::ws::frame::opcode;

/// Connections of a kind.
const WAITING: usize = 5;
/// How long an answer takes that is to survive the signal, in milliseconds.
const SLOW_ANSWER: &str = "?ms=1000";
/// A request that was sent so long ago has reached its handler, in a fraction of how long that takes.
const TAKEN_UP: Duration = Duration::from_millis(250);

pub(super) fn cases() -> Vec<Case> {
    use Route::{Echo, Hang, Hello, Sleep, Stream, WsEcho};
    let of = |id, title, route: &[Route]| (id, title, route.to_vec());
    let close = "RFC 9112 §9.6";
    let idle_ones = of("idle", "Told to stop while connections wait for a request", &[Hello]);
    let beginners = of("half", "Told to stop while a request is half sent", &[Hello]);
    let answered = of("request", "Told to stop while a request is answered", &[Hello, Sleep]);
    let content = of("content", "Told to stop while content is on its way", &[Hello, Echo]);
    let stream = of("stream", "Told to stop while an answer streams", &[Stream]);
    let endless = of("hang", "Told to stop while a handler never answers", &[Hello, Hang]);
    let sockets = of("websocket", "Told to stop while WebSockets are open", &[WsEcho]);
    let again = of("restart", "Started again at once on the same port", &[Hello]);
    vec![
        shutdown(idle_ones, close, idle),
        shutdown(beginners, close, half),
        shutdown(answered, close, request),
        shutdown(content, close, upload),
        shutdown(stream, close, streams),
        shutdown(endless, close, hang).long(),
        shutdown(sockets, "RFC 6455 §7.4.1", websockets),
        shutdown(again, "RFC 9293 §3.6.1", restart),
    ]
}

fn shutdown<F, Fut>((id, title, needs): (&str, &str, Vec<Route>), section: &str, action: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    case(Family::Shutdown, id, title, &needs, action).rule(section, Strength::Hardening)
}

/// A subject that is to be stopped.
struct Doomed {
    subject: Subject,
    /// Asks that one.
    cx: Context,
}

impl Doomed {
    async fn start(cx: &Context) -> Result<Self, Verdict> {
        let (subject, cx) = cx.own_subject().await?;
        Ok(Self { subject, cx })
    }

    /// Asks it to stop; gives back the moment at which it is to be gone.
    fn stop(&self) -> Instant {
        self.subject.tell_to_stop()
    }

    /// Waits for its end; gives back how that was.
    async fn gone(&self, by: Instant) -> Result<String, Verdict> {
        let grace = spell(self.subject.grace());
        let expected = format!("its process ends within {grace} of the signal");
        if within(by, self.subject.gone()).await.is_none() {
            return Err(Verdict::fail(expected, "it was still running"));
        }
        Ok(self.subject.end().unwrap_or_else(|| "ended".into()))
    }
}

async fn idle(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut waiting = wait(&doomed.cx).await?;
    let by = doomed.stop();
    let expected = "those that wait are closed, and its process exits with status 0";
    for connection in &mut waiting {
        if !has_ended(connection, by).await {
            return Err(Verdict::fail(expected, "one of them was still open"));
        }
    }
    drop(waiting);
    let end = doomed.gone(by).await?;
    let outcome = if doomed.subject.ended_well() { Outcome::Pass } else { Outcome::Warn };
    Ok(Verdict::new(outcome, expected, format!("they were closed, and it {end}")))
}

async fn half(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut connection = doomed.cx.connect(Route::Hello, Source::Case).await?;
    let request = get(&doomed.cx, Route::Hello, "");
    connection.send(&request[..request.len() / 2], doomed.cx.answer_by()).await;
    let _silent = doomed.cx.connect(Route::Hello, Source::Case).await?;
    healthy(&doomed.cx.untraced(), Source::Victim).await?;
    let by = doomed.stop();
    let end = doomed.gone(by).await?;
    Ok(Verdict::pass("it does not wait for the rest", format!("it {end}")))
}

async fn request(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut connection = doomed.cx.connect(Route::Sleep, Source::Case).await?;
    let request = get(&doomed.cx, Route::Sleep, SLOW_ANSWER);
    connection.send(&request, doomed.cx.answer_by()).await;
    Timer::after(TAKEN_UP).await;
    let by = doomed.stop();
    finished(&doomed, connection, by, |_| true).await
}

async fn upload(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut connection = doomed.cx.connect(Route::Echo, Source::Case).await?;
    let request = post_echo(&doomed.cx, b"first half, second half");
    let (first, second) = request.split_at(request.len() - 12);
    connection.send(first, doomed.cx.answer_by()).await;
    Timer::after(TAKEN_UP).await;
    let by = doomed.stop();
    Timer::after(TAKEN_UP).await;
    connection.send(second, by).await;
    finished(&doomed, connection, by, |content| content == b"first half, second half").await
}

async fn streams(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut connection = doomed.cx.connect(Route::Stream, Source::Case).await?;
    let request = get(&doomed.cx, Route::Stream, "?chunks=20&size=100&ms=50");
    connection.send(&request, doomed.cx.answer_by()).await;
    if connection.read(doomed.cx.answer_by()).await != Read::Data {
        return Err(Verdict::fail("an answer begins", "nothing came"));
    }
    let by = doomed.stop();
    finished(&doomed, connection, by, |content| content.len() == 2000).await
}

/// The answer to what was asked before the signal, and the process's end.
async fn finished(
    doomed: &Doomed,
    mut connection: Connection,
    by: Instant,
    is_whole: impl Fn(&[u8]) -> bool,
) -> Result<Verdict, Verdict> {
    let expected =
        "what was begun is answered whole, says that the connection closes, and then all ends";
    let answer = next_answer(&mut connection, "GET", by).await;
    let Answer::Response(response) = &answer else {
        return Err(Verdict::fail(expected, answer.describe()));
    };
    if response.status != 200 || !is_whole(&response.content) {
        return Err(Verdict::fail(expected, answer.describe()));
    }
    if !has_ended(&mut connection, by).await {
        return Err(Verdict::fail(expected, "the connection was still open after the answer"));
    }
    drop(connection);
    let end = doomed.gone(by).await?;
    let got = format!("{}; then it {end}", answer.describe());
    // Its head may have been sent before the signal.
    let told = response.announces_close() || response.has_token("transfer-encoding", "chunked");
    let outcome = if told { Outcome::Pass } else { Outcome::Warn };
    Ok(Verdict::new(outcome, expected, got))
}

async fn hang(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut connection = doomed.cx.connect(Route::Hang, Source::Case).await?;
    connection.send(&get(&doomed.cx, Route::Hang, ""), doomed.cx.answer_by()).await;
    Timer::after(TAKEN_UP).await;
    let by = doomed.stop();
    let end = doomed.gone(by).await?;
    Ok(Verdict::pass("it does not wait for ever", format!("it {end}")))
}

async fn websockets(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let mut clients = Vec::new();
    for _ in 0..WAITING {
        let mut client = Client::open(&doomed.cx, Route::WsEcho, Source::Case).await?;
        client.echoes(&doomed.cx, "before").await?;
        clients.push(client);
    }
    let by = doomed.stop();
    let expected = "each client is sent Close 1001 (or 1012), and then its process ends";
    let mut outcome = Outcome::Pass;
    let mut last = String::new();
    for client in &mut clients {
        let event = client.next(by).await;
        let Event::Close { code, .. } = &event else { return Err(event.unexpected(expected)) };
        if !matches!(code, Some(1001 | 1012)) {
            outcome = Outcome::Warn;
        }
        last = event.describe();
        let reply = code.unwrap_or(1000).to_be_bytes();
        client.send(opcode::CLOSE, reply, by).await;
        if client.next(by).await != Event::Ended {
            return Err(Verdict::fail(expected, "a connection was still open after its Close"));
        }
    }
    drop(clients); // a server may wait for the client to end its direction, too
    let end = doomed.gone(by).await?;
    Ok(Verdict::new(outcome, expected, format!("{last}; then it {end}")))
}

/// Connections that the server closes first leave its port in TIME-WAIT, which is no reason not to listen there.
async fn restart(cx: Context) -> Result<Verdict, Verdict> {
    let doomed = Doomed::start(&cx).await?;
    let waiting = wait(&doomed.cx).await?;
    let by = doomed.stop();
    doomed.gone(by).await?;
    let expected = "it can listen on the same port again at once";
    let profile = doomed.cx.profile();
    let heir = doomed.subject.start_in_place_of(profile).await;
    let heir = heir.map_err(|error| Verdict::fail(expected, error.to_string()))?;
    drop(waiting);
    healthy(&doomed.cx.of(&heir), Source::Case).await?;
    heir.stop().await;
    Ok(Verdict::pass(expected, "it did, and answers"))
}

/// Connections that have had their answers, and wait.
async fn wait(cx: &Context) -> Result<Vec<Connection>, Verdict> {
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let mut connection = cx.connect(Route::Hello, Source::Case).await?;
        healthy_on(cx, &mut connection).await?;
        waiting.push(connection);
    }
    Ok(waiting)
}

async fn has_ended(connection: &mut Connection, by: Instant) -> bool {
    while connection.read(by).await == Read::Data {}
    connection.ended().is_some()
}
