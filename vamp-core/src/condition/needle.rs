//! [`Needle`]: a text to look for.

use memchr::memmem::Finder;
use std::{
    cmp::Ordering,
    fmt::{self, Debug},
};

/// A text, prepared for looking for it many times.
#[derive(Clone)]
pub struct Needle(Box<Finder<'static>>);

impl Needle {
    /// The text `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Box::new(Finder::new(text).into_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was a text when it was made.
        std::str::from_utf8(self.0.needle()).unwrap_or_default()
    }

    /// Whether it is a part of `value`; linear in the length of both.
    #[must_use]
    pub fn is_in(&self, value: &[u8]) -> bool {
        let text = self.0.needle();
        match value.len().cmp(&text.len()) {
            Ordering::Less => false,
            // Often so for cookies, and a search has a price even then.
            Ordering::Equal => value == text,
            Ordering::Greater => self.0.find(value).is_some(),
        }
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

impl Eq for Needle {}

impl Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Needle").field(&self.as_str()).finish()
    }
}
