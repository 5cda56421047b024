use std::sync::{Arc, Mutex};
use std::time::Duration;

use seawall_actor::{Child, Context, Event, Mailbox, Monitor, Runtime, Strategy, Supervisor};

use crate::{PATIENCE, idle, sink};

/// A runtime that writes its events down.
struct Watched {
    runtime: Runtime,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let hook = move |event: &Event<'_>| {
            told.lock().unwrap().push(match event {
                Event::Spawned { label, .. } => format!("{label} spawned"),
                Event::Started { label, .. } => format!("{label} started"),
                Event::MailboxFull { label, bound, .. } => format!("{label} full at {bound}"),
                Event::Killed { label, .. } => format!("{label} killed"),
                Event::Crashed { label, .. } => format!("{label} crashed"),
                Event::Ended { label, reason, .. } => format!("{label} ended: {reason}"),
                Event::Restarted { label, .. } => format!("{label} restarted"),
                Event::GaveUp { label, .. } => format!("{label} gave up"),
                other => format!("{other:?}"),
            });
        };
        // A backtrace is long in the making, which would be an event of its own.
        let builder = Runtime::builder().stall_after(PATIENCE).on_event(hook);
        Self { runtime: builder.build().unwrap(), seen }
    }

    /// What happened until the actor's end, which is the last of it.
    fn until_the_end_of(&self, monitor: &Monitor) -> Vec<String> {
        self.runtime.block_on(monitor.exited());
        self.seen.lock().unwrap().clone()
    }
}

#[test]
fn a_life_is_spawned_started_ended() {
    let watched = Watched::new();
    let address = watched.runtime.scope().actor().label("a").spawn(sink::<()>);
    let monitor = address.monitor();
    drop(address);
    let life = ["a spawned", "a started", "a ended: normal"];
    assert_eq!(watched.until_the_end_of(&monitor), life);
}

#[test]
fn a_crash_is_reported_beside_the_end() {
    let watched = Watched::new();
    let address = watched
        .runtime
        .scope()
        .actor()
        .label("a")
        .spawn(async |_: Mailbox<()>, _: Context| -> () { panic!("boom") });
    let life = ["a spawned", "a started", "a crashed", "a ended: panicked: boom"];
    assert_eq!(watched.until_the_end_of(&address.monitor()), life);
}

#[test]
fn a_kill_is_reported_once_and_not_of_the_dead() {
    let watched = Watched::new();
    let (ready, started) = std::sync::mpsc::channel();
    let address = watched.runtime.scope().actor().label("a").spawn(
        |mailbox: Mailbox<()>, context: Context| async move {
            ready.send(()).unwrap();
            idle(mailbox, context).await;
        },
    );
    started.recv_timeout(PATIENCE).unwrap();
    address.kill();
    address.kill();
    watched.runtime.block_on(address.monitor().exited());
    address.kill();
    let life = ["a spawned", "a started", "a killed", "a ended: killed"];
    assert_eq!(watched.until_the_end_of(&address.monitor()), life);
}

#[test]
fn a_full_mailbox_is_reported_once_until_it_has_been_half_empty() {
    let watched = Watched::new();
    let (give, mailbox) = std::sync::mpsc::channel();
    let address = watched.runtime.scope().actor().label("a").mailbox(4).spawn(
        |mailbox: Mailbox<u8>, context: Context| async move {
            give.send(mailbox).unwrap();
            context.stopping().await;
        },
    );
    let mut mailbox = mailbox.recv_timeout(PATIENCE).unwrap();
    let full = |watched: &Watched| {
        watched.seen.lock().unwrap().iter().filter(|text| *text == "a full at 4").count()
    };
    for n in 0..4 {
        address.try_send(n).unwrap();
    }
    assert_eq!((address.len(), address.bound(), full(&watched)), (4, 4, 0));
    assert!(address.try_send(4).is_err());
    assert!(address.try_send(5).is_err());
    assert_eq!(full(&watched), 1);
    mailbox.try_recv().unwrap();
    address.try_send(6).unwrap();
    assert!(address.try_send(7).is_err());
    assert_eq!(full(&watched), 1, "three of four are more than half");
    mailbox.try_recv().unwrap();
    mailbox.try_recv().unwrap();
    address.try_send(8).unwrap();
    address.try_send(9).unwrap();
    assert!(address.try_send(10).is_err());
    assert_eq!(full(&watched), 2);
}

#[test]
fn restarts_and_a_supervisor_that_gives_up_are_reported() {
    let watched = Watched::new();
    let worker = async |_: Mailbox<()>, _: Context| -> () { panic!("worn out") };
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .intensity(1, Duration::from_secs(60))
        .child(Child::new("w", worker));
    let address = watched
        .runtime
        .scope()
        .actor()
        .label("s")
        .spawn(|mailbox, context| supervisor.run(mailbox, context));
    let mut seen = watched.until_the_end_of(&address.monitor());
    seen.retain(|text| !text.starts_with("w "));
    assert_eq!(seen, ["s spawned", "s started", "s gave up", "s ended: shutdown"]);
    let restarts =
        watched.seen.lock().unwrap().iter().filter(|text| *text == "w restarted").count();
    assert_eq!(restarts, 1);
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    let runtime = Runtime::builder().on_event(|_| panic!("in the hook")).build().unwrap();
    let address = runtime.scope().spawn(sink::<()>);
    address.stop();
    assert_eq!(runtime.block_on(address.monitor().exited()).to_string(), "shutdown");
    assert!(runtime.shutdown(PATIENCE).is_empty());
}

#[test]
fn an_address_of_the_dead_does_not_keep_the_hook_alive() {
    let held = Arc::new(());
    let guard = Arc::clone(&held);
    let hook = move |_: &Event<'_>| assert_eq!(*guard, ());
    let runtime = Runtime::builder().on_event(hook).build().unwrap();
    let scope = runtime.scope().child();
    let address = scope.spawn(idle);
    address.stop();
    runtime.block_on(scope.ended());
    drop(scope);
    let counted = Arc::strong_count(&held);
    assert!(runtime.shutdown(PATIENCE).is_empty());
    assert!(address.is_closed());
    assert_eq!((counted, Arc::strong_count(&held)), (2, 1));
}
