//! From stored gateways and observed instances to the routing table: chained gateways are resolved here, so that a
//! request crosses the proxy once.

use super::{
    Decision, Gateway, HostDomain, Instance, Protocol, Route, RouteSettings, Selectable, Selected, Sticky, Target,
    Traffic, select,
};
use crate::{
    model::{self, GatewayName, Reference, RoutePath, Selector},
    weight::{Weight, rescale, split},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How many gateways may stand behind each other.
const CHAIN_LIMIT: usize = 8;
/// How many routes one published gateway may have, those of the gateways behind it included: chains multiply.
const ROUTE_LIMIT: usize = 4_096;

/// What runs behind a route, as the compiler asks for it.
pub trait Services {
    /// The instances of one version of a service, at one of its ports, sorted by id.
    ///
    /// # Errors
    ///
    /// The reason why they are not known. Unknown is never none: the gateway stays as it was published.
    fn instances(&self, path: &ServicePath) -> Result<Vec<Instance>, String>;

    /// The versions of a cluster that have such a port and are on their way out.
    fn leaving(&self, deployment: &str, cluster: &str, port: &str) -> Vec<ServicePath>;

    /// Every port of every instance that selectors can select, those of an instance in the order of their declaration.
    ///
    /// # Errors
    ///
    /// The reason why they are not known.
    fn selectable(&self) -> Result<Vec<Selectable>, String> {
        Ok(Vec::new())
    }

    /// What `$namespace` stands for in selectors.
    fn namespace(&self) -> &str {
        "default"
    }

    /// The domain below which every http gateway has a name by itself; `None` = they have the hosts that they say.
    fn host_domain(&self) -> Option<&HostDomain> {
        None
    }
}

/// One version of a service, and one of its ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServicePath {
    /// The deployment.
    pub deployment: String,
    /// The cluster in it.
    pub cluster: String,
    /// The service in it: the name of its breed.
    pub service: String,
    /// The name of the port.
    pub port: String,
}

impl ServicePath {
    /// The service without its port: `deployment/cluster/service`.
    #[must_use]
    pub fn service_key(&self) -> String {
        format!("{}/{}/{}", self.deployment, self.cluster, self.service)
    }

    fn route_name(&self) -> String {
        format!("{}/{}", self.service_key(), self.port)
    }
}

/// The result: what to publish, and what depends on what.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The gateways with a port; `Err` is the reason why one cannot be published as stored.
    pub gateways: BTreeMap<String, Result<Arc<Gateway>, String>>,
    /// Gateways to the published ones that route through them, themselves included.
    pub includes: BTreeMap<String, BTreeSet<String>>,
    /// Services ([`ServicePath::service_key`]) to the published gateways that route to them.
    pub services: BTreeMap<String, BTreeSet<String>>,
}

/// One gateway, compiled, and what it depends on.
#[derive(Clone, Debug)]
pub struct CompiledGateway {
    /// `Err` is the reason why it cannot be published as stored.
    pub gateway: Result<Arc<Gateway>, String>,
    /// The gateways that it routes through, itself included, and those that it would if they existed.
    pub crossed: BTreeSet<String>,
    /// The services ([`ServicePath::service_key`]) that it routes to.
    pub services: BTreeSet<String>,
}

/// The gateways that there are, as the compiler asks for them.
///
/// `Ok(None)` = there is none of that name; `Err` = the reason why it is not known, and unknown is never absent.
pub type Find<'a> = dyn Fn(&str) -> Result<Option<Arc<model::Gateway>>, String> + 'a;

/// Compiles every gateway that has a port.
pub fn compile(gateways: &BTreeMap<String, Arc<model::Gateway>>, services: &dyn Services) -> Compiled {
    let mut compiled = Compiled::default();
    let find = |name: &str| Ok(gateways.get(name).map(Arc::clone));
    for (name, gateway) in gateways {
        let Some(one) = compile_one(gateway, &find, services) else { continue };
        for crossed in one.crossed {
            compiled.includes.entry(crossed).or_default().insert(name.clone());
        }
        for service in one.services {
            compiled.services.entry(service).or_default().insert(name.clone());
        }
        compiled.gateways.insert(name.clone(), one.gateway);
    }
    compiled
}

