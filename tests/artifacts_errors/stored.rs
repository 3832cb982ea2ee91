//! Errors that only a request can reach that meets what is stored or running.

use crate::server_support::{
    http::{Ask, delete, get, post, put},
    memory::Server,
};
use serde_json::Value;
use vamp_core::driver::Draft;
use vamp_server::config::Given;

/// What is asked before, what is asked then, and the status, code, path and line that it must be refused with.
struct Case {
    before: Vec<Ask>,
    ask: Ask,
    refused: (u16, &'static str, &'static str, Option<u64>),
}

fn case(before: Vec<Ask>, ask: Ask, status: u16, code: &'static str, path: &'static str, line: u64) -> Case {
    // Nothing is written where there is no document to point into.
    Case { before, ask, refused: (status, code, path, (line > 0).then_some(line)) }
}

const SHOP: &str = "
name: shop
gateways: {9050: web/web}
clusters:
  web:
    services:
    - breed: {name: 'web:1', deployable: {type: command, definition: web}, ports: {web: 8080}}
    - breed: {name: 'web:2', deployable: {type: command, definition: web}, ports: {web: 8080}}
";

fn yaml(ask: Ask) -> Ask {
    ask.header("content-type", "application/x-yaml")
}

fn deploy(blueprint: &str) -> Ask {
    yaml(put("/deployments/shop", blueprint))
}

/// A blueprint with one service, on its fifth line; what is wrong once it is deployed is told where services begin.
fn service(service: &str) -> Ask {
    deploy(&format!("name: shop\nclusters:\n  web:\n    services:\n    - {service}\n"))
}

fn deployments() -> Vec<Case> {
    let breed = "breed: {name: w, deployable: {type: command, definition: w}";
    let of_deployable = |deployable: &str| service(&format!("breed: {{name: w, deployable: {deployable}}}"));
    let other =
        "name: shop\nclusters: {other: {breed: {name: 'web:1', deployable: {type: command, definition: web}}}}\n";
    let workflow = yaml(put("/workflows/shop", "name: shop\nbreed: x\nschedule: daemon\n"));
    let half = "name: shop\nclusters: {web: {breed: 'web:1'}}\n";
    vec![
        case(vec![], service("breed: nope"), 400, "ArtifactNotFound", "clusters/web/services/0/breed", 5),
        case(vec![deploy(SHOP)], deploy(other), 400, "NonUniqueBreedReferenceError", "clusters/other", 2),
        case(
            vec![],
            service(&format!("{breed}, dependencies: {{db: db}}}}")),
            400,
            "UnresolvedDependencyError",
            "clusters/web/services/w/breed/dependencies/db",
            4,
        ),
        case(
            vec![],
            service(&format!("{breed}, env: {{A: ~}}}}")),
            400,
            "UnresolvedVariableValueError",
            "clusters/web/services/w/environment_variables/A",
            4,
        ),
        case(
            vec![],
            of_deployable("{type: container/rkt, definition: w}"),
            400,
            "UnsupportedDeployableType",
            "clusters/web/services/w/breed/deployable/type",
            4,
        ),
        case(
            vec![],
            of_deployable("{type: container/docker, definition: ' '}"),
            400,
            "UndefinedDockerImage",
            "clusters/web/services/w/breed/deployable/definition",
            4,
        ),
        case(vec![workflow], deploy(SHOP), 400, "DeploymentWorkflowNameCollision", "name", 2),
        case(
            vec![deploy(SHOP)],
            yaml(delete("/deployments/shop").body(half)),
            400,
            "InvalidRouteWeight",
            "gateways/shop/web/web",
            1,
        ),
    ]
}

