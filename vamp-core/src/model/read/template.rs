//! Templates.

use super::{
    report::{Cursor, Report},
    whole_name,
};
use crate::{
    model::{Name, Named, Template},
    yaml::entries_to_json,
};

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Template>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["templates"]);
    let name: Option<Name> = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let definition = fields.either("definition", "def").map(|at| {
        if at.node.entries().is_none() {
            at.unexpected(report, "a map", "write the keys that an artifact is to have");
        }
        at.node.entries().map(entries_to_json).unwrap_or_default()
    });
    fields.finish(report);
    Some(Named { name: name?, metadata, value: Template { definition: definition.unwrap_or_default() } })
}
