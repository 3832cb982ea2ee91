//! [`Reference`] and [`Named`].

use super::{Metadata, Name};

/// An artifact in place, or the name under which it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference<T> {
    /// The name of a stored artifact.
    Reference(Name),
    /// The artifact itself.
    Inline(Box<T>),
}

impl<T> Reference<T> {
    /// The artifact, when it is in place.
    #[must_use]
    pub fn inline(&self) -> Option<&T> {
        match self {
            Self::Reference(_) => None,
            Self::Inline(value) => Some(value),
        }
    }

    /// The name under which the artifact is stored, when it is not in place.
    #[must_use]
    pub const fn reference(&self) -> Option<&Name> {
        match self {
            Self::Reference(name) => Some(name),
            Self::Inline(_) => None,
        }
    }
}

impl<T> From<T> for Reference<T> {
    fn from(value: T) -> Self {
        Self::Inline(Box::new(value))
    }
}

impl Reference<super::Breed> {
    /// The breed's name, whether it is in place or not.
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Self::Reference(name) => name,
            Self::Inline(breed) => &breed.name,
        }
    }
}

/// A stored artifact of a kind that may also be anonymous (a scale, a condition), or that is nothing but what is named.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T> {
    /// Its name.
    pub name: Name,
    /// Free-form data.
    pub metadata: Metadata,
    /// What is named.
    pub value: T,
}
