//! The event stores keep their contract.

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
