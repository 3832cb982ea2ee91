//! Scales.

use super::{
    report::{Cursor, Fields, Report},
    weak_reference, whole_name,
};
use crate::model::{
    Named, Reference, Scale,
    units::{parse_cpu, parse_memory},
};

/// In a service: the name of a stored scale, or an anonymous one.
pub(super) fn reference(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Reference<Scale>> {
    if let Some(name) = weak_reference(at, report, "scale") {
        return name.map(Reference::Reference);
    }
    let mut fields = at.fields(report);
    fields.ignore(&["kind", "metadata", "lookup_name"]);
    let scale = values(&mut fields, report);
    fields.finish(report);
    Some(Reference::Inline(Box::new(scale?)))
}

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Scale>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["scales"]);
    let name = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let value = values(&mut fields, report);
    fields.finish(report);
    Some(Named { name: name?, metadata, value: value? })
}

fn values(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Scale> {
    let cpu = fields.require(report, "cpu").and_then(|at| at.read(report, "a number of cpus", parse_cpu));
    let memory = fields.require(report, "memory").and_then(|at| at.read(report, "an amount of memory", parse_memory));
    let instances = fields.get("instances").map_or(Some(1), |at| at.whole_number(report));
    Some(Scale { cpu_millis: cpu?, memory_bytes: memory?, instances: instances? })
}
