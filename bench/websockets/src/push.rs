//! How soon a push reaches a client that is silent, while others keep the server busy (WS-07).

use std::error::Error;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::load::{Load, connect};
use crate::server::Server;

/// Connections that echo, one message of 20 octets under way on each.
const OTHERS: usize = 1_000;

/// From one push to the next.
pub const EVERY: Duration = Duration::from_millis(5);

/// How many pushes are timed.
const PUSHES: usize = 2_000;

/// Pushes before those: the others are to be under way.
const WARM_UP: usize = 200;

/// Nanoseconds of the one clock that all processes of this machine share.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

pub fn measure() -> Result<(), Box<dyn Error>> {
    let server = Server::start("seawall")?;
    let mut others = Load::open(server.address, "/echo", OTHERS, 1, 20)?;
    let mut silent = connect(server.address, "/push")?;
    silent.set_nonblocking(false)?;
    let done = AtomicBool::new(false);
    let (mut spans, rate) = thread::scope(|threads| {
        let silent = threads.spawn(|| {
            let spans = receive(&mut silent);
            done.store(true, Ordering::Relaxed);
            spans.map_err(|error| error.to_string())
        });
        let mut rate = 0.0;
        while !done.load(Ordering::Relaxed) {
            rate = 20_000.0 / others.echo(20_000)?;
        }
        Ok::<_, Box<dyn Error>>((silent.join().map_err(|_| "a panic")??, rate))
    })?;
    spans.sort_unstable();
    let at = |share: f64| spans[(spans.len() as f64 * share) as usize] as f64 / 1e6;
    println!(
        "{PUSHES} pushes to a silent client, {OTHERS} others echo {:.0} thousand/s",
        rate / 1e3
    );
    println!("p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.50), at(0.99), at(0.999_999));
    Ok(())
}

/// How long each push took, in nanoseconds.
fn receive(stream: &mut impl Read) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
    let mut spans = Vec::with_capacity(PUSHES);
    for n in 0..WARM_UP + PUSHES {
        let mut frame = [0; 10]; // header and the time at which it was sent
        stream.read_exact(&mut frame)?;
        let [0x82, 8, sent @ ..] = frame else { return Err(format!("{frame:?}").into()) };
        if n >= WARM_UP {
            spans.push(now() - u64::from_be_bytes(sent));
        }
    }
    Ok(spans)
}
