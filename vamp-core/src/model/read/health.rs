//! Health checks.

use super::report::{Cursor, Path, Report};
use crate::model::{HealthCheck, units::parse_time};
use std::time::Duration;

/// A list of checks, or one; an empty list means "none", which is more than not saying anything.
pub(super) fn checks(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<HealthCheck> {
    at.items_or_one().iter().filter_map(|item| check(item, report)).collect()
}

pub(super) fn check(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<HealthCheck> {
    let mut fields = at.fields(report);
    let path = fields.get("path").map_or(Some("/"), |at| at.text(report));
    if let Some(path) = path.filter(|path| !is_path(path)) {
        let message = format!("`{path}` is not the path of a request");
        report.refuse(&fields.path.join("path"), "UnexpectedTypeError", message, "write a path such as `/health`");
    }
    let port = fields.require(report, "port").and_then(|at| at.text(report));
    let mut time = |key| -> Option<Duration> { fields.require(report, key)?.read(report, "a time", parse_time) };
    let (initial_delay, timeout, interval) = (time("initial_delay"), time("timeout"), time("interval"));
    for (key, time) in [("timeout", timeout), ("interval", interval)] {
        if time.is_some_and(|time| time.is_zero()) {
            let message = format!("the {key} is zero");
            report.refuse(&fields.path.join(key), "UnexpectedTypeError", message, "write a time such as `1s`");
        }
    }
    let failures = fields.require(report, "failures").and_then(|at| failures(&at, report));
    let protocol = fields.get("protocol").map_or(Some("HTTP"), |at| at.text(report));
    fields.finish(report);
    Some(HealthCheck {
        path: path?.to_owned(),
        port: port?.to_owned(),
        initial_delay: initial_delay?,
        timeout: timeout?,
        interval: interval?,
        failures: failures?,
        protocol: protocol?.to_owned(),
    })
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.chars().all(|c| c.is_ascii_graphic())
}

fn failures(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<u32> {
    if at.node.text().is_some_and(|text| text.parse::<i64>().is_ok_and(i64::is_negative)) {
        report.refuse(&at.path, "NegativeFailuresNumberError", "the number of failures is negative", "");
        return None;
    }
    at.whole_number(report)
}

/// Checks that every check's port is among `ports`.
pub(super) fn resolve_ports(checks: &[HealthCheck], ports: &[&str], at: &Path, report: &mut Report<'_>) {
    for (index, check) in checks.iter().enumerate().filter(|(_, check)| !ports.contains(&check.port.as_str())) {
        let message = format!("the health check asks port `{}`, which is not declared", check.port);
        let hint = if ports.is_empty() { String::new() } else { format!("declared: `{}`", ports.join("`, `")) };
        report.refuse(&at.join(index).join("port"), "UnresolvedPortReferenceError", message, &hint);
    }
}
