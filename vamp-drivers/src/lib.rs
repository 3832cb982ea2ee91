//! Drivers for `vamp-core`: one feature and one folder per backend.

mod clock;
pub mod container;
pub mod gateway;
pub mod persistence;

pub use clock::SystemClock;
