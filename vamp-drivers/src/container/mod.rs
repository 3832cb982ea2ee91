//! Drivers that run instances.

#[cfg(feature = "process")]
pub mod process;
