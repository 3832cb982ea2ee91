//! HAProxy 2.6 and later: one hop for every request, and a reload only when the structure changes.

mod actor;
mod address;
mod change;
mod complaint;
mod compose;
mod condition;
mod config;
mod connections;
mod digits;
mod escape;
mod failure;
mod folder;
mod found;
mod master;
mod outline;
mod placement;
mod plan;
mod process;
mod proxy;
mod reload;
mod renderer;
mod settings;
mod sticky;
mod store;
mod supervise;
mod sync;
mod values;
mod view;
mod worker;

pub use compose::Files;
pub use condition::{Lines, condition_lines};
pub use config::HaproxyConfig;
pub use proxy::HaproxyProxy;
pub use renderer::HaproxyRenderer;
