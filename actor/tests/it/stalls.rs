//! Actors that block their threads or compute without end, and the others that go on.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::thread::{Pid, gettid};
use seawall_actor::{Address, Builder, Context, Event, ExitReason, Mailbox, Reply, Runtime, time};

use crate::PATIENCE;

fn two_workers() -> Builder {
    Runtime::builder().workers(NonZero::new(2).unwrap()).stall_after(Duration::from_millis(4))
}

/// Actors that block their threads until the returned sender is dropped. The receiver hears from
/// each as it begins.
fn block(runtime: &Runtime, count: usize) -> (Sender<()>, Receiver<()>) {
    let (release, blocked) = channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (begun, begins) = channel();
    for n in 0..count {
        let (blocked, begun) = (Arc::clone(&blocked), begun.clone());
        let actor = runtime.scope().actor().label(format!("blocker {n}"));
        actor.spawn(|_: Mailbox<()>, _: Context| async move {
            begun.send(()).unwrap();
            // One waits for the end, the others for the lock.
            let _ = blocked.lock().unwrap().recv();
        });
    }
    (release, begins)
}

async fn echo(mut mailbox: Mailbox<Reply<()>>, _: Context) {
    while let Some(reply) = mailbox.recv().await {
        let _ = reply.send(());
    }
}

fn ask(runtime: &Runtime, echo: &Address<Reply<()>>, times: usize) {
    for _ in 0..times {
        runtime.block_on(echo.ask(PATIENCE, |reply| reply)).unwrap();
    }
}

/// Until the thread has not run for a while: the watch, which looks every few milliseconds unless it
/// sleeps. One that merely had no processor makes a test easier to pass, never harder.
fn until_asleep(thread: Pid) {
    let status = format!("/proc/self/task/{}/status", thread.as_raw_nonzero());
    let switches = || {
        let status = std::fs::read_to_string(&status).unwrap();
        status.lines().find(|line| line.starts_with("voluntary")).unwrap().to_owned()
    };
    let (mut seen, mut times) = (switches(), 0);
    while times < 10 {
        std::thread::sleep(Duration::from_millis(5));
        let now = switches();
        times = if now == seen { times + 1 } else { 0 };
        seen = now;
    }
}

#[test]
fn eight_times_as_many_blocked_and_spinning_actors_as_workers_stop_nobody() {
    let runtime = two_workers().build().unwrap();
    let (release, begins) = block(&runtime, 16);
    let spinning = Arc::new(AtomicBool::new(true));
    for _ in 0..16 {
        let spinning = Arc::clone(&spinning);
        runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
            while spinning.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
    }
    let echo = runtime.scope().spawn(echo);
    ask(&runtime, &echo, 1000);
    for _ in 0..16 {
        begins.recv_timeout(PATIENCE).unwrap(); // they do hold their threads
    }
    ask(&runtime, &echo, 1000);
    spinning.store(false, Ordering::Relaxed);
    drop(release);
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn what_a_stalled_actor_woke_is_run_by_others() {
    let runtime = two_workers().build().unwrap();
    let (release, blocked) = channel::<()>();
    let (heard, hear) = channel();
    runtime.scope().spawn(|_: Mailbox<()>, context: Context| async move {
        for n in 0..10 {
            let heard = heard.clone();
            // They lie in the queue of the worker that is about to block.
            context.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
                heard.send(n).unwrap();
            });
        }
        let _ = blocked.recv();
    });
    let mut all: Vec<_> = (0..10).map(|_| hear.recv_timeout(PATIENCE).unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..10));
    drop(release);
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

/// The last one woken is kept for the worker that woke it, and nobody else is told. No turn is long
/// enough here to count as stalled.
#[test]
fn whoever_is_woken_before_a_long_turn_is_run_by_others() {
    let runtime = two_workers().stall_after(Duration::from_secs(3600)).build().unwrap();
    let (heard, hear) = channel();
    let waker = runtime.scope().spawn(|_: Mailbox<()>, context: Context| async move {
        context.scope().spawn(|_: Mailbox<()>, _: Context| async move { heard.send(()).unwrap() });
        hear.recv_timeout(PATIENCE).unwrap();
    });
    let reason = runtime.block_on(waker.monitor().exited());
    assert!(matches!(reason, ExitReason::Normal), "{reason}");
}

/// Two actors that wake each other always have a task that goes first: others must have their turn.
#[test]
fn two_that_wake_each_other_do_not_keep_a_worker_to_themselves() {
    let runtime = Runtime::builder().workers(NonZero::<usize>::MIN).build().unwrap();
    let echo = runtime.scope().spawn(echo);
    let driver = runtime.scope().spawn(|_: Mailbox<()>, context: Context| async move {
        let ran = Arc::new(AtomicBool::new(false));
        let third = Arc::clone(&ran);
        context.scope().spawn(|_: Mailbox<()>, _: Context| async move {
            third.store(true, Ordering::Relaxed);
        });
        let mut rounds = 0;
        while !ran.load(Ordering::Relaxed) {
            echo.ask(PATIENCE, |reply| reply).await.unwrap();
            rounds += 1;
            assert!(rounds < 1000, "nobody else has a turn");
        }
    });
    let reason = runtime.block_on(driver.monitor().exited());
    assert!(matches!(reason, ExitReason::Normal), "{reason}");
}

