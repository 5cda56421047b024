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
    /// An actor is spawned, and waits for messages once it has started, which is awaited; then it is
    /// given up.
    fn spawn_and_start(&self, n: u64);
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
    /// Actors that wait for a message, for as long as the value is held.
    fn idle(&self, n: usize) -> Box<dyn std::any::Any>;
}

struct Row {
    name: &'static str,
    work: fn(&dyn Library, u64) -> bool,
}

const ROWS: [Row; 7] = [
    Row { name: "spawn and start", work: |library, n| done(library.spawn_and_start(n)) },
    Row { name: "spawn and end", work: |library, n| done(library.spawn_and_end(n)) },
    Row { name: "one-way message", work: |library, n| done(library.one_way(n)) },
    Row { name: "ask round trip", work: |library, n| done(library.ask(n)) },
    Row { name: "ping-pong round trip", work: |library, n| done(library.ping_pong(n)) },
    Row { name: "fan-in of 64 senders", work: |library, n| done(library.fan_in(n)) },
    Row { name: "kill and restart", work: |library, n| library.restart(n) },
];

fn done((): ()) -> bool {
    true
}

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
                samples[index].push(self.time(&*libraries[index], counts[index]));
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
            let start = Instant::now();
            if !(self.work)(library, count) {
                return 0;
            }
            if start.elapsed() >= TURN {
                return count;
            }
            count *= 2;
        }
    }

    fn time(&self, library: &dyn Library, count: u64) -> Sample {
        let (start, cpu) = (Instant::now(), cpu());
        (self.work)(library, count);
        let per = |seconds: f64| seconds / count as f64;
        Sample { wall: per(start.elapsed().as_secs_f64()), cpu: per(self::cpu() - cpu) }
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
