//! Both ways at once: what the subject has to say does not wait for the client, nor the client for it.
//!
//! WS-07. The route `ws.push` sends numbers at a steady pace. `ws/push` judges that they come unasked; here the client
//! has something to say meanwhile, or is one of many.

use std::time::{Duration, Instant};

use super::case;
use crate::case::{Case, Family};
use crate::context::{Context, spell};
use crate::route::Route;
use crate::side_by_side::side_by_side;
use crate::verdict::{Strength, Verdict};
use crate::wire::Source;
use crate::ws::client::{Client, Event};
use crate::ws::frame::opcode;

/// Pushes while the client streams, and without that, for comparison.
const PUSHES: usize = 40;
/// Between two of them.
const PACE: Duration = Duration::from_millis(25);
/// What the client sends at a time, a message; with the pause 16 MiB/s, lest the machine be what is measured.
const UPSTREAM: usize = 16 << 10;
const UPSTREAM_PAUSE: Duration = Duration::from_millis(1);
/// Clients at once, where so many are promised several times over: others need their connections, too.
const CROWD: usize = 50;

pub(super) fn cases() -> Vec<Case> {
    use Strength::{Hardening, Should};
    let both = "RFC 6455 §1.2";
    vec![
        duplex("upstream", "Pushes to a client that streams upward", both, Hardening, upstream),
        duplex("crowd", "Pushes to many clients at once", both, Hardening, crowd),
        duplex("ping", "A Ping amid pushes", "RFC 6455 §5.5.2", Should, ping),
        duplex("close", "A Close amid pushes", "RFC 6455 §5.5.1", Should, close),
    ]
}

fn duplex<F, Fut>(id: &str, title: &str, section: &str, strength: Strength, action: F) -> Case
where
    F: Fn(Context) -> Fut + 'static,
    Fut: Future<Output = Result<Verdict, Verdict>> + 'static,
{
    case(Family::Duplex, id, title, &[Route::WsPush], action).rule(section, strength).long()
}

/// A client that is sent numbers, and what came so far.
struct Pushed<'a> {
    cx: &'a Context,
    client: Client,
    /// How many came: the number that is next.
    count: usize,
    /// When the last one came.
    last: Instant,
    /// The longest wait for one behind the first.
    longest: Duration,
}

impl<'a> Pushed<'a> {
    async fn open(cx: &'a Context, count: usize, pace: Duration) -> Result<Self, Verdict> {
        let query = format!("?n={count}&ms={}", pace.as_millis());
        let client = Client::open_with(cx, Route::WsPush, &query, Source::Case).await?;
        Ok(Self { cx, client, count: 0, last: Instant::now(), longest: Duration::ZERO })
    }

    /// Waits for what comes next until then, and no longer than for an answer. `None` for a push that was due, and
    /// for nothing.
    async fn next(&mut self, until: Instant) -> Result<Option<Event>, Verdict> {
        let stalled = self.last + self.cx.timing().answer;
        match self.client.next(until.min(stalled)).await {
            Event::Message { opcode: opcode::TEXT, payload }
                if payload == self.count.to_string().as_bytes() =>
            {
                if self.count > 0 {
                    self.longest = self.longest.max(self.last.elapsed());
                }
                self.count += 1;
                self.last = Instant::now();
                Ok(None)
            }
            Event::Silence if Instant::now() >= stalled => {
                self.cx.trace().waited_in_vain(self.cx.timing().answer);
                let got = format!("nothing for {}", spell(self.cx.timing().answer));
                Err(Verdict::fail(self.expected(), got))
            }
            Event::Silence => Ok(None),
            event @ Event::Message { .. } => Err(event.unexpected(self.expected())),
            event => Ok(Some(event)),
        }
    }

    fn expected(&self) -> String {
        format!("push {}, unasked and in order", self.count)
    }

    /// Waits for pushes until there are so many, and expects nothing else.
    async fn until(&mut self, count: usize) -> Result<(), Verdict> {
        while self.count < count {
            if let Some(event) = self.next(self.cx.answer_by()).await? {
                return Err(event.unexpected(self.expected()));
            }
        }
        Ok(())
    }
}

