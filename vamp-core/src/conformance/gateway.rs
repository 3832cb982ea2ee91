//! The clauses of [`GatewayRenderer`]'s and [`Proxy`]'s contracts; [`gateway_suite!`](crate::gateway_suite) runs them.

mod cases;
#[cfg(test)]
mod sabotage;

use crate::{
    condition::Condition,
    driver::{Document, GatewayRenderer, Proxy, Target},
    routing::{Decision, Gateway, Instance, Route, RoutingTable, Target as Leads, Traffic},
    weight::Weight,
};
use async_trait::async_trait;
pub use cases::*;
use std::{any::Any, collections::BTreeMap, num::NonZeroU16, sync::Arc};

/// A renderer and the proxy that it renders for. Each case gets a fixture of its own.
#[async_trait]
pub trait GatewayFixture: Send + Sync {
    /// The renderer under test.
    fn renderer(&self) -> &dyn GatewayRenderer;

    /// The proxy under test; it serves nothing yet.
    fn proxy(&self) -> &dyn Proxy;

    /// A port that nothing listens on, another one with every call.
    fn free_port(&mut self) -> NonZeroU16;

    /// An instance that accepts connections and answers no request.
    async fn silent_instance(&mut self) -> Instance;

    /// A request through a served gateway that leads to that instance; it is open until it is dropped.
    async fn open_request(&mut self, gateway: &Gateway, instance: &Instance) -> Box<dyn Any + Send>;
}

/// A proxy that a case can take away.
#[async_trait]
pub trait BreakableProxy: GatewayFixture {
    /// Makes the proxy unreachable from now on.
    async fn take_away(&mut self);
}

/// One `#[tokio::test]` for each clause of both contracts; the argument makes a
/// [`GatewayFixture`](crate::conformance::gateway::GatewayFixture) and may await. Behind it: `breakable`, when the
/// fixture is.
#[macro_export]
macro_rules! gateway_suite {
    ($open:expr $(, $mode:ident)*) => {
        $crate::gateway_suite! { @each [$crate::conformance_tests] $open }
        $( $crate::gateway_suite! { @each [$crate::conformance_tests] $open, $mode } )*
    };
    (@each [$($then:tt)*] $open:expr) => {
        $($then)*! {
            gateway; $open;
            r1_the_same_table_gives_the_same_bytes,
            r1_a_gateway_is_rendered_alike_alone_and_among_others,
            r2_one_bad_gateway_spoils_no_other,
            r3_weights_strengths_and_instances_are_values,
            r3_a_port_and_a_condition_are_structure,
            x1_what_is_applied_is_served,
            x1_a_gateway_that_is_taken_away_is_served_no_longer,
            x2_the_same_document_again_changes_nothing,
            x2_values_change_at_run_time_and_structure_by_a_reload,
            x3_a_refused_gateway_keeps_its_last_good_state_and_blocks_no_other,
            x4_an_open_request_is_counted_until_it_ends,
            x4_a_draining_instance_is_still_counted,
        }
    };
    (@each [$($then:tt)*] $open:expr, breakable) => {
        $($then)*! { gateway; $open; x4_what_cannot_be_counted_is_an_error }
    };
}

/// A gateway with two routes, one of them with a condition, that leads to the given instances.
fn gateway(name: &str, port: NonZeroU16, weights: [u32; 2], instances: [Vec<Instance>; 2]) -> Gateway {
    let [first, second] = instances;
    let condition = "User-Agent == Chrome".parse::<Condition>().expect("a condition");
    let mut conditional = route("second", weights[1], second);
    conditional.condition = Some(condition);
    conditional.strength = Weight::from_percent(50).expect("a share");
    let decision = Decision {
        gateway: name.to_owned(),
        sticky: None,
        routes: vec![route("first", weights[0], first), conditional],
    };
    Gateway::new(name, port, decision)
}

fn route(name: &str, weight: u32, instances: Vec<Instance>) -> Route {
    Route::new(name, Weight::from_percent(weight).expect("a share"), Leads::Instances(instances))
}

fn instance(id: &str, port: u16) -> Instance {
    let port = NonZeroU16::new(port).expect("a port");
    Instance { id: id.to_owned(), host: "127.0.0.1".to_owned(), port, traffic: Traffic::Ready }
}

fn table(gateways: &[&Gateway]) -> RoutingTable {
    let by_name = |gateway: &&Gateway| (gateway.name.clone(), Arc::new(Gateway::clone(gateway)));
    RoutingTable { gateways: gateways.iter().map(by_name).collect() }
}

/// The document of one gateway, as the proxy is now.
async fn document(fixture: &dyn GatewayFixture, gateway: &Gateway) -> Document {
    let target = fixture.proxy().target().await.unwrap_or_else(|e| panic!("{}", e.report()));
    render(fixture.renderer(), gateway, &target)
}

fn render(renderer: &dyn GatewayRenderer, gateway: &Gateway, target: &Target) -> Document {
    let mut documents = renderer.render(&table(&[gateway]), target);
    documents.remove(&gateway.name).expect("one answer for each gateway").unwrap_or_else(|reason| panic!("{reason}"))
}

fn change(name: &str, document: Option<Document>) -> BTreeMap<String, Option<Document>> {
    BTreeMap::from([(name.to_owned(), document)])
}