/// Compiles one gateway; `None` = it has no port, so it is part of others only.
pub fn compile_one(gateway: &model::Gateway, find: &Find<'_>, services: &dyn Services) -> Option<CompiledGateway> {
    let port = gateway.port.number?;
    let (crossed, reached) = (BTreeSet::new(), BTreeSet::new());
    let mut walk = Walk { find, services, chain: Vec::new(), routes: 0, crossed, reached };
    let decision = walk.decision(gateway);
    let published = |decision| {
        Arc::new(Gateway {
            name: gateway.name.to_string(),
            port,
            protocol: gateway.port.protocol,
            virtual_hosts: virtual_hosts(gateway, services.host_domain()),
            settings: gateway.settings.clone(),
            decision,
        })
    };
    Some(CompiledGateway { gateway: decision.map(published), crossed: walk.crossed, services: walk.reached })
}

/// The hosts that a gateway says, and the one that it has by itself.
fn virtual_hosts(gateway: &model::Gateway, domain: Option<&HostDomain>) -> Vec<String> {
    let mut hosts = gateway.virtual_hosts.clone();
    let own = domain.and_then(|domain| gateway.generated_host(domain));
    hosts.extend(own.filter(|own| !gateway.virtual_hosts.iter().any(|host| host.eq_ignore_ascii_case(own))));
    hosts
}

/// One walk from a published gateway down to instances.
struct Walk<'a> {
    find: &'a Find<'a>,
    services: &'a dyn Services,
    chain: Vec<GatewayName>,
    routes: usize,
    crossed: BTreeSet<String>,
    reached: BTreeSet<String>,
}

impl Walk<'_> {
    fn decision(&mut self, gateway: &model::Gateway) -> Result<Decision, String> {
        if self.chain.contains(&gateway.name) {
            return Err(format!("gateway `{}` leads back to itself", gateway.name));
        }
        if self.chain.len() == CHAIN_LIMIT {
            return Err(format!("more than {CHAIN_LIMIT} gateways stand behind each other"));
        }
        self.chain.push(gateway.name.clone());
        self.crossed.insert(gateway.name.to_string());
        let decision = self.routes(gateway).map(|routes| Decision {
            gateway: gateway.name.to_string(),
            sticky: gateway.sticky,
            routes,
        });
        self.chain.pop();
        decision.map(collapse)
    }

    fn routes(&mut self, gateway: &model::Gateway) -> Result<Vec<Route>, String> {
        self.routes += gateway.routes.len();
        if self.routes > ROUTE_LIMIT {
            return Err(format!(
                "it has more than {ROUTE_LIMIT} routes, with those of the gateways behind it: \
                 let fewer routes lead to gateways, or fewer gateways stand behind each other"
            ));
        }
        let shares = completed_weights(gateway)?;
        let mut groups = gateway.selector.as_ref().map(|selector| self.selected(selector)).transpose()?;
        let mut routes = Vec::with_capacity(gateway.routes.len());
        for (route, weight) in gateway.routes.iter().zip(shares) {
            let target = match (&route.selector, &mut groups) {
                (Some(selector), _) => Target::Instances(self.selected(selector)?.all()),
                // A group that is gone keeps its route: it may come back.
                (None, Some(selected)) if gateway.is_group(route) => {
                    Target::Instances(selected.groups.remove(&route.path.to_string()).unwrap_or_default())
                }
                _ => self.target(&route.path, gateway.port.protocol)?,
            };
            routes.push(compiled_route(route, weight, target)?);
        }
        if groups.is_some() {
            carry_on(&mut routes)?;
        }
        routes.extend(self.leaving(gateway)?);
        Ok(routes)
    }

    fn selected(&mut self, selector: &Selector) -> Result<Selected, String> {
        let selected = select(selector, self.services)?;
        self.reached.extend(selected.services.iter().cloned());
        Ok(selected)
    }

    fn target(&mut self, path: &RoutePath, protocol: Protocol) -> Result<Target, String> {
        if let RoutePath::Service { deployment, cluster, service, port } = path {
            let text = ToString::to_string;
            let (deployment, cluster) = (text(deployment), text(cluster));
            let path = ServicePath { deployment, cluster, service: text(service), port: text(port) };
            self.reached.insert(path.service_key());
            return self.services.instances(&path).map(Target::Instances);
        }
        if let Some(name) = path.gateway() {
            // A gateway that does not exist (yet) takes nothing, like a service without instances.
            self.crossed.insert(name.to_string());
            let Some(next) = (self.find)(name.as_str())? else { return Ok(Target::Instances(Vec::new())) };
            if next.port.protocol != protocol {
                return Err(format!("gateway `{name}` does not speak the protocol of the gateway before it"));
            }
            return self.decision(&next).map(Target::Chained);
        }
        let address = path.address().ok_or_else(|| format!("`{path}` is not an address such as `[10.0.0.1:8080]`"))?;
        let id = path.to_string();
        let instance = Instance { id, host: address.host, port: address.port, traffic: Traffic::Ready };
        Ok(Target::Instances(vec![instance]))
    }

    /// Versions on their way out get no new requests, and stay until theirs are finished.
    fn leaving(&mut self, gateway: &model::Gateway) -> Result<Vec<Route>, String> {
        let segments: Vec<&str> = gateway.name.segments().collect();
        let &[deployment, cluster, port] = segments.as_slice() else { return Ok(Vec::new()) };
        let mut routes = Vec::new();
        for path in self.services.leaving(deployment, cluster, port) {
            self.reached.insert(path.service_key());
            let name = path.route_name();
            if gateway.routes.iter().any(|route| route.path.to_string() == name) {
                continue;
            }
            let target = Target::Instances(self.services.instances(&path)?);
            routes.push(Route::new(name, Weight::ZERO, target));
        }
        Ok(routes)
    }
}

