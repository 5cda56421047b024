//! A server in a process of its own, seen from outside.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

/// The contestant that is a program of its own.
pub const UWEBSOCKETS: &str = "uWebSockets";

/// Where `uws/build` puts it.
pub fn uwebsockets() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/uws/uwebsockets"))
}

/// Ends with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = if name == UWEBSOCKETS {
            Command::new(uwebsockets())
        } else {
            let mut command = Command::new(env::current_exe()?);
            command.args(["serve", name]);
            command
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }

    /// Seconds of CPU time of all threads so far, in user and system mode.
    pub fn cpu(&self) -> Result<f64, Box<dyn Error>> {
        // In nanoseconds, for each thread; `stat` counts in hundredths.
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            nanos += schedstat.split(' ').next().ok_or("no time")?.parse::<u64>()?;
        }
        Ok(nanos as f64 / 1e9)
    }

    /// Octets that are resident.
    pub fn memory(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
