//! The seams: what a platform brings, as traits with numbered contracts.
//!
//! Each numbered clause is a conformance case of the same name, run for every driver and every wrapper
//! (feature `conformance`). `Err` never means "absent", and a failed read is never a shorter list.

mod clock;
mod container;
mod event;
mod gateway;
mod key_value;
mod persistence;
mod version;

pub use clock::Clock;
pub use container::{
    Address, Capabilities, ContainerDriver, Exposure, HealthProbe, Instance, InstanceState, Node, Observation,
    Observed, Retire, Scope, Template, Workload, WorkloadId,
};
pub use event::{Aggregate, Aggregator, Event, EventStore, Query};
pub use gateway::{Applied, Document, GatewayRenderer, Proxy, ProxyStatus, Target};
pub use key_value::{Entry, KeyValueExt, KeyValueStore, Lease, Limits, Transaction, Write, is_below, is_key};
pub use persistence::{Draft, PersistenceStore, Record};
pub use version::{Changes, Cursor, Page, Version, What};
