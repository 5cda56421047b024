//! What a process group costs the system: memory, processor, descriptors, threads. Read from `/proc`, and so
//! on Linux only; elsewhere there are no vitals.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};

/// The sums over all processes of a group, itself left out that guards it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Vitals {
    /// Octets resident in memory; what processes share is counted for each.
    pub(crate) memory: u64,
    /// Processor time used so far, in user mode and in the kernel.
    pub(crate) cpu: Duration,
    /// Open descriptors.
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl Vitals {
    /// Those of the group whose leader is `guard`, now. `None` if it has no other member, or there is no
    /// `/proc`.
    pub(crate) fn of_group(guard: u32) -> Option<Self> {
        let mut sum = None;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // A process that ends while we look at it counts no more.
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if pid != guard
                && let Some(vitals) = Self::of_process(&stat, guard, &entry.path())
            {
                let sum: &mut Self = sum.get_or_insert_default();
                sum.memory += vitals.memory;
                sum.cpu += vitals.cpu;
                sum.descriptors += vitals.descriptors;
                sum.threads += vitals.threads;
            }
        }
        sum
    }

    fn of_process(stat: &str, guard: u32, folder: &Path) -> Option<Self> {
        // The name, in parentheses, may hold anything; proc_pid_stat(5) counts fields from 1.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        if field(5)? != u64::from(guard) {
            return None;
        }
        let ticks = field(14)? + field(15)?;
        Some(Self {
            memory: field(24)? * page_size() as u64,
            cpu: Duration::from_millis(ticks * 1000 / clock_ticks_per_second().max(1)),
            descriptors: fs::read_dir(folder.join("fd")).map_or(0, |fds| fds.count() as u64),
            threads: field(20)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat_is_read_behind_the_name() {
        let stat = "7 (a) b) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 100 9999 12 0";
        let vitals = Vitals::of_process(stat, 42, Path::new("/no/such")).unwrap();
        assert_eq!(vitals.threads, 3);
        assert_eq!(vitals.memory, 12 * page_size() as u64);
        assert_eq!(vitals.cpu, Duration::from_millis(2000 * 100 / clock_ticks_per_second()));
        assert_eq!(Vitals::of_process(stat, 41, Path::new("/no/such")), None, "another group");
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
