//! HTTP servers beside each other: server CPU for a request, and requests a second, in one run.
//!
//! `cargo run --release --bin servers [-- ROUNDS]` prints a table. Each server is a process of its
//! own with two workers; a small load generator keeps 64 connections busy over loopback. The
//! servers take turns, round by round, so that what else the machine does falls on all of them;
//! the median round counts. CPU is the server's own, user and system, from `/proc`.

mod contestants;
mod load;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many rounds, unless the command line says otherwise.
const ROUNDS: usize = 7;
/// How long each server is loaded in each round and way.
const TURN: Duration = Duration::from_millis(1500);
/// A tick of `/proc/PID/stat` (USER_HZ, the same on every Linux that matters).
const TICK: f64 = 0.01;

/// Requests that a connection has under way.
const WAYS: [(&str, usize); 2] = [("keep-alive", 1), ("pipelined × 16", 16)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, name] = &arguments[..]
        && serve == "serve"
    {
        return contestants::serve(name);
    }
    let rounds = arguments.first().map_or(ROUNDS, |n| n.parse().expect("a number of rounds"));
    let subjects: Vec<Subject> =
        contestants::NAMES.iter().map(|name| Subject::start(name)).collect();
    println!("| way | server | CPU a request, µs | ÷ hyper | requests a second |");
    println!("|---|---|---:|---:|---:|");
    for (way, depth) in WAYS {
        // One turn each that does not count: buffers grow, threads start.
        for subject in &subjects {
            subject.turn(depth);
        }
        let mut turns: Vec<Vec<Turn>> = subjects.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (subject, turns) in subjects.iter().zip(&mut turns) {
                turns.push(subject.turn(depth));
            }
        }
        let medians: Vec<Turn> = turns.into_iter().map(median).collect();
        let hyper = subjects.iter().position(|subject| subject.name == "hyper").expect("hyper");
        for (subject, turn) in subjects.iter().zip(&medians) {
            let ratio = turn.cpu / medians[hyper].cpu;
            let (micros, rate) = (turn.cpu * 1e6, turn.rate);
            println!("| {way} | {} | {micros:.2} | {ratio:.2} | {rate:.0} |", subject.name);
        }
    }
}

/// What one server did in one turn.
struct Turn {
    /// Seconds of CPU for each request.
    cpu: f64,
    /// Requests a second.
    rate: f64,
}

fn median(mut turns: Vec<Turn>) -> Turn {
    turns.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    turns.swap_remove(turns.len() / 2)
}

/// A server in a process of its own; ended with this.
struct Subject {
    name: &'static str,
    process: Child,
    address: SocketAddr,
}

impl Subject {
    fn start(name: &'static str) -> Self {
        let program = std::env::current_exe().expect("our own path");
        let mut command = Command::new(program);
        command.args(["serve", name]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a process");
        let mut line = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("an address");
        Self { name, process, address: line.trim().parse().expect("an address") }
    }

    fn turn(&self, depth: usize) -> Turn {
        let before = self.cpu();
        let done = load::run(self.address, depth, TURN);
        let cpu = self.cpu() - before;
        Turn { cpu: cpu / done as f64, rate: done as f64 / TURN.as_secs_f64() }
    }

    /// Seconds of CPU so far.
    fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.process.id());
        let stat = std::fs::read_to_string(path).expect("a live process");
        // Fields 14 and 15, counted behind the name, which may hold spaces.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) * TICK
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
