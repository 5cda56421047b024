//! What idle actors hold, counted by the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::{IDLE, Library};

static BYTES: AtomicIsize = AtomicIsize::new(0);

/// Off while others are timed: who allocates most would pay most for being counted.
static COUNTS: AtomicBool = AtomicBool::new(false);

fn count(bytes: isize) {
    if COUNTS.load(Ordering::Relaxed) {
        BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The bytes that are held, once what the last one left has been freed.
fn settled() -> isize {
    loop {
        let before = BYTES.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(100));
        if BYTES.load(Ordering::SeqCst) == before {
            return before;
        }
    }
}

pub fn line(libraries: &[Box<dyn Library>]) -> String {
    let mut line = "| memory of an idle actor |".to_owned();
    let mut each = vec![];
    COUNTS.store(true, Ordering::Relaxed);
    for library in libraries {
        library.idle(IDLE)(); // its lists grow once
        let before = settled();
        let give_up = library.idle(IDLE);
        let bytes = (BYTES.load(Ordering::SeqCst) - before) as f64 / IDLE as f64;
        give_up();
        let _ = write!(line, " {bytes:.0} B |");
        each.push(bytes);
    }
    let _ = write!(line, " {:.3} |", each[0] / each[1]);
    line
}