/// Once held, a thread is looked at by nobody: while all others rest, the watch sleeps, too.
#[test]
fn what_an_actor_wakes_while_it_is_stalled_is_run_by_others() {
    let (tell, told) = channel();
    let runtime = two_workers()
        .on_event(move |event| {
            if let Event::Stalled { label: "sleepy", .. } = event {
                tell.send(gettid()).unwrap(); // the watch's
            }
        })
        .build()
        .unwrap();
    let (heard, hear) = channel();
    let (release, blocked) = channel::<()>();
    let actor = runtime.scope().actor().label("sleepy");
    let (go, gone) = channel();
    actor.spawn(|_: Mailbox<()>, context: Context| async move {
        gone.recv().unwrap();
        context.scope().spawn(|_: Mailbox<()>, _: Context| async move { heard.send(()).unwrap() });
        let _ = blocked.recv();
    });
    // Not waited for by the actor: its thread has the lowest priority by then.
    until_asleep(told.recv_timeout(PATIENCE).unwrap());
    go.send(()).unwrap();
    hear.recv_timeout(PATIENCE).unwrap();
    drop(release);
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn events_name_who_stalls_and_who_recovers() {
    let (tell, told) = channel();
    let runtime = two_workers()
        .on_event(move |event| {
            let text = match event {
                Event::Stalled { label, after, .. } => format!("{label} stalled for {after:?}"),
                Event::Recovered { label, .. } => format!("{label} recovered"),
                _ => return,
            };
            let _ = tell.send(text);
        })
        .build()
        .unwrap();
    let (release, blocked) = channel::<()>();
    runtime.scope().child().actor().label("sleepy").spawn(
        |_: Mailbox<()>, _: Context| async move {
            let _ = blocked.recv();
        },
    );
    // A busy machine may have others look stalled; this one is.
    let hear = |text: &str| while told.recv_timeout(PATIENCE).unwrap() != text {};
    hear("sleepy stalled for 4ms");
    drop(release);
    hear("sleepy recovered");
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn at_the_limit_of_threads_an_event_says_so_and_the_first_to_return_serves_on() {
    let exhausted = Arc::new(AtomicUsize::new(0));
    let (tell, told) = channel();
    let count = Arc::clone(&exhausted);
    let runtime = two_workers()
        .max_threads(NonZero::new(4).unwrap())
        .on_event(move |event| {
            if let Event::ThreadsExhausted { threads } = event {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = tell.send(*threads);
            }
        })
        .build()
        .unwrap();
    let (one_goes, one_waits) = channel::<()>();
    let (one_begun, one_begins) = channel();
    runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
        one_begun.send(()).unwrap();
        let _ = one_waits.recv();
    });
    one_begins.recv_timeout(PATIENCE).unwrap();
    let (release, begins) = block(&runtime, 3);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(4));
    begins.iter().take(3).count();
    let echo = runtime.scope().spawn(echo);
    drop(one_goes);
    ask(&runtime, &echo, 100);
    drop(release);
    assert!(runtime.shutdown(PATIENCE).is_empty());
    assert!(exhausted.load(Ordering::SeqCst) < 10, "told once, not at every look");
}

/// The watch once slept for good when the only thread there may be came back after the watch had
/// found no room for a spare, and before it slept.
#[test]
fn whoever_returns_as_the_watch_goes_to_sleep_is_replaced() {
    let one = NonZero::<usize>::MIN;
    let (release, blocked) = channel::<()>();
    let release = Mutex::new(Some(release));
    let (tell, told) = channel();
    let told = Mutex::new(told);
    let runtime = two_workers()
        .workers(one)
        .max_threads(one)
        .on_event(move |event| match event {
            Event::Recovered { .. } => tell.send(gettid()).unwrap(),
            // Said by the watch just before it sleeps, for there is nobody to look at.
            Event::ThreadsExhausted { .. } if release.lock().unwrap().take().is_some() => {
                let thread = told.lock().unwrap().recv_timeout(PATIENCE).unwrap();
                let thread = format!("/proc/self/task/{}", thread.as_raw_nonzero());
                while std::fs::exists(&thread).unwrap() {
                    std::thread::yield_now();
                }
            }
            _ => {}
        })
        .build()
        .unwrap();
    runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
        let _ = blocked.recv();
    });
    let echo = runtime.scope().spawn(echo);
    ask(&runtime, &echo, 1);
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn sockets_and_timers_work_while_all_others_are_blocked() {
    let runtime = two_workers().build().unwrap();
    let (release, begins) = block(&runtime, 4);
    begins.iter().take(4).count();
    let (tell, told) = channel();
    runtime.scope().spawn(|mut mailbox: Mailbox<u8>, _: Context| async move {
        mailbox.send_after(Duration::from_millis(1), 7);
        tell.send(mailbox.recv().await).unwrap();
    });
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(7)));
    drop(release);
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn a_shutdown_returns_and_names_all_that_block_for_good() {
    let runtime = two_workers().build().unwrap();
    let (release, begins) = block(&runtime, 5);
    begins.iter().take(5).count();
    let echo = runtime.scope().actor().label("echo").spawn(echo);
    ask(&runtime, &echo, 1);
    echo.stop();
    runtime.block_on(time::timeout(PATIENCE, echo.monitor().exited())).unwrap();
    let mut leftover = runtime.shutdown(Duration::from_millis(20));
    leftover.stuck.sort_unstable();
    assert_eq!(leftover.stuck, Vec::from_iter((0..5).map(|n| format!("blocker {n}"))));
    drop(release);
}
