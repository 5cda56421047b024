//! What the system says of a thread of ours: whether it runs, sleeps, or waits for a processor.

use std::fs;
use std::time::Duration;

use rustix::thread::Pid;

/// A thread at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Thread {
    /// It waits for something else than a processor: a lock, a timer, the disk.
    pub(super) sleeps: bool,
    /// The processor time that it has had.
    pub(super) ran: Duration,
}

/// `None` where the system does not tell: no `/proc`, or a kernel without statistics.
pub(super) fn look_at(thread: Pid) -> Option<Thread> {
    let folder = format!("/proc/self/task/{}", thread.as_raw_nonzero());
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    // Behind the name, which is in parentheses and may hold anything.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    let times = fs::read_to_string(format!("{folder}/schedstat")).ok()?;
    let ran = times.split(' ').next()?.parse().ok()?;
    Some(Thread { sleeps: state != 'R', ran: Duration::from_nanos(ran) })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use rustix::thread::gettid;

    use super::*;

    #[test]
    fn a_thread_that_sleeps_is_told_from_one_that_computes() {
        let this = gettid();
        let before = look_at(this).unwrap();
        assert!(!before.sleeps, "it looks at itself");
        while look_at(this).unwrap().ran < before.ran + Duration::from_millis(2) {}
        let (tell, told) = channel();
        let (release, blocked) = channel::<()>();
        let other = std::thread::spawn(move || {
            tell.send(gettid()).unwrap();
            let _ = blocked.recv();
        });
        let other_id = told.recv().unwrap();
        let patience = Instant::now() + Duration::from_secs(20);
        while !look_at(other_id).unwrap().sleeps {
            assert!(Instant::now() < patience, "it blocks");
        }
        drop(release);
        other.join().unwrap();
    }
}
