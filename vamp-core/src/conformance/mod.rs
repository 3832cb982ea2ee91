//! What every driver must satisfy: one case per numbered clause of a contract, one test per case.
//!
//! For tests only, and not a stable interface. A case panics when the clause does not hold.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says so by panicking")]

mod suite;

pub mod container;
pub mod event;
pub mod gateway;
pub mod key_value;
pub mod persistence;
