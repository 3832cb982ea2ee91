//! The REST API over memory drivers, on a real listener.

#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

#[path = "api/artifacts.rs"]
mod artifacts;
#[path = "api/deployments.rs"]
mod deployments;
#[path = "api/gateways.rs"]
mod gateways;
#[path = "api/node_cli.rs"]
mod node_cli;
mod server_support;
#[path = "api/told.rs"]
mod told;
#[path = "api/ways.rs"]
mod ways;
