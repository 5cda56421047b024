//! Catching a panic: on every poll of a future, and in the destructors that run when it is dropped.
//!
//! One thing cannot be caught by anyone: a destructor that panics *while another panic unwinds*
//! makes Rust abort the process. A destructor that panics alone is caught like any other code.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use pin_project_lite::pin_project;

/// A panic that was caught; displays the panic's message.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Panicked(pub Arc<str>);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Calls `f`, and turns a panic into an error.
///
/// What `f` shares with others may be left half changed by a panic, as with
/// [`AssertUnwindSafe`]; an actor shares nothing that it does not guard itself.
///
/// # Errors
///
/// [`Panicked`] with the panic's message.
///
/// # Examples
///
/// ```
/// let caught = seawall_actor::catch(|| [1, 2, 3].iter().position(|n| *n == 4).unwrap());
/// assert!(caught.unwrap_err().to_string().contains("None"));
/// ```
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = text(&*payload);
        // A payload is the panicking code's own value: its destructor may panic as well.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(mem::forget);
        Panicked(text)
    })
}

/// Steps that are all to be done, whichever of them panics.
#[derive(Default)]
pub(crate) struct Steps {
    first: Option<Panicked>,
}

impl Steps {
    pub(crate) fn step(&mut self, step: impl FnOnce()) {
        if let Err(panicked) = catch(step) {
            self.first.get_or_insert(panicked);
        }
    }

    /// Drops each by itself: of two destructors that panic, the second one would make Rust abort the
    /// process.
    pub(crate) fn drop_each<T>(&mut self, values: impl IntoIterator<Item = T>) {
        if mem::needs_drop::<T>() {
            values.into_iter().for_each(|value| self.step(|| drop(value)));
        }
    }

    /// Goes on with the first panic, unless another unwinds already.
    pub(crate) fn end(self) {
        if let Some(Panicked(text)) = self.first
            && !thread::panicking()
        {
            resume_unwind(Box::new(text.to_string()));
        }
    }
}

fn text(payload: &(dyn Any + Send)) -> Arc<str> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        Arc::from(*text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Arc::from(text.as_str())
    } else {
        Arc::from("a panic without a message")
    }
}

/// Wraps `future` so that a panic inside it, or in the destructors of what it holds, becomes an
/// error instead of unwinding into the caller.
///
/// # Examples
///
/// ```
/// use futures_lite::future::block_on;
/// use seawall_actor::isolate;
///
/// assert_eq!(block_on(isolate(async { 7 })).unwrap(), 7);
/// assert!(block_on(isolate(async { panic!("no") })).is_err());
/// ```
pub fn isolate<F: Future>(future: F) -> Isolated<F> {
    Isolated { future: Some(future) }
}

pin_project! {
    /// The future of [`isolate`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Isolated<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Isolated<F> {
        fn drop(this: Pin<&mut Self>) {
            let _ = this.clear();
        }
    }
}

impl<F> Isolated<F> {
    /// Drops the inner future in place, and reports a destructor that panicked.
    pub(crate) fn clear(self: Pin<&mut Self>) -> Result<(), Panicked> {
        let mut future = self.project().future;
        catch(|| future.set(None))
    }
}

impl<F: Future> Future for Isolated<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch(|| self.as_mut().project().future.as_pin_mut().map(|f| f.poll(cx)));
        let output = match polled {
            Ok(Some(Poll::Pending)) => return Poll::Pending,
            // Polled again after its end: contract of `Future` broken by the caller.
            Ok(None) => return Poll::Pending,
            Ok(Some(Poll::Ready(output))) => Ok(output),
            Err(panicked) => Err(panicked),
        };
        match (output, self.clear()) {
            (Ok(output), Ok(())) => Poll::Ready(Ok(output)),
            // The first panic is the cause; a later one came of cleaning up after it.
            (Err(panicked), _) | (Ok(_), Err(panicked)) => Poll::Ready(Err(panicked)),
        }
    }
}
