//! System calls for each request, counted by `strace` (which slows a server down: more of them are
//! for waiting than otherwise).

use crate::WAYS;
use crate::contestants::NAMES;
use crate::load::{self, Until};
use crate::subject::Subject;

const REQUESTS: u64 = 64_000;

/// Prints a row for each way and server.
pub(crate) fn run() {
    let counts = std::env::temp_dir().join(format!("system-calls-{}", std::process::id()));
    let path = counts.to_str().expect("a path in UTF-8");
    println!("| way | server | system calls a request | of these |");
    println!("|---|---|---:|---|");
    for (way, route, depth) in WAYS {
        for name in NAMES {
            let under = ["strace", "-f", "-c", "-S", "calls", "-U", "calls,name", "-o", path];
            let subject = Subject::under(&under, name);
            let done = load::run(subject.address, route, depth, Until::Answers(REQUESTS));
            drop(subject); // writes the counts
            let table = std::fs::read_to_string(&counts).expect("strace's table");
            let each = |calls: &str| calls.parse::<f64>().ok().map(|calls| calls / done as f64);
            let rows = table.lines().filter_map(|line| {
                let (calls, name) = line.trim().split_once(char::is_whitespace)?;
                Some((each(calls)?, name.trim()))
            });
            let (mut all, mut parts) = (0.0, Vec::new());
            for (calls, name) in rows.filter(|(_, name)| *name != "total") {
                all += calls;
                if calls >= 0.005 {
                    parts.push(format!("{calls:.3} `{name}`"));
                }
            }
            println!("| {way} | {name} | {all:.3} | {} |", parts.join(", "));
        }
    }
    let _ = std::fs::remove_file(counts);
}
