//! HAProxy 2.6 and later: one hop for every request, and a reload only when the structure changes.

mod condition;
mod config;
mod digits;
mod escape;
mod outline;
mod placement;
mod renderer;
mod values;
mod view;

pub use condition::{Lines, condition_lines};
pub use config::HaproxyConfig;
pub use renderer::HaproxyRenderer;
