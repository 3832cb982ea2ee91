//! Stores of artifacts and events.

#[cfg(feature = "embedded")]
mod embedded;

#[cfg(feature = "embedded")]
pub use embedded::{EmbeddedOptions, EmbeddedStore};
