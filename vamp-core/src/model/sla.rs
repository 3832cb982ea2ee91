//! [`Sla`] and [`Escalation`]: what a cluster promises, and what is done when it does not keep it.

use super::{Metadata, Name, Reference};
use std::time::Duration;

/// A service level agreement.
#[derive(Clone, Debug, PartialEq)]
pub struct Sla {
    /// What is promised.
    pub policy: Policy,
    /// What is done about it.
    pub escalations: Vec<Reference<Escalation>>,
}

/// What a service level agreement promises.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// `response_time_sliding_window`: the mean response time of the last interval stays within two bounds.
    ResponseTime {
        /// Above this it escalates.
        upper: Duration,
        /// Below this it de-escalates.
        lower: Duration,
        /// How far back the mean looks.
        interval: Duration,
        /// How long nothing is done after something was done.
        cooldown: Duration,
    },
    /// `escalation_only`: somebody else says when.
    EscalationOnly,
    /// Of another type, kept as it is.
    Other {
        /// The type.
        kind: String,
        /// What it says beside its type and its escalations.
        parameters: Metadata,
    },
}

/// The agreement of a cluster: in place, or a stored one.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterSla {
    /// A stored one.
    Stored {
        /// Its name.
        name: Name,
        /// What is done instead of what the stored one says; empty = that.
        escalations: Vec<Reference<Escalation>>,
    },
    /// The agreement itself.
    Inline(Box<Sla>),
}

impl ClusterSla {
    /// What is done, as far as it is said here.
    #[must_use]
    pub fn escalations(&self) -> &[Reference<Escalation>] {
        match self {
            Self::Stored { escalations, .. } => escalations,
            Self::Inline(sla) => &sla.escalations,
        }
    }
}

/// What is done when a promise is not kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Escalation {
    /// `scale_instances`: more or fewer instances.
    Instances(Step<u32>),
    /// `scale_cpu`: more or less cpu for each instance, in thousandths of a cpu.
    Cpu(Step<u32>),
    /// `scale_memory`: more or less memory for each instance, in bytes.
    Memory(Step<u64>),
    /// `to_all`: all of them.
    All(Vec<Reference<Self>>),
    /// `to_one`: the first that can be done.
    One(Vec<Reference<Self>>),
    /// Of another type, kept as it is.
    Other {
        /// The type.
        kind: String,
        /// What it says beside its type.
        parameters: Metadata,
    },
}

/// One step of scaling, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<T> {
    /// It is never less.
    pub minimum: T,
    /// It is never more.
    pub maximum: T,
    /// How much at once.
    pub by: T,
    /// The cluster whose first service is scaled; `None` = the one with the agreement.
    pub target: Option<Name>,
}

impl Escalation {
    /// The cluster that is scaled, if it is said.
    #[must_use]
    pub const fn target(&self) -> Option<&Name> {
        match self {
            Self::Instances(Step { target, .. })
            | Self::Cpu(Step { target, .. })
            | Self::Memory(Step { target, .. }) => target.as_ref(),
            Self::All(_) | Self::One(_) | Self::Other { .. } => None,
        }
    }
}
