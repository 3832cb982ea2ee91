//! YAML and JSON as spanned nodes: every scalar keeps its text, every node knows its place.
//!
//! Stricter than YAML on purpose: duplicate keys and custom tags are refused, since both hide mistakes. Looser than a
//! typed reader: `1.10` stays `1.10` and `yes` stays `yes`. What a document may cost is limited: bytes, depth,
//! entries, and what its aliases expand to.

mod build;
mod node;

pub(crate) use build::MOST_VIOLATIONS;
pub use build::{Limits, documents, utf8};
pub(crate) use node::entries_to_json;
pub use node::{Content, Entry, Node, Position};

#[cfg(test)]
mod tests;
