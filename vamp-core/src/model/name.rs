//! [`Name`] and [`GatewayName`].

use super::text::{ParseTextError, serde_as_text};
use std::{fmt, str::FromStr};

/// The name of an artifact: not empty, without blanks, control characters, `/`, `[` and `]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_segment(text).map_err(|reason| ParseTextError::new("name", text, reason))?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

serde_as_text!(Name);

/// One segment of a name or path.
pub(super) fn check_segment(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    let refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '[' | ']');
    if text.chars().any(refused) {
        return Err("blanks, control characters, `/`, `[` and `]` are not allowed");
    }
    Ok(())
}

/// The name of a gateway: one to four [`Name`]s joined by `/`, such as `sava/9050` or `sava/sava/web`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayName(String);

impl GatewayName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments: one to four.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether the gateway belongs to a cluster of a deployment (`deployment/cluster/port`): exactly three segments.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.segments().count() == 3
    }
}

impl FromStr for GatewayName {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("gateway name", text, reason);
        if text.split('/').count() > 4 {
            return Err(refuse("it has more than four segments"));
        }
        text.split('/').try_for_each(check_segment).map_err(refuse)?;
        Ok(Self(text.to_owned()))
    }
}

impl From<Name> for GatewayName {
    fn from(name: Name) -> Self {
        Self(name.0)
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for GatewayName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for GatewayName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for GatewayName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

serde_as_text!(GatewayName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_blanks_slashes_or_brackets() {
        for good in ["sava:1.0", "a", "my-App_1", "ünï"] {
            assert_eq!(good.parse::<Name>().expect(good).as_str(), good);
        }
        for bad in ["", " ", "a b", "a/b", "[a]", "a\nb", "a\u{0}"] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_gateway_name_has_one_to_four_segments_and_three_are_internal() {
        for (name, internal) in [("a", false), ("a/b", false), ("a/b/c", true), ("a/b/c/d", false)] {
            assert_eq!(name.parse::<GatewayName>().expect(name).is_internal(), internal, "{name}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "a/b/c/d/e", "a b"] {
            assert!(bad.parse::<GatewayName>().is_err(), "{bad:?}");
        }
    }
}
