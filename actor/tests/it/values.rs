use std::sync::{Arc, Mutex};

use seawall_actor::{Actor, Context, ExitReason, Flow, Mailbox, Signal};

use crate::{run, sink};

/// Notes what it is told.
struct Clerk(Arc<Mutex<Vec<String>>>);

impl Clerk {
    fn notes(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }
}

impl Actor for Clerk {
    type Message = &'static str;

    async fn handle(
        &mut self,
        message: &'static str,
        mailbox: &mut Mailbox<&'static str>,
        context: &Context,
    ) -> Flow {
        self.notes(message);
        match message {
            "watch" => {
                let other = context.scope().actor().spawn_monitor(context, sink::<()>).0;
                other.kill();
            }
            "later" => drop(mailbox.send_after(std::time::Duration::from_millis(1), "now")),
            "enough" => return Flow::Break(ExitReason::Killed),
            _ => {}
        }
        Flow::Continue(())
    }

    async fn handle_signal(
        &mut self,
        signal: Signal,
        _: &mut Mailbox<&'static str>,
        _: &Context,
    ) -> Flow {
        let Signal::Down { reason, .. } = signal else { panic!("it traps no exits") };
        self.notes(format!("down: {reason}"));
        Flow::Continue(())
    }

    async fn handle_stop(&mut self, mailbox: &mut Mailbox<&'static str>, _: &Context) {
        while let Some(message) = mailbox.try_recv() {
            self.notes(format!("left: {message}"));
        }
    }
}

#[test]
fn an_actor_that_is_a_value_hears_what_a_function_would() {
    run(async |scope| {
        for (messages, told) in [
            (vec!["a", "b"], vec!["a", "b"]),
            (vec!["later"], vec!["later", "now"]),
            (vec!["watch"], vec!["watch", "down: killed"]),
        ] {
            let notes = Arc::new(Mutex::new(Vec::new()));
            let clerk = Clerk(Arc::clone(&notes));
            let address = scope.spawn(|mailbox, context| clerk.run(mailbox, context));
            for message in messages {
                address.send(message).await.unwrap();
            }
            let monitor = address.monitor();
            drop(address);
            assert_eq!(monitor.exited().await.to_string(), "normal");
            assert_eq!(*notes.lock().unwrap(), told);
        }
    });
}

#[test]
fn an_actor_that_is_a_value_ends_when_it_says_so_or_is_told_to() {
    run(async |scope| {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let clerk = Clerk(Arc::clone(&notes));
        let address = scope.spawn(|mailbox, context| clerk.run(mailbox, context));
        address.send("enough").await.unwrap();
        assert_eq!(address.monitor().exited().await.to_string(), "killed");

        let clerk = Clerk(Arc::clone(&notes));
        let own = scope.spawn(|mailbox: Mailbox<&'static str>, context: Context| {
            let own = mailbox.address().upgrade().unwrap();
            own.try_send("unheard").unwrap();
            own.stop();
            clerk.run(mailbox, context)
        });
        assert_eq!(own.monitor().exited().await.to_string(), "shutdown");
        assert_eq!(*notes.lock().unwrap(), ["enough", "left: unheard"]);
    });
}
