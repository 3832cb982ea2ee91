//! The cases of the original, what goes beyond it, and what a condition means.

mod evaluation;
mod printing;
mod refused;
mod syntax;
