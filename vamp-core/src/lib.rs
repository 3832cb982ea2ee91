//! Canary releases and programmable routing as a library.

#![forbid(unsafe_code)]

pub mod agent;
pub mod boolean;
pub mod condition;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod digest;
pub mod driver;
pub mod engine;
mod error;
pub mod layer;
pub mod memory;
pub mod model;
pub mod moment;
mod plan;
pub mod routing;
mod violation;
pub mod weight;
pub mod yaml;

pub use error::{Error, ErrorKind, Result};
pub use violation::{Violation, Violations};
