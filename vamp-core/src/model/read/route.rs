//! Routes of a gateway.

use super::{
    condition, is_reference,
    report::{Cursor, Report},
};
use crate::{
    condition::Condition,
    model::Route,
    routing::{Balance, Rewrite},
};
use serde::{Deserialize, de::value::StrDeserializer};

/// Text is one route; a list has texts and maps of one entry; a map has all.
pub(super) fn routes(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Route<String>> {
    let mut routes: Vec<Route<String>> = Vec::new();
    if at.node.entries().is_some() {
        for (key, at) in at.entries(report) {
            routes.extend(route(key, &at, report));
        }
        return routes;
    }
    for item in at.items_or_one() {
        let found = match item.node.text() {
            Some(key) => vec![Route::new(key.to_owned())],
            None => item.entries(report).into_iter().filter_map(|(key, at)| route(key, &at, report)).collect(),
        };
        for route in found {
            if routes.iter().any(|other| other.path == route.path) {
                let message = format!("the route `{}` appears twice", route.path);
                report.refuse(&item.path, "UnsupportedRoutePathError", message, "keep one of them");
            } else {
                routes.push(route);
            }
        }
    }
    routes
}

fn route(key: &str, at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Route<String>> {
    if at.node.is_absent() {
        report.refuse(&at.path, "UnexpectedTypeError", "the route has no value", "write `{}` for one without settings");
        return None;
    }
    if is_reference(at, report, "route") {
        return None;
    }
    let mut fields = at.fields(report);
    fields.kind(report, &["routes"]);
    fields.ignore(&["lookup_name", "targets"]);
    let mut percentage = |key| fields.get(key).and_then(|at| at.parse(report, "UnexpectedTypeError"));
    let (weight, strength) = (percentage("weight"), percentage("condition_strength"));
    let condition = fields.get("condition").and_then(|at| condition::inline(&at, report));
    let balance = fields.get("balance").and_then(|at| balance(&at, report));
    let rewrites = fields.get("rewrites").map(|at| rewrites(&at, report)).unwrap_or_default();
    let metadata = fields.metadata(report);
    if let Some(selector) = fields.get("selector") {
        report.refuse_key(&selector.path, "InvalidSelectorError", "selectors are not supported yet", "");
    }
    fields.finish(report);
    Some(Route { path: key.to_owned(), weight, condition, strength, balance, rewrites, metadata })
}

fn balance(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Balance> {
    let text = at.text(report).filter(|text| *text != "default")?;
    let read = Balance::deserialize(StrDeserializer::<serde::de::value::Error>::new(text));
    if read.is_err() {
        let hint = "write `roundrobin`, `leastconn`, `first`, `source`, `uri`, `random` or `default`";
        report.refuse(&at.path, "UnsupportedBalanceError", format!("`{text}` is no way to share requests"), hint);
    }
    read.ok()
}

fn rewrites(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Rewrite> {
    at.items_or_one().iter().filter_map(|item| rewrite(item, report)).collect()
}

fn rewrite(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Rewrite> {
    if is_reference(at, report, "rewrite") {
        return None;
    }
    let mut fields = at.fields(report);
    fields.kind(report, &["rewrites"]);
    let found = fields.require(report, "path").and_then(|at| {
        let text = at.text(report)?;
        let read = parse_rewrite(text);
        if let Err(reason) = &read {
            let hint = "write `/new/path if condition`, the condition as in a route, or HAProxy's own in `{ }`";
            report.refuse(&at.path, "UnsupportedPathRewriteError", reason.clone(), hint);
        }
        read.ok()
    });
    fields.finish(report);
    found
}

/// `<path> if <condition>`: the last ` if ` splits.
fn parse_rewrite(text: &str) -> Result<Rewrite, String> {
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
