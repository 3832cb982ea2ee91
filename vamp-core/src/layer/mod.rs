//! Stores built on other stores.

mod envelope;
mod name;
mod persistence;

pub use envelope::{Envelope, EnvelopeError};
pub use persistence::KeyValuePersistence;
