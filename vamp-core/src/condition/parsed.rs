//! [`Condition`].

use super::{Expr, ParseError, Predicate, Request, grammar};
use crate::boolean;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    borrow::Cow,
    cell::Cell,
    fmt::{self, Debug, Display},
    str::FromStr,
    sync::Arc,
};

/// A boolean expression over a request.
///
/// Two conditions are equal if their trees are. A clone is cheap.
///
/// ```
/// use vamp_core::condition::{Condition, RequestParts};
///
/// let condition = Condition::parse("(User-Agent == Firefox or User-Agent == Chrome) and cookie vamp has 1")?;
/// let request = http::Request::get("/").header("user-agent", "Firefox/140.0").header("cookie", "vamp=1").body(())?;
/// let (parts, ()) = request.into_parts();
/// assert_eq!(condition.matches(&RequestParts::new(&parts)), Some(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Condition(Arc<Inner>);

struct Inner {
    text: Box<str>,
    expression: Expr<Predicate>,
    native: bool,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// Where the text is not a condition, with the place, what was expected there, and a hint.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let patterns = Cell::new(0);
        let expression = boolean::parse(text, |input| grammar::test(input, &patterns))?;
        let native = expression.any_leaf(&mut |leaf| matches!(leaf, Predicate::Native(_)));
        Ok(Self(Arc::new(Inner { text: text.into(), expression, native })))
    }

    /// The text as it was written; [`Display`] writes the same condition in canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The tree as it was written: names of browsers are not yet what they stand for.
    #[must_use]
    pub fn expression(&self) -> &Expr<Predicate> {
        &self.0.expression
    }

    /// The tree with what the names of browsers stand for: what a renderer needs.
    #[must_use]
    pub fn expanded(&self) -> Expr<Cow<'_, Predicate>> {
        self.0.expression.replace(&mut |leaf| match leaf {
            Predicate::UserAgent(agent) if !agent.is_expanded() => agent.expand(),
            other => Expr::Leaf(Cow::Borrowed(other)),
        })
    }

    /// Whether parts of it are HAProxy's and have no value in this process.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.0.native
    }

    /// Whether it holds for `request`; `None` if that depends on a native part.
    pub fn matches(&self, request: &impl Request) -> Option<bool> {
        self.0.expression.evaluate(&mut |leaf| leaf.matches(request))
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.expression == other.0.expression
    }
}

impl Eq for Condition {}

impl Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.0.text).finish()
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.expression, f)
    }
}

impl FromStr for Condition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
