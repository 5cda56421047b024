//! The reactor, timers and calls under executors of others, with and without workers of ours.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Wake};
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use seawall_actor::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use seawall_actor::{Context, Mailbox, Reply, Runtime, Scope, time};

use crate::PATIENCE;

/// Runs a test under each executor: on this thread, and as tasks of tokio.
fn everywhere<F: Future<Output = ()> + Send + 'static>(test: fn() -> F) {
    future::block_on(time::timeout(PATIENCE, test())).expect("the test hangs");
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tokio.block_on(tokio.spawn(time::timeout(PATIENCE, test()))).unwrap().expect("the test hangs");
}

/// Sends a megabyte one way and back.
async fn echo_between<S>(mut server: S, mut client: S)
where
    S: futures_lite::AsyncRead + futures_lite::AsyncWrite + Unpin,
{
    let sent: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let serve = async {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        server.write_all(&heard).await.unwrap();
        server.close().await.unwrap();
    };
    let ask = async {
        client.write_all(&sent).await.unwrap();
        client.close().await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let ((), answer) = future::zip(serve, ask).await;
    assert!(answer == sent);
}

#[test]
fn tcp() {
    everywhere(|| async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let ((server, peer), client) = future::try_zip(listener.accept(), connect).await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
        echo_between(server, client).await;
    });
}

#[test]
fn unix() {
    everywhere(|| async {
        let name = format!("seawall-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let client = UnixStream::connect(&path).unwrap();
        let server = listener.accept().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
        echo_between(server, client).await;
        let (a, b) = UnixStream::pair().unwrap();
        echo_between(a, b).await;
    });
}

#[test]
fn timers() {
    everywhere(|| async {
        let start = time::now();
        time::sleep(Duration::from_millis(5)).await;
        assert!(start.elapsed() >= Duration::from_millis(5));
        let never = future::pending::<()>();
        assert_eq!(time::timeout(Duration::from_millis(5), never).await, Err(time::Elapsed));
        assert_eq!(time::timeout(PATIENCE, async { 7 }).await, Ok(7));
        // The sooner of two, whichever is set first.
        let late = async { time::sleep(PATIENCE).await };
        future::or(late, time::sleep(Duration::from_millis(1))).await;
    });
}

async fn doubler(mut mailbox: Mailbox<(u32, Reply<u32>)>, _: Context) {
    while let Some((n, reply)) = mailbox.recv().await {
        let _ = reply.send(2 * n);
    }
}

#[test]
fn actors_are_spawned_and_asked_from_anywhere() {
    let runtime = Runtime::new().unwrap();
    let ask = async || {
        let doubler = runtime.scope().spawn(doubler);
        assert_eq!(doubler.ask(PATIENCE, |reply| (4, reply)).await.unwrap(), 8);
        doubler.stop();
        doubler.monitor().exited().await;
    };
    future::block_on(ask());
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio.block_on(ask());
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn actors_run_on_the_executor_of_others() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let handle = tokio.handle().clone();
    let spawn = move |task: Pin<Box<dyn Future<Output = ()> + Send>>| drop(handle.spawn(task));
    let scope = Scope::foreign(spawn);
    let doubler = scope.spawn(doubler);
    let answer = tokio.block_on(doubler.ask(PATIENCE, |reply| (4, reply)));
    assert_eq!(answer.unwrap(), 8);
    scope.stop();
    tokio.block_on(scope.ended());
}

/// An executor may poll a task with another waker each time; the last one counts.
#[test]
fn an_actor_is_stopped_by_its_latest_waker() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let tasks = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&tasks);
    let scope = Scope::foreign(move |task| list.lock().unwrap().push(task));
    let address = scope.spawn(async |_: Mailbox<()>, _: Context| {
        std::future::pending::<()>().await;
    });
    let mut task = tasks.lock().unwrap().pop().unwrap();
    let mut poll = |count: &Arc<Count>| {
        let waker = Arc::clone(count).into();
        task.as_mut().poll(&mut task::Context::from_waker(&waker)).is_ready()
    };
    let [first, last] = [(), ()].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    assert!(!poll(&first) && !poll(&last));
    let before = last.0.load(Ordering::SeqCst);
    address.kill();
    assert_eq!(last.0.load(Ordering::SeqCst), before + 1);
    assert!(poll(&last));
}
