use crate::server_support::{
    eventually,
    http::{Ask, Reply, delete, get, post, put},
    memory::Server,
};
use serde_json::{Value, json};

const OLD: &str = include_str!("../../examples/artifacts/sava-1.0.yml");
const NEW: &str = include_str!("../../examples/artifacts/sava-1.1.yml");
const GATEWAY: &str = "/gateways/sava/sava/web";

/// Version 1.0, and 1.1 beside it.
async fn both(server: &Server) {
    for blueprint in [OLD, NEW] {
        server.ask(put("/deployments/sava?wait=60", blueprint)).await.expect(202);
    }
}

/// Sets the weights of the two routes of the cluster's gateway.
async fn weigh(server: &Server, old: &str, new: &str) -> Reply {
    let mut gateway = server.ask(get(GATEWAY)).await.expect(200).json();
    gateway["routes"]["sava/sava/sava:1.0/web"]["weight"] = json!(old);
    gateway["routes"]["sava/sava/sava:1.1/web"]["weight"] = json!(new);
    server.ask(put(&format!("{GATEWAY}?wait=60"), gateway.to_string())).await
}

/// Breeds with the number of their healthy instances.
async fn running(server: &Server) -> Vec<(String, u64)> {
    let reply = server.ask(get("/deployments/sava")).await;
    if reply.status == 404 {
        return Vec::new();
    }
    let json = reply.expect(200).json();
    let services = json.pointer("/clusters/sava/services").and_then(Value::as_array).expect("services");
    let one = |service: &Value| {
        let breed = service.pointer("/breed/name").and_then(Value::as_str).expect("a name").to_owned();
        (breed, service.pointer("/health/healthy").and_then(Value::as_u64).expect("a number"))
    };
    services.iter().map(one).collect()
}

fn breeds(old: u64, new: u64) -> Vec<(String, u64)> {
    vec![("sava:1.0".to_owned(), old), ("sava:1.1".to_owned(), new)]
}

#[tokio::test]
async fn a_blueprint_is_deployed_and_the_next_merged_beside_it_without_traffic() {
    let server = Server::start().await;
    let reply = server.ask(put("/deployments/sava?wait=60", OLD)).await.expect(202);
    assert_eq!(reply.json().as_array().map(Vec::len), Some(1));
    assert_eq!(reply.text("/0/clusters/sava/services/0/status/phase/name"), "Done");
    server.ask(put("/deployments/sava?wait=60", NEW)).await.expect(202);
    assert_eq!(running(&server).await, breeds(3, 2));
    let gateway = server.ask(get(GATEWAY)).await.expect(200).json();
    let weights =
        ["sava/sava/sava:1.0/web", "sava/sava/sava:1.1/web"].map(|path| gateway["routes"][path]["weight"].clone());
    assert_eq!(weights, ["100%", "0%"]);
    let list = server.ask(get("/deployments")).await.expect(200);
    assert_eq!(list.header("x-total-count"), Some("1"));
    assert_eq!(list.json()[0], server.ask(get("/deployments/sava")).await.json());
}

#[tokio::test]
async fn a_post_deploys_under_the_name_of_the_blueprint() {
    let server = Server::start().await;
    server.ask(post("/deployments?wait=60", OLD)).await.expect(202);
    assert_eq!(server.ask(get("/deployments/sava:1.0")).await.expect(200).text("/name"), "sava:1.0");
}

#[tokio::test]
async fn a_stored_blueprint_is_deployed_by_its_name() {
    let server = Server::start().await;
    let reply = server.refused(400, put("/deployments/sava", "name: sava:1.0")).await;
    assert_eq!(reply.codes(), ["ArtifactNotFound"]);
    server.ask(put("/blueprints/sava:1.0", OLD)).await.expect(200);
    server.ask(put("/deployments/sava?wait=60", "name: sava:1.0")).await.expect(202);
    assert_eq!(running(&server).await, [("sava:1.0".to_owned(), 3)]);
}

#[tokio::test]
async fn a_reference_to_a_breed_or_scale_that_is_not_there_is_told_with_its_place() {
    let server = Server::start().await;
    let blueprint = "name: x\nclusters: {sava: {services: {breed: {reference: 'sava:1.0'}, scale: small}}}";
    let reply = server.refused(400, put("/deployments/x", blueprint)).await;
    assert!(reply.text("/message").contains("breeds `sava:1.0`"), "{reply:?}");
    assert_eq!(
        (reply.codes(), reply.json()["errors"][0]["line"].clone()),
        (vec!["ArtifactNotFound".to_owned(); 2], json!(2))
    );
    let breed = "name: sava:1.0\ndeployable: {type: command, definition: sava}\nports: {web: 8080/http}\n";
    server.ask(put("/breeds/sava:1.0", breed)).await.expect(200);
    let reply = server.refused(400, put("/deployments/x", blueprint)).await;
    assert!(reply.text("/message").contains("scales `small`"), "{reply:?}");
    server.ask(put("/scales/small", "name: small\ninstances: 2\ncpu: 1\nmemory: 1GB")).await.expect(200);
    server.ask(put("/deployments/x?wait=60", blueprint)).await.expect(202);
}

