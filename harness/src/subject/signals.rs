//! Signals that whoever started us has had us ignore.
//!
//! `nohup` ignores SIGHUP, a shell ignores SIGINT and SIGQUIT for a job in the background, and what is ignored stays so in every process
//! that is started from there: a subject could not be asked to stop, nor show how it does. To reset it takes a call between
//! fork and exec, which is `unsafe`; `env` of GNU coreutils makes it for us.

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};

/// Those by which a subject may be asked to stop, as `env` names them, and their numbers.
const STOPPING: [(&str, u32); 6] =
    [("HUP", 1), ("INT", 2), ("QUIT", 3), ("USR1", 10), ("USR2", 12), ("TERM", 15)];

/// What to put before a program, so that it ignores no signal by inheritance; nothing where it would not anyway, or where that
/// cannot be had.
pub(super) fn undoing_inheritance() -> Vec<OsString> {
    let ignored = ignored();
    let names: Vec<&str> = STOPPING
        .into_iter()
        .filter(|(_, number)| ignored & (1 << (number - 1)) != 0)
        .map(|(name, _)| name)
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let words = ["env".to_owned(), format!("--default-signal={}", names.join(","))];
    // Other systems have an `env` that knows no such thing.
    let mut trial = Command::new(&words[0]);
    trial
        .args([&words[1], "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if trial.status().is_ok_and(|status| status.success()) {
        words.map(OsString::from).into()
    } else {
        Vec::new()
    }
}

/// Whether we were started so that this signal has no effect on us, and no handler has been set since. Known on Linux only.
#[must_use]
pub fn is_ignored(signal: u32) -> bool {
    (1..=64).contains(&signal) && ignored() & (1 << (signal - 1)) != 0
}

/// A bit for each signal, the lowest for the first.
fn ignored() -> u64 {
    mask(&fs::read_to_string("/proc/self/status").unwrap_or_default()).unwrap_or(0)
}

fn mask(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_read_as_linux_writes_it() {
        let status = "Name:\tharness\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001006\n";
        assert_eq!(mask(status), Some(0x1006), "SIGINT, SIGQUIT, SIGPIPE");
        assert_eq!(mask(""), None);
    }

    /// The runtime of Rust ignores it, in this process as in the harness.
    #[cfg(target_os = "linux")]
    #[test]
    fn sigpipe_is_ignored() {
        assert!(is_ignored(13));
        assert!(!is_ignored(9) && !is_ignored(0) && !is_ignored(65));
    }
}
