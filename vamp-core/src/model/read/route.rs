//! Routes of a gateway.

use super::{
    condition,
    report::{Cursor, Fields, Report},
    rewrite, selector, settings, weak_reference, whole_name,
};
use crate::{
    model::{Metadata, Name, Named, Route},
    routing::Balance,
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
    if let Some(name) = weak_reference(at, report, "route") {
        return Some(Route { stored: Some(name?), ..Route::new(key.to_owned()) });
    }
    let mut fields = at.fields(report);
    fields.kind(report, &["routes"]);
    let route = values(&mut fields, report);
    let metadata = fields.metadata(report);
    fields.finish(report);
    if route.selector.is_some() {
        check_selected(key, at, report);
    }
    Some(Route { metadata, ..route.at(key.to_owned()) })
}

/// A selector says where the route leads, so its key is nothing but a name.
fn check_selected(key: &str, at: &Cursor<'_>, report: &mut Report<'_>) {
    let place = at.path.join("selector");
    if key.starts_with('[') {
        let message = "a route to an address has no selector";
        report.refuse_key(&place, "RouteSelectorExternalTargetError", message, "give the route a name instead");
    } else if key.split('/').filter(|segment| !segment.is_empty()).count() > 1 {
        let message = format!("the route `{key}` says itself where it leads, so it has no selector");
        report.refuse_key(&place, "RouteSelectorOnlyRouteError", message, "give the route a name without `/`");
    }
}

/// An artifact of its own; it leads nowhere until a gateway refers to it.
pub(super) fn named(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Named<Route<()>>> {
    let mut fields = at.fields(report);
    fields.kind(report, &["routes"]);
    let name: Option<Name> = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let value = values(&mut fields, report);
    fields.finish(report);
    Some(Named { name: name?, metadata, value })
}

fn values(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Route<()> {
    fields.ignore(&["lookup_name", "targets"]);
    let mut percentage = |key| fields.get(key).and_then(|at| at.parse(report, "UnexpectedTypeError"));
    let (weight, strength) = (percentage("weight"), percentage("condition_strength"));
    Route {
        path: (),
        stored: None,
        weight,
        condition: fields.get("condition").and_then(|at| condition::of_route(&at, report)),
        strength,
        balance: fields.get("balance").and_then(|at| balance(&at, report)),
        rewrites: fields.get("rewrites").map(|at| rewrite::all(&at, report)).unwrap_or_default(),
        settings: settings::of_route(fields, report),
        selector: fields.get("selector").and_then(|at| selector(&at, report)),
        metadata: Metadata::new(),
    }
}

fn balance(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Balance> {
    let text = at.text(report).filter(|text| *text != "default")?;
    let read = Balance::deserialize(StrDeserializer::<serde::de::value::Error>::new(text));
    if read.is_err() {
        let hint = match text.split(['(', ' ']).next() {
            Some("static-rr") => "its weights cannot change at run time; write `roundrobin`",
            Some("url_param" | "hdr" | "rdp-cookie") => {
                "let clients stick (`sticky: instance`), or give the route a condition on what they send"
            }
            _ => "write `roundrobin`, `leastconn`, `first`, `source`, `uri`, `random` or `default`",
        };
        report.refuse(&at.path, "UnsupportedBalanceError", format!("`{text}` is no way to share requests"), hint);
    }
    read.ok()
}
