//! Changes of the path of a request.

use super::{
    report::{Cursor, Fields, Report},
    weak_reference, whole_name,
};
use crate::{
    condition::Condition,
    model::{Name, Named, Reference},
    routing::Rewrite,
};

/// In a route: a list of changes, or one.
pub(super) fn all(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Reference<Rewrite>> {
    at.items_or_one().iter().filter_map(|item| reference(item, report)).collect()
}

fn reference(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Reference<Rewrite>> {
    if let Some(name) = weak_reference(at, report, "rewrite") {
        return name.map(Reference::Reference);
    }
    let mut fields = at.fields(report);
    fields.kind(report, &["rewrites"]);
    fields.ignore(&["metadata"]);
    let found = values(&mut fields, report);
    fields.finish(report);
    found.map(Reference::from)
}

/// An artifact of its own.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Rewrite>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["rewrites"]);
    let name: Option<Name> = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let value = values(&mut fields, report);
    fields.finish(report);
    Some(Named { name: name?, metadata, value: value? })
}

fn values(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Rewrite> {
    let at = fields.require(report, "path")?;
    let read = parse(at.text(report)?);
    if let Err(reason) = &read {
        let hint = "write `/new/path if condition`, the condition as in a route, or HAProxy's own in `{ }`";
        report.refuse(&at.path, "UnsupportedPathRewriteError", reason.clone(), hint);
    }
    read.ok()
}

/// `<path> if <condition>`: the last ` if ` splits.
fn parse(text: &str) -> Result<Rewrite, String> {
    // ASCII lower case keeps every byte in its place.
    let at = text.to_ascii_lowercase().rfind(" if ").ok_or_else(|| format!("`{text}` has no ` if `"))?;
    let (path, condition) = (text[..at].trim(), text[at + 4..].trim());
    if path.is_empty() || !path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\')) {
        return Err(format!("`{path}` is not the path of a request"));
    }
    let native = condition.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
    let condition = native.map_or_else(|| condition.to_owned(), |inner| format!("< {} >", inner.trim()));
    let condition = Condition::parse(&condition).map_err(|error| error.to_string())?;
    Ok(Rewrite { path: path.to_owned(), condition })
}
