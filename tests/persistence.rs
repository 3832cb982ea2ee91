//! The persistence stores keep their contract.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says so by panicking")]

#[path = "persistence/agreement.rs"]
mod agreement;
#[path = "persistence/commits.rs"]
mod commits;
#[path = "persistence/crash.rs"]
mod crash;
#[path = "persistence/embedded.rs"]
mod embedded;

mod file {
    use super::embedded;
    use vamp_core::persistence_suite;

    persistence_suite!(embedded::open(), durable);
}

mod memory {
    use std::sync::Arc;
    use vamp_core::{
        conformance::persistence::PersistenceFixture,
        driver::PersistenceStore,
        memory::{ManualClock, Persistence},
        persistence_suite,
    };

    struct Memory(Arc<Persistence>);

    fn open() -> Memory {
        Memory(Arc::new(Persistence::new(Arc::new(ManualClock::default()))))
    }

    impl PersistenceFixture for Memory {
        fn store(&self) -> Arc<dyn PersistenceStore> {
            Arc::<Persistence>::clone(&self.0)
        }
    }

    persistence_suite!(open());
}

mod key_value {
    use async_trait::async_trait;
    use std::sync::Arc;
    use vamp_core::{
        conformance::persistence::{CorruptiblePersistence, PersistenceFixture},
        driver::{KeyValueExt, KeyValueStore, PersistenceStore},
        layer::KeyValuePersistence,
        memory::{KeyValue, ManualClock},
        persistence_suite,
    };

    struct OnKeyValue {
        below: Arc<KeyValue>,
        store: Arc<KeyValuePersistence>,
    }

    fn open() -> OnKeyValue {
        let clock = Arc::new(ManualClock::default());
        let below = Arc::new(KeyValue::new(Arc::<ManualClock>::clone(&clock)));
        let store = KeyValuePersistence::new(Arc::<KeyValue>::clone(&below), clock, "default");
        OnKeyValue { below, store: Arc::new(store) }
    }

    impl PersistenceFixture for OnKeyValue {
        fn store(&self) -> Arc<dyn PersistenceStore> {
            Arc::<KeyValuePersistence>::clone(&self.store)
        }
    }

    #[async_trait]
    impl CorruptiblePersistence for OnKeyValue {
        async fn corrupt(&mut self, kind: &str, name: &str) {
            let key = format!("/vamp/default/artifacts/{kind}/{name}");
            assert!(self.below.get(&key).await.unwrap().is_some(), "{key} is there");
            self.below.put(&key, b"\0garbage".to_vec()).await.unwrap();
        }
    }

    persistence_suite!(open(), corruptible);
}
