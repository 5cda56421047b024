//! HTTP servers beside each other, in one run: server CPU for a request, system calls for a
//! request, memory of an idle connection.
//!
//! ```text
//! servers [ROUNDS]               CPU for a request, and requests a second
//! servers wrk [ROUNDS]           the same, with `wrk` as the load
//! servers syscalls               system calls for a request; needs strace
//! servers memory [CONNECTIONS]   bytes of an idle connection
//! servers disturbed [ROUNDS]     requests a second beside handlers that block and clients that drip
//! ```
//!
//! Each server is a process of its own with two workers; a small load generator of our own, or
//! `wrk`, keeps 64 connections busy over loopback. The servers take turns, round by round, so that what else the
//! machine does falls on all of them; the median round counts. CPU is the server's own, user and
//! system, from `/proc`.

mod contestants;
mod counting;
mod disturbed;
mod floor;
mod load;
mod memory;
mod subject;
mod syscalls;
mod wrk;

use std::io::BufRead;
use std::net::SocketAddr;
use std::process::exit;
use std::thread;
use std::time::Duration;

use load::Until;
use subject::Subject;

/// How many rounds, unless the command line says otherwise.
const ROUNDS: usize = 7;
/// The same, for rounds of which each starts its own server.
const DISTURBED_ROUNDS: usize = 3;
/// How long each server is loaded in each round and way by our own load.
const TURN: Duration = Duration::from_millis(1500);

/// What is asked for, and how many requests a connection has under way.
const WAYS: [(&str, &str, usize); 3] =
    [("hello", "/hello", 1), ("JSON", "/json", 1), ("hello, pipelined × 16", "/hello", 16)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &str| text.parse().expect("a number");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", name] => serve(name, false),
        ["serve", name, "counted"] => serve(name, true),
        ["syscalls"] => syscalls::run(),
        ["memory"] => memory::run(memory::CONNECTIONS),
        ["memory", connections] => memory::run(number(connections)),
        ["disturbed"] => disturbed::run(DISTURBED_ROUNDS),
        ["disturbed", rounds] => disturbed::run(number(rounds)),
        ["wrk"] => compare(ROUNDS, wrk::run),
        ["wrk", rounds] => compare(number(rounds), wrk::run),
        [] => compare(ROUNDS, by_ours),
        [rounds] => compare(number(rounds), by_ours),
        _ => panic!("unknown arguments: {arguments:?}"),
    }
}

/// Serves until the input ends; where that is counted, it says for each line of it what the
/// allocator has given out.
fn serve(name: &str, counted: bool) {
    if counted {
        counting::begin();
    }
    thread::spawn(|| {
        for _ in std::io::stdin().lock().lines() {
            println!("{}", counting::held());
        }
        exit(0);
    });
    contestants::serve(name);
}

fn compare(rounds: usize, load: Load) {
    let subjects = contestants::NAMES.map(|name| Subject::start(name));
    println!("| way | server | CPU a request, µs | ÷ hyper | ÷ bare epoll | requests a second |");
    println!("|---|---|---:|---:|---:|---:|");
    for (way, path, depth) in WAYS {
        // One turn each that does not count: buffers grow, threads start.
        for subject in &subjects {
            turn(subject, path, depth, load);
        }
        let mut turns: Vec<Vec<Turn>> = subjects.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (subject, turns) in subjects.iter().zip(&mut turns) {
                turns.push(turn(subject, path, depth, load));
            }
        }
        let medians: Vec<Turn> = turns.into_iter().map(median).collect();
        let cpu_of = |name: &str| {
            let place = contestants::NAMES.iter().position(|known| *known == name);
            medians[place.expect("a contestant")].cpu
        };
        let (hyper, floor) = (cpu_of("hyper"), cpu_of(contestants::FLOOR));
        for (subject, Turn { cpu, rate }) in subjects.iter().zip(&medians) {
            let (name, micros) = (subject.name, cpu * 1e6);
            let (to_hyper, to_floor) = (cpu / hyper, cpu / floor);
            println!(
                "| {way} | {name} | {micros:.2} | {to_hyper:.2} | {to_floor:.2} | {rate:.0} |"
            );
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

/// Asks a server for a path, so many requests at a time on each connection; gives the number of
/// answers, and the seconds that they took.
type Load = fn(SocketAddr, &str, usize) -> (u64, f64);

fn by_ours(address: SocketAddr, path: &str, depth: usize) -> (u64, f64) {
    (load::run(address, path, depth, Until::Passed(TURN)), TURN.as_secs_f64())
}

fn turn(subject: &Subject, path: &str, depth: usize, load: Load) -> Turn {
    let before = subject.cpu();
    let (done, seconds) = load(subject.address, path, depth);
    let cpu = subject.cpu() - before;
    Turn { cpu: cpu / done as f64, rate: done as f64 / seconds }
}

fn median(mut turns: Vec<Turn>) -> Turn {
    turns.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    turns.swap_remove(turns.len() / 2)
}
