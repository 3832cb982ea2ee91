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

/// Whether these bytes are one JSON value in UTF-8; a JSON reader that skips a text does not look at its bytes.
fn is_json(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    text.is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}
