mod arbitrary;
mod blueprint;
mod breed;
mod deployment;
mod gateway;
mod shorthand;

use crate::violation::Violations;

/// `code path` of every violation, in order of place.
fn found<T: std::fmt::Debug>(read: Result<T, Violations>) -> Vec<String> {
    let Violations(violations) = read.expect_err("something is wrong with it");
    assert!(violations.iter().all(|violation| violation.line.is_some()), "each has a place: {violations:?}");
    violations.iter().map(|violation| format!("{} {}", violation.code, violation.path)).collect()
}
