//! Gateways: of their own, of a blueprint (external), of a cluster (internal).

use super::{
    report::{Cursor, Fields, Path, Report},
    route, selector, settings,
    sticky::sticky,
};
use crate::{
    driver::Address,
    model::{Gateway, GatewayName, GatewayTemplate, Port, Route, RoutePath},
    routing::{Protocol, Sticky, is_virtual_host},
    weight::split,
};
use std::num::NonZeroU16;

/// A gateway of its own.
pub(super) fn gateway(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Gateway> {
    let mut fields = at.fields(report);
    fields.kind(report, &["gateways"]);
    fields.ignore(&["lookup_name", "proxy", "internal", "generated_host"]);
    let name =
        fields.require(report, "name").and_then(|at| at.parse::<GatewayName>(report, "UnsupportedGatewayNameError"));
    let template = template(&mut fields, report, None);
    let service = fields.get("service").and_then(|at| address(&at, report));
    let routes_at = fields.path.join("routes");
    fields.finish(report);
    let paths = template.routes.iter().map(|route| path(&route.path, &routes_at.join(&route.path), report));
    let paths: Vec<Option<RoutePath>> = paths.collect();
    for (index, path) in paths.iter().enumerate().filter(|(_, path)| path.is_some()) {
        if paths[..index].contains(path) {
            let key = &template.routes[index].path;
            let message = format!("`{key}` leads where another route leads already");
            report.refuse_key(&routes_at.join(key), "UnsupportedRoutePathError", message, "keep one of them");
        }
    }
    let paths: Option<Vec<RoutePath>> = paths.into_iter().collect();
    let (name, mut paths) = (name?, paths?.into_iter());
    let port = template.port.unwrap_or_default();
    let gateway = template.instantiate(name, port, |_| paths.next().ok_or(())).ok()?;
    Some(Gateway { service, ..gateway })
}

fn path(key: &str, at: &Path, report: &mut Report<'_>) -> Option<RoutePath> {
    const CODE: &str = "UnsupportedRoutePathError";
    match key.parse::<RoutePath>() {
        Ok(path @ RoutePath::External(_)) if path.address().is_none() => {
            let message = format!("`{key}` is not an address");
            report.refuse_key(at, CODE, message, "write host and port, such as `[10.0.0.1:8080]`");
            None
        }
        Ok(path) => Some(path),
        Err(error) => {
            report.refuse_key(at, CODE, error.to_string(), "");
            None
        }
    }
}

fn address(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Address> {
    let mut fields = at.fields(report);
    let host = fields.require(report, "host").and_then(|at| at.text(report));
    let port = fields.require(report, "port").and_then(|at| at.parse::<Port>(report, "UnexpectedTypeError"));
    fields.finish(report);
    Some(Address { host: host?.to_owned(), port: port?.number? })
}

/// A gateway of a blueprint, and the name of its port: the key, or the number where the key is a port.
pub(super) fn external(key: &str, at: &Cursor<'_>, report: &mut Report<'_>) -> (String, GatewayTemplate) {
    let keyed = key.parse::<Port>().ok();
    let name = keyed.map_or_else(|| key.to_owned(), |port| port.number.map_or(0, NonZeroU16::get).to_string());
    if key.bytes().all(|byte| byte.is_ascii_digit()) && keyed.is_none() {
        refuse_port(&at.path, report, key);
    }
    if at.node.text().is_some() {
        let routes = route::routes(at, report);
        return (name, GatewayTemplate { port: keyed, routes, ..GatewayTemplate::default() });
    }
    let mut fields = anonymous(at, report);
    fields.ignore(&["proxy", "internal", "generated_host"]);
    let template = template(&mut fields, report, keyed);
    fields.finish(report);
    (name, template)
}

/// A gateway of a cluster; it has no port of its own.
pub(super) fn internal(at: &Cursor<'_>, report: &mut Report<'_>) -> GatewayTemplate {
    if at.node.text().is_some() {
        return GatewayTemplate { routes: route::routes(at, report), ..GatewayTemplate::default() };
    }
    let mut fields = anonymous(at, report);
    let template = common(&mut fields, report);
    check(template.port, template.sticky, &template.routes, &at.path, report);
    fields.finish(report);
    template
}

fn anonymous<'n>(at: &Cursor<'n>, report: &mut Report<'_>) -> Fields<'n> {
    let mut fields = at.fields(report);
    fields.kind(report, &["gateways"]);
    fields.ignore(&["lookup_name"]);
    if let Some(name) = fields.get("name") {
        let message = "a gateway inside of a blueprint has no name of its own";
        report.refuse_key(&name.path, "NotAnonymousError", message, "leave `name` out");
    }
    fields
}

/// `keyed` is the port that the key of the gateway says; a `port` of its own wins.
fn template(fields: &mut Fields<'_>, report: &mut Report<'_>, keyed: Option<Port>) -> GatewayTemplate {
    let declared = fields.get("port").and_then(|at| match at.text(report)?.parse::<Port>() {
        Ok(port) => Some(port),
        Err(_) => {
            refuse_port(&at.path, report, at.node.text().unwrap_or_default());
            None
        }
    });
    let template = GatewayTemplate { port: declared.or(keyed), ..common(fields, report) };
    check(template.port, template.sticky, &template.routes, &fields.path, report);
    template
}

fn refuse_port(at: &Path, report: &mut Report<'_>, text: &str) {
    let hint = "write a number between 0 and 65535, such as `9050`, `9050/http` or `9050/tcp`";
    report.refuse(at, "InvalidGatewayPortError", format!("`{text}` is not a port"), hint);
}

fn common(fields: &mut Fields<'_>, report: &mut Report<'_>) -> GatewayTemplate {
    let sticky = fields.get("sticky").and_then(|at| sticky(&at, report));
    let virtual_hosts = fields.get("virtual_hosts").map(|at| virtual_hosts(&at, report)).unwrap_or_default();
    let settings = settings::of_gateway(fields, report);
    let routes = fields.get("routes").map(|at| route::routes(&at, report)).unwrap_or_default();
    let metadata = fields.metadata(report);
    fields.ignore(&["deployed"]);
    let selector = fields.get("selector").and_then(|at| selector(&at, report));
    GatewayTemplate { port: None, sticky, virtual_hosts, settings, selector, routes, metadata }
}

fn virtual_hosts(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for item in at.items_or_one() {
        match item.node.text().filter(|text| is_virtual_host(text)) {
            Some(host) if hosts.iter().any(|other| other.eq_ignore_ascii_case(host)) => {}
            Some(host) => hosts.push(host.to_owned()),
            None => {
                let message = format!("`{}` is not a host name", item.node.text().unwrap_or(item.node.kind()));
                let hint = "letters, digits, `-`, `_` and `.`, such as `sava.example.com` or `*.example.com`";
                report.refuse(&item.path, "IllegalGatewayVirtualHosts", message, hint);
            }
        }
    }
    hosts
}

/// What holds for a gateway of its own whose references were replaced.
pub(super) fn check_whole(gateway: &Gateway, report: &mut Report<'_>) {
    check(Some(gateway.port), gateway.sticky, &gateway.routes, &Path::default(), report);
}

/// What holds for every gateway by itself.
pub(super) fn check<P: ToString>(
    port: Option<Port>,
    sticky: Option<Sticky>,
    routes: &[Route<P>],
    at: &Path,
    report: &mut Report<'_>,
) {
    let declared: Vec<_> = routes.iter().map(|route| route.weight).collect();
    // A stored route has a weight that is not known here.
    if routes.iter().all(|route| route.stored.is_none())
        && let Err(error) = split(&declared)
    {
        let hint = "the weights that are written must sum to 100% (or all be 0%); the others share what is left";
        report.refuse(&at.join("routes"), "GatewayRouteWeightError", error.to_string(), hint);
    }
    if port.is_some_and(|port| port.protocol == Protocol::Tcp) {
        check_tcp(sticky, routes, at, report);
    }
}

/// What a connection without HTTP cannot do.
pub(super) fn check_tcp<P: ToString>(sticky: Option<Sticky>, routes: &[Route<P>], at: &Path, report: &mut Report<'_>) {
    if sticky.is_some() {
        let message = "a TCP gateway has no cookies to stick to";
        let hint = "leave `sticky` out, or make the port `http`";
        report.refuse(&at.join("sticky"), "StickyPortTypeError", message, hint);
    }
    for route in routes.iter().filter(|route| route.condition.is_some()) {
        let place = at.join("routes").join(route.path.to_string()).join("condition");
        let message = "a TCP gateway has no requests to look at";
        report.refuse(&place, "ConditionPortTypeError", message, "leave `condition` out, or make the port `http`");
    }
}
