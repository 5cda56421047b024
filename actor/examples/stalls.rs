//! What actors that block or spin cost the others. Run with
//! `cargo run --release -p seawall-actor --example stalls`.
//!
//! Pairs of actors play ping-pong: undisturbed; then beside eight times as many actors as there are
//! workers that block their threads, and as many that spin; then undisturbed again. Prints how many
//! rounds they played in each phase.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use seawall_actor::{Address, Context, Event, Mailbox, Runtime};

const WORKERS: usize = 2;
const PAIRS: usize = 8;
const DISTURBERS: usize = 8 * WORKERS;
const PHASE: Duration = Duration::from_secs(2);

/// Who gets the ball sends it back.
struct Ball(Address<Ball>);

async fn play(mut mailbox: Mailbox<Ball>, rounds: Arc<AtomicU64>) {
    let Some(own) = mailbox.address().upgrade() else { return };
    while let Some(Ball(from)) = mailbox.recv().await {
        rounds.fetch_add(1, Ordering::Relaxed);
        if from.send(Ball(own.clone())).await.is_err() {
            return;
        }
    }
}

fn main() -> io::Result<()> {
    let (stalled, recovered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, uncount) = (Arc::clone(&stalled), Arc::clone(&recovered));
    let runtime = Runtime::builder()
        .workers(NonZero::new(WORKERS).unwrap_or(NonZero::<usize>::MIN))
        .on_event(move |event| match event {
            Event::Stalled { .. } => drop(count.fetch_add(1, Ordering::Relaxed)),
            Event::Recovered { .. } => drop(uncount.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        })
        .build()?;
    let rounds = Arc::new(AtomicU64::new(0));
    let mut players = Vec::new(); // an actor ends when nobody has its address
    for _ in 0..PAIRS {
        let [one, other] = [0, 1].map(|_| {
            let rounds = Arc::clone(&rounds);
            runtime.scope().spawn(|mailbox, _: Context| play(mailbox, rounds))
        });
        let serve = one.try_send(Ball(other.clone()));
        assert!(serve.is_ok(), "its mailbox is empty");
        players.extend([one, other]);
    }
    let measure = |phase: &str| {
        let (before, start) = (rounds.load(Ordering::Relaxed), Instant::now());
        thread::sleep(PHASE);
        let rate = (rounds.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
        println!("{phase:<48} {:>8.0} thousand balls/s", rate / 1000.0);
        rate
    };

    let alone = measure("alone");
    let (going, begun) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    for n in 0..2 * DISTURBERS {
        let (going, begun) = (Arc::clone(&going), Arc::clone(&begun));
        runtime.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            begun.fetch_add(1, Ordering::Relaxed);
            while going.load(Ordering::Relaxed) {
                if n % 2 == 0 {
                    thread::sleep(Duration::from_millis(100));
                } else {
                    std::hint::spin_loop();
                }
            }
        });
    }
    while stalled.load(Ordering::Relaxed) < 2 * DISTURBERS {
        thread::sleep(Duration::from_millis(1));
    }
    println!(
        "{:<48} {:>8} ms",
        "all of them found out and replaced after",
        start.elapsed().as_millis()
    );
    let beside = measure("beside 16 that block and 16 that spin");
    going.store(false, Ordering::Relaxed);
    while recovered.load(Ordering::Relaxed) < stalled.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(1));
    }
    let again = measure("alone again");
    println!("{:<48} {:>8.2}", "beside them ÷ alone", beside / ((alone + again) / 2.0));
    let _leftover = runtime.shutdown(Duration::from_secs(1));
    Ok(())
}
