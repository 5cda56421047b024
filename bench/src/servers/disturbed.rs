//! What the others notice of handlers that block their threads for good, and of clients that drip.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::contestants::{FLOOR, NAMES};
use crate::load::{Until, answer_len, request, run_known};
use crate::memory::{OTHERS, allow};
use crate::subject::Subject;

/// Requests whose handler blocks the thread that runs it.
const BLOCKED: usize = 8;
/// Clients that send an octet of a head each second.
const DRIPPING: usize = 2000;
/// How long each load takes. Less than any server lets a head take.
const TURN: Duration = Duration::from_secs(3);
/// How long the disturbers have to begin.
const SETTLE: Duration = Duration::from_secs(1);

/// Prints a row for each server: its median round.
pub(crate) fn run(rounds: usize) {
    allow(DRIPPING as u64 + OTHERS);
    println!(
        "| server | requests a second, alone | beside {BLOCKED} blocked and {DRIPPING} dripping | ratio |"
    );
    println!("|---|---:|---:|---:|");
    for name in NAMES.into_iter().filter(|name| *name != FLOOR) {
        let mut turns: Vec<(u64, u64)> = (0..rounds).map(|_| turn(name)).collect();
        turns.sort_by(|a, b| ratio(*a).total_cmp(&ratio(*b)));
        let median = turns[turns.len() / 2];
        let rate = |answers: u64| answers as f64 / TURN.as_secs_f64();
        let (alone, beside) = (rate(median.0), rate(median.1));
        println!("| {name} | {alone:.0} | {beside:.0} | {:.2} |", ratio(median));
    }
}

fn ratio((alone, beside): (u64, u64)) -> f64 {
    beside as f64 / alone as f64
}

/// Answers alone, and beside the disturbers. A blocked server does not come back, so each turn has a
/// fresh one.
fn turn(name: &'static str) -> (u64, u64) {
    let subject = Subject::start(name);
    let answer = answer_len(subject.address, &request("/hello"));
    let answers = || run_known(subject.address, "/hello", 1, answer, Until::Passed(TURN));
    answers(); // buffers grow, threads start
    let alone = answers();
    let over = AtomicBool::new(false);
    let connect = |_| TcpStream::connect(subject.address).expect("a connection");
    let mut dripping: Vec<TcpStream> = (0..DRIPPING).map(connect).collect();
    let mut blocked: Vec<TcpStream> = (0..BLOCKED).map(connect).collect();
    let beside = thread::scope(|scope| {
        scope.spawn(|| {
            for octet in request("/hello").bytes().take_while(|_| !over.load(Ordering::Relaxed)) {
                for stream in &mut dripping {
                    let _ = stream.write_all(&[octet]); // who cuts it off is right
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        for stream in &mut blocked {
            stream.write_all(request("/block").as_bytes()).expect("written");
        }
        thread::sleep(SETTLE);
        let answers = answers();
        over.store(true, Ordering::Relaxed);
        answers
    });
    (alone, beside)
}