async fn remove_the_old_one(server: &Server, removal: Ask) {
    both(server).await;
    assert_eq!(server.refused(400, removal.clone()).await.codes(), ["InvalidRouteWeight"]);
    assert_eq!(running(server).await, breeds(3, 2));
    weigh(server, "0%", "100%").await.expect(202);
    server.ask(removal.clone()).await.expect(202);
    eventually("the old version is gone", async || running(server).await == [("sava:1.1".to_owned(), 2)]).await;
    // What is absent is removed already.
    server.ask(removal).await.expect(202);
    assert_eq!(running(server).await, [("sava:1.1".to_owned(), 2)]);
}

#[tokio::test]
async fn a_service_is_removed_by_a_delete_that_names_it_once_it_has_no_traffic() {
    let server = Server::start().await;
    remove_the_old_one(&server, delete("/deployments/sava").body(OLD)).await;
}

#[tokio::test]
async fn a_service_is_removed_by_a_put_that_says_so() {
    let server = Server::start().await;
    remove_the_old_one(&server, put("/deployments/sava?delete=true", OLD)).await;
}

#[tokio::test]
async fn a_delete_that_names_nothing_removes_everything() {
    let server = Server::start().await;
    both(&server).await;
    server.ask(delete("/deployments/sava?wait=60")).await.expect(202);
    server.refused(404, get("/deployments/sava")).await;
    for path in ["/deployments", "/gateways"] {
        assert_eq!(server.ask(get(path)).await.expect(200).json(), json!([]), "{path}");
    }
    eventually("nothing is served", async || server.proxy.serving().is_empty()).await;
    server.refused(404, delete("/deployments/sava")).await;
    server.refused(404, delete("/deployments/sava").body(OLD)).await;
}

#[tokio::test]
async fn a_dry_run_of_a_deployment_stores_and_starts_nothing() {
    let server = Server::start().await;
    let dry = server.ask(put("/deployments/sava?validate_only=true&wait=60", OLD)).await.expect(202);
    assert_eq!(dry.text("/0/name"), "sava");
    assert!(server.stored().await.is_empty());
    both(&server).await;
    let before = server.stored().await;
    weigh(&server, "90%", "20%").await.refused(400);
    server.refused(400, delete("/deployments/sava?validate_only=true").body(OLD)).await;
    server.ask(delete("/deployments/sava?validate_only=true")).await.expect(202);
    assert_eq!(server.stored().await, before);
    assert_eq!(running(&server).await, breeds(3, 2));
}

#[tokio::test]
async fn what_runs_is_shown_as_the_blueprint_that_deploys_it() {
    let server = Server::start().await;
    both(&server).await;
    weigh(&server, "90%", "10%").await.expect(202);
    let shown = server.ask(get("/deployments/sava?as_blueprint=true").header("accept", "application/x-yaml")).await;
    server.ask(delete("/deployments/sava?wait=60")).await.expect(202);
    server.ask(put("/deployments/sava?wait=60", &shown.expect(200).body)).await.expect(202);
    assert_eq!(running(&server).await, breeds(3, 2));
    let gateway = server.ask(get(GATEWAY)).await.expect(200).json();
    assert_eq!(gateway["routes"]["sava/sava/sava:1.1/web"]["weight"], "10%");
    assert_eq!(server.ask(get("/gateways/sava/9050")).await.expect(200).text("/port"), "9050/http");
}

#[tokio::test]
async fn a_deployment_that_is_sent_as_it_is_shown_changes_nothing() {
    let server = Server::start().await;
    both(&server).await;
    let before = server.stored().await;
    let shown = server.ask(get("/deployments/sava")).await.expect(200);
    server.ask(put("/deployments/sava?wait=60", &shown.body)).await.expect(202);
    assert_eq!(running(&server).await, breeds(3, 2));
    let names = |stored: Vec<(String, _)>| stored.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(server.stored().await), names(before));
}

#[tokio::test]
async fn the_gateway_of_a_cluster_keeps_its_routes_and_stays_while_its_services_do() {
    let server = Server::start().await;
    both(&server).await;
    let mut gateway = server.ask(get(GATEWAY)).await.expect(200).json();
    gateway["routes"]["sava/sava/sava:2.0/web"] = json!({"weight": "0%"});
    gateway["routes"].as_object_mut().expect("a map").remove("sava/sava/sava:1.1/web");
    let reply = server.refused(400, put(GATEWAY, gateway.to_string())).await;
    assert_eq!(reply.codes(), ["InternalGatewayUpdateError", "InternalGatewayUpdateError"]);
    assert_eq!(server.refused(400, delete(GATEWAY)).await.codes(), ["InternalGatewayRemoveError"]);
    let dry = delete(&format!("{GATEWAY}?validate_only=true"));
    assert_eq!(server.refused(400, dry).await.codes(), ["InternalGatewayRemoveError"]);
    let invented = put("/gateways/a/b/c", "name: a/b/c\nport: 9051/http\n");
    assert_eq!(server.refused(400, invented).await.codes(), ["InternalGatewayCreateError"]);
}

