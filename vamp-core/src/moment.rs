//! Named moments in the middle of something, at which a crash test ends a process.
//!
//! | moment | what has happened, and what has not |
//! |---|---|
//! | `mid-commit` | a change is written into the store's transaction; not committed |
//! | `before-answer` | a change is durable; nobody has been answered |
//! | `before-event` | a change is durable and taken over; its event is not recorded |
//! | `mid-spawn` | an instance was started; who it is has not been recorded |
//! | `mid-reload` | HAProxy was told to reload; the new worker is not confirmed |
//! | `mid-map-swap` | the new entries of a map are in HAProxy; not swapped in |
//! | `mid-drain` | an agent has told that connections of draining instances are counted |
//!
//! Without the feature `moments` none of this is compiled; with it, nothing happens until somebody [`watch`]es.

/// This moment is reached.
#[cfg(not(feature = "moments"))]
#[inline]
pub const fn reached(_name: &str) {}

/// This moment is reached.
#[cfg(feature = "moments")]
pub fn reached(name: &str) {
    if let Some(act) = WATCHER.get() {
        act(name);
    }
}

#[cfg(feature = "moments")]
static WATCHER: std::sync::OnceLock<fn(&str)> = std::sync::OnceLock::new();

/// Has this called with the name of each moment that is reached, in the thread that reaches it; who watches first
/// stays.
#[cfg(feature = "moments")]
pub fn watch(act: fn(&str)) {
    // A second watcher would be a mistake of a test, and does no harm.
    let _ = WATCHER.set(act);
}
