//! The process that outlives us by a moment: it kills the subject when we are gone.
//!
//! Destructors stop a subject when a run ends, fails or is interrupted; against SIGKILL, an
//! abort or the system's memory killer there is no destructor. So the first member of each
//! subject's process group is a guard that reads from a pipe whose other end only we hold. The
//! system closes it however we end, and the guard kills the group, itself included.
//!
//! There is no gap between a subject's start and its guarding: the guard runs before the
//! subject is started into its group, and until a starting process has become its program, and
//! so a member of the group, it holds our end of the pipe as well.
//!
//! A process that leaves the group on purpose (`setsid`) is out of reach, for the guard as for
//! us: a subject must not become a daemon.

use std::io::Error as IoError;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// Ends only by being killed: `read` fails at the end of the pipe. A stopped subject's group is
/// asked to end by a signal of the profile's choice, which is not meant for the guard.
const SCRIPT: &str = "trap '' TERM INT HUP QUIT USR1 USR2; read -r never; kill -KILL 0";

/// A process group that ends with us. Dropping it kills all of its members.
#[derive(Debug)]
pub(super) struct Guard {
    /// Its standard input is the pipe.
    child: Child,
}

impl Guard {
    /// Begins a group whose only member is the guard.
    ///
    /// # Errors
    ///
    /// Where there is no `sh`, or no process to be had.
    pub(super) fn start() -> Result<Self, IoError> {
        let child = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }

    /// The group's number, which is the guard's own.
    pub(super) fn group(&self) -> u32 {
        self.child.id()
    }

    /// Makes `command` start into the group.
    pub(super) fn admit(&self, command: &mut Command) {
        command.process_group(self.child.id().cast_signed());
    }

    /// Sends `signal` to every member.
    pub(super) fn signal(&self, signal: Signal) {
        // Fails where the group is gone, which is what we want. Until the guard is reaped, no
        // other group can have its number.
        _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // Fails only for what was reaped before, which happens nowhere else.
        _ = self.child.wait();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::process::ExitStatusExt;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// A signal that a subject is stopped by once ended the guard as well, and nobody watched over the rest of its grace.
    #[test]
    fn no_signal_that_stops_a_subject_ends_its_guard() {
        let mut guard = Guard::start().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let ignored = |number: u32| {
            let status = fs::read_to_string(format!("/proc/{}/status", guard.group())).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (number - 1)) != 0
        };
        // It ignores the last of its list last.
        while !ignored(12) {
            assert!(Instant::now() < deadline, "the guard does not begin");
            thread::yield_now();
        }
        for signal in
            [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2]
        {
            guard.signal(signal);
        }
        drop(guard.child.stdin.take());
        let end = guard.child.wait().unwrap();
        assert_eq!(end.signal(), Some(9), "it kills its group when we are gone, and itself");
    }
}
