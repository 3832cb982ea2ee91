//! Several artifacts are stored together, or not at all.

use crate::{
    meddler::Meddler,
    support::{DEADLINE, Vamp},
};
use std::sync::Arc;
use vamp_core::{
    condition::Condition,
    engine::Failure,
    memory,
    model::{
        Breed, Gateway, Named,
        read::{self, Artifact},
    },
};
use vamp_drivers::SystemClock;

const ALL: &str = "
- {kind: gateways, name: a, port: 9050, routes: {'[h:1]': {condition: {ref: chrome}}}}
- {kind: conditions, name: chrome, condition: User-Agent == Chrome}
- {kind: breeds, name: shop, deployable: x}
- {kind: breeds, name: shop, deployable: y}
- {kind: gateways, name: b, port: 9051}
";

fn artifacts(text: &str) -> Vec<Artifact> {
    read::artifacts(text, None).unwrap_or_else(|violations| panic!("{violations}"))
}

/// What is stored of it: the gateways, the condition and the breed.
async fn stored(vamp: &Vamp) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["a", "b", "c"] {
        found.extend(vamp.engine.find::<Gateway>(name).await.expect("reads").map(|(one, _)| one.port.to_string()));
    }
    let condition = vamp.engine.find::<Named<Condition>>("chrome").await.expect("reads");
    found.extend(condition.map(|(one, _)| one.name.to_string()));
    found.extend(vamp.engine.find::<Breed>("shop").await.expect("reads").map(|(one, _)| one.deployable.definition));
    found
}

#[tokio::test]
async fn artifacts_that_refer_to_each_other_are_stored_together_and_served() {
    let vamp = Vamp::start();
    let checked = vamp.engine.check_all(&artifacts(ALL)).await.expect("are valid");
    assert_eq!(stored(&vamp).await, Vec::<String>::new(), "a check stores nothing");
    let together = vamp.engine.store_all(&artifacts(ALL)).await.expect("are stored");
    assert_eq!(together.iter().map(|(one, _)| one.clone()).collect::<Vec<_>>(), checked);
    assert_eq!(together.len(), 4, "of two with one name the last counts");
    assert_eq!(stored(&vamp).await, ["9050/http", "9051/http", "chrome", "y"]);
    for (artifact, version) in &together {
        let found = vamp.engine.find_any(artifact.kind(), artifact.name()).await.expect("reads").expect("is there");
        assert_eq!((&found.0, &found.1), (artifact, version));
    }
    vamp.engine.applied("a", DEADLINE).await.expect("is served");
    vamp.engine.store_all(&artifacts(ALL)).await.expect("again is no conflict");
}

#[tokio::test]
async fn one_that_is_refused_keeps_all_from_being_stored_and_is_named() {
    let vamp = Vamp::start();
    for (one, code, file) in [
        ("{kind: gateways, name: c, port: 9051}", "UnavailableGatewayPortError", "gateways/c"),
        ("{kind: gateways, name: c/d/e, port: 9052}", "InternalGatewayCreateError", "gateways/c/d/e"),
        (
            "{kind: gateways, name: c, port: 1, routes: {'[h:1]': {condition: {ref: no}}}}",
            "ArtifactNotFound",
            "gateways/c",
        ),
    ] {
        let refused = vamp.engine.store_all(&artifacts(&format!("{ALL}- {one}\n"))).await;
        let violation = match refused {
            Err(Failure::Invalid(mut found)) => found.0.remove(0),
            Err(Failure::Conflict(violation)) => violation,
            other => panic!("{other:?}"),
        };
        assert_eq!((&*violation.code, violation.file.as_deref()), (code, Some(file)));
        assert_eq!(stored(&vamp).await, Vec::<String>::new(), "{one}");
    }
}

#[tokio::test]
async fn what_somebody_changes_at_the_same_time_is_taken_into_account() {
    let store = Arc::new(memory::Persistence::new(Arc::new(SystemClock::new())));
    let meddler = Meddler::new(store);
    let vamp = Vamp::start_with(memory::Containers::new(), Arc::default(), Arc::<Meddler>::clone(&meddler) as _);
    let (engine, below) = (vamp.engine.clone(), meddler.inner());
    meddler.before("breeds/shop", move || async move {
        let body = br#"{"name":"shop","deployable":{"definition":"z"}}"#.to_vec();
        let draft = vamp_core::driver::Draft { kind: "breeds".into(), name: "shop".into(), body, author: None };
        below.put(&draft, None).await.expect("is faster");
        drop(engine);
    });
    vamp.engine.store_all(&artifacts(ALL)).await.expect("again, beside what is there now");
    assert_eq!(stored(&vamp).await, ["9050/http", "9051/http", "chrome", "y"]);
}
