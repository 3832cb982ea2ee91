//! The memory driver: the specification.

use async_trait::async_trait;
use std::collections::BTreeMap;
use vamp_core::{
    conformance::container::{BreakableContainers, ContainerFixture},
    container_suite,
    driver::{ContainerDriver, Template},
    memory::Containers,
};

struct Memory(Containers);

fn setting(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), "true".to_owned())])
}

#[async_trait]
impl ContainerFixture for Memory {
    fn driver(&self) -> &dyn ContainerDriver {
        &self.0
    }

    fn namespace(&self) -> String {
        "case".to_owned()
    }

    fn service(&self) -> Template {
        Template::default()
    }

    fn stubborn(&self) -> Template {
        let mut template = Template::default();
        template.dialect = setting(Containers::STUBBORN);
        template
    }

    fn task(&self, succeeds: bool) -> Template {
        let mut template = Template::default();
        template.run_once = true;
        if !succeeds {
            template.dialect = setting(Containers::FAILS);
        }
        template
    }

    async fn reopen(&mut self) {
        self.0 = self.0.reopen();
    }
}

#[async_trait]
impl BreakableContainers for Memory {
    async fn break_reads(&mut self) {
        self.0.fail(true);
    }
}

container_suite!(Memory(Containers::new()), breakable);
