//! Gateways.

#[cfg(feature = "haproxy")]
pub mod haproxy;
