//! How an actor comes to life: its task, and the boundary at which its panics stop.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use crate::isolate::{Isolated, catch, isolate};
use crate::mailbox::DEFAULT_BOUND;
use crate::scope::{Membership, Scope};
use crate::signal::Core;
use crate::{Address, Context, ExitReason, Mailbox, Outcome, Panicked};

/// An actor that is about to start: its label and the bound of its mailbox.
#[derive(Debug)]
#[must_use = "nothing starts before `spawn`"]
pub struct Spawn<'a> {
    scope: &'a Scope,
    label: Cow<'static, str>,
    bound: usize,
}

impl<'a> Spawn<'a> {
    pub(crate) fn new(scope: &'a Scope) -> Self {
        Self { scope, label: Cow::Borrowed("actor"), bound: DEFAULT_BOUND }
    }

    /// Names the actor in events and in what a shutdown left over: its role, and its peer if it
    /// has one.
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = label.into();
        self
    }

    /// How many messages wait in the mailbox before senders do. Default 64, at least 1.
    pub fn mailbox(mut self, bound: usize) -> Self {
        self.bound = bound.max(1);
        self
    }

    /// Starts the actor.
    ///
    /// A panic in `f` itself, before it has made its future, is caught as one inside the future.
    pub fn spawn<M, F, Fut>(self, f: F) -> Address<M>
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>, Context) -> Fut,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let (sender, receiver) = async_channel::bounded(self.bound);
        let core = Arc::new(Core::new(self.label.into()));
        let membership = self.scope.enter(&core);
        let mailbox = Mailbox { receiver, core: Arc::clone(&core) };
        let context = Context { core: Arc::clone(&core), scope: self.scope.clone() };
        match catch(|| f(mailbox, context)) {
            Ok(future) => {
                let actor = Running { future: isolate(future), membership };
                self.scope.executor().spawn(actor).detach();
            }
            Err(Panicked(text)) => membership.leave(ExitReason::Panicked(text)),
        }
        Address { sender, core }
    }
}

pin_project! {
    /// A live actor. Field order matters when the executor is dropped under it: first what the
    /// actor owns, then the news of its end.
    struct Running<F> {
        #[pin]
        future: Isolated<F>,
        membership: Membership,
    }
}

impl<F: Future<Output: Outcome>> Future for Running<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let core = this.membership.core();
        core.remember(cx.waker());
        let reason = if core.is_killed() {
            match this.future.as_mut().clear() {
                Ok(()) => ExitReason::Killed,
                Err(Panicked(text)) => ExitReason::Panicked(text),
            }
        } else {
            match this.future.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(Panicked(text))) => ExitReason::Panicked(text),
                Poll::Ready(Ok(outcome)) => match outcome.into_reason() {
                    ExitReason::Normal if core.is_stopping() => ExitReason::Shutdown,
                    reason => reason,
                },
            }
        };
        this.membership.leave(reason);
        Poll::Ready(())
    }
}