/// While none of the groups that have a share is there, those that are there share all of it: groups come and go by
/// themselves, and a request that somebody could answer is answered.
fn carry_on(routes: &mut [Route]) -> Result<(), String> {
    let takes = |route: &Route| match &route.target {
        Target::Instances(instances) => instances.iter().any(|one| one.traffic == Traffic::Ready),
        Target::Chained(_) => true,
    };
    let nobody = routes.iter().all(|route| route.weight == Weight::ZERO);
    let (there, gone): (Vec<&mut Route>, Vec<&mut Route>) = routes.iter_mut().partition(|route| takes(route));
    if nobody || there.is_empty() || there.iter().any(|route| route.weight > Weight::ZERO) {
        return Ok(());
    }
    let shares = split(&vec![None; there.len()]).map_err(|error| error.to_string())?;
    there.into_iter().zip(shares).for_each(|(route, share)| route.weight = share);
    gone.into_iter().for_each(|route| route.weight = Weight::ZERO);
    Ok(())
}

/// The weights of all routes; a gateway from a store that no longer sums up is scaled, never refused.
fn completed_weights(gateway: &model::Gateway) -> Result<Vec<Weight>, String> {
    let completed = gateway.clone().completed().map_err(|error| error.to_string())?;
    let weights: Vec<Weight> = completed.routes.iter().map(|route| route.weight.unwrap_or_default()).collect();
    Ok(if Weight::sum(&weights) == 0 { weights } else { rescale(&weights, Weight::FULL) })
}

fn compiled_route(route: &model::Route, weight: Weight, mut target: Target) -> Result<Route, String> {
    if let Some((kind, name)) = route.references().next() {
        return Err(format!("the route `{}` refers to `{name}` of the stored {kind}", route.path));
    }
    let strength = if route.condition.is_some() { route.strength.unwrap_or(Weight::FULL) } else { Weight::ZERO };
    let is_chained = matches!(target, Target::Chained(_));
    if let Target::Chained(inner) = &mut target {
        inherit(inner, route.settings);
    }
    Ok(Route {
        name: route.path.to_string(),
        weight,
        condition: route.condition.as_ref().and_then(Reference::inline).cloned(),
        strength,
        balance: route.balance.unwrap_or_default(),
        rewrites: route.rewrites.iter().filter_map(Reference::inline).cloned().collect(),
        settings: if is_chained { RouteSettings::default() } else { route.settings },
        target,
    })
}

