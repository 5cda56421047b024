//! A server in a process of its own, and what `/proc` tells about it.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A tick of `/proc/PID/stat` (USER_HZ, the same on every Linux that matters).
const TICK: f64 = 0.01;

/// Ended with this: a server ends when its input does.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it said before its address.
    pub(crate) said: Vec<String>,
}

impl Subject {
    /// Starts a server.
    pub(crate) fn start(name: &'static str) -> Self {
        Self::with(name, &[], &[])
    }

    /// Starts a server that counts what its allocator gives out.
    pub(crate) fn counted(name: &'static str) -> Self {
        Self::with(name, &[], &["counted"])
    }

    /// Starts a server by another command, which is told the server's.
    pub(crate) fn under(command: &[&str], name: &'static str) -> Self {
        Self::with(name, command, &[])
    }

    fn with(name: &'static str, under: &[&str], how: &[&str]) -> Self {
        let program = std::env::current_exe().expect("our own path");
        let program = program.to_str().expect("a path in UTF-8");
        let line = [under, &[program, "serve", name], how].concat();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a process");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let mut said = Vec::new();
        let address = loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).expect("output") > 0, "{name} did not start");
            match line.trim().parse() {
                Ok(address) => break address,
                Err(_) => said.push(line.trim().to_owned()),
            }
        };
        let input = process.stdin.take();
        Self { name, address, process, input, output, said }
    }

    /// Seconds of CPU so far, user and system.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        // Fields 14 and 15, counted behind the name, which may hold spaces.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) * TICK
    }

    /// Bytes of resident memory.
    pub(crate) fn resident(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok());
        kib.expect("a number") * 1024.0
    }

    /// Bytes that its allocator has given out.
    pub(crate) fn held(&mut self) -> f64 {
        let input = self.input.as_mut().expect("not ended");
        input.write_all(b"held\n").expect("a server that listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        line.trim().parse().expect("a number")
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.process.id());
        std::fs::read_to_string(path).expect("a live process")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
