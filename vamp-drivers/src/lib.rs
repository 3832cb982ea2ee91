//! Drivers.

mod clock;

pub use clock::SystemClock;
