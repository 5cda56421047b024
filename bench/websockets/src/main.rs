//! WebSocket servers beside each other, over real sockets, under the same load. See `README.md`.
//!
//! ```text
//! websockets [WORD…]                   all rows whose name holds one of the words, and a table
//! websockets push                      how soon a push reaches a silent client while 1 000 others echo
//! websockets serve NAME                a server alone; it prints its address, and ends with its standard input
//! ```

mod load;
mod ours;
mod push;
mod server;
mod theirs;

use std::env;
use std::error::Error;

use load::Load;
use server::Server;

/// Who is compared, ourselves first. uWebSockets is there once `uws/build` has built it.
fn names() -> Vec<&'static str> {
    let mut names = vec!["seawall", "fastwebsockets", "tokio-websockets", "tungstenite", "axum"];
    names.extend(server::uwebsockets().exists().then_some(server::UWEBSOCKETS));
    names
}

/// Threads of each server: this machine's cores, of which the load takes its share.
const WORKERS: usize = 2;

/// Rounds, of which the first warms up.
const ROUNDS: usize = 6;

/// What one row does.
#[derive(Clone, Copy)]
enum Row {
    /// So many connections, each with so many messages of so many octets under way.
    Echo { connections: usize, window: usize, len: usize, messages: usize },
    /// One message of 128 octets to so many, so many times.
    Broadcast { subscribers: usize, rounds: usize },
    /// So many connections that have echoed once and now do nothing.
    Idle { connections: usize },
}

const ROWS: [(&str, Row); 9] = [
    (
        "echo, 1 in flight, 20 B",
        Row::Echo { connections: 64, window: 1, len: 20, messages: 100_000 },
    ),
    (
        "echo, 1 in flight, 1 KiB",
        Row::Echo { connections: 64, window: 1, len: 1 << 10, messages: 100_000 },
    ),
    (
        "echo, 1 in flight, 16 KiB",
        Row::Echo { connections: 64, window: 1, len: 16 << 10, messages: 50_000 },
    ),
    (
        "echo, 16 in flight, 20 B",
        Row::Echo { connections: 64, window: 16, len: 20, messages: 600_000 },
    ),
    (
        "echo, 16 in flight, 1 KiB",
        Row::Echo { connections: 64, window: 16, len: 1 << 10, messages: 400_000 },
    ),
    (
        "echo, 16 in flight, 16 KiB",
        Row::Echo { connections: 64, window: 16, len: 16 << 10, messages: 50_000 },
    ),
    ("broadcast to 1000", Row::Broadcast { subscribers: 1_000, rounds: 60 }),
    ("broadcast to 10000", Row::Broadcast { subscribers: 9_500, rounds: 6 }),
    ("idle, memory", Row::Idle { connections: 9_500 }),
];

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", "seawall"] => ours::serve(),
        ["serve", name] => theirs::serve(name),
        ["push"] => push::measure(),
        _ => compare(&words),
    }
}

fn compare(words: &[String]) -> Result<(), Box<dyn Error>> {
    let names = names();
    println!("| | unit | {} |", names.join(" | "));
    println!("|---|---|{}", "---|".repeat(names.len()));
    for (name, row) in ROWS {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            measure(name, row, &names)?;
        }
    }
    Ok(())
}

fn measure(name: &str, row: Row, names: &[&str]) -> Result<(), Box<dyn Error>> {
    if let Row::Idle { connections } = row {
        let mut cells = Vec::new();
        for server in names {
            // A server of its own: what others left in its pools would count.
            let server = Server::start(server)?;
            let before = server.memory()?;
            let mut load = Load::open(server.address, "/echo", connections, 1, 20)?;
            load.echo(connections)?;
            cells.push(format!(
                "{:.2}",
                (server.memory()? - before) as f64 / connections as f64 / 1024.0
            ));
        }
        println!("| {name} | KiB a connection | {} |", cells.join(" | "));
        return Ok(());
    }
    // Server CPU for one message, and messages a second, round by round.
    let mut samples = vec![(Vec::new(), Vec::new()); names.len()];
    for round in 0..ROUNDS {
        for n in 0..names.len() {
            let n = (n + round) % names.len();
            let server = Server::start(names[n])?;
            let (messages, cpu, seconds) = match row {
                Row::Echo { connections, window, len, messages } => {
                    let mut load = Load::open(server.address, "/echo", connections, window, len)?;
                    load.echo(messages / 10)?;
                    let before = server.cpu()?;
                    let seconds = load.echo(messages)?;
                    (messages, server.cpu()? - before, seconds)
                }
                Row::Broadcast { subscribers, rounds } => {
                    let mut load = Load::open(server.address, "/broadcast", subscribers, 1, 128)?;
                    load.broadcast(1)?;
                    let before = server.cpu()?;
                    let seconds = load.broadcast(rounds)?;
                    (subscribers * rounds, server.cpu()? - before, seconds)
                }
                Row::Idle { .. } => unreachable!("measured above"),
            };
            if round > 0 {
                samples[n].0.push(cpu / messages as f64 * 1e6);
                samples[n].1.push(messages as f64 / seconds / 1e3);
            }
        }
    }
    let cell = |values: &[f64], digits: usize| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        format!("{:.digits$}", values[values.len() / 2])
    };
    let cpu: Vec<_> = samples.iter().map(|(cpu, _)| cell(cpu, 2)).collect();
    let rate: Vec<_> = samples.iter().map(|(_, rate)| cell(rate, 0)).collect();
    println!("| {name} | µs of server CPU a message | {} |", cpu.join(" | "));
    println!("| | thousand messages/s | {} |", rate.join(" | "));
    Ok(())
}
