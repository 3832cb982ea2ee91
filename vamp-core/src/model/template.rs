//! [`Template`].

/// Parts of an artifact that others `import`: a map that their own keys are laid over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// The keys and values.
    pub definition: serde_json::Map<String, serde_json::Value>,
}
