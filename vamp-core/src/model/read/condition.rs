//! Conditions.

use super::{
    report::{Cursor, Report},
    weak_reference, whole_name,
};
use crate::{
    condition::Condition,
    model::{Named, Reference},
};

/// In a route: text is the condition itself; empty text is none.
pub(super) fn of_route(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Reference<Condition>> {
    if at.node.text().is_some() {
        return parse(at, report).map(Reference::from);
    }
    if let Some(name) = weak_reference(at, report, "condition") {
        return name.map(Reference::Reference);
    }
    let mut fields = at.fields(report);
    fields.ignore(&["kind", "metadata"]);
    let condition = fields.require(report, "condition").and_then(|at| parse(&at, report));
    fields.finish(report);
    condition.map(Reference::from)
}

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Condition>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["conditions"]);
    let name = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let value = fields.require(report, "condition").and_then(|at| {
        if at.node.text().is_some_and(|text| text.trim().is_empty()) {
            report.refuse(&at.path, "MissingPathValueError", "the condition is empty", "");
        }
        parse(&at, report)
    });
    fields.finish(report);
    Some(Named { name: name?, metadata, value: value? })
}

fn parse(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Condition> {
    let text = at.text(report).filter(|text| !text.trim().is_empty())?;
    match Condition::parse(text) {
        Ok(condition) => Some(condition),
        Err(error) => {
            let place = at.node.position_of(error.offset());
            report.refuse_at(&at.path, place, "ParserError", error.to_string(), "");
            None
        }
    }
}
