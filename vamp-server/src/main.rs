//! The `vamp` binary.
fn main() {}
