//! Canary releases and programmable routing as a library.

#![forbid(unsafe_code)]

pub mod boolean;
pub mod condition;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod digest;
pub mod driver;
mod error;
pub mod layer;
pub mod memory;
pub mod model;
pub mod routing;
mod violation;
pub mod weight;
pub mod yaml;

pub use error::{Error, ErrorKind, Result};
pub use violation::{Violation, Violations};