#[tokio::test]
async fn a_deployment_that_takes_the_port_of_another_gateway_is_refused_as_a_whole() {
    let server = Server::start().await;
    server.ask(put("/gateways/web", "name: web\nport: 9050/http\nroutes: {'[127.0.0.1:1]': {}}")).await.expect(202);
    let reply = server.refused(409, put("/deployments/sava", OLD)).await;
    assert_eq!(reply.codes(), ["UnavailableGatewayPortError"]);
    assert_eq!(reply.json().pointer("/errors/0/line"), Some(&json!(4)), "{reply:?}");
}

#[tokio::test]
async fn a_merge_is_made_only_to_what_was_seen() {
    let server = Server::start().await;
    server.refused(412, put("/deployments/sava", OLD).header("if-match", "*")).await;
    server.ask(put("/deployments/sava?wait=60", OLD)).await.expect(202);
    let shown = server.ask(get("/deployments/sava")).await.expect(200);
    let seen = shown.header("etag").expect("a version").to_owned();
    server.ask(get("/deployments/sava").header("if-none-match", &seen)).await.expect(304);
    server.ask(put("/deployments/sava?wait=60", NEW).header("if-match", &seen)).await.expect(202);
    server.refused(412, put("/deployments/sava", NEW).header("if-match", &seen)).await;
    server.refused(412, delete("/deployments/sava").header("if-match", &seen)).await;
    server.ask(get("/deployments/sava").header("if-none-match", &seen)).await.expect(200);
    let seen = server.ask(get("/deployments/sava")).await.header("etag").expect("a version").to_owned();
    server.ask(delete("/deployments/sava").header("if-match", &seen)).await.expect(202);
}

#[tokio::test]
async fn the_scale_of_a_service_is_read_and_set_by_itself() {
    let server = Server::start().await;
    let path = "/deployments/sava/clusters/sava/services/sava:1.0/scale";
    server.refused(404, get(path)).await;
    server.ask(put("/deployments/sava?wait=60", OLD)).await.expect(202);
    assert_eq!(server.ask(get(path)).await.expect(200).json()["instances"], 3);
    server.ask(put(&format!("{path}?wait=60"), "{instances: 5, cpu: 0.1, memory: 64MB}")).await.expect(202);
    assert_eq!(running(&server).await, [("sava:1.0".to_owned(), 5)]);
    server.ask(put("/scales/small", "name: small\ninstances: 2\ncpu: 1\nmemory: 1GB")).await.expect(200);
    server.ask(put(&format!("{path}?wait=60"), "small")).await.expect(202);
    assert_eq!(running(&server).await, [("sava:1.0".to_owned(), 2)]);
    assert_eq!(server.refused(400, put(path, "none")).await.codes(), ["ArtifactNotFound"]);
    server.refused(400, put(path, "{instances: many}")).await;
    server.refused(404, put("/deployments/sava/clusters/none/services/sava:1.0/scale", "small")).await;
    server.refused(404, get("/deployments/sava/clusters/sava/services/none/scale")).await;
}

#[tokio::test]
async fn the_agreement_of_a_cluster_is_read_set_and_removed_by_itself() {
    let server = Server::start().await;
    let path = "/deployments/sava/clusters/sava/sla";
    server.ask(put("/deployments/sava?wait=60", OLD)).await.expect(202);
    server.refused(404, get(path)).await;
    let sla = "type: escalation_only\nescalations: [{type: scale_instances, minimum: 1, maximum: 3, scale_by: 1}]\n";
    server.ask(put(path, sla)).await.expect(202);
    assert_eq!(server.ask(get(path)).await.expect(200).text("/type"), "escalation_only");
    assert_eq!(running(&server).await, [("sava:1.0".to_owned(), 3)]);
    server.ask(delete(path)).await.expect(204);
    server.refused(404, get(path)).await;
    server.ask(post(path, sla)).await.expect(202);
    server.refused(404, put("/deployments/sava/clusters/none/sla", sla)).await;
    server.refused(400, put(path, "{")).await;
}

#[tokio::test]
async fn a_service_that_does_not_become_healthy_is_504_with_the_reason() {
    let server = Server::start().await;
    server.containers.start_as(vamp_core::driver::InstanceState::Unhealthy);
    let reply = server.ask(put("/deployments/sava?wait=1", OLD)).await.refused(504);
    assert!(reply.text("/message").contains("0 of 3 instances are healthy"), "{reply:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_blueprint_is_told_with_its_line() {
    let server = Server::start().await;
    let wrong = OLD.replace("sava/web", "sava/wrong").replace("instances: 3", "instances: three");
    let reply = server.refused(400, put("/deployments/sava", wrong)).await;
    let json = reply.json();
    let errors = json["errors"].as_array().expect("a list");
    assert!(!errors.is_empty() && errors.iter().all(|error| error["line"].is_u64()), "{json}");
    let name = server.refused(400, put("/deployments/sa%20va", OLD)).await;
    assert_eq!(name.codes(), ["IllegalName"]);
}
