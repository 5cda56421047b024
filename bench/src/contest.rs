//! One row: the same work done by several crates, timed in turns.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one timing takes: long against the clock, short against what else the
/// machine does.
const TURN: Duration = Duration::from_micros(200);

/// The same work, by us and by peers.
pub struct Row {
    pub name: String,
    /// How many pieces the work has: the table shows the time of one.
    pub per: usize,
    contestants: Vec<Contestant>,
}

struct Contestant {
    name: &'static str,
    /// Where it stands in the table.
    place: usize,
    /// Does the work so many times.
    work: Box<dyn FnMut(u32)>,
    /// How many times make up one turn; none before the first.
    times: u32,
    /// Seconds for one piece of the work, turn by turn.
    samples: Vec<f64>,
}

impl Row {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), per: 1, contestants: vec![] }
    }

    /// Adds a contestant, ourselves first. `work` gives its answer, which must be
    /// `answer` now; it is not looked at while the clock runs.
    pub fn with<T: PartialEq + std::fmt::Debug>(
        mut self,
        name: &'static str,
        answer: &T,
        mut work: impl FnMut() -> T + 'static,
    ) -> Self {
        for _ in 0..2 {
            assert_eq!(work(), *answer, "{}: {name}", self.name);
        }
        let work = Box::new(move |times| {
            for _ in 0..times {
                black_box(work());
            }
        });
        let place = self.contestants.len();
        self.contestants.push(Contestant { name, place, work, times: 0, samples: vec![] });
        self
    }

    /// Times each contestant once, in an order of chance.
    pub fn turn(&mut self) {
        let per = self.per as f64;
        fastrand::shuffle(&mut self.contestants);
        for contestant in &mut self.contestants {
            if contestant.times == 0 {
                contestant.calibrate();
            }
            let start = Instant::now();
            (contestant.work)(contestant.times);
            let pieces = f64::from(contestant.times) * per;
            contestant.samples.push(start.elapsed().as_secs_f64() / pieces);
        }
    }

    /// The line of the table.
    pub fn line(mut self) -> String {
        self.contestants.sort_by_key(|contestant| contestant.place);
        let times: Vec<f64> = self
            .contestants
            .iter_mut()
            .map(|contestant| quartile(&mut contestant.samples))
            .collect();
        let best = times[1..].iter().copied().fold(f64::INFINITY, f64::min);
        let mut line = format!("| {} | {} | ", self.name, span(times[0]));
        for (contestant, time) in self.contestants.iter().zip(&times).skip(1) {
            let comma = if line.ends_with("| ") { "" } else { ", " };
            let _ = write!(line, "{comma}{} {}", contestant.name, span(*time));
        }
        let _ = write!(line, " | {:.2} |", times[0] / best);
        line
    }
}

impl Contestant {
    /// Finds how many times make up a turn, by the quickest of a few: whatever interrupts
    /// one must not pass for the work.
    fn calibrate(&mut self) {
        self.times = 1;
        loop {
            let quickest = (0..5).map(|_| {
                let start = Instant::now();
                (self.work)(self.times);
                start.elapsed()
            });
            if quickest.min() >= Some(TURN) {
                return;
            }
            self.times *= 2;
        }
    }
}

/// The time that a quarter of the turns did not take: what else the machine does can
/// only add to a turn, and on a busy one adds to half of them.
fn quartile(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 4]
}

fn span(seconds: f64) -> String {
    match seconds * 1e9 {
        nanos if nanos < 100.0 => format!("{nanos:.1} ns"),
        nanos if nanos < 10_000.0 => format!("{nanos:.0} ns"),
        nanos => format!("{:.1} µs", nanos / 1e3),
    }
}
