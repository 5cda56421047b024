//! The reactor is one for the whole process, and whoever is idle polls it: what that means shows
//! only where no other runtime lends a hand. So these tests have a process of their own, and take
//! turns.

use std::num::NonZero;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use seawall_actor::time::{self, Alarm};
use seawall_actor::{Builder, Context, Mailbox, Reply, Runtime};

/// A failed expectation ends a test long before this; a hang ends it here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held by the test whose turn it is.
static ALONE: Mutex<()> = Mutex::new(());

fn one_worker() -> Builder {
    Runtime::builder().workers(NonZero::<usize>::MIN)
}

async fn echo(mut mailbox: Mailbox<Reply<()>>, _: Context) {
    while let Some(reply) = mailbox.recv().await {
        let _ = reply.send(());
    }
}

struct Bell(Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
    }
}

struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

/// One that did so kept the worker on the list of those that rest, for good; who was to be woken
/// with it had to wait for the next event.
#[test]
fn a_waker_that_panics_costs_nobody_a_wake_up() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = one_worker().build().unwrap();
    let echo = runtime.scope().spawn(echo);
    let (ring, rung) = channel();
    let due = time::now().checked_add(Duration::from_millis(100));
    let mut alarms = Vec::new();
    let mut bells = 0;
    for n in 0..10 {
        let bell = n % 2 == 0;
        let waker: Waker =
            if bell { Arc::new(Bell(ring.clone())).into() } else { Arc::new(Bomb).into() };
        let mut alarm = Alarm::new();
        alarm.set(due);
        let waits = alarm.poll(&mut task::Context::from_waker(&waker)).is_pending();
        bells += u32::from(bell && waits);
        alarms.push(alarm);
    }
    for _ in 0..bells {
        rung.recv_timeout(PATIENCE).unwrap();
    }
    for _ in 0..100 {
        runtime.block_on(echo.ask(PATIENCE, |reply| reply)).unwrap();
    }
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

/// Of as many timers as this some were unset by others whenever all had fired at once.
#[test]
fn a_hundred_actors_sleep_and_all_wake_up() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = one_worker().build().unwrap();
    let (done, dones) = channel();
    for _ in 0..100 {
        let done = done.clone();
        runtime.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            for _ in 0..3 {
                time::sleep(Duration::from_millis(10)).await;
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..100 {
        dones.recv_timeout(PATIENCE).unwrap();
    }
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

/// Nobody polled once the one who did was busy: the watch of its runtime looked for another there
/// only, and that of the other runtime slept.
#[test]
fn while_one_runtime_is_busy_another_polls() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Never stalled: one that is gives up the reactor in any case.
    let busy = one_worker().stall_after(Duration::from_secs(3600)).build().unwrap();
    let idle = one_worker().build().unwrap();
    for _ in 0..20 {
        let (tell, told) = channel();
        let (armed, arms) = channel();
        idle.scope().spawn(|mut mailbox: Mailbox<()>, _: Context| async move {
            mailbox.send_after(Duration::from_millis(20), ());
            armed.send(()).unwrap();
            tell.send(mailbox.recv().await).unwrap();
        });
        arms.recv_timeout(PATIENCE).unwrap();
        let (release, blocked) = channel::<()>();
        busy.scope().spawn(|_: Mailbox<()>, _: Context| async move {
            let _ = blocked.recv();
        });
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(())));
        drop(release);
    }
    assert!(idle.shutdown(PATIENCE).is_empty());
    assert!(busy.shutdown(PATIENCE).is_empty());
}
