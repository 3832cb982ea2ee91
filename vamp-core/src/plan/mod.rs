//! Decisions, as pure functions: what is meant and what is observed, to what is to be done.

mod drained;
mod leave;
mod near;
mod order;
mod running;
mod service;
#[cfg(test)]
mod tests;

pub(crate) use drained::{Drained, Routing};
pub(crate) use leave::leaves_as_a_whole;
pub(crate) use near::{Near, Site};
pub(crate) use order::{stands_for, waits_for};
pub(crate) use running::{Running, of_service, workload_id, workload_name};
pub(crate) use service::{Plan, Settings, Situation, Step, decide, set_phase};
