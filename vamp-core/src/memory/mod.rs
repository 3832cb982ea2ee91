//! Drivers that keep everything in memory: the executable specification of the seams, for embedding, documentation and
//! tests.

mod clock;
mod container;
mod event;
mod feed;
mod gateway;
mod key_value;
mod persistence;

pub use clock::ManualClock;
pub use container::Containers;
pub use event::Events;
pub use feed::ChangeFeed;
pub use gateway::{Proxy, Renderer};
pub use key_value::KeyValue;
pub use persistence::Persistence;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a panicking holder left behind is whole, since every change is checked before it begins.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
