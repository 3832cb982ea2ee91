//! The container drivers keep their contract.

#[path = "container/memory.rs"]
mod memory;
