//! Whether clients stay where they were sent first: a word, or a map with times.

use super::report::{Cursor, Fields, Report};
use crate::{model::units::parse_time, routing::Sticky};
use std::time::Duration;

const CODE: &str = "IllegalGatewayStickyValue";
const HINT: &str = "write `route`, `instance` or `none`, or with times `{by: route, ttl: 1h, idle: 20m}`";

pub(super) fn sticky(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Sticky> {
    if at.node.entries().is_none() {
        return by(at, report);
    }
    let mut fields = at.fields(report);
    let by = fields.require(report, "by").and_then(|at| by(&at, report));
    let (ttl, idle) = (time(&mut fields, "ttl", report), time(&mut fields, "idle", report));
    if let (Some(ttl), Some(idle)) = (ttl, idle)
        && idle > ttl
    {
        let message = "a client cannot be away for longer than it stays";
        report.refuse(&fields.path.join("idle"), CODE, message, "write a time that is not longer than `ttl`");
    }
    fields.finish(report);
    Some(Sticky { ttl, idle, ..by? })
}

fn by(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Sticky> {
    let text = at.node.text().unwrap_or_default();
    match text.to_ascii_lowercase().as_str() {
        "route" => Some(Sticky::ROUTE),
        "instance" => Some(Sticky::INSTANCE),
        "none" => None,
        _ => {
            report.refuse(&at.path, CODE, format!("`{text}` is nothing to stick to"), HINT);
            None
        }
    }
}

/// Cookies count in seconds.
fn time(fields: &mut Fields<'_>, key: &'static str, report: &mut Report<'_>) -> Option<Duration> {
    let at = fields.get(key)?;
    let time = at.read(report, "a time", parse_time)?;
    if time.as_secs() == 0 || time.subsec_nanos() > 0 {
        let message = format!("`{}` are not whole seconds", at.node.text().unwrap_or_default());
        report.refuse(&at.path, CODE, message, "write one second or more, such as `20m` or `1h`");
        return None;
    }
    Some(time)
}
