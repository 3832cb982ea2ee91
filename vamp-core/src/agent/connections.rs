//! Counting what draining instances still have to finish.

use crate::{
    driver::Proxy,
    routing::{Decision, Gateway, Target, Traffic},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The counts of draining instances, sample after sample.
#[derive(Debug, Default)]
pub(super) struct Connections {
    last: BTreeMap<String, Option<u64>>,
}

impl Connections {
    /// Counts anew and answers, per draining instance, the larger of this count and the one before. The first count of
    /// an instance is no answer yet: a pick and its counter are not one step.
    pub(super) async fn count(
        &mut self,
        proxy: &dyn Proxy,
        gateways: &BTreeMap<String, Arc<Gateway>>,
    ) -> BTreeMap<String, Option<u64>> {
        let mut now: BTreeMap<String, Option<u64>> = BTreeMap::new();
        for (name, gateway) in gateways {
            let draining = draining(gateway);
            if draining.is_empty() {
                continue;
            }
            let counted = proxy.connections(name).await;
            if let Err(error) = &counted {
                tracing::warn!(gateway = %name, error = %error.report(), "connections cannot be counted");
            }
            for instance in draining {
                let count = counted.as_ref().ok().map(|counts| counts.get(&instance).copied().unwrap_or(0));
                now.entry(instance).and_modify(|sum| *sum = plus(*sum, count)).or_insert(count);
            }
        }
        let answer = now.iter().map(|(id, count)| (id.clone(), larger(*count, self.last.get(id).copied().flatten())));
        let answer = answer.collect();
        self.last = now;
        answer
    }
}

const fn plus(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        _ => None,
    }
}

fn larger(now: Option<u64>, before: Option<u64>) -> Option<u64> {
    Some(now?.max(before?))
}

/// The instances of a gateway that finish what they have and leave.
pub(super) fn draining(gateway: &Gateway) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&gateway.decision, &mut found);
    found
}

fn collect(decision: &Decision, found: &mut BTreeSet<String>) {
    for route in &decision.routes {
        match &route.target {
            Target::Chained(inner) => collect(inner, found),
            Target::Instances(instances) => {
                let leaving = instances.iter().filter(|instance| instance.traffic == Traffic::Draining);
                found.extend(leaving.map(|instance| instance.id.clone()));
            }
        }
    }
}
