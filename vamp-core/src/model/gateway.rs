//! [`Gateway`] and [`GatewayTemplate`].

use super::{GatewayName, Metadata, Name, Ordered, Port, Reference, RoutePath, Selector, read::Kind};
use crate::{
    condition::Condition,
    driver::Address,
    routing::{Balance, GatewaySettings, HostDomain, Protocol, Rewrite, RouteSettings, Sticky},
    violation::Violation,
    weight::{Weight, WeightError, split},
};

/// An entry into the traffic of services, as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Its name.
    pub name: GatewayName,
    /// The port it listens on.
    pub port: Port,
    /// Whether a client stays where it was sent first.
    pub sticky: Option<Sticky>,
    /// Host names under which it is also reached.
    pub virtual_hosts: Vec<String>,
    /// What it says about its entry; it has no effect on what comes through another gateway.
    pub settings: GatewaySettings,
    /// Which instances become routes, beside those that are listed.
    pub selector: Option<Selector>,
    /// The routes in order of declaration.
    pub routes: Vec<Route>,
    /// Free-form data.
    pub metadata: Metadata,
    /// Where the gateway is reached from outside, once that is known.
    pub service: Option<Address>,
}

/// One way a request can go. In a [template](GatewayTemplate) `P` is the text of the route's key; a stored route, which
/// gateways refer to by name, leads nowhere by itself: there it is `()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Route<P = RoutePath> {
    /// Where it leads.
    pub path: P,
    /// The stored route that says the rest.
    pub stored: Option<Name>,
    /// The share of requests that no condition took; `None` = an even part of what the others leave.
    pub weight: Option<Weight>,
    /// Takes a request before weights do.
    pub condition: Option<Reference<Condition>>,
    /// The share of matching requests that the condition takes; `None` = all.
    pub strength: Option<Weight>,
    /// How the instances of the route share its requests; `None` = the default of the protocol.
    pub balance: Option<Balance>,
    /// Changes of the path, in order.
    pub rewrites: Vec<Reference<Rewrite>>,
    /// How requests are sent to its instances; of a route to another gateway, what holds for the routes there that do
    /// not say it themselves.
    pub settings: RouteSettings,
    /// Which instances the route leads to, instead of those of its path.
    pub selector: Option<Selector>,
    /// Free-form data.
    pub metadata: Metadata,
}

impl<P> Route<P> {
    /// A route with nothing said about it.
    #[must_use]
    pub fn new(path: P) -> Self {
        Self {
            path,
            stored: None,
            weight: None,
            condition: None,
            strength: None,
            balance: None,
            rewrites: Vec::new(),
            settings: RouteSettings::default(),
            selector: None,
            metadata: Metadata::new(),
        }
    }

    /// The same route to another place.
    pub fn at<Q>(self, path: Q) -> Route<Q> {
        let Self { path: _, stored, weight, condition, strength, balance, rewrites, settings, selector, metadata } =
            self;
        Route { path, stored, weight, condition, strength, balance, rewrites, settings, selector, metadata }
    }
}

impl<P> Route<P> {
    /// The stored artifacts that it refers to.
    pub fn references(&self) -> impl Iterator<Item = (Kind, &Name)> {
        let condition = self.condition.as_ref().and_then(Reference::reference);
        let rewrites = self.rewrites.iter().filter_map(Reference::reference);
        let route = self.stored.iter().map(|name| (Kind::Route, name));
        route.chain(condition.map(|name| (Kind::Condition, name))).chain(rewrites.map(|name| (Kind::Rewrite, name)))
    }
}

impl Gateway {
    /// A gateway without routes.
    #[must_use]
    pub fn new(name: GatewayName, port: Port) -> Self {
        Self {
            name,
            port,
            sticky: None,
            virtual_hosts: Vec::new(),
            settings: GatewaySettings::default(),
            selector: None,
            routes: Vec::new(),
            metadata: Metadata::new(),
            service: None,
        }
    }

    /// The gateway with every weight and strength said: routes without a weight share what the declared ones leave;
    /// the strength is 100 % with a condition, 0 % without.
    ///
    /// # Errors
    ///
    /// When the declared weights sum to neither 0 nor 100 %.
    pub fn completed(mut self) -> Result<Self, WeightError> {
        let declared: Vec<Option<Weight>> = self.routes.iter().map(|route| route.weight).collect();
        for (route, weight) in self.routes.iter_mut().zip(split(&declared)?) {
            route.weight = Some(weight);
            let default = if route.condition.is_some() { Weight::FULL } else { Weight::ZERO };
            route.strength.get_or_insert(default);
        }
        Ok(self)
    }

