//! A record that cannot be read is there, and nobody knows what is in it: what follows from it stays.

use crate::support::{DEADLINE, Vamp, blueprint, eventually};
use vamp_core::{
    driver::Draft,
    engine::{Failure, Options},
    model::{Deployment, Gateway},
};

impl Vamp {
    async fn spoil(&self, kind: &str, name: &str) {
        let version = self.persistence.get(kind, name).await.expect("reads").expect("is there").version;
        let body = br#"{"from": "another version"}"#.to_vec();
        let draft = Draft { kind: kind.to_owned(), name: name.to_owned(), body, author: None };
        self.persistence.put(&draft, Some(&version)).await.expect("is spoilt");
    }
}

#[tokio::test]
async fn an_unreadable_gateway_is_served_on_after_a_restart_and_can_be_overwritten() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let served = vamp.served();
    let (gateway, _) = vamp.engine.find::<Gateway>("sava/9050").await.expect("reads").expect("is there");
    vamp.spoil("gateways", "sava/9050").await;
    let vamp = vamp.restart();
    let Err(Failure::NotYet(reason)) = vamp.engine.applied("sava/9050", std::time::Duration::from_millis(300)).await
    else {
        panic!("is applied")
    };
    assert!(reason.contains("cannot be read"), "{reason}");
    assert_eq!(vamp.served(), served);
    vamp.engine.put_gateway(&gateway, None).await.expect("is overwritten");
    vamp.engine.applied("sava/9050", DEADLINE).await.expect("applies");
    assert_eq!(vamp.served(), served);
}

#[tokio::test]
async fn an_unreadable_deployment_runs_on_after_a_restart_and_can_be_removed() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 2).await;
    let served = vamp.served();
    vamp.spoil("deployments", "sava").await;
    let vamp = vamp.restart();
    let Err(Failure::NotYet(reason)) = vamp.engine.applied("sava/9050", std::time::Duration::from_millis(300)).await
    else {
        panic!("is applied")
    };
    assert!(reason.contains("the stored deployment `sava` cannot be read"), "{reason}");
    assert_eq!(vamp.served(), served);
    assert_eq!(vamp.engine.instances("sava", "sava", "sava:1.0").len(), 2);
    let refused = vamp.engine.deploy("sava", &blueprint("1.0", 2), Options::default()).await;
    assert!(matches!(refused, Err(Failure::Conflict(_))), "{refused:?}");
    assert!(vamp.engine.remove::<Deployment>("sava", None).await.expect("is removed"));
    eventually("nothing of it runs", async || vamp.engine.instances("sava", "sava", "sava:1.0").is_empty()).await;
}
