//! Counting what draining instances still have to finish.

use super::{PARTS, Part};
use crate::{
    driver::Proxy,
    routing::{Decision, Gateway, Target, Traffic},
};
use std::collections::{BTreeMap, BTreeSet};

/// Counts by instance; `None` = could not be counted.
pub(super) type Counts = BTreeMap<String, Option<u64>>;

/// The counts of draining instances, by part, sample after sample.
#[derive(Debug, Default)]
pub(super) struct Connections {
    last: BTreeMap<usize, Counts>,
}

impl Connections {
    /// Counts anew and answers, per draining instance, the larger of this count and the one before. The first count of
    /// an instance is no answer yet: a pick and its counter are not one step.
    ///
    /// Takes gateways with their draining instances; answers by the part that a gateway belongs to.
    pub(super) async fn count(
        &mut self,
        proxy: &dyn Proxy,
        draining: impl Iterator<Item = (&str, &BTreeSet<String>)>,
    ) -> Vec<Counts> {
        let mut now: BTreeMap<usize, Counts> = BTreeMap::new();
        for (name, instances) in draining {
            let counted = proxy.connections(name).await;
            if let Err(error) = &counted {
                tracing::warn!(gateway = %name, error = %error.report(), "connections cannot be counted");
            }
            let part = now.entry(Part::of(name)).or_default();
            for instance in instances {
                let count = counted.as_ref().ok().map(|counts| counts.get(instance).copied().unwrap_or(0));
                part.entry(instance.clone()).and_modify(|sum| *sum = plus(*sum, count)).or_insert(count);
            }
        }
        let answer = (0..PARTS).map(|part| answer(now.get(&part), self.last.get(&part))).collect();
        self.last = now;
        answer
    }
}

fn answer(now: Option<&Counts>, before: Option<&Counts>) -> Counts {
    let last = |id: &String| before.and_then(|before| before.get(id).copied().flatten());
    now.into_iter().flatten().map(|(id, count)| (id.clone(), larger(*count, last(id)))).collect()
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
