//! Conditions: which requests a route takes before weights do.
//!
//! ```text
//! host == shop.example and (user-agent == Firefox or has cookie beta)
//! path starts with /api and not method is GET
//! header x-version matches '^2\.[0-9]+$' and client ip in 10.0.0.0/8
//! ```
//!
//! # Grammar
//!
//! Words are taken in any case, blanks are free except where two words would touch, `and` binds tighter than `or`.
//!
//! ```text
//! condition  = conjunction , { ( "or" | "||" | "|" ) , conjunction } ;
//! conjunction = factor , { ( "and" | "&&" | "&" ) , factor } ;
//! factor     = [ "not" | "!" ] , ( "(" , condition , ")" | test ) ;
//! test       = "host" , ( equals | differs | has | misses ) , value           (* `has` means equality here *)
//!            | "user" , [ "-" | "." ] , "agent" , ( equals | differs | has | misses ) , value   (* part of it *)
//!            | ( has | misses ) , ( "header" | "cookie" ) , name
//!            | "header" , name , compare , value
//!            | "cookie" , name , compare , value
//!            | "path" , compare , value
//!            | "method" , ( equals | differs ) , value
//!            | "client ip" , ( "in" | "not in" | equals | differs ) , address , [ "/" , bits ]
//!            | "<" , native , ">" ;
//! compare    = equals | differs | has | misses | "starts with" | "ends with" | "matches" ;
//! equals     = "==" | "=" | "is" ;
//! differs    = "!=" | "!" | "not" ;
//! has        = "has" | "contains" ;
//! misses     = "misses" ;
//! value      = "'" , { any | "''" } , "'" | '"' , { any | '""' } , '"' | bare ;
//! bare       = visible ASCII without parentheses, not beginning with a quote ;
//! ```
//!
//! A quote inside its own kind is doubled; the other kind needs nothing: `"it's"` and `'it''s'` are the same.
//!
//! # What a test means
//!
//! - A test about a header or a cookie holds if it holds for one of its occurrences. Header names are taken in any
//!   case, cookie names and every value as written. `misses` and `!=` are the opposite of `has` and `==`, so they hold
//!   where the header is absent.
//! - `host` compares without case, and without the port unless the value itself has one.
//! - `user-agent` looks for the value in the header. `Chrome`, `Firefox`, `Edge`, `Safari` and `IE`, in any case, stand
//!   for what these browsers send; Chrome also sends `Safari`, so test for what makes the difference.
//! - `path` is the path as sent, without the query. `method` is compared in capitals.
//! - `matches` searches a regular expression anywhere in the value: the subset that HAProxy and this crate understand
//!   alike, see [`Pattern`].
//! - `client ip` is the address of the connection.
//! - A native test is an ACL of HAProxy, see [`native`]. It has no value in this process.

mod cidr;
mod cookie;
mod evaluate;
mod grammar;
pub mod native;
mod needle;
mod parsed;
mod pattern;
mod predicate;
mod request;
mod text;

pub use crate::boolean::{Expr, ParseError};
pub use cidr::Cidr;
pub use needle::Needle;
pub use parsed::Condition;
pub use pattern::{InvalidPattern, Pattern};
pub(crate) use predicate::without_port;
pub use predicate::{Host, Match, Predicate, UserAgent};
pub use request::{Request, RequestParts};
pub use text::MAX_VALUE;

#[cfg(test)]
mod tests;
