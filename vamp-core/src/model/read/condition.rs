//! Conditions.

use super::{
    is_reference,
    report::{Cursor, Report},
};
use crate::{condition::Condition, model::Named};

/// In a route: text is the condition itself; empty text is none.
pub(super) fn inline(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Condition> {
    if at.node.text().is_some() {
        return parse(at, report);
    }
    if is_reference(at, report, "condition") {
        return None;
    }
    let mut fields = at.fields(report);
    fields.ignore(&["kind", "metadata"]);
    let condition = fields.require(report, "condition").and_then(|at| parse(&at, report));
    fields.finish(report);
    condition
}

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Condition>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["conditions"]);
    let name = fields.require(report, "name").and_then(|at| at.parse(report, "IllegalName"));
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
