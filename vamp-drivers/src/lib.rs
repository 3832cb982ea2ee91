//! Drivers.

mod clock;
pub mod container;
pub mod gateway;

pub use clock::SystemClock;
