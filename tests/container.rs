//! The container drivers keep their contract.
#![cfg(test)]

#[path = "container/crash.rs"]
mod crash;
#[path = "container/life.rs"]
mod life;
#[path = "container/memory.rs"]
mod memory;
#[path = "container/process.rs"]
mod process;
#[path = "container/role.rs"]
mod role;
