//! How locks and the GIL go together, so that no two threads wait for each other.
//!
//! Whoever holds a lock never waits for the GIL: it either has it or does without. So whoever has the GIL may wait for a lock
//! that is held for a short time. What may take long waits without the GIL, and takes it again before the lock.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use pyo3::prelude::*;

/// Lock, with or without the GIL, which is kept if it is there. A panic of another thread has left nothing half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lock with the GIL, and let others have it while waiting.
///
/// What pyo3 offers for this (`MutexExt::lock_py_attached`) takes the lock first and then waits for the GIL.
pub fn lock_attached<'mutex, T: Send>(py: Python<'_>, mutex: &'mutex Mutex<T>) -> MutexGuard<'mutex, T> {
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(error)) => return error.into_inner(),
            Err(TryLockError::WouldBlock) => py.detach(|| drop(lock(mutex))),
        }
    }
}
