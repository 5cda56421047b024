//! Locks and atomics of what actors share; under `--cfg shuttle` those of a model checker, which
//! tries many orders of their use (`model.rs`).

use std::sync::{Arc, Mutex as StdMutex, MutexGuard as StdGuard, PoisonError};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicUsize},
};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicUsize},
};

/// Nothing of ours panics while it holds a lock, so a poisoned one is as good as any.
pub(crate) fn lock<M: Lock>(mutex: &M) -> M::Guard<'_> {
    mutex.guard()
}

/// A mutex of either kind: what is not modelled keeps the standard library's.
pub(crate) trait Lock {
    type Guard<'a>
    where
        Self: 'a;

    fn guard(&self) -> Self::Guard<'_>;
}

impl<T> Lock for StdMutex<T> {
    type Guard<'a>
        = StdGuard<'a, T>
    where
        T: 'a;

    fn guard(&self) -> Self::Guard<'_> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(shuttle)]
impl<T> Lock for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        T: 'a;

    fn guard(&self) -> Self::Guard<'_> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Lock> Lock for Arc<M> {
    type Guard<'a>
        = M::Guard<'a>
    where
        M: 'a;

    fn guard(&self) -> Self::Guard<'_> {
        M::guard(self)
    }
}
