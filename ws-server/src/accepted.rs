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
    fate: Fate,
    counters: Arc<Counters>,
    /// Messages of the type `I` are the handler's.
    infos: PhantomData<fn(I)>,
}

/// What the handler will be told.
enum Fate {
    /// That the connection was lost: its 101 has not got through.
    Lost,
    /// That it was killed: it is served.
    Killed,
    /// Boxed: it is long, and comes last.
    Ended(Box<Closed>),
    /// Nothing more.
    Told,
}

impl Fate {
    /// What is to be told, once.
    fn take(&mut self) -> Option<Closed> {
        let (reason, by) = match std::mem::replace(self, Self::Told) {
            Self::Lost => (String::new(), By::Loss),
            Self::Killed => ("killed".to_owned(), By::Server),
            Self::Ended(closed) => return Some(*closed),
            Self::Told => return None,
        };
        Some(Closed { code: None, reason, by })
    }
}

impl<H: Handler<I>, I: Send + 'static> Accepted<H, I> {
    /// The handler of a connection that is lost unless its 101 gets through.
    pub(crate) fn new(handler: H, counters: &Arc<Counters>) -> Self {
        counters.accepted.add();
        counters.active.add();
        Self { handler, fate: Fate::Lost, counters: Arc::clone(counters), infos: PhantomData }
    }

    /// The handler, while its connection is served: now only a kill can drop it.
    pub(crate) fn serving(&mut self) -> &mut H {
        self.fate = Fate::Killed;
        &mut self.handler
    }

    /// How the connection has ended.
    pub(crate) fn ended(&mut self, closed: Closed) {
        self.fate = Fate::Ended(Box::new(closed));
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
