//! Breaks each clause on purpose: the cases of that clause must notice.

use super::{BreakableProxy, GatewayFixture, instance};
use crate::{
    Result,
    conformance::suite::conformance_failures,
    driver::{self, Applied, Document, GatewayRenderer, ProxyStatus, Target},
    memory::{Proxy, Renderer},
    routing::{Gateway, Instance, RoutingTable, Traffic},
};
use async_trait::async_trait;
use std::{any::Any, collections::BTreeMap, num::NonZeroU16, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    RendersByItsNeighbours,
    SpoilsOthers,
    PutsWeightsIntoTheStructure,
    ForgetsThePort,
    SaysYesAndDoesNothing,
    KeepsWhatIsGone,
    ReloadsForNothing,
    ReloadsForWeights,
    DropsWhatItRefuses,
    LosesTheOthersWithTheBad,
    CountsNothing,
    ForgetsWhatDrains,
    CountsZeroOnFailure,
}

#[derive(Debug)]
struct Broken {
    proxy: Arc<Proxy>,
    fault: Fault,
    ports: u16,
}

impl GatewayRenderer for Broken {
    fn render(&self, table: &RoutingTable, target: &Target) -> BTreeMap<String, Result<Document, String>> {
        let mut documents = Renderer.render(table, target);
        let (count, failed) = (documents.len(), documents.values().any(Result::is_err));
        for (name, rendered) in &mut documents {
            let Ok(document) = rendered else { continue };
            match self.fault {
                Fault::RendersByItsNeighbours => document.structure.push_str(&" ".repeat(count)),
                Fault::SpoilsOthers if failed => *rendered = Err("another gateway is bad".to_owned()),
                Fault::PutsWeightsIntoTheStructure => {
                    let ppm = table.gateways[name].decision.routes[0].weight.ppm();
                    document.structure.push_str(&" ".repeat(ppm as usize / 10_000));
                }
                Fault::ForgetsThePort => {
                    let port = table.gateways[name].port.to_string();
                    document.structure = document.structure.replace(&port, "1");
                }
                _ => {}
            }
        }
        documents
    }
}

impl Broken {
    async fn apply_one(&self, name: &str, document: Option<&Document>) -> Result<Applied> {
        let one = |document: Option<Document>| BTreeMap::from([(name.to_owned(), document)]);
        let before = self.proxy.serving().get(name).map(|document| (**document).clone());
        if self.fault == Fault::SaysYesAndDoesNothing && document.is_some() {
            return Ok(Applied::Reloaded);
        }
        if self.fault == Fault::KeepsWhatIsGone && document.is_none() {
            return Ok(Applied::Reloaded);
        }
        let mut applied = driver::Proxy::apply(&*self.proxy, &one(document.cloned())).await;
        let applied = applied.remove(name).expect("one answer for each gateway named");
        match (self.fault, &applied) {
            (Fault::ReloadsForNothing, Ok(Applied::Unchanged)) if before.is_some() => Ok(Applied::Reloaded),
            (Fault::ReloadsForWeights, Ok(Applied::AtRunTime)) => Ok(Applied::Reloaded),
            (Fault::DropsWhatItRefuses, Err(_)) => {
                driver::Proxy::apply(&*self.proxy, &one(None)).await;
                applied
            }
            _ => applied,
        }
    }
}

#[async_trait]
impl driver::Proxy for Broken {
    async fn target(&self) -> Result<Target> {
        driver::Proxy::target(&*self.proxy).await
    }

    async fn apply(&self, changes: &BTreeMap<String, Option<Document>>) -> BTreeMap<String, Result<Applied>> {
        let mut answers = BTreeMap::new();
        let mut failed = false;
        // Backwards, so that the bad one comes before the good one.
        for (name, document) in changes.iter().rev() {
            let mut applied = self.apply_one(name, document.as_ref()).await;
            if failed && self.fault == Fault::LosesTheOthersWithTheBad {
                applied = Err(crate::Error::new(crate::ErrorKind::Conflict, "broken", "apply", name.clone()));
            }
            failed |= applied.is_err();
            answers.insert(name.clone(), applied);
        }
        answers
    }

