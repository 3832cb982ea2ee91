//! The engine and an agent on memory drivers, as an embedder sees them.
#![cfg(test)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "engine/concurrent.rs"]
mod concurrent;
#[path = "engine/effort.rs"]
mod effort;
#[path = "engine/globals.rs"]
mod globals;
#[path = "engine/life.rs"]
mod life;
#[path = "engine/meddler.rs"]
mod meddler;
#[path = "engine/order.rs"]
mod order;
#[path = "engine/ports.rs"]
mod ports;
#[path = "engine/preview.rs"]
mod preview;
#[path = "engine/selectors.rs"]
mod selectors;
#[path = "engine/semantics.rs"]
mod semantics;
#[path = "engine/support.rs"]
mod support;
#[path = "engine/together.rs"]
mod together;
#[path = "engine/unreadable.rs"]
mod unreadable;