/// Gives every route below what `outer` says and it does not say itself.
fn inherit(decision: &mut Decision, outer: RouteSettings) {
    for route in &mut decision.routes {
        let settings = route.settings.or(outer);
        match &mut route.target {
            Target::Chained(inner) => inherit(inner, settings),
            Target::Instances(_) => route.settings = settings,
        }
    }
}

/// A choice that is none (one route that takes everything and leads to another gateway) is that gateway's choice.
fn collapse(mut decision: Decision) -> Decision {
    if decision.routes.len() != 1 {
        return decision;
    }
    match decision.routes.pop() {
        Some(Route { target: Target::Chained(inner), condition: None, weight: Weight::FULL, rewrites, .. })
            if rewrites.is_empty() =>
        {
            Decision { sticky: stickier(decision.sticky, inner.sticky), ..inner }
        }
        route => {
            decision.routes.extend(route);
            decision
        }
    }
}

/// With one route, sticking to the route means nothing; sticking to the instance means more than to a route.
fn stickier(outer: Option<Sticky>, inner: Option<Sticky>) -> Option<Sticky> {
    match (outer, inner) {
        (_, Some(inner)) if inner.is_by_instance() => Some(inner),
        (Some(outer), _) if outer.is_by_instance() => Some(outer),
        (_, inner) => inner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Services for Nothing {
        fn instances(&self, _: &ServicePath) -> Result<Vec<Instance>, String> {
            Ok(Vec::new())
        }

        fn leaving(&self, _: &str, _: &str, _: &str) -> Vec<ServicePath> {
            Vec::new()
        }
    }

    /// Gateways in a chain, each with so many routes to the next; the first has a port.
    fn chain(length: usize, routes: usize) -> Compiled {
        let of = |number: usize| {
            let port = if number == 0 { "9050/http".parse().expect("a port") } else { model::Port::default() };
            let name: GatewayName = format!("g{number}").parse().expect("a name");
            let mut gateway = model::Gateway::new(name.clone(), port);
            let next = format!("g{}", number + 1);
            gateway.routes =
                (0..routes).map(|_| model::Route::new(next.parse::<RoutePath>().expect("a path"))).collect();
            (name.to_string(), Arc::new(gateway))
        };
        compile(&(0..length).map(of).collect(), &Nothing)
    }

    #[test]
    fn chains_that_multiply_beyond_measure_are_refused_with_the_reason() {
        let refused = chain(8, 8);
        let reason = refused.gateways["g0"].as_ref().expect_err("8^8 routes");
        assert!(reason.contains("more than 4096 routes"), "{reason}");
        assert!(chain(4, 6).gateways["g0"].is_ok());
        assert!(chain(8, 2).gateways["g0"].is_ok());
    }

    #[test]
    fn what_a_route_to_a_gateway_says_holds_behind_it_where_nothing_else_is_said() {
        let read = |text: &str| model::read::gateway(text).expect(text);
        let gateways = [
            read(
                "name: outer\nport: 80\nroutes: {'[h:1]': {weight: 50%}, inner: {weight: 50%, retries: 5, timeout: {server: 9s}}}\n",
            ),
            read("name: inner\nroutes: {'[h:2]': {weight: 90%, timeout: {server: 1s}}, '[h:3]': {weight: 10%}}\n"),
        ];
        let gateways = gateways.map(|one| (one.name.to_string(), Arc::new(one))).into();
        let outer = compile(&gateways, &Nothing).gateways.remove("outer").expect("published").expect("compiled");
        let [own, chained] = outer.decision.routes.as_slice() else { panic!("two routes") };
        assert!(own.settings.is_default() && chained.settings.is_default());
        let Target::Chained(inner) = &chained.target else { panic!("a gateway behind it") };
        let shown: Vec<String> =
            inner.routes.iter().map(|route| serde_json::to_string(&route.settings).expect("JSON")).collect();
        assert_eq!(shown, [r#"{"timeout":{"server":"1s"},"retries":5}"#, r#"{"timeout":{"server":"9s"},"retries":5}"#]);
    }
}