    async fn connections(&self, gateway: &str) -> Result<BTreeMap<String, u64>> {
        let counts = driver::Proxy::connections(&*self.proxy, gateway).await;
        let draining = self.proxy.serving().values().any(|document| format!("{document:?}").contains("draining"));
        match self.fault {
            Fault::CountsNothing => Ok(BTreeMap::new()),
            Fault::ForgetsWhatDrains if draining => Ok(BTreeMap::new()),
            Fault::CountsZeroOnFailure => Ok(counts.unwrap_or_default()),
            _ => counts,
        }
    }

    async fn status(&self) -> Result<ProxyStatus> {
        driver::Proxy::status(&*self.proxy).await
    }
}

/// One open connection of an instance.
struct Open(Arc<Proxy>, String);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set_connections(&self.1, 0);
    }
}

#[async_trait]
impl GatewayFixture for Broken {
    fn renderer(&self) -> &dyn GatewayRenderer {
        self
    }

    fn proxy(&self) -> &dyn driver::Proxy {
        self
    }

    fn free_port(&mut self) -> NonZeroU16 {
        self.ports += 1;
        NonZeroU16::new(self.ports).expect("never zero")
    }

    async fn silent_instance(&mut self) -> Instance {
        let one = instance("silent", 9_100);
        assert_eq!(one.traffic, Traffic::Ready);
        one
    }

    async fn open_request(&mut self, _: &Gateway, instance: &Instance) -> Box<dyn Any + Send> {
        self.proxy.set_connections(&instance.id, 1);
        Box::new(Open(Arc::clone(&self.proxy), instance.id.clone()))
    }
}

#[async_trait]
impl BreakableProxy for Broken {
    async fn take_away(&mut self) {
        self.proxy.set_away(true);
    }
}

/// The names of the cases that fail, in their order.
async fn failing(fault: Fault) -> Vec<&'static str> {
    let mut failed = Vec::new();
    macro_rules! run {
        ($($cases:tt)*) => { conformance_failures! { failed; $($cases)* } };
    }
    let open = || Broken { proxy: Arc::default(), fault, ports: 20_000 };
    crate::gateway_suite! { @each [run] open() };
    crate::gateway_suite! { @each [run] open(), breakable };
    failed
}

#[tokio::test(start_paused = true)]
async fn the_specification_satisfies_every_case() {
    assert_eq!(failing(Fault::None).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn each_broken_clause_is_noticed_by_its_own_cases() {
    let expected: [(Fault, &[&str]); 12] = [
        (
            Fault::RendersByItsNeighbours,
            &["r1_a_gateway_is_rendered_alike_alone_and_among_others", "r2_one_bad_gateway_spoils_no_other"],
        ),
        (Fault::SpoilsOthers, &["r2_one_bad_gateway_spoils_no_other"]),
        (Fault::PutsWeightsIntoTheStructure, &["r3_weights_strengths_and_instances_are_values"]),
        (Fault::ForgetsThePort, &["r3_a_port_and_a_condition_are_structure"]),
        (Fault::KeepsWhatIsGone, &["x1_a_gateway_that_is_taken_away_is_served_no_longer"]),
        (Fault::ReloadsForNothing, &["x2_the_same_document_again_changes_nothing"]),
        (
            Fault::ReloadsForWeights,
            &["x2_values_change_at_run_time_and_structure_by_a_reload", "x4_a_draining_instance_is_still_counted"],
        ),
        (Fault::DropsWhatItRefuses, &["x3_a_refused_gateway_keeps_its_last_good_state_and_blocks_no_other"]),
        (Fault::LosesTheOthersWithTheBad, &["x3_a_refused_gateway_keeps_its_last_good_state_and_blocks_no_other"]),
        (
            Fault::CountsNothing,
            &[
                "x4_an_open_request_is_counted_until_it_ends",
                "x4_a_draining_instance_is_still_counted",
                "x4_what_cannot_be_counted_is_an_error",
            ],
        ),
        (Fault::ForgetsWhatDrains, &["x4_a_draining_instance_is_still_counted"]),
        (Fault::CountsZeroOnFailure, &["x4_what_cannot_be_counted_is_an_error"]),
    ];
    let mut found = Vec::new();
    for (fault, _) in expected {
        found.push((fault, failing(fault).await));
    }
    assert_eq!(found, expected.map(|(fault, cases)| (fault, cases.to_vec())));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_only_says_yes_is_noticed() {
    let failing = failing(Fault::SaysYesAndDoesNothing).await;
    assert!(failing.contains(&"x1_what_is_applied_is_served"), "{failing:?}");
}
