//! A subject that is left few descriptors: by prlimit(2), and so on Linux only.

use std::io;

#[cfg(target_os = "linux")]
use rustix::process::prlimit;
use rustix::process::{Pid, Resource, Rlimit, getrlimit};

use super::vitals;

/// For as long as this lives, the processes of a group can open few files and sockets more.
#[derive(Debug)]
pub(crate) struct Shortage {
    /// What each was allowed before.
    before: Vec<(Pid, Rlimit)>,
}

impl Shortage {
    /// Leaves each process of the group that `guard` leads so many descriptors beyond those that it has open.
    ///
    /// # Errors
    ///
    /// If the group has no process, is another user's, or the system cannot do this.
    pub(crate) fn of_group(guard: u32, spare: u64) -> io::Result<Self> {
        let mut shortage = Self { before: Vec::new() };
        for pid in vitals::members(guard) {
            let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // One that has ended meanwhile needs no limit.
            let (Some(process), Some(open)) = (process, vitals::descriptors(pid)) else { continue };
            // The hard limit was inherited from us: to lower it could not be undone.
            let hard = getrlimit(Resource::Nofile).maximum;
            let before = prlimit(
                Some(process),
                Resource::Nofile,
                Rlimit { current: Some(open + spare), maximum: hard },
            )?;
            shortage.before.push((process, before));
        }
        if shortage.before.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(shortage)
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        for (process, before) in self.before.drain(..) {
            // Fails where the process has ended.
            let _ = prlimit(Some(process), Resource::Nofile, before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn prlimit(_: Option<Pid>, _: Resource, _: Rlimit) -> rustix::io::Result<Rlimit> {
    Err(rustix::io::Errno::NOSYS)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::*;

    fn soft_limit(pid: u32) -> String {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        line.split_whitespace().nth(3).unwrap().to_owned()
    }

    #[test]
    fn a_group_is_short_of_descriptors_for_as_long_as_told() {
        let mut shell = Command::new("sh");
        // The shell leads the group, as the guard does; `cat` is what is to be short of descriptors.
        shell.args(["-c", "exec 3<&0; cat <&3 & echo $!; wait"]).process_group(0);
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = io::BufReader::new(shell.stdout.take().unwrap());
        io::BufRead::read_line(&mut out, &mut line).unwrap();
        let cat: u32 = line.trim().parse().unwrap();
        let usual = soft_limit(cat);
        let shortage = Shortage::of_group(shell.id(), 100_000_000);
        assert!(shortage.is_err(), "beyond the hard limit: {shortage:?}");
        let shortage = Shortage::of_group(shell.id(), 7).unwrap();
        let short: u64 = soft_limit(cat).parse().unwrap();
        assert!((7..50).contains(&short), "seven more than it has: {short}");
        assert_eq!(soft_limit(shell.id()), usual, "the guard is left alone");
        drop(shortage);
        assert_eq!(soft_limit(cat), usual);
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }
}
