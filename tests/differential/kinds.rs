//! What kind of operand a test is.

use vamp_core::condition::{Condition, Expr, Match, Predicate};

/// The kinds that HAProxy and the library are compared in; what the library cannot evaluate is none.
pub(crate) const ALL: usize = 21;

/// The kind of the only test of this condition.
pub(crate) fn of(condition: &Condition) -> String {
    match only(condition.expression()) {
        Predicate::Host(_) => "host".to_owned(),
        Predicate::UserAgent(_) => "user agent".to_owned(),
        Predicate::HeaderPresent(_) => "header is there".to_owned(),
        Predicate::CookiePresent(_) => "cookie is there".to_owned(),
        Predicate::Header { test, .. } => format!("header {}", comparison(test)),
        Predicate::Cookie { test, .. } => format!("cookie {}", comparison(test)),
        Predicate::Path(test) => format!("path {}", comparison(test)),
        Predicate::Method(_) => "method".to_owned(),
        Predicate::ClientIp(_) => "client ip".to_owned(),
        Predicate::Native(text) => panic!("`{text}` cannot be evaluated"),
    }
}

fn only(expression: &Expr<Predicate>) -> &Predicate {
    match expression {
        Expr::Leaf(predicate) => predicate,
        Expr::Not(inner) => only(inner),
        other => panic!("not one test: {other:?}"),
    }
}

fn comparison(test: &Match) -> &'static str {
    match test {
        Match::Equals(_) => "equals",
        Match::Contains(_) => "contains",
        Match::StartsWith(_) => "starts with",
        Match::EndsWith(_) => "ends with",
        Match::Matches(_) => "matches",
    }
}
