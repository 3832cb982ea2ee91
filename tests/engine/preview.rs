//! What a request would change is told before anything is changed.

use crate::support::{Vamp, blueprint, percent};
use vamp_core::{
    engine::{Failure, Request},
    model::{Gateway, Intention},
    routing::Target,
};

fn name_of(blueprint: &vamp_core::model::Blueprint) -> Request<'_> {
    Request::Deploy { name: "sava", blueprint }
}

#[tokio::test]
async fn a_first_deployment_is_shown_with_its_gateways_and_what_agents_would_be_told() {
    let vamp = Vamp::start();
    let wanted = blueprint("1.0", 2);
    let preview = vamp.engine.preview(name_of(&wanted)).await.expect("is valid");
    let deployment = preview.deployment.expect("comes");
    assert_eq!(deployment.before, None);
    assert_eq!(deployment.after.expect("comes").clusters[0].services.len(), 1);
    assert_eq!(preview.gateways.keys().collect::<Vec<_>>(), ["sava/9050", "sava/sava/web"]);
    let told = preview.routing["sava/9050"].after.as_ref().expect("is published");
    assert_eq!(told.port.get(), 9050);
    assert!(vamp.engine.deployment("sava").await.expect("reads").is_none(), "nothing is stored");
}

#[tokio::test]
async fn a_second_version_changes_what_is_told_of_the_gateway_in_front() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    let wanted = blueprint("1.1", 1);
    let preview = vamp.engine.preview(name_of(&wanted)).await.expect("is valid");
    assert_eq!(preview.gateways.keys().collect::<Vec<_>>(), ["sava/sava/web"], "what stays is left out");
    let change = &preview.routing["sava/9050"];
    let routes = |gateway: &vamp_core::routing::Gateway| gateway.decision.routes.len();
    assert_eq!(change.before.as_deref().map(routes), Some(1));
    assert_eq!(change.after.as_deref().map(routes), Some(2));
    let again = blueprint("1.0", 1);
    assert!(vamp.engine.preview(name_of(&again)).await.expect("is valid").is_empty());
}

#[tokio::test]
async fn a_version_that_would_leave_is_shown_as_leaving() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.deploy("1.1", 1).await;
    let gone = blueprint("1.1", 1);
    let request = Request::Undeploy { name: "sava", blueprint: &gone };
    let preview = vamp.engine.preview(request).await.expect("is valid");
    let after = preview.deployment.expect("changes").after.expect("stays");
    assert_eq!(after.clusters[0].services[1].status.intention, Intention::Undeployment);
    let told = preview.routing["sava/9050"].after.as_ref().expect("is published");
    let leaving = told.decision.routes.iter().find(|route| route.name.contains("1.1")).expect("finishes");
    let Target::Instances(instances) = &leaving.target else { panic!("{leaving:?}") };
    assert_eq!(instances[0].traffic, vamp_core::routing::Traffic::Draining);
    let refused = blueprint("1.0", 1);
    let refused = vamp.engine.preview(Request::Undeploy { name: "sava", blueprint: &refused }).await;
    assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn a_changed_weight_is_shown_where_it_is_told() {
    let vamp = Vamp::start();
    vamp.deploy("1.0", 1).await;
    vamp.deploy("1.1", 1).await;
    let (mut gateway, _) = vamp.engine.find::<Gateway>("sava/sava/web").await.expect("reads").expect("is there");
    gateway.routes[0].weight = Some(percent(90));
    gateway.routes[1].weight = Some(percent(10));
    let preview = vamp.engine.preview(Request::PutGateway(&gateway)).await.expect("is valid");
    assert!(preview.deployment.is_none());
    assert_eq!(preview.routing.keys().collect::<Vec<_>>(), ["sava/9050"]);
    let told = preview.routing["sava/9050"].after.as_ref().expect("is published");
    assert_eq!(told.decision.routes[1].weight, percent(10));
    let removed = vamp.engine.preview(Request::DeleteGateway("sava/9050")).await.expect("is valid");
    assert!(removed.routing["sava/9050"].after.is_none());
}
