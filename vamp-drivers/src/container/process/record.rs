//! What is remembered of a workload, and which instances come and go: values and decisions, no I/O.

use super::procfs::Identity;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use vamp_core::driver::Workload;

/// One workload: what was asked for, and an entry for each instance from before it starts until nothing of it is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) workload: Workload,
    /// Forgotten once the last instance is gone.
    pub(super) removed: bool,
    /// The oldest first.
    pub(super) records: Vec<Record>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) ports: BTreeMap<String, u16>,
    /// How many instances before it failed in a row.
    pub(super) failures: u32,
    pub(super) stage: Stage,
    /// Whether it was healthy when last heard of: the restart of a server is no evidence against it.
    pub(super) healthy: bool,
    pub(super) leaving: Option<Leaving>,
}

/// How far an instance has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// Wanted, not started for all we know.
    Intended,
    /// Started as this process.
    Started(Identity),
    /// Ended as it should.
    Completed,
    /// Ended as it should not, or could not be started.
    Failed {
        /// For people.
        reason: String,
    },
}

/// The decision that an instance is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leaving {
    /// Milliseconds since 1970.
    since: u64,
    grace: Duration,
}

impl Leaving {
    pub(super) fn new(now: SystemTime, grace: Duration) -> Self {
        Self { since: millis(now), grace }
    }

    /// What is left of the grace, also after a restart; never more than the whole, whatever happened to the clock.
    pub(super) fn left(&self, now: SystemTime) -> Duration {
        let passed = Duration::from_millis(millis(now).saturating_sub(self.since));
        self.grace.saturating_sub(passed)
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Record {
    /// An instance that is to be started.
    pub(super) fn intended(id: String, ports: BTreeMap<String, u16>, failures: u32) -> Self {
        Self { id, ports, failures, stage: Stage::Intended, healthy: false, leaving: None }
    }

    fn has_process(&self) -> bool {
        matches!(self.stage, Stage::Started(_))
    }
}

impl Stored {
    /// A workload nobody has asked for yet.
    pub(super) fn new(mut workload: Workload) -> Self {
        workload.instances = 0;
        Self { workload, removed: true, records: Vec::new() }
    }

    /// Nothing is wanted and nothing is left.
    pub(super) fn finished(&self) -> bool {
        self.removed && self.records.is_empty()
    }

    /// How many instances are to run.
    pub(super) const fn wanted(&self) -> u32 {
        if self.removed { 0 } else { self.workload.instances }
    }

    pub(super) fn record_mut(&mut self, id: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == id)
    }

    fn staying(&self) -> usize {
        self.records.iter().filter(|record| record.leaving.is_none()).count()
    }

    /// How many instances are missing.
    pub(super) fn missing(&self) -> usize {
        (self.wanted() as usize).saturating_sub(self.staying())
    }

    /// Decides who goes where there are too many: those named first, then those that do not run, then the youngest.
    pub(super) fn thin(&mut self, now: SystemTime) {
        let mut surplus = self.staying().saturating_sub(self.wanted() as usize);
        let leaving = Leaving::new(now, self.workload.grace);
        let retire = std::mem::take(&mut self.workload.retire);
        let preferences: [&dyn Fn(&Record) -> bool; 3] =
            [&|record| retire.contains(&record.id), &|record| !record.has_process(), &|_| true];
        for preferred in preferences {
            for record in self.records.iter_mut().rev() {
                if surplus > 0 && record.leaving.is_none() && preferred(record) {
                    record.leaving = Some(leaving);
                    surplus -= 1;
                }
            }
        }
        self.workload.retire = retire;
    }

    /// Forgets the leaving instances that have no process. Answers what was forgotten.
    pub(super) fn forget_the_gone(&mut self) -> Vec<Record> {
        let gone = |record: &Record| record.leaving.is_some() && !record.has_process();
        let forgotten = self.records.iter().filter(|record| gone(record)).cloned().collect();
        self.records.retain(|record| !gone(record));
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vamp_core::driver::{Template, WorkloadId};

    fn stored(instances: u32) -> Stored {
        let id = WorkloadId {
            namespace: "n".to_owned(),
            owner: "o".to_owned(),
            name: "web".to_owned(),
            revision: "r".to_owned(),
        };
        let started = |n: u32| Record {
            stage: Stage::Started(Identity { pid: n.cast_signed(), started: 1, boot: "b".to_owned() }),
            ..Record::intended(n.to_string(), BTreeMap::new(), 0)
        };
        let records = (1..=instances).map(started).collect();
        Stored { workload: Workload::new(id, Template::default(), instances), removed: false, records }
    }

    fn leaving(stored: &Stored) -> Vec<&str> {
        stored.records.iter().filter(|r| r.leaving.is_some()).map(|r| r.id.as_str()).collect()
    }

    #[test]
    fn those_named_leave_first_then_those_that_do_not_run_then_the_youngest() {
        let mut stored = stored(5);
        stored.records[1].stage = Stage::Failed { reason: "x".to_owned() };
        stored.workload.retire = vec!["1".to_owned()];
        for (instances, expected) in [
            (5, vec![]),
            (4, vec!["1"]),
            (3, vec!["1", "2"]),
            (2, vec!["1", "2", "5"]),
            (0, vec!["1", "2", "3", "4", "5"]),
        ] {
            stored.workload.instances = instances;
            stored.thin(SystemTime::now());
            assert_eq!(leaving(&stored), expected, "{instances} wanted");
        }
    }

    #[test]
    fn a_leaving_instance_is_replaced_when_it_is_wanted_again_and_forgotten_when_it_has_no_process() {
        let mut stored = stored(2);
        stored.removed = true;
        stored.thin(SystemTime::now());
        stored.removed = false;
        assert_eq!((stored.missing(), leaving(&stored).len()), (2, 2));
        assert!(stored.forget_the_gone().is_empty(), "both still run");
        stored.records[0].stage = Stage::Completed;
        assert_eq!(stored.forget_the_gone().len(), 1);
        assert_eq!(stored.records.len(), 1);
    }

    #[test]
    fn the_grace_goes_on_where_it_was_and_never_grows() {
        let begun = UNIX_EPOCH + Duration::from_secs(1000);
        let leaving = Leaving::new(begun, Duration::from_secs(10));
        assert_eq!(leaving.left(begun + Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(leaving.left(begun + Duration::from_secs(40)), Duration::ZERO);
        assert_eq!(leaving.left(begun - Duration::from_secs(40)), Duration::from_secs(10));
    }
}
