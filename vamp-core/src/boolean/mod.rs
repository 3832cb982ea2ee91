//! What conditions and route selectors share: `and`, `or`, `not`, parentheses, and errors that point at their cause.
//!
//! ```text
//! expression  = conjunction , { ( "or" | "||" | "|" ) , conjunction } ;
//! conjunction = factor , { ( "and" | "&&" | "&" ) , factor } ;
//! factor      = [ "not" | "!" ] , ( "(" , expression , ")" | operand ) ;
//! ```
//!
//! Words are taken in any case. A blank is needed after a word unless a parenthesis follows; elsewhere blanks are free.

mod error;
mod expr;
mod parse;

pub use error::ParseError;
pub use expr::{Expr, Leaf};
pub use parse::{MAX_DEPTH, MAX_TEXT};
pub(crate) use parse::{Parsed, blank, blanks, fail, fail_with, keyword, parse};

#[cfg(test)]
mod tests;
