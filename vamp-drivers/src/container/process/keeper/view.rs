//! What others see of a workload.

use super::Keeper;
use crate::container::process::{
    health,
    record::{Record, Stage},
};
use std::collections::BTreeMap;
use vamp_core::driver::{Instance, InstanceState, Observed};

impl Keeper {
    pub(super) fn publish(&self) {
        let mut instances: Vec<Instance> = self.stored.records.iter().map(|record| self.instance(record)).collect();
        instances.sort_by(|a, b| a.id.cmp(&b.id));
        let observed = Observed {
            id: Some(self.id().clone()),
            labels: BTreeMap::new(),
            image: None,
            wanted: self.stored.wanted(),
            instances,
        };
        self.context.publish(self.id(), (!self.stored.finished()).then_some(observed));
    }

    fn instance(&self, record: &Record) -> Instance {
        let checked = || self.live.get(&record.id).map(|live| health::state(&live.verdicts));
        let (state, reason) = match &record.stage {
            _ if record.leaving.is_some() => (InstanceState::Stopping, None),
            Stage::Intended => (InstanceState::Staged, None),
            Stage::Started(_) => checked().unwrap_or((InstanceState::Running, None)),
            Stage::Completed => (InstanceState::Completed, None),
            Stage::Failed { reason } => (InstanceState::Failed, Some(reason.clone())),
        };
        Instance {
            id: record.id.clone(),
            state,
            reason,
            host: "127.0.0.1".to_owned(),
            ports: record.ports.clone(),
            node: Some(self.context.node.clone()),
        }
    }
}
