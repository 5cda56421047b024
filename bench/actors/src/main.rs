//! Actors beside their peers, in one run. See `../../README.md`.
//!
//! `cargo run --release -p seawall-bench-actors [-- WORD…]` prints a table of the rows whose name
//! holds one of the words, or of all.

mod kameo;
mod memory;
mod ractor;
mod seawall;
mod tasks;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How often each contestant is timed; the median counts.
const ROUNDS: usize = 21;

/// How long one timing takes.
const TURN: Duration = Duration::from_millis(20);

/// Worker threads of each.
const WORKERS: usize = 2;

/// How many senders share one receiver in the fan-in.
const SENDERS: u64 = 64;

/// How many actors are spawned before their ends are awaited.
const BATCH: u64 = 256;

/// Actors whose memory is counted.
const IDLE: usize = 10_000;

/// The same work, done by one library. Each returns once `n` of something are done.
trait Library {
    fn name(&self) -> &'static str;
    /// An actor is spawned, runs once and ends.
    fn spawn_and_end(&self, n: u64);
    /// One actor sends to another, which counts.
    fn one_way(&self, n: u64);
    /// One actor asks another, and awaits each answer.
    fn ask(&self, n: u64);
    /// Two actors send a message to and fro; a round trip counts as one.
    fn ping_pong(&self, n: u64);
    /// Sixty-four actors send to one.
    fn fan_in(&self, n: u64);
    /// A supervised actor is killed as soon as it has started. Returns whether it can be done.
    fn restart(&self, n: u64) -> bool;
    /// Actors that have started, and wait for a message until the function is called, which returns
    /// once they have ended.
    fn idle(&self, n: usize) -> GiveUp<'_>;
}

type GiveUp<'l> = Box<dyn FnOnce() + 'l>;

/// Counts what has started, for libraries that do not: one shared number, so that the count costs
/// less than what is counted.
struct Starts;

static STARTS: AtomicUsize = AtomicUsize::new(0);

impl Starts {
    fn none() -> Self {
        STARTS.store(0, Ordering::SeqCst);
        Self
    }

    fn one_more() {
        STARTS.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets others run until `n` have started.
    async fn are(self, n: usize) {
        while STARTS.load(Ordering::SeqCst) < n {
            futures_lite::future::yield_now().await;
        }
    }
}

struct Row {
    name: &'static str,
    work: Work,
}

enum Work {
    Whole(fn(&dyn Library, u64)),
    /// Some libraries have no such thing, and say so.
    If(fn(&dyn Library, u64) -> bool),
    /// That what was started ends is not timed.
    Start,
}

const ROWS: [Row; 7] = [
    Row { name: "spawn and start", work: Work::Start },
    Row { name: "spawn and end", work: Work::Whole(|library, n| library.spawn_and_end(n)) },
    Row { name: "one-way message", work: Work::Whole(|library, n| library.one_way(n)) },
    Row { name: "ask round trip", work: Work::Whole(|library, n| library.ask(n)) },
    Row { name: "ping-pong round trip", work: Work::Whole(|library, n| library.ping_pong(n)) },
    Row { name: "fan-in of 64 senders", work: Work::Whole(|library, n| library.fan_in(n)) },
    Row { name: "kill and restart", work: Work::If(|library, n| library.restart(n)) },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let libraries: [Box<dyn Library>; 4] = [
        Box::new(seawall::Seawall::new()),
        Box::new(ractor::Ractor::new()),
        Box::new(kameo::Kameo::new()),
        Box::new(tasks::Tasks::new()),
    ];
    let names: Vec<_> = libraries.iter().map(|library| library.name()).collect();
    println!("| time, CPU | {} | ÷ ractor |\n|---|{}", names.join(" | "), "---:|".repeat(5));
    for row in ROWS.iter().filter(|row| wanted(row.name)) {
        println!("{}", row.line(&libraries));
    }
    if wanted("memory") {
        println!("{}", memory::line(&libraries));
    }
}

impl Row {
    /// Times each library in each round, in an order of chance.
    fn line(&self, libraries: &[Box<dyn Library>]) -> String {
        let mut samples: Vec<Vec<Sample>> = vec![vec![]; libraries.len()];
        let counts: Vec<_> = libraries.iter().map(|library| self.calibrate(&**library)).collect();
        let mut order: Vec<_> = (0..libraries.len()).filter(|index| counts[*index] > 0).collect();
        for _ in 0..ROUNDS {
            fastrand::shuffle(&mut order);
            for &index in &order {
                samples[index].extend(self.time(&*libraries[index], counts[index]));
            }
        }
        let medians: Vec<_> = samples.into_iter().map(median).collect();
        let mut line = format!("| {} |", self.name);
        for sample in &medians {
            let _ = match sample {
                Some(Sample { wall, cpu }) => write!(line, " {}, {} |", span(*wall), span(*cpu)),
                None => write!(line, " – |"),
            };
        }
        if let [Some(ours), Some(theirs), ..] = &medians[..] {
            let _ = write!(line, " {:.2}, {:.2} |", ours.wall / theirs.wall, ours.cpu / theirs.cpu);
        }
        line
    }

    /// How many times make up one turn; none if it cannot be done.
    fn calibrate(&self, library: &dyn Library) -> u64 {
        let mut count = 256;
        loop {
            match self.time(library, count) {
                None => return 0,
                Some(sample) if sample.wall * count as f64 >= TURN.as_secs_f64() => return count,
                Some(_) => count *= 2,
            }
        }
    }

    fn time(&self, library: &dyn Library, count: u64) -> Option<Sample> {
        let (start, cpu) = (Instant::now(), cpu());
        let mut give_up = None;
        match self.work {
            Work::Whole(work) => work(library, count),
            Work::If(work) if work(library, count) => {}
            Work::If(_) => return None,
            Work::Start => give_up = Some(library.idle(count as usize)),
        }
        let per = |seconds: f64| seconds / count as f64;
        let sample =
            Sample { wall: per(start.elapsed().as_secs_f64()), cpu: per(self::cpu() - cpu) };
        if let Some(give_up) = give_up {
            give_up();
        }
        Some(sample)
    }
}

/// Seconds for one.
#[derive(Clone)]
struct Sample {
    wall: f64,
    /// Of all threads together.
    cpu: f64,
}

/// Seconds that this process has kept processors busy.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(samples: Vec<Sample>) -> Option<Sample> {
    let of = |pick: fn(&Sample) -> f64| {
        let mut values: Vec<_> = samples.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Some(Sample { wall: of(|sample| sample.wall)?, cpu: of(|sample| sample.cpu)? })
}

fn span(seconds: f64) -> String {
    match seconds * 1e9 {
        nanos if nanos < 1000.0 => format!("{nanos:.0} ns"),
        nanos => format!("{:.2} µs", nanos / 1e3),
    }
}
