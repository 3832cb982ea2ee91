//! [`HaproxyRenderer`]: from a routing table to documents.

use super::{
    certificates, escape,
    owners::Owners,
    placement::{Below, Placed, Served},
    values, view,
};
use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, panic::resume_unwind, sync::Arc, thread};
use vamp_core::{
    digest,
    driver::{Document, GatewayRenderer, Target},
    routing::{Decision, Gateway, Instance, Protocol, Route, RoutingTable, Traffic, is_virtual_host},
    weight::{Weight, rescale},
};

/// So many gateways are worth a thread for each core.
const MANY: usize = 256;

/// Renders gateways for HAProxy 2.6 and later: rules, backends and slots as structure; weights, strengths, routes and
/// instances as values.
///
/// A request is decided in one hop. It draws once for each decision, the draw is looked up in the gateway's map, and
/// only when the route found has no live server does it draw again among the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct HaproxyRenderer;

impl GatewayRenderer for HaproxyRenderer {
    fn render(&self, table: &RoutingTable, target: &Target) -> BTreeMap<String, Result<Document, String>> {
        let owners = Owners::find(table, target);
        let one = |(name, gateway): &(&String, &Arc<Gateway>)| {
            ((*name).clone(), owners.allow(gateway).and_then(|()| document(gateway, target)))
        };
        let gateways: Vec<(&String, &Arc<Gateway>)> = table.gateways.iter().collect();
        on_all_cores(&gateways, one).into_iter().collect()
    }
}

