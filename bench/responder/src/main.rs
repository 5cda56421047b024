//! What sockets and scheduling alone cost: a server that answers each empty line, on our runtime
//! and on tokio, under the same load. See `README.md`.
//!
//! ```text
//! responder [ROUNDS]                   both in turns, and a table; 7 rounds unless told otherwise
//! responder serve (seawall|tokio)      a server alone; it prints its address, and ends with its standard input
//! responder load ADDRESS [REQUESTS]    the load alone
//! ```

mod load;
mod ours;
mod theirs;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Connections, each with one request under way.
const CONNECTIONS: usize = 64;

/// Threads of each server: this machine's cores, of which the load takes its share.
const WORKERS: usize = 2;

/// Requests of one round.
const REQUESTS: u64 = 200_000;

/// What each request is answered with.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!";

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(7),
        ["serve", "seawall"] => ours::serve(),
        ["serve", "tokio"] => theirs::serve(),
        ["load", address] => load::run(address.parse()?, REQUESTS),
        ["load", address, requests] => load::run(address.parse()?, requests.parse()?),
        [rounds] => compare(rounds.parse()?),
        _ => Err("responder [ROUNDS] | serve (seawall|tokio) | load ADDRESS [REQUESTS]".into()),
    }
}

/// Both servers run all the time; the load goes from one to the other, so that what else the
/// machine does falls on both.
fn compare(rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut servers = [Server::start("seawall")?, Server::start("tokio")?];
    for round in 0..=rounds {
        for n in 0..2 {
            let server = &mut servers[(n + round) % 2];
            let before = server.cpu()?;
            load::run(server.address, REQUESTS)?;
            let cost = (server.cpu()? - before) as f64 / REQUESTS as f64 / 1000.0;
            if round > 0 {
                server.costs.push(cost); // the first round warms up
            }
        }
    }
    println!(
        "| server | CPU for each request, µs: median | lowest | highest |\n|---|---:|---:|---:|"
    );
    for server in &mut servers {
        server.costs.sort_by(f64::total_cmp);
        let (low, high) = (server.costs[0], server.costs[rounds - 1]);
        println!("| {} | {:.2} | {low:.2} | {high:.2} |", server.name, server.median());
    }
    println!("\nseawall ÷ tokio: {:.2}", servers[0].median() / servers[1].median());
    Ok(())
}

/// A server in a process of its own.
struct Server {
    name: &'static str,
    process: Child,
    address: std::net::SocketAddr,
    costs: Vec<f64>,
}

impl Server {
    fn start(name: &'static str) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(env::current_exe()?)
            .args(["serve", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { name, process, address: line.trim().parse()?, costs: Vec::new() })
    }

    /// The CPU time of all its threads so far, in nanoseconds.
    fn cpu(&self) -> Result<u64, Box<dyn Error>> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(sum)
    }

    fn median(&self) -> f64 {
        self.costs[self.costs.len() / 2]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Returns when whoever started this server wants it to end.
fn until_told() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Counts the requests that end in `new`, of which `seen` octets of an ending lay before it.
fn requests(new: &[u8], seen: &mut usize) -> usize {
    let mut count = 0;
    for byte in new {
        *seen = match (*seen, byte) {
            (0 | 2, b'\r') | (1 | 3, b'\n') => *seen + 1,
            (_, b'\r') => 1,
            _ => 0,
        };
        if *seen == 4 {
            *seen = 0;
            count += 1;
        }
    }
    count
}