fn gateways() -> Vec<Case> {
    let gateway = |name: &str, rest: &str| yaml(put(&format!("/gateways/{name}"), format!("name: {name}\n{rest}")));
    vec![
        case(
            vec![gateway("a", "port: 9050\n")],
            gateway("b", "port: 9050\n"),
            409,
            "UnavailableGatewayPortError",
            "port",
            2,
        ),
        case(
            vec![gateway("a", ""), gateway("b", "")],
            gateway("c", "routes: {'[h:1]': {}}\n"),
            409,
            "NoAvailablePortError",
            "port",
            1,
        ),
        case(vec![], gateway("a/b/c", "port: 9050\n"), 400, "InternalGatewayCreateError", "name", 1),
        case(
            vec![deploy(SHOP)],
            gateway(
                "shop/web/web",
                "routes:\n  shop/web/web:1/web: {}\n  shop/web/web:2/web: {}\n  shop/web/web:3/web: {}\n",
            ),
            400,
            "InternalGatewayUpdateError",
            "routes/shop/web/web:3/web",
            5,
        ),
        case(vec![deploy(SHOP)], delete("/gateways/shop/web/web"), 400, "InternalGatewayRemoveError", "name", 0),
    ]
}

fn events() -> Vec<Case> {
    let event = |text: &str| yaml(post("/events", text));
    let query = |text: &str| yaml(get("/events").body(text));
    vec![
        case(vec![], event("type: a\ntags: []\n"), 400, "NoTagEventError", "tags", 2),
        case(vec![], event("tags: a\ntype: a b\n"), 400, "EventTypeError", "type", 2),
        case(vec![], event("tags: a\ntimestamp: soon\n"), 400, "EventTimestampError", "timestamp", 2),
        case(vec![], query("tags: a\ntimestamp: {lt: now, lte: now}\n"), 400, "EventQueryTimeError", "timestamp", 2),
        case(
            vec![],
            query("tags: a\naggregator: {type: median}\n"),
            400,
            "UnsupportedAggregatorError",
            "aggregator/type",
            0,
        ),
    ]
}

/// Reached by a test of its own.
const UNREADABLE: &str = "CorruptedDataException";

/// The names that are reached here.
pub(crate) fn names() -> Vec<&'static str> {
    let cases = deployments().into_iter().chain(gateways()).chain(events());
    cases.map(|case| case.refused.1).chain([UNREADABLE]).collect()
}

fn told(errors: &Value) -> (String, String, Option<u64>) {
    let text = |key: &str| errors[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("path"), errors["line"].as_u64())
}

async fn run(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for Case { before, ask, refused: (status, code, path, line) } in cases {
        // Two ports, beside those that are declared.
        let given = Given { gateway_ports: Some("9100-9101".to_owned()), ..Given::default() };
        let server = Server::start_with(given).await;
        for ask in before {
            let reply = server.ask(ask).await;
            assert!(reply.status < 300, "{code}: {reply:?}");
        }
        let reply = server.ask(ask).await;
        let json: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let first = json["errors"].get(0).map(told).unwrap_or_default();
        if (reply.status, first) != (status, (code.to_owned(), path.to_owned(), line)) {
            wrong.push(format!("{code} {path} {line:?}: {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn each_error_that_deploying_can_reach_has_its_code_path_and_line() {
    run(deployments()).await;
}

#[tokio::test]
async fn each_error_that_only_stored_gateways_can_reach_has_its_code_path_and_line() {
    run(gateways()).await;
}

#[tokio::test]
async fn each_error_of_events_has_its_code_path_and_line() {
    run(events()).await;
}

#[tokio::test]
async fn what_meets_an_unreadable_record_is_refused_with_what_to_do() {
    let server = Server::start().await;
    let draft = Draft { kind: "deployments".into(), name: "shop".into(), body: b"[]".to_vec(), author: None };
    server.persistence.put(&draft, None).await.expect("is stored");
    crate::server_support::eventually("the server has it", async || server.ask(deploy(SHOP)).await.status >= 400).await;
    let reply = server.ask(deploy(SHOP)).await.refused(409);
    assert_eq!(reply.codes(), [UNREADABLE]);
    assert_eq!(reply.text("/errors/0/path"), "name");
    assert!(reply.text("/errors/0/hint").contains("delete"), "{reply:?}");
}
