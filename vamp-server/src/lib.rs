//! One composition of `vamp-core` and `vamp-drivers`: the API server with an agent in it, and the `vamp` command line.
//!
//! It decides nothing: [`compose`] puts drivers together, [`api`] translates between HTTP and the
//! [`Engine`](vamp_core::engine::Engine), [`cli`] between a terminal and both.

#[cfg(feature = "http")]
pub mod api;
pub mod cli;
pub mod compose;
pub mod config;
mod globals;
mod instance;
#[cfg(feature = "http")]
pub mod log;
#[cfg(feature = "moments")]
mod moments;
