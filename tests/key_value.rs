//! The key-value stores keep their contract.

mod memory {
    use async_trait::async_trait;
    use std::{sync::Arc, time::Duration};
    use vamp_core::{
        conformance::key_value::KeyValueFixture,
        driver::KeyValueStore,
        key_value_suite,
        memory::{KeyValue, ManualClock},
    };

    struct Memory {
        store: Arc<KeyValue>,
        clock: Arc<ManualClock>,
    }

    fn open() -> Memory {
        let clock = Arc::new(ManualClock::default());
        Memory { store: Arc::new(KeyValue::new(Arc::<ManualClock>::clone(&clock))), clock }
    }

    #[async_trait]
    impl KeyValueFixture for Memory {
        fn store(&self) -> Arc<dyn KeyValueStore> {
            Arc::<KeyValue>::clone(&self.store)
        }

        async fn elapse(&mut self, duration: Duration) {
            self.clock.advance(duration);
        }
    }

    key_value_suite!(open());
}
