//! Load by `wrk`, which no one here wrote.

use std::net::SocketAddr;
use std::process::Command;

use crate::load::CONNECTIONS;

/// How long each server is loaded: `wrk` counts in whole seconds.
const SECONDS: u64 = 2;

/// What makes several requests at a time.
const PIPELINED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/servers/pipelined.lua");

/// Asks `depth` requests at a time on each connection; gives the number of answers, and the seconds that they took.
///
/// # Panics
///
/// If there is no `wrk`, or one request was not answered as it should be.
pub(crate) fn run(address: SocketAddr, path: &str, depth: usize) -> (u64, f64) {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", &CONNECTIONS.to_string()]);
    wrk.args(["--duration", &format!("{SECONDS}s"), "--header", "User-Agent: load"]);
    wrk.args(["--header", "Accept: */*"]);
    if depth > 1 {
        wrk.args(["--script", PIPELINED]);
    }
    wrk.arg(format!("http://{address}{path}"));
    if depth > 1 {
        wrk.args(["--", &depth.to_string()]);
    }
    let output = wrk.output().expect("wrk, which Debian has as a package");
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = ["Socket errors", "Non-2xx or 3xx"];
    assert!(
        output.status.success() && !faults.iter().any(|fault| said.contains(fault)),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // "  123456 requests in 2.00s, 15.31MB read"
    let summary = said.lines().find_map(|line| line.trim().split_once(" requests in "));
    let (count, rest) = summary.expect("a summary");
    let seconds = rest.split_once("s,").and_then(|(seconds, _)| seconds.parse().ok());
    (count.parse().expect("a number"), seconds.expect("seconds"))
}