/// Maps items, in order; on every core when there are many.
fn on_all_cores<T: Sync, R: Send>(items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // Asking for the number of cores reads files: not for a few.
    let cores = if items.len() < MANY { 1 } else { thread::available_parallelism().map_or(1, NonZeroUsize::get) };
    if cores == 1 {
        return items.iter().map(map).collect();
    }
    thread::scope(|scope| {
        let shares = items.chunks(items.len().div_ceil(cores));
        let map = &map;
        let shares: Vec<_> =
            shares.map(|share| scope.spawn(move || share.iter().map(map).collect::<Vec<R>>())).collect();
        let done = shares.into_iter().map(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.flatten().collect()
    })
}

fn document(gateway: &Gateway, target: &Target) -> Result<Document, String> {
    validate_hosts(gateway, target)?;
    validate(&gateway.decision, gateway.protocol)?;
    let served = Served::read(target.serving.get(&gateway.name).map(AsRef::as_ref));
    let (placed, slots) = Placed::find(&gateway.decision, &served);
    let section = escape::section(&gateway.name);
    let bind = SocketAddr::new(target.bind, gateway.port.get());
    let structure = view::structure(&section, bind, gateway, &placed, slots)?;
    let mut document = Document { structure, values: BTreeMap::new() };
    let host = |host: &String| (["host/", &host.to_ascii_lowercase()].concat(), String::new());
    document.values.extend(gateway.virtual_hosts.iter().map(host));
    document.values.extend(certificates::value(gateway)?);
    add_values(&placed, &mut document.values);
    Ok(document)
}

fn validate_hosts(gateway: &Gateway, target: &Target) -> Result<(), String> {
    if target.host_port == Some(gateway.port) {
        return Err(format!("port {} is the port of virtual hosts", gateway.port));
    }
    let Some(host) = gateway.virtual_hosts.first() else { return Ok(()) };
    if gateway.protocol == Protocol::Tcp {
        return Err(format!("virtual host `{host}`: a host needs requests, and this gateway is of type tcp"));
    }
    if target.host_port.is_none() {
        return Err(format!("virtual host `{host}`: there is no port for virtual hosts; give one with `--host-port`"));
    }
    match gateway.virtual_hosts.iter().find(|host| !is_virtual_host(host)) {
        Some(host) => Err(format!("`{}` is not a host name", host.escape_debug())),
        None => Ok(()),
    }
}

/// Refuses what HAProxy cannot be told.
fn validate(decision: &Decision, protocol: Protocol) -> Result<(), String> {
    if decision.sticky.is_some() && protocol == Protocol::Tcp {
        return Err(format!("sticky `{}`: a cookie needs requests, and this gateway is of type tcp", decision.gateway));
    }
    if has_duplicates(&decision.routes, |route| &route.name) {
        return Err(format!("two routes of `{}` have the same name", decision.gateway));
    }
    let total = Weight::sum(decision.routes.iter().map(|route| &route.weight));
    if total > u64::from(Weight::FULL.ppm()) {
        return Err(format!("the weights of `{}` sum to more than 100 %", decision.gateway));
    }
    decision.routes.iter().try_for_each(|route| validate_route(route, protocol))
}

fn validate_route(route: &Route, protocol: Protocol) -> Result<(), String> {
    let tcp = protocol == Protocol::Tcp;
    if tcp && route.condition.is_some() {
        return Err(format!("route `{}`: a condition needs requests, and this gateway is of type tcp", route.name));
    }
    if tcp && !route.rewrites.is_empty() {
        return Err(format!("route `{}`: a rewrite needs requests, and this gateway is of type tcp", route.name));
    }
    match &route.target {
        vamp_core::routing::Target::Chained(inner) if !route.rewrites.is_empty() && has_conditions(inner) => {
            Err(format!(
                "route `{}`: a rewrite before the conditions of another gateway is not supported by the HAProxy driver",
                route.name
            ))
        }
        vamp_core::routing::Target::Chained(inner) => validate(inner, protocol),
        vamp_core::routing::Target::Instances(instances) => {
            if has_duplicates(instances, |instance| &instance.id) {
                return Err(format!("two instances of route `{}` have the same id", route.name));
            }
            instances.iter().try_for_each(validate_instance)
        }
    }
}

fn has_duplicates<T>(items: &[T], name: impl Fn(&T) -> &str) -> bool {
    // Most lists are short, and then comparing is cheaper than sorting.
    if items.len() <= 8 {
        return items.iter().enumerate().any(|(at, one)| items[..at].iter().any(|other| name(other) == name(one)));
    }
    let mut names: Vec<&str> = items.iter().map(name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether conditions, which see the path as sent, decide below.
fn has_conditions(decision: &Decision) -> bool {
    let chained = |route: &Route| match &route.target {
        vamp_core::routing::Target::Chained(inner) => has_conditions(inner),
        vamp_core::routing::Target::Instances(_) => false,
    };
    decision.routes.iter().any(|route| route.condition.is_some() || !route.rewrites.is_empty() || chained(route))
}

fn validate_instance(instance: &Instance) -> Result<(), String> {
    if instance.host.is_empty() || !instance.host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("instance `{}`: `{}` is not a host", instance.id, instance.host.escape_debug()));
    }
    if instance.id.contains(['\n', '\r']) {
        return Err(format!("instance `{}`: a line break in an id", instance.id.escape_debug()));
    }
    Ok(())
}

fn add_values(placed: &Placed<'_>, into: &mut BTreeMap<String, String>) {
    let weights = placed.weights();
    let ppm = |weights: &[Weight]| values::listed(weights.iter().map(|weight| weight.ppm()));
    let class_key = |class: &str| ["class/", &placed.prefix, class].concat();
    into.insert(class_key(values::PLAIN), ppm(&weights));
    if let Some(sticky) = placed.sticky {
        into.insert(["sticky/", &placed.prefix].concat(), values::written_sticky(sticky));
    }
    for (place, one) in placed.routes.iter().enumerate() {
        let Some(one) = one else { continue };
        into.insert(["route/", &one.path].concat(), one.route.name.clone());
        if let Some(class) = &one.class {
            into.insert(class_key(class), ppm(&mixed(&weights, place, one.route.strength)));
        }
        match &one.below {
            Below::Decision(inner) => add_values(inner, into),
            Below::Instances(instances) => {
                let key = |slot: usize| values::numbered(&["server/", &one.path, "/"], slot);
                into.extend(instances.iter().map(|(slot, instance)| (key(*slot), server(instance))));
            }
        }
    }
}

fn server(Instance { id, host, port, traffic }: &Instance) -> String {
    values::server(id, host, port.get(), *traffic == Traffic::Ready)
}

/// The name of the weights for requests that match the condition of a route.
///
/// By content, not by number: a worker that still runs the rules of before finds the same meaning under a name, or
/// nothing.
pub(super) fn class(route: &Route) -> Option<String> {
    let condition = serde_json::to_string(route.condition.as_ref()?).unwrap_or_default();
    let digest = digest::of([&route.name, "\n", &condition].concat().as_bytes());
    Some(["c", &digest[..8]].concat())
}

/// Weights for requests that match: `strength` to one place, the rest by the plain weights.
fn mixed(plain: &[Weight], place: usize, strength: Weight) -> Vec<Weight> {
    let mut mixed = rescale(plain, scaled_rest(plain, strength));
    if let Some(share) = mixed.get_mut(place) {
        *share = Weight::from_ppm(share.ppm() + strength.ppm()).unwrap_or(Weight::FULL);
    }
    mixed
}

/// What the strength leaves of the plain weights: nothing when they are all zero, for nobody asked for those requests.
fn scaled_rest(plain: &[Weight], strength: Weight) -> Weight {
    if Weight::sum(plain) == 0 { Weight::ZERO } else { strength.complement() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ppm(parts: u32) -> Weight {
        Weight::from_ppm(parts).unwrap()
    }

    #[test]
    fn half_the_strength_over_nine_to_one_gives_ninety_five_to_five() {
        assert_eq!(mixed(&[ppm(900_000), ppm(100_000)], 0, ppm(500_000)), [ppm(950_000), ppm(50_000)]);
    }

    #[test]
    fn without_weights_only_the_strength_counts() {
        assert_eq!(mixed(&[ppm(0), ppm(0)], 1, ppm(300_000)), [ppm(0), ppm(300_000)]);
    }
}
