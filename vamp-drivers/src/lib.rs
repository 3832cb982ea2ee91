//! Drivers.

mod clock;
pub mod gateway;

pub use clock::SystemClock;
