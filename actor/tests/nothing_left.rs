//! What a runtime leaves behind: nothing. Counted in the whole process, so one test after the
//! other.
#![cfg(target_os = "linux")]

mod counting;

use std::fs;
use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::net::{TcpListener, TcpStream};
use seawall_actor::{Context, Mailbox, Reply, Runtime, time};

use counting::BYTES;

const PATIENCE: Duration = Duration::from_secs(60);

/// Threads, descriptors, bytes.
fn held() -> (usize, usize, isize) {
    let count = |folder| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"), BYTES.load(Ordering::SeqCst))
}

/// Threads that are workers, stalled or not.
fn workers() -> usize {
    let name = |task: std::io::Result<fs::DirEntry>| {
        fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default() // gone meanwhile
    };
    let names = fs::read_dir("/proc/self/task").unwrap().map(name);
    names.filter(|name| name.starts_with("seawall-worker")).count()
}

/// Waits until the process holds no more than `before`.
fn settle(before: (usize, usize, isize)) {
    let patience = Instant::now() + PATIENCE;
    loop {
        let now = held();
        if now.0 <= before.0 && now.1 <= before.1 && now.2 <= before.2 {
            return;
        }
        assert!(Instant::now() < patience, "{before:?} before, {now:?} after");
        thread::sleep(Duration::from_millis(1)); // a thread that was joined has yet to be unlisted
    }
}

async fn echo(mut mailbox: Mailbox<Reply<()>>, _: Context) {
    while let Some(reply) = mailbox.recv().await {
        let _ = reply.send(());
    }
}

/// A runtime with an actor that answers, a timer that never fires, and a connection.
fn live() {
    let runtime = Runtime::builder().workers(NonZero::new(2).unwrap()).build().unwrap();
    let echo = runtime.scope().spawn(echo);
    runtime.scope().spawn(|mut mailbox: Mailbox<()>, _: Context| async move {
        mailbox.send_after(PATIENCE, ());
        mailbox.recv().await;
    });
    runtime.block_on(async {
        echo.ask(PATIENCE, |reply| reply).await.unwrap();
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let ((mut server, _), mut client) =
            future::try_zip(listener.accept(), connect).await.unwrap();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
    });
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

/// One thing after the other, in one test: they count the same process.
#[test]
fn nothing_is_left() {
    a_thousand_runtimes();
    spares();
    sockets_without_a_runtime();
}

fn a_thousand_runtimes() {
    (0..10).for_each(|_| live()); // what is made once stays
    let before = held();
    (0..1000).for_each(|_| live());
    settle(before);
}

fn spares() {
    let stall_after = Duration::from_millis(4);
    let two = NonZero::new(2).unwrap();
    let runtime = Runtime::builder().workers(two).stall_after(stall_after).build().unwrap();
    let (begun, begins) = channel();
    let mut releases = Vec::new();
    for _ in 0..16 {
        let (release, blocked) = channel::<()>();
        releases.push(release);
        let begun = begun.clone();
        runtime.scope().spawn(|_: Mailbox<()>, _: Context| async move {
            begun.send(()).unwrap();
            let _ = blocked.recv();
        });
    }
    begins.iter().take(16).count();
    assert!(workers() >= 16, "each holds a thread");
    drop(releases);
    let patience = Instant::now() + PATIENCE;
    while workers() != 2 {
        assert!(Instant::now() < patience, "{} workers", workers());
        thread::sleep(Duration::from_millis(1));
    }
    let echo = runtime.scope().spawn(echo);
    runtime.block_on(echo.ask(PATIENCE, |reply| reply)).unwrap();
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

fn sockets_without_a_runtime() {
    let before = held();
    future::block_on(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let ((mut server, _), mut client) =
            future::try_zip(listener.accept(), connect).await.unwrap();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        time::sleep(Duration::from_millis(1)).await;
    });
    settle(before); // the thread that polled is gone, too
}
