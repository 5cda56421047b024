//! A future with a function at its end.
//!
//! `async move { f(future.await) }` would hold the inner future twice, as it is captured and as it
//! is awaited; handlers' futures are the largest that a connection has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    pub(crate) struct Map<F, G> {
        #[pin]
        future: F,
        f: G,
    }
}

/// Awaits `future`, and gives what `f` makes of its output.
pub(crate) fn map<F, G, T>(future: F, f: G) -> Map<F, G>
where
    F: Future,
    G: Fn(F::Output) -> T,
{
    Map { future, f }
}

impl<F, G, T> Future for Map<F, G>
where
    F: Future,
    G: Fn(F::Output) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        Poll::Ready((this.f)(output))
    }
}
