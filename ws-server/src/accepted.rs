//! A handler that has accepted its connection, and is told of the end exactly once.

use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use seawall_actor::{Panicked, catch, isolate};

use crate::stats::Counters;
use crate::{By, Closed, Handler};

/// Owns the handler. However this is dropped, [`Handler::on_close`] was called.
pub(crate) struct Accepted<H: Handler<I>, I: Send + 'static> {
    handler: H,
    /// What the handler will be told; `None` once it was.
    fate: Option<Closed>,
    counters: Arc<Counters>,
    /// Messages of the type `I` are the handler's.
    infos: PhantomData<fn(I)>,
}

impl<H: Handler<I>, I: Send + 'static> Accepted<H, I> {
    /// The handler of a connection that is lost unless its 101 gets through.
    pub(crate) fn new(handler: H, counters: &Arc<Counters>) -> Self {
        counters.accepted.add();
        counters.active.add();
        let lost = Closed { code: None, reason: String::new(), by: By::Loss };
        Self { handler, fate: Some(lost), counters: Arc::clone(counters), infos: PhantomData }
    }

    /// The handler, while its connection is served: now only a kill can drop it.
    pub(crate) fn serving(&mut self) -> &mut H {
        self.fate = Some(Closed { code: None, reason: "killed".to_owned(), by: By::Server });
        &mut self.handler
    }

    /// How the connection has ended.
    pub(crate) fn ended(&mut self, closed: Closed) {
        self.fate = Some(closed);
    }

    /// Tells the handler.
    pub(crate) async fn tell(mut self) -> Result<(), Panicked> {
        match self.fate.take() {
            Some(closed) => isolate(self.handler.on_close(&closed)).await,
            None => Ok(()),
        }
    }
}

impl<H: Handler<I>, I: Send + 'static> Drop for Accepted<H, I> {
    fn drop(&mut self) {
        self.counters.active.sub();
        let Some(closed) = self.fate.take() else { return };
        // Nobody is left to poll it a second time.
        let _ = catch(|| {
            let told = pin!(self.handler.on_close(&closed));
            let _ = told.poll(&mut Context::from_waker(Waker::noop()));
        });
    }
}
