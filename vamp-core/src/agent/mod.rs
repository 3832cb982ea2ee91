//! The agent: follows the routing table in the key-value store and makes a proxy serve it.
//!
//! The same code runs in-process (memory store) and as `vamp agent` (etcd, Consul, ZooKeeper), for any [`Proxy`].
//!
//! - A failed read of the store, or a store whose mark of completeness does not match, is *unknown*: what is served
//!   stays.
//! - One gateway that cannot be read, rendered or applied never blocks another; its refusal is told and tried again.
//! - What is served is acknowledged by content hash, together with the connections counted *after* it was applied.
//!   What the proxy says that it serves is told, also when nobody knows with which content.
//!
//! [`Proxy`]: crate::driver::Proxy

mod acknowledgement;
mod connections;
mod follow;
mod serve;
mod tell;
#[cfg(test)]
mod tests;

pub use acknowledgement::{Acknowledgement, PARTS, Part, Refusal};
pub use serve::Agent;
