//! Sugar: an actor as a value that handles one message after the other.

use std::future::{Future, ready};
use std::ops::ControlFlow;

use crate::{Context, ExitReason, Mailbox, Received, Signal};

/// Whether an actor goes on, or why it ends.
pub type Flow = ControlFlow<ExitReason>;

/// An actor as a value that handles one message after the other, for those that do nothing else.
///
/// It adds nothing that a function could not do: [`run`](Self::run) is the function that is
/// spawned. What waits for sockets, or for several things at once, is better written as one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use seawall_actor::{Actor, Context, Flow, Mailbox, Reply, Runtime};
///
/// struct Counter(u64);
///
/// enum Message {
///     Add(u64),
///     Get(Reply<u64>),
/// }
///
/// impl Actor for Counter {
///     type Message = Message;
///
///     async fn handle(&mut self, message: Message, _: &mut Mailbox<Message>, _: &Context) -> Flow {
///         match message {
///             Message::Add(n) => self.0 += n,
///             Message::Get(reply) => drop(reply.send(self.0)), // the caller may be gone
///         }
///         Flow::Continue(())
///     }
/// }
///
/// let runtime = Runtime::new()?;
/// let counter = Counter(40);
/// let address = runtime.scope().spawn(|mailbox, context| counter.run(mailbox, context));
/// let sum = runtime.block_on(async {
///     address.send(Message::Add(2)).await.unwrap();
///     address.ask(Duration::from_secs(60), Message::Get).await.unwrap()
/// });
/// assert_eq!(sum, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Actor: Send + Sized + 'static {
    /// What it is sent.
    type Message: Send + 'static;

    /// Handles a message. The mailbox is there for timers, the context for ties to others.
    fn handle(
        &mut self,
        message: Self::Message,
        mailbox: &mut Mailbox<Self::Message>,
        context: &Context,
    ) -> impl Future<Output = Flow> + Send;

    /// Handles the news of another actor's end, which only comes to who monitors, or traps exits.
    /// By default it is of no consequence.
    fn handle_signal(
        &mut self,
        signal: Signal,
        mailbox: &mut Mailbox<Self::Message>,
        context: &Context,
    ) -> impl Future<Output = Flow> + Send {
        let _ = (signal, mailbox, context);
        ready(Flow::Continue(()))
    }

    /// What is left to do once it is told to stop, or nobody can send any more;
    /// [`Mailbox::try_recv`] still gives the messages that wait. By default nothing.
    fn handle_stop(
        &mut self,
        mailbox: &mut Mailbox<Self::Message>,
        context: &Context,
    ) -> impl Future<Output = ()> + Send {
        let _ = (mailbox, context);
        ready(())
    }

    /// The actor's life: the function that is spawned.
    fn run(
        mut self,
        mut mailbox: Mailbox<Self::Message>,
        context: Context,
    ) -> impl Future<Output = ExitReason> + Send {
        async move {
            while let Some(received) = mailbox.next().await {
                let flow = match received {
                    Received::Message(message) => {
                        self.handle(message, &mut mailbox, &context).await
                    }
                    Received::Signal(signal) => {
                        self.handle_signal(signal, &mut mailbox, &context).await
                    }
                };
                if let Flow::Break(reason) = flow {
                    return reason;
                }
            }
            self.handle_stop(&mut mailbox, &context).await;
            ExitReason::Normal // which is *shutdown* for one told to stop
        }
    }
}
