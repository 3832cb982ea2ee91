//! Stores built on other stores.

mod batch;
mod envelope;
mod name;
mod persistence;

pub use batch::batches;
pub use envelope::{Envelope, EnvelopeError};
pub use persistence::KeyValuePersistence;