/// Whether the subject reads what the client sends is its own affair, and so is what a full buffer does to the
/// client. Only that the pushes come is judged; how late they are is told beside the figure without that load.
async fn upstream(cx: Context) -> Result<Verdict, Verdict> {
    let mut alone = Pushed::open(&cx, PUSHES, PACE).await?;
    alone.until(PUSHES).await?;
    let mut pushed = Pushed::open(&cx, PUSHES, PACE).await?;
    let message = pushed.client.message(opcode::BINARY, 0, &[b'u'; UPSTREAM], None);
    let mut sent = 0;
    let mut takes = true;
    while pushed.count < PUSHES {
        if takes {
            // No longer than to the next push: what comes meanwhile is seen late.
            takes = pushed.client.connection().send(&message, Instant::now() + PACE).await;
            sent += usize::from(takes);
            // A message that is cut short must have nothing behind it, no Pong either.
            pushed.client.answer_pings(takes);
        }
        match pushed.next(Instant::now() + UPSTREAM_PAUSE).await? {
            None | Some(Event::Ping(_)) => {}
            Some(event) => return Err(event.unexpected(pushed.expected())),
        }
    }
    let stopped = if takes { "" } else { ", where it took no more" };
    let upward = format!("{} KiB upward{stopped}", (sent * UPSTREAM) >> 10);
    let [with, without] = [pushed.longest, alone.longest].map(spell);
    let got =
        format!("{PUSHES} came {} apart, {with} at most, {without} without {upward}", spell(PACE));
    Ok(Verdict::pass("every push, in order, as without that stream", got))
}

async fn crowd(cx: Context) -> Result<Verdict, Verdict> {
    const COUNT: usize = 10;
    let untraced = cx.untraced();
    let limits = [cx.limits().connections, cx.limits().connections_per_address];
    let room = limits.into_iter().flatten().min();
    let crowd = room.map_or(CROWD, |room| CROWD.min(room / 3).max(1));
    let mut clients = Vec::with_capacity(crowd);
    for number in 0..crowd {
        // They are all alike: one stands for them in the trace.
        let cx = if number == 0 { &cx } else { &untraced };
        clients.push(Pushed::open(cx, COUNT, PACE).await?);
    }
    let waits = clients.iter_mut().map(|pushed| pushed.until(COUNT));
    for (verdict, number) in side_by_side(waits).await.into_iter().zip(1..) {
        verdict.map_err(|verdict| verdict.at(&format!("client {number} of {crowd}")))?;
    }
    let longest = clients.iter().map(|pushed| pushed.longest).max().unwrap_or_default();
    let got = format!("so it was, {} apart, {} at most", spell(PACE), spell(longest));
    Ok(Verdict::pass(format!("{COUNT} pushes to each of {crowd} clients, in order"), got))
}

/// A server that is busy sending does not read: the client takes it for dead, and leaves.
async fn ping(cx: Context) -> Result<Verdict, Verdict> {
    const COUNT: usize = 12;
    let pace = PACE * 4;
    let mut pushed = Pushed::open(&cx, COUNT, pace).await?;
    pushed.until(1).await?;
    pushed.client.send(opcode::PING, "amid", cx.answer_by()).await;
    let expected = "the Pong before the last push";
    let before = pushed.count;
    let behind = loop {
        match pushed.next(cx.answer_by()).await? {
            None if pushed.count < COUNT => {}
            None => return Err(Verdict::fail(expected, format!("none, and all {COUNT} pushes"))),
            Some(Event::Pong(payload)) if payload == b"amid" => break pushed.count - before,
            Some(event) => return Err(event.unexpected(expected)),
        }
    };
    pushed.until(COUNT).await?;
    Ok(Verdict::pass(expected, format!("it came behind {behind} more pushes")))
}

/// A Close must be answered, and "It SHOULD do so as soon as practical" (§5.5.1).
async fn close(cx: Context) -> Result<Verdict, Verdict> {
    // They go on for longer than we wait for the answer.
    let count = 2 * cx.timing().answer.div_duration_f64(PACE) as usize;
    let mut pushed = Pushed::open(&cx, count, PACE).await?;
    pushed.until(1).await?;
    pushed.client.send(opcode::CLOSE, 1000_u16.to_be_bytes(), cx.answer_by()).await;
    let expected = "Close 1000, nothing behind it, and the end of the connection";
    let (by, before) = (cx.answer_by(), pushed.count);
    loop {
        let event = pushed.next(by).await?;
        let behind = pushed.count - before;
        match event {
            None if Instant::now() < by => {}
            None => {
                cx.trace().waited_in_vain(cx.timing().answer);
                return Err(Verdict::fail(
                    expected,
                    format!("{behind} more pushes, and no end of them"),
                ));
            }
            Some(Event::Close { code: None | Some(1000), .. }) => break,
            Some(event) => return Err(event.unexpected(expected)),
        }
    }
    let behind = pushed.count - before;
    match pushed.client.next(cx.answer_by()).await {
        Event::Ended => Ok(Verdict::pass(expected, format!("it came behind {behind} more pushes"))),
        event => Err(event.unexpected(expected)),
    }
}
