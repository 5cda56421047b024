//! One row: the same work done by several crates, timed in turns.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often each contestant is timed; the median counts.
const ROUNDS: usize = 101;

/// How long one timing takes: long against the clock, short against what else the
/// machine does.
const TURN: Duration = Duration::from_millis(1);

/// The same work, by us and by peers.
pub struct Row {
    pub name: String,
    /// How many pieces the work has: the table shows the time of one.
    pub per: usize,
    contestants: Vec<Contestant>,
}

struct Contestant {
    name: &'static str,
    /// Does the work so many times.
    work: Box<dyn FnMut(u32)>,
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
        self.contestants.push(Contestant { name, work });
        self
    }

    /// Times all contestants, in another order each round; gives a line of the table.
    pub fn run(mut self) -> String {
        let times: Vec<u32> = self.contestants.iter_mut().map(calibrate).collect();
        let mut samples = vec![Vec::with_capacity(ROUNDS); times.len()];
        let mut order: Vec<usize> = (0..times.len()).collect();
        for _ in 0..ROUNDS {
            fastrand::shuffle(&mut order);
            for &i in &order {
                let start = Instant::now();
                (self.contestants[i].work)(times[i]);
                let pieces = f64::from(times[i]) * self.per as f64;
                samples[i].push(start.elapsed().as_secs_f64() / pieces);
            }
        }
        let medians: Vec<f64> = samples.into_iter().map(median).collect();
        let best = medians[1..].iter().copied().fold(f64::INFINITY, f64::min);
        let mut line = format!("| {} | {} | ", self.name, span(medians[0]));
        for (contestant, median) in self.contestants.iter().zip(&medians).skip(1) {
            let comma = if line.ends_with("| ") { "" } else { ", " };
            let _ = write!(line, "{comma}{} {}", contestant.name, span(*median));
        }
        let _ = write!(line, " | {:.2} |", medians[0] / best);
        line
    }
}

/// How many times make up one turn.
fn calibrate(contestant: &mut Contestant) -> u32 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        (contestant.work)(times);
        if start.elapsed() >= TURN {
            return times;
        }
        times *= 2;
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn span(seconds: f64) -> String {
    match seconds * 1e9 {
        nanos if nanos < 100.0 => format!("{nanos:.1} ns"),
        nanos if nanos < 10_000.0 => format!("{nanos:.0} ns"),
        nanos => format!("{:.1} µs", nanos / 1e3),
    }
}
