//! The actor core from outside, one idea each.

mod aborts; // the build that must fail
mod calls; // messages that are answered
mod events; // what the event hook is told
mod exits; // how an actor ends, and who hears of it
mod foreign; // under executors of others
mod links; // OTP's rules of links, exit signals and monitors, one test each
mod mailboxes; // bounds, order, messages given back
mod names; // the registry and groups
mod priorities; // whose turn it is
mod runtimes; // workers, scopes, the ordered shutdown
mod simulations; // one seed, one order; time that passes by itself
mod sockets; // what the wrapped sockets promise
mod stalls; // actors that block or spin, and the others
mod supervisors; // OTP's rules of supervision, one test each
mod timers; // messages to oneself, later
mod values; // actors that are values instead of functions

use std::time::Duration;

use seawall_actor::sim::Simulation;
use seawall_actor::{Context, Mailbox, Runtime, Scope, time};

/// A failed expectation ends a test long before this; a hang ends it here.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often what depends on chance is tried; under Miri everything takes a thousand times as long.
const ROUNDS: u32 = if cfg!(miri) { 4 } else { 200 };

/// How many orders [`run`] tries, besides the one that the worker threads make.
const SEEDS: u64 = if cfg!(miri) { 1 } else { 24 };

/// Runs the test on worker threads, and in simulations.
fn run(test: impl AsyncFnOnce(&Scope) + Copy) {
    // Miri knows too few of the reactor's system calls.
    if !cfg!(miri) {
        on_workers(test);
    }
    simulate(test);
}

fn on_workers(test: impl AsyncFnOnce(&Scope)) {
    let runtime = Runtime::new().unwrap();
    let done = runtime.block_on(time::timeout(PATIENCE, test(runtime.scope())));
    assert!(runtime.shutdown(PATIENCE).is_empty());
    done.expect("the test hangs");
}

fn simulate(test: impl AsyncFnOnce(&Scope) + Copy) {
    for seed in 0..SEEDS {
        let result = Simulation::new(seed).run(test);
        result.unwrap_or_else(|stuck| panic!("seed {seed}: {stuck}"));
    }
}

/// An actor that takes messages and does nothing with them.
async fn sink<M>(mut mailbox: Mailbox<M>, _context: Context) {
    while mailbox.recv().await.is_some() {}
}

/// An actor that waits until it is told to stop.
async fn idle(_mailbox: Mailbox<()>, context: Context) {
    context.stopping().await;
}
