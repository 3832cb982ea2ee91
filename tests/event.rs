//! The event stores keep their contract.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test says so by panicking")]

#[path = "event/agreement.rs"]
mod agreement;
#[path = "persistence/embedded.rs"]
mod embedded;

mod file {
    use super::embedded;
    use vamp_core::event_suite;

    event_suite!(embedded::open(), durable);
}

mod memory {
    use std::sync::Arc;
    use vamp_core::{conformance::event::EventFixture, driver::EventStore, event_suite, memory::Events};

    struct Memory(Arc<Events>);

    impl EventFixture for Memory {
        fn store(&self) -> Arc<dyn EventStore> {
            Arc::<Events>::clone(&self.0)
        }
    }

    event_suite!(Memory(Arc::default()));
}
