//! What a subject writes that no server should ever write: panics, and the reports of sanitizers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Alarms kept: who panics more often says nothing new.
const MAX_ALARMS: usize = 32;
/// Octets of a line that are looked at.
const MAX_LINE: usize = 4 << 10;

/// What gives it away, and whether a handler that was asked to crash may write it.
const SIGNS: &[(&str, bool)] = &[
    ("panicked at", true),
    ("panic: ", true),
    // Go's net/http; what follows may be a "runtime error", which is no sanitizer's.
    ("panic serving ", true),
    ("fatal error: ", true),
    ("ERROR: AddressSanitizer", false),
    ("ERROR: LeakSanitizer", false),
    ("WARNING: MemorySanitizer", false),
    ("WARNING: ThreadSanitizer", false),
    ("runtime error: ", false),
    ("stack smashing detected", false),
    ("double free or corruption", false),
    ("free(): invalid", false),
    ("malloc(): ", false),
];

/// A line that gives cause for it.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    pub(crate) at: Instant,
    pub(crate) line: String,
    /// Whether a handler that was asked to crash may have written it.
    pub(crate) provokable: bool,
}

/// The alarms of a process, found in its output as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    found: Arc<Mutex<Vec<Alarm>>>,
    /// What a line must hold for the process to count as ready, and whether one did.
    awaited: Arc<(String, AtomicBool)>,
}

/// A stream of output, cut into lines.
#[derive(Debug)]
pub(super) struct Lines {
    alarms: Alarms,
    line: Vec<u8>,
}

impl Alarms {
    /// Looks at another stream.
    pub(super) fn lines(&self) -> Lines {
        Lines { alarms: self.clone(), line: Vec::new() }
    }

    /// Waits for a line that holds this besides.
    pub(super) fn awaiting(line: &str) -> Self {
        Self { awaited: Arc::new((line.into(), AtomicBool::new(false))), ..Self::default() }
    }

    /// Whether there was such a line.
    pub(super) fn heard_awaited(&self) -> bool {
        self.awaited.1.load(Ordering::SeqCst)
    }

    pub(super) fn found(&self) -> Vec<Alarm> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Lines {
    pub(super) fn push(&mut self, octets: &[u8]) {
        for &octet in octets {
            if octet == b'\n' {
                self.end();
            } else if self.line.len() < MAX_LINE {
                self.line.push(octet);
            }
        }
    }

    fn end(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let (awaited, heard) = &*self.alarms.awaited;
        if line.contains(awaited) {
            heard.store(true, Ordering::SeqCst);
        }
        if let Some((_, provokable)) = SIGNS.iter().find(|(sign, _)| line.contains(sign)) {
            let mut found = self.alarms.found.lock().unwrap_or_else(PoisonError::into_inner);
            if found.len() < MAX_ALARMS {
                let line = line.trim().to_owned();
                found.push(Alarm { at: Instant::now(), line, provokable: *provokable });
            }
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_found_however_the_output_is_cut() {
        let alarms = Alarms::default();
        let mut lines = alarms.lines();
        for piece in [
            "listening\nthread 'main' panic",
            "ked at src/main.rs:1:1:\nboom\n==1==ERROR: AddressSanitizer: heap",
            "-use-after-free\n",
        ] {
            lines.push(piece.as_bytes());
        }
        let found = alarms.found();
        assert_eq!(found.len(), 2);
        assert!(found[0].line.ends_with("src/main.rs:1:1:") && found[0].provokable);
        assert!(found[1].line.contains("heap-use-after-free") && !found[1].provokable);
    }

    #[test]
    fn a_panic_of_go_is_no_report_of_a_sanitizer() {
        let alarms = Alarms::default();
        let line = b"http: panic serving 127.0.0.1:1: runtime error: integer divide by zero\n";
        alarms.lines().push(line);
        assert!(alarms.found()[0].provokable);
    }

    #[test]
    fn the_awaited_line_is_heard_when_it_is_whole() {
        let alarms = Alarms::awaiting("listening on");
        let mut lines = alarms.lines();
        lines.push(b"starting\nlisten");
        lines.push(b"ing on 80");
        assert!(!alarms.heard_awaited());
        lines.push(b"\n");
        assert!(alarms.heard_awaited());
    }

    #[test]
    fn a_flood_is_bounded() {
        let alarms = Alarms::default();
        let mut lines = alarms.lines();
        lines.push(&b"panicked at\n".repeat(2 * MAX_ALARMS));
        lines.push(&vec![b'x'; 2 * MAX_LINE]);
        assert_eq!((alarms.found().len(), lines.line.len()), (MAX_ALARMS, MAX_LINE));
    }
}