    /// Everything in it that cannot be served as it is: references to stored artifacts.
    pub fn open(&self) -> impl Iterator<Item = Violation> + '_ {
        self.routes.iter().flat_map(|route| {
            let at = format!("routes/{}", route.path);
            route.references().map(move |(kind, name)| {
                let message = format!("the route refers to `{name}` of the stored {kind}, which is not there");
                Violation::new("ArtifactNotFound", at.clone(), message)
            })
        })
    }

    /// Whether the route is one that the selector of the gateway made: it leads to the group of instances of its name,
    /// which is in parentheses.
    #[must_use]
    pub fn is_group(&self, route: &Route) -> bool {
        let named = matches!(&route.path, RoutePath::Gateway(name) if name.as_str().starts_with('('));
        named && self.selector.is_some() && route.selector.is_none()
    }

    /// Whether it follows what runs by a selector of its own or of a route.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.selector.is_some() || self.routes.iter().any(|route| route.selector.is_some())
    }

    /// The host that it has by itself below this domain, once it has a port; `None` for a gateway of type tcp.
    #[must_use]
    pub fn generated_host(&self, domain: &HostDomain) -> Option<String> {
        (self.port.protocol == Protocol::Http).then(|| domain.host(&self.name))
    }

    /// The route to `path`.
    #[must_use]
    pub fn route(&self, path: &RoutePath) -> Option<&Route> {
        self.routes.iter().find(|route| route.path == *path)
    }
}

/// A gateway inside a blueprint, before the deployment gives it a name.
///
/// Under `gateways` of a blueprint the key of a route is `cluster/port`; under `gateways` of a cluster it is the name
/// of a breed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayTemplate {
    /// The port it listens on; `None` = the protocol of the service's port, and a number to be picked.
    pub port: Option<Port>,
    /// Whether a client stays where it was sent first.
    pub sticky: Option<Sticky>,
    /// Host names under which it is also reached.
    pub virtual_hosts: Vec<String>,
    /// What it says about its entry; it has no effect on what comes through another gateway.
    pub settings: GatewaySettings,
    /// Which instances become routes, beside those that are listed.
    pub selector: Option<Selector>,
    /// The routes in order of declaration.
    pub routes: Vec<Route<String>>,
    /// Free-form data.
    pub metadata: Metadata,
}

/// Gateway templates by the name of their port; a cluster's may have one with an empty name, for its only port.
pub(crate) type GatewayTemplates = Ordered<GatewayTemplate>;

impl GatewayTemplate {
    /// The gateway that a deployment makes of this template: `path` says where the key of a route leads.
    ///
    /// # Errors
    ///
    /// Whatever `path` says.
    pub fn instantiate<E>(
        &self,
        name: GatewayName,
        port: Port,
        mut path: impl FnMut(&str) -> Result<RoutePath, E>,
    ) -> Result<Gateway, E> {
        let routes = self.routes.iter().map(|route| Ok(route.clone().at(path(&route.path)?)));
        Ok(Gateway {
            name,
            port,
            sticky: self.sticky,
            virtual_hosts: self.virtual_hosts.clone(),
            settings: self.settings.clone(),
            selector: self.selector.clone(),
            routes: routes.collect::<Result<_, E>>()?,
            metadata: self.metadata.clone(),
            service: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(weights: &[Option<&str>]) -> Gateway {
        let name = "sava/9050".parse().expect("a name");
        let mut gateway = Gateway::new(name, Port::default());
        gateway.routes = (0..)
            .zip(weights)
            .map(|(index, weight)| {
                let path = RoutePath::External(format!("127.0.0.1:{}", 9000 + index));
                Route { weight: weight.map(|text| text.parse().expect(text)), ..Route::new(path) }
            })
            .collect();
        gateway
    }

    #[test]
    fn undeclared_weights_are_filled_in_declaration_order() {
        let shown = |weights: &[Option<&str>]| -> Vec<String> {
            let completed = gateway(weights).completed().expect("sums to 0 or 100 %");
            completed.routes.iter().map(|route| route.weight.expect("filled").to_string()).collect()
        };
        assert_eq!(shown(&[None, None, None]), ["33.3334%", "33.3333%", "33.3333%"]);
        assert_eq!(shown(&[Some("100%"), None]), ["100%", "0%"]);
        assert_eq!(shown(&[]), Vec::<String>::new());
        assert!(gateway(&[Some("30%"), None]).completed().is_err());
    }

    #[test]
    fn a_route_without_a_condition_has_no_strength() {
        let completed = gateway(&[None]).completed().expect("sums to 100 %");
        assert_eq!(completed.routes[0].strength, Some(Weight::ZERO));
    }
}
