//! What a process group costs the system: memory, processor, descriptors, threads. Read from `/proc`, and so
//! on Linux only; elsewhere there are no vitals.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};

/// The sums over all processes of a group, itself left out that guards it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Vitals {
    /// Octets resident in memory; what processes share is counted for each.
    pub(crate) memory: u64,
    /// Processor time used so far, in user mode and in the kernel.
    pub(crate) cpu: Duration,
    /// How long threads that still run were ready to compute and had no processor.
    pub(crate) starved: Duration,
    /// Open descriptors.
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl Vitals {
    /// Those of the group whose leader is `guard`, now. `None` if it has no other member, or there is no
    /// `/proc`.
    pub(crate) fn of_group(guard: u32) -> Option<Self> {
        let mut sum = None;
        for pid in members(guard) {
            // A process that ends while we look at it counts no more.
            if let Some(vitals) = Self::of_process(pid) {
                let sum: &mut Self = sum.get_or_insert_default();
                sum.memory += vitals.memory;
                sum.cpu += vitals.cpu;
                sum.starved += vitals.starved;
                sum.descriptors += vitals.descriptors;
                sum.threads += vitals.threads;
            }
        }
        sum
    }

    fn of_process(pid: u32) -> Option<Self> {
        Self::read(&stat(pid)?, starved(pid), descriptors(pid).unwrap_or(0))
    }

    fn read(stat: &str, starved: Duration, descriptors: u64) -> Option<Self> {
        let ticks = field(stat, 14)? + field(stat, 15)?;
        Some(Self {
            memory: field(stat, 24)? * page_size() as u64,
            cpu: Duration::from_millis(ticks * 1000 / clock_ticks_per_second().max(1)),
            starved,
            descriptors,
            threads: field(stat, 20)?,
        })
    }
}

/// The processes of the group that `guard` leads, without itself.
pub(super) fn members(guard: u32) -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(move |pid| {
        *pid != guard && stat(*pid).and_then(|stat| field(&stat, 5)) == Some(guard.into())
    })
}

/// Whether a thread of the group that `guard` leads is ready to compute, or waits for a disk: how long it has been so far is
/// counted only when it is over.
pub(super) fn waits_for_the_machine(guard: u32) -> bool {
    let mut threads = members(guard).flat_map(threads);
    threads.any(|thread| {
        fs::read_to_string(thread.join("stat"))
            .is_ok_and(|stat| matches!(state(&stat), Some('R' | 'D')))
    })
}

/// How many descriptors a process has open.
pub(super) fn descriptors(pid: u32) -> Option<u64> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64)
}

/// How long the threads of a process have waited for a processor; zero where the system does not count it.
fn starved(pid: u32) -> Duration {
    let counts = threads(pid)
        .filter_map(|thread| run_delay(&fs::read_to_string(thread.join("schedstat")).ok()?));
    counts.sum()
}

/// The folders of a process's threads.
fn threads(pid: u32) -> impl Iterator<Item = PathBuf> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.map(|thread| thread.path())
}

/// The second number of `schedstat`: nanoseconds spent waiting on a run queue.
fn run_delay(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

fn stat(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

/// The letter behind the name: R is ready or running, D waits for a disk, S sleeps.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The number in a line of `/proc/PID/stat`; its manual page counts fields from 1. The name, in parentheses,
/// may hold anything.
fn field(stat: &str, number: usize) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_read_behind_the_name() {
        let stat = "7 (a) b) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 100 9999 12 0";
        let vitals = Vitals::read(stat, Duration::ZERO, 5).unwrap();
        assert_eq!((vitals.threads, vitals.descriptors), (3, 5));
        assert_eq!(vitals.memory, 12 * page_size() as u64);
        assert_eq!(vitals.cpu, Duration::from_millis(2000 * 100 / clock_ticks_per_second()));
        assert_eq!(field(stat, 5), Some(42), "its group");
        assert_eq!(state(stat), Some('S'));
    }

    #[test]
    fn the_wait_for_a_processor_is_the_second_number() {
        assert_eq!(run_delay("326341 8808000 3\n"), Some(Duration::from_nanos(8_808_000)));
        assert_eq!(run_delay(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_group_is_alive() {
        let group = rustix::process::getpgrp().as_raw_nonzero().get().cast_unsigned();
        // Where this process leads its group, it counts as the guard: look from somebody else's.
        let vitals = Vitals::of_group(group);
        if std::process::id() != group {
            let vitals = vitals.expect("we are in it");
            assert!(vitals.memory > 0 && vitals.threads > 0 && vitals.descriptors > 0);
        }
        assert_eq!(Vitals::of_group(0x7fff_fff0), None);
    }
}
