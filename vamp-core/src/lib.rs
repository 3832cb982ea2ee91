//! Canary releases and programmable routing as a library.

#![forbid(unsafe_code)]

pub mod condition;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod digest;
pub mod driver;
mod error;
pub mod memory;
pub mod model;
pub mod routing;
pub mod weight;

pub use error::{Error, ErrorKind, Result};
