//! Service level agreements.

use super::{
    escalation,
    report::{Cursor, Fields, Report},
    whole_name,
};
use crate::{
    model::{ClusterSla, Metadata, Name, Named, Policy, Sla},
    yaml::entries_to_json,
};
use std::time::Duration;

/// In a cluster: the name of a stored agreement, a reference that says other escalations, or the agreement itself.
pub(super) fn of_cluster(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<ClusterSla> {
    if at.node.text().is_some() {
        let name = at.parse(report, "IllegalName")?;
        return Some(ClusterSla::Stored { name, escalations: Vec::new() });
    }
    if at.node.get("reference").is_none() && at.node.get("ref").is_none() {
        return Some(ClusterSla::Inline(Box::new(anonymous(at, report)?)));
    }
    let mut fields = at.fields(report);
    fields.ignore(&["kind", "metadata"]);
    let name = fields.either("reference", "ref").and_then(|at| at.parse(report, "IllegalName"));
    let escalations = fields.get("escalations").map(|at| escalation::all(&at, report)).unwrap_or_default();
    fields.finish(report);
    Some(ClusterSla::Stored { name: name?, escalations })
}

fn anonymous(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Sla> {
    if at.node.get("name").is_some() {
        super::refuse_name(at, report, "sla");
        return None;
    }
    let mut fields = at.fields(report);
    fields.kind(report, &["slas"]);
    fields.ignore(&["metadata"]);
    let sla = values(at, &mut fields, report);
    fields.finish(report);
    sla
}

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Sla>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["slas"]);
    let name: Option<Name> = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let value = values(at, &mut fields, report);
    fields.finish(report);
    Some(Named { name: name?, metadata, value: value? })
}

fn values(at: &Cursor<'_>, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Sla> {
    let kind = fields.require(report, "type").and_then(|at| at.text(report));
    let escalations = fields.get("escalations").map(|at| escalation::all(&at, report)).unwrap_or_default();
    let policy = match kind? {
        "response_time_sliding_window" => response_time(fields, report),
        "escalation_only" => Some(Policy::EscalationOnly),
        other => {
            let parameters = parameters(at, fields, &["type", "escalations"]);
            Some(Policy::Other { kind: other.to_owned(), parameters })
        }
    };
    Some(Sla { policy: policy?, escalations })
}

/// What a generic type says: every key but those that are known.
pub(super) fn parameters(at: &Cursor<'_>, fields: &mut Fields<'_>, known: &[&str]) -> Metadata {
    fields.ignore_rest();
    let known = |key: &str| known.contains(&key) || matches!(key, "name" | "kind" | "metadata");
    let mut all = entries_to_json(at.node.entries().unwrap_or_default());
    all.retain(|key, _| !known(key));
    all
}

fn response_time(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Policy> {
    let (upper, lower) = pair(fields, report, "threshold", ["upper", "lower"], Duration::from_millis);
    let (interval, cooldown) = pair(fields, report, "window", ["interval", "cooldown"], Duration::from_secs);
    Some(Policy::ResponseTime { upper: upper?, lower: lower?, interval: interval?, cooldown: cooldown? })
}

fn pair(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    key: &'static str,
    [first, second]: [&'static str; 2],
    unit: fn(u64) -> Duration,
) -> (Option<Duration>, Option<Duration>) {
    let inner = fields.require(report, key).and_then(|at| at.inner_fields(report));
    let Some(mut fields) = inner else { return (None, None) };
    let mut time = |key| Some(unit(u64::from(fields.require(report, key)?.whole_number(report)?)));
    let times = (time(first), time(second));
    fields.finish(report);
    times
}
