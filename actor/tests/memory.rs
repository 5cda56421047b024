//! What an idle actor holds, and that all of it comes back. The two tests count the same process's
//! memory, so they take turns.

mod counting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use seawall_actor::{Context, Group, Mailbox, Runtime, time};

use counting::{BLOCKS, BYTES};

const ACTORS: usize = 10_000;

/// Bytes of an idle actor, its places in the lists of scope and executor included: a fourteenth of
/// what the common actor libraries take.
const BUDGET: isize = 546;

/// Bytes that may be left of all actors together: what threads free as they end.
const SLACK: isize = 16 * 1024;

const PATIENCE: Duration = Duration::from_secs(20);

/// Held by the test whose turn it is.
static ALONE: Mutex<()> = Mutex::new(());

/// Each left its mark with the actor until that ended.
#[test]
fn groups_that_are_no_more_leave_nothing_with_their_members() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Runtime::new().unwrap();
    let member = runtime.scope().spawn(
        async |mut mailbox: Mailbox<()>, _: Context| {
            while mailbox.recv().await.is_some() {}
        },
    );
    assert!(Group::new().join(&member));
    let before = BYTES.load(Ordering::SeqCst);
    for _ in 0..10_000 {
        assert!(Group::new().join(&member));
    }
    let kept = BYTES.load(Ordering::SeqCst) - before;
    assert!(kept <= SLACK, "{kept} bytes");
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn an_idle_actor_is_small_and_leaves_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let first = Runtime::new().unwrap();
    first.block_on(time::sleep(Duration::from_millis(1))); // starts what is global
    assert!(first.shutdown(PATIENCE).is_empty());
    let at_first = BYTES.load(Ordering::SeqCst);
    let runtime = Runtime::new().unwrap();
    let mut addresses = Vec::with_capacity(ACTORS);
    let started = Arc::new(AtomicUsize::new(0));
    let (all, wait) = mpsc::channel();
    let before = (BLOCKS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
    for _ in 0..ACTORS {
        let (started, all) = (Arc::clone(&started), all.clone());
        addresses.push(runtime.scope().spawn(|mut mailbox: Mailbox<u64>, _: Context| async move {
            if started.fetch_add(1, Ordering::SeqCst) + 1 == ACTORS {
                all.send(()).unwrap();
            }
            drop((started, all));
            while mailbox.recv().await.is_some() {}
        }));
    }
    wait.recv_timeout(PATIENCE).unwrap();
    let blocks = (BLOCKS.load(Ordering::SeqCst) - before.0) / ACTORS as isize;
    let bytes = (BYTES.load(Ordering::SeqCst) - before.1) / ACTORS as isize;
    println!("an idle actor: {blocks} allocations, {bytes} bytes");
    assert!(blocks <= 2, "{blocks} allocations: its task, and what it shares");
    assert!(bytes <= BUDGET, "{bytes} bytes");
    assert!(runtime.shutdown(PATIENCE).is_empty());
    drop(addresses);
    // The executor goes with the last worker, which has said that it returns, and is about to.
    let patience = Instant::now() + PATIENCE;
    loop {
        let left = BYTES.load(Ordering::SeqCst) - at_first;
        if left <= SLACK {
            break;
        }
        assert!(Instant::now() < patience, "{left} bytes");
        thread::yield_now();
    }
}
