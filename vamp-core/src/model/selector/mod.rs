//! [`Selector`]: which running instances a route or a gateway leads to, whatever they are instances of.
//!
//! ```text
//! label (app)(shop) and port (8080) and not name (.*canary.*)
//! ```
//!
//! # Grammar
//!
//! Words are taken in any case, blanks are free except where two words would touch, `and` binds tighter than `or`.
//!
//! ```text
//! selector    = conjunction , { ( "or" | "||" | "|" ) , conjunction } ;
//! conjunction = factor , { ( "and" | "&&" | "&" ) , factor } ;
//! factor      = [ "not" | "!" ] , ( "(" , selector , ")" | test ) ;
//! test        = ( "name" | "id" ) , pattern | ( "kind" | "type" ) , pattern
//!             | ( "namespace" | "group" ) , pattern | "image" , pattern
//!             | "label" , pattern , pattern                       (* name and value *)
//!             | ( "ip" | "host" ) , pattern
//!             | "port" , number | ( "index" | "port_index" ) , number
//!             | "true" | "t" | "1" | "false" | "f" | "0" ;
//! pattern     = "(" , regular expression , ")" ;     (* with at most one capture group, and no group inside of it *)
//! number      = "(" , digits , ")" ;
//! ```
//!
//! A pattern matches the whole of a value. What its group captures names the route of a gateway's selector. `$namespace`
//! in `namespace ( )` is the namespace of the server.

mod grammar;
mod select;
#[cfg(test)]
mod tests;

pub use select::{Candidate, Group, Matcher, Tags, group_name};

use crate::boolean::{self, Expr, Leaf, ParseError};
use std::fmt;

/// An expression over running instances. Two are equal if their trees are.
#[derive(Clone)]
pub struct Selector {
    text: Box<str>,
    expression: Expr<SelectorTest>,
}

/// One operand of a [`Selector`]. Patterns are regular expressions that match the whole of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SelectorTest {
    /// The name of the group of instances.
    Name(Box<str>),
    /// Its kind, such as `deployment`.
    Kind(Box<str>),
    /// Its namespace.
    Namespace(Box<str>),
    /// Its image.
    Image(Box<str>),
    /// Name and value of one of its labels.
    Label(Box<str>, Box<str>),
    /// The address of an instance.
    Ip(Box<str>),
    /// The number of a port, as it is declared or as it is open.
    Port(u16),
    /// The place of a port in the list of ports, from 0.
    PortIndex(u16),
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    ///
    /// Where the text is not a selector, with the place, what was expected there, and a hint.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let expression = boolean::parse(text, grammar::test)?;
        Ok(Self { text: text.into(), expression })
    }

    /// The text as it was written; [`Display`](fmt::Display) writes the same selector in canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The tree.
    #[must_use]
    pub const fn expression(&self) -> &Expr<SelectorTest> {
        &self.expression
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Eq for Selector {}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Selector").field(&self.text).finish()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl Leaf for SelectorTest {
    fn write(&self, negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if negated {
            f.write_str("not ")?;
        }
        match self {
            Self::Name(pattern) => write!(f, "name ({pattern})"),
            Self::Kind(pattern) => write!(f, "kind ({pattern})"),
            Self::Namespace(pattern) => write!(f, "namespace ({pattern})"),
            Self::Image(pattern) => write!(f, "image ({pattern})"),
            Self::Label(name, value) => write!(f, "label ({name})({value})"),
            Self::Ip(pattern) => write!(f, "ip ({pattern})"),
            Self::Port(port) => write!(f, "port ({port})"),
            Self::PortIndex(index) => write!(f, "index ({index})"),
        }
    }
}
