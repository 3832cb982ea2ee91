//! HAProxy 2.6 and later: one hop for every request, and a reload only when the structure changes.

mod condition;

pub use condition::{Lines, condition_lines};
