//! Escalations.

use super::{
    report::{Cursor, Fields, Report},
    sla::parameters,
    weak_reference, whole_name,
};
use crate::model::{
    Escalation, Name, Named, Reference, Step,
    units::{parse_cpu, parse_megabytes},
};

/// A list of escalations, or one; several are one `to_all`.
pub(super) fn all(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Reference<Escalation>> {
    let found = list(at, report);
    if found.len() > 1 { vec![Escalation::All(found).into()] } else { found }
}

fn list(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Reference<Escalation>> {
    at.items_or_one().iter().filter_map(|item| reference(item, report)).collect()
}

fn reference(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Reference<Escalation>> {
    if let Some(name) = weak_reference(at, report, "escalation") {
        return name.map(Reference::Reference);
    }
    if at.node.get("type").is_none()
        && let Some([only]) = at.node.entries()
    {
        match only.key.as_str() {
            "to_all" => return Some(Escalation::All(group(at, report)).into()),
            "to_one" => return Some(Escalation::One(group(at, report)).into()),
            _ => {}
        }
    }
    let mut fields = at.fields(report);
    fields.kind(report, &["escalations"]);
    fields.ignore(&["metadata"]);
    let escalation = values(at, &mut fields, report);
    fields.finish(report);
    escalation.map(Reference::from)
}

/// What stands in `to_all: […]` or `to_all: {escalations: […]}`.
fn group(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Reference<Escalation>> {
    let Some((_, inner)) = at.entries(report).pop() else { return Vec::new() };
    if inner.node.get("escalations").is_none() {
        return list(&inner, report);
    }
    let mut fields = inner.fields(report);
    let found = fields.get("escalations").map(|at| list(&at, report)).unwrap_or_default();
    fields.finish(report);
    found
}

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Escalation>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["escalations"]);
    let name: Option<Name> = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let value = values(at, &mut fields, report);
    fields.finish(report);
    Some(Named { name: name?, metadata, value: value? })
}

fn values(at: &Cursor<'_>, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Escalation> {
    let kind = fields.require(report, "type").and_then(|at| at.text(report))?;
    let escalation = match kind {
        "scale_instances" => Escalation::Instances(step(fields, report, "a whole number", parse_count)?),
        "scale_cpu" => Escalation::Cpu(step(fields, report, "a number of cpus", parse_cpu)?),
        "scale_memory" => Escalation::Memory(step(fields, report, "an amount of memory", parse_megabytes)?),
        "to_all" => Escalation::All(escalations(fields, report)),
        "to_one" => Escalation::One(escalations(fields, report)),
        other => Escalation::Other { kind: other.to_owned(), parameters: parameters(at, fields, &["type"]) },
    };
    Some(escalation)
}

fn escalations(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<Reference<Escalation>> {
    fields.require(report, "escalations").map(|at| list(&at, report)).unwrap_or_default()
}

fn step<T: PartialOrd>(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    what: &str,
    parse: fn(&str) -> Result<T, &'static str>,
) -> Option<Step<T>> {
    let mut value = |key| fields.require(report, key).and_then(|at| at.read(report, what, parse));
    let (minimum, maximum, by) = (value("minimum"), value("maximum"), value("scale_by"));
    let target = fields.get("target").map(|at| at.parse(report, "IllegalName"));
    let (minimum, maximum) = (minimum?, maximum?);
    if minimum > maximum {
        let at = fields.path.join("maximum");
        report.refuse(&at, "UnexpectedTypeError", "the maximum is less than the minimum", "");
    }
    Some(Step { minimum, maximum, by: by?, target: target.flatten() })
}

fn parse_count(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "write a number such as `3`")
}
