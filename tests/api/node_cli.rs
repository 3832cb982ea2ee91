//! Every call of the original's Node CLI (`vamp-cli` 0.4.2), as axios sends it, and what the CLI reads from the answers.

use crate::server_support::{
    eventually,
    http::{Ask, Reply, delete, get, post, put},
    memory::Server,
};
use serde_json::{Value, json};

const BLUEPRINT: &str = include_str!("../../examples/artifacts/sava-1.0.yml");
const NEXT: &str = include_str!("../../examples/artifacts/sava-1.1.yml");

/// As axios sends it.
fn axios(ask: Ask) -> Ask {
    ask.header("accept", "application/json, text/plain, */*").header("user-agent", "axios/0.17.1")
}

/// With a body, as axios sends it.
fn with(ask: Ask, body: &Value) -> Ask {
    axios(ask.body(body.to_string())).header("content-type", "application/json;charset=utf-8")
}

/// What `create` sends: the file as JavaScript sees it, which turns keys that are numbers into text.
fn as_javascript(yaml: &str) -> Value {
    let documents = vamp_core::yaml::documents(yaml, vamp_core::yaml::Limits::default()).expect("YAML");
    documents[0].to_json()
}

async fn created() -> Server {
    let server = Server::start().await;
    for blueprint in [BLUEPRINT, NEXT] {
        let body = as_javascript(blueprint);
        let path = format!("/blueprints/{}", body["name"].as_str().expect("a name"));
        server.ask(with(put(&path, ""), &body)).await.expect(200);
    }
    server
}

/// `deploy` and `merge` are the same two calls.
async fn deploy(server: &Server, blueprint: &str) -> Reply {
    let blueprint = server.ask(axios(get(&format!("/blueprints/{blueprint}")))).await.expect(200).json();
    server.ask(with(put("/deployments/sava", ""), &blueprint)).await.expect(202)
}

async fn deployed(server: &Server) {
    for blueprint in ["sava:1.0", "sava:1.1"] {
        deploy(server, blueprint).await;
        eventually("it is deployed", async || roll_up(&list(server, "/deployments/").await[0]) == "Deployed").await;
    }
}

async fn list(server: &Server, path: &str) -> Vec<Value> {
    server.ask(axios(get(path))).await.expect(200).json().as_array().expect("a list").clone()
}

fn services(deployment: &Value) -> Vec<Value> {
    let clusters = deployment["clusters"].as_object().expect("a map").values();
    clusters.flat_map(|cluster| cluster["services"].as_array().expect("a list").clone()).collect()
}

/// The status of a deployment, as the CLI makes it of those of its services.
fn roll_up(deployment: &Value) -> &'static str {
    let services = services(deployment);
    let any = |phase: &str, intention: Option<&str>| {
        services.iter().any(|service| {
            let status = &service["status"];
            let name = status["phase"]["name"].as_str().expect("a phase");
            let meant = status["intention"].as_str().expect("an intention");
            name == phase && intention.is_none_or(|intention| intention == meant)
        })
    };
    match () {
        () if any("Failed", None) => "Failed",
        () if any("Initiated", None) => "Initiating",
        () if any("Updating", Some("Undeployment")) => "Undeploying",
        () if any("Updating", Some("Deployment")) => "Deploying",
        () => "Deployed",
    }
}

#[tokio::test]
async fn create_sends_a_blueprint_or_breed_as_json_and_prints_what_is_answered() {
    let server = Server::start().await;
    let breed = json!({"name": "cli:1.0", "deployable": "magneticio/sava:1.0.0", "ports": {"web": "8080/http"}});
    let stored = server.ask(with(put("/breeds/cli:1.0", ""), &breed)).await.expect(200).json();
    assert_eq!(stored[0]["deployable"]["definition"], "magneticio/sava:1.0.0");
    // With a type, the CLI shows `javascript` instead of the definition.
    assert_eq!(stored[0]["deployable"].get("type"), None);
    let blueprint = as_javascript(BLUEPRINT);
    let stored = server.ask(with(put("/blueprints/sava:1.0", ""), &blueprint)).await.expect(200).json();
    // First the breeds that stand in it, which are breeds from now on, and the blueprint last.
    let names: Vec<&str> = stored.as_array().expect("a list").iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(names, ["breeds", "blueprints"]);
    assert_eq!(list(&server, "/breeds").await.len(), 2);
    let refused = server.ask(with(put("/breeds/x", ""), &json!({"name": "x"}))).await.refused(400);
    assert!(!refused.text("/message").is_empty());
}

#[tokio::test]
async fn lists_and_descriptions_of_breeds_and_blueprints_have_what_is_printed() {
    let server = created().await;
    for breed in list(&server, "/breeds").await {
        assert!(breed["name"].is_string() && breed["deployable"]["definition"].is_string(), "{breed}");
        assert_eq!(
            server.ask(axios(get(&format!("/breeds/{}", breed["name"].as_str().expect("a name"))))).await.json(),
            breed
        );
    }
    for blueprint in list(&server, "/blueprints").await {
        assert!(blueprint["name"].is_string(), "{blueprint}");
        assert!(blueprint["clusters"].as_object().is_some_and(|clusters| !clusters.is_empty()), "{blueprint}");
        let described = server.ask(axios(get(&format!("/blueprints/{}", blueprint["name"].as_str().expect("a name")))));
        for service in services(&described.await.expect(200).json()) {
            assert!(service["breed"]["name"].is_string() && service["breed"]["deployable"].is_object(), "{service}");
            for number in ["instances", "cpu"] {
                assert!(service["scale"][number].is_number(), "{service}");
            }
            assert!(service["scale"]["memory"].is_string(), "{service}");
        }
    }
    server.ask(axios(get("/blueprints/none"))).await.refused(404);
}

#[tokio::test]
async fn deployments_are_listed_and_described_with_what_is_printed() {
    let server = created().await;
    deployed(&server).await;
    // With the slash at its end that the CLI sends.
    let listed = list(&server, "/deployments/").await;
    assert_eq!((listed[0]["name"].as_str(), roll_up(&listed[0])), (Some("sava"), "Deployed"));
    assert!(listed[0]["ports"]["sava.web"].is_string(), "{}", listed[0]["ports"]);
    let described = server.ask(axios(get("/deployments/sava"))).await.expect(200).json();
    let services = services(&described);
    assert_eq!(services.len(), 2);
    for service in services {
        assert!(service["breed"]["name"].is_string() && service["breed"]["deployable"].is_object(), "{service}");
        let instances = service["scale"]["instances"].as_u64().expect("a number");
        assert!(service["scale"]["cpu"].is_number() && service["scale"]["memory"].is_string(), "{service}");
        let health = ["running", "staged", "healthy", "unhealthy"].map(|key| service["health"][key].as_u64());
        assert_eq!(health, [Some(instances), Some(0), Some(instances), Some(0)], "{service}");
    }
    let routes = described["clusters"]["sava"]["gateways"]["web"]["routes"].as_object().expect("a map").clone();
    assert_eq!(routes.len(), 2, "{described}");
    for route in routes.values() {
        assert!(route["weight"].is_string() && route["condition_strength"].is_string(), "{route}");
        assert!(route.get("condition").is_some(), "{route}");
    }
}

#[tokio::test]
async fn gateways_are_listed_and_described_with_what_is_printed() {
    let server = created().await;
    deployed(&server).await;
    let listed = list(&server, "/gateways").await;
    let names: Vec<&str> = listed.iter().filter_map(|gateway| gateway["name"].as_str()).collect();
    assert_eq!(names, ["sava/9050", "sava/sava/web"]);
    for gateway in &listed {
        assert!(gateway["port"].is_string() && gateway["internal"].is_boolean(), "{gateway}");
        assert!(gateway["service"]["host"].is_string() && gateway["service"]["port"].is_string(), "{gateway}");
        assert!(gateway.get("sticky").is_some(), "{gateway}");
    }
    assert_eq!((&listed[0]["internal"], &listed[1]["internal"]), (&json!(false), &json!(true)));
    for path in ["/gateways/sava/sava/web", "/gateways/sava%2Fsava%2Fweb"] {
        let gateway = server.ask(axios(get(path))).await.expect(200).json();
        let routes = gateway["routes"].as_object().expect("a map");
        for (instances, route) in [3, 2].into_iter().zip(routes.values()) {
            let targets = route["targets"].as_array().expect("a list");
            assert_eq!(targets.len(), instances, "{route}");
            assert!(targets.iter().all(|target| target["host"].is_string() && target["port"].is_u64()), "{route}");
            assert!(route["weight"].is_string() && route["condition_strength"].is_string(), "{route}");
        }
    }
}

#[tokio::test]
async fn a_gateway_is_updated_by_sending_back_what_was_read() {
    let server = created().await;
    deployed(&server).await;
    let (old, new) = ("sava/sava/sava:1.0/web", "sava/sava/sava:1.1/web");
    let path = "/gateways/sava/sava/web";
    let mut gateway = server.ask(axios(get(path))).await.expect(200).json();
    gateway["routes"][old]["weight"] = json!("70%");
    gateway["routes"][new]["weight"] = json!("30%");
    server.ask(with(put(path, ""), &gateway)).await.expect(202);
    let mut gateway = server.ask(axios(get(path))).await.expect(200).json();
    assert_eq!((&gateway["routes"][old]["weight"], &gateway["routes"][new]["weight"]), (&json!("70%"), &json!("30%")));
    gateway["routes"][new]["condition"] = json!("User-Agent == Chrome");
    gateway["routes"][new]["condition_strength"] = json!("50%");
    server.ask(with(put(path, ""), &gateway)).await.expect(202);
    let mut gateway = server.ask(axios(get(path))).await.expect(200).json();
    assert_eq!(gateway["routes"][new]["condition"]["condition"], "User-Agent == Chrome");
    assert_eq!(gateway["routes"][new]["condition_strength"], "50%");
    gateway["routes"][new]["condition"] = Value::Null;
    server.ask(with(put(path, ""), &gateway)).await.expect(202);
    let gateway = server.ask(axios(get(path))).await.expect(200).json();
    assert_eq!(gateway["routes"][new]["condition"], Value::Null);
}

#[tokio::test]
async fn a_whole_deployment_is_removed_by_the_blueprint_that_it_is() {
    let server = created().await;
    deployed(&server).await;
    // The CLI's misspelling of `only_references` changes nothing.
    let read =
        server.ask(axios(get("/deployments/sava?as_blueprint=true&only_reference=true"))).await.expect(200).json();
    assert!(services(&read).iter().all(|service| service["breed"]["deployable"].is_object()), "{read}");
    let removed = server.ask(with(delete("/deployments/sava"), &read)).await.expect(202).json();
    assert_eq!(removed[0]["name"], "sava");
    eventually("nothing is left", async || list(&server, "/deployments/").await.is_empty()).await;
    server.ask(axios(get("/deployments/sava"))).await.refused(404);
}

#[tokio::test]
async fn one_service_is_removed_by_the_name_of_its_blueprint() {
    let server = created().await;
    deployed(&server).await;
    // Without traffic it may go.
    server.ask(with(delete("/deployments/sava"), &json!({"name": "sava:1.1"}))).await.expect(202);
    eventually("only the other is left", async || services(&list(&server, "/deployments/").await[0]).len() == 1).await;
    let unknown = server.ask(with(delete("/deployments/sava"), &json!({"name": "none"}))).await.refused(400);
    assert_eq!(unknown.codes(), ["ArtifactNotFound"]);
    let unknown = server.ask(with(put("/deployments/sava", ""), &json!({"name": "none"}))).await.refused(400);
    assert_eq!(unknown.codes(), ["ArtifactNotFound"]);
}

#[tokio::test]
async fn artifacts_are_deleted_by_name() {
    let server = created().await;
    server.ask(axios(delete("/blueprints/sava:1.0"))).await.expect(204);
    server.ask(axios(delete("/breeds/sava:1.0"))).await.expect(204);
    server.ask(axios(get("/breeds/sava:1.0"))).await.refused(404);
    let gateway = json!({"name": "web", "port": "9060/http", "routes": {"[127.0.0.1:9101]": {"weight": "100%"}}});
    server.ask(with(post("/gateways", ""), &gateway)).await.expect(202);
    server.ask(axios(delete("/gateways/web"))).await.expect(204);
}

/// What `generate` leaves out: lodash finds numbers, `null`, and what has nothing in it empty.
fn without_empty(artifact: &Value) -> Value {
    let full = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    };
    let kept = artifact.as_object().expect("a map").iter().filter(|(_, value)| full(value));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

#[tokio::test]
async fn what_is_generated_from_what_was_read_can_be_created() {
    let server = created().await;
    let mut breed = server.ask(axios(get("/breeds/sava:1.0"))).await.expect(200).json();
    breed["deployable"] = json!("magneticio/sava:1.2.0");
    breed["name"] = json!("sava:1.2");
    server.ask(with(put("/breeds/sava:1.2", ""), &without_empty(&breed))).await.expect(200);
    let stored = server.ask(axios(get("/breeds/sava:1.2"))).await.expect(200).json();
    assert_eq!(stored["deployable"]["definition"], "magneticio/sava:1.2.0");
    assert_eq!(stored["ports"], breed["ports"]);
    let mut blueprint = server.ask(axios(get("/blueprints/sava:1.0"))).await.expect(200).json();
    blueprint["clusters"]["sava"]["services"] = json!({"breed": "sava:1.2"});
    blueprint["name"] = json!("sava:1.2");
    server.ask(with(put("/blueprints/sava:1.2", ""), &without_empty(&blueprint))).await.expect(200);
    let stored = server.ask(axios(get("/blueprints/sava:1.2"))).await.expect(200).json();
    assert_eq!(services(&stored)[0]["breed"], json!({"reference": "sava:1.2"}));
}

#[tokio::test]
async fn workflows_are_created_listed_described_and_deleted() {
    let server = Server::start().await;
    let script = json!({"name": "script", "deployable": {"type": "application/javascript", "definition": "1"}});
    server.ask(with(put("/breeds/script", ""), &script)).await.expect(200);
    for (name, schedule) in [("metrics", json!("daemon")), ("scaler", json!({"event": {"tags": ["scale"]}}))] {
        let workflow = json!({"name": name, "breed": {"reference": "script"}, "schedule": schedule});
        let answer = server.ask(with(put(&format!("/workflows/{name}"), ""), &workflow)).await.expect(200).json();
        // `create` prints what is answered.
        assert_eq!(answer[0]["name"], name);
    }
    let listed = list(&server, "/workflows").await;
    let schedule = |workflow: &Value| match workflow["schedule"].get("event") {
        Some(_) => "event".to_owned(),
        None => workflow["schedule"].as_str().expect("a text").to_owned(),
    };
    assert_eq!(listed.iter().map(schedule).collect::<Vec<_>>(), ["daemon", "event"]);
    for workflow in listed {
        assert!(workflow["status"].is_string(), "{workflow}");
        assert_eq!(workflow["breed"]["reference"], "script");
        let path = format!("/workflows/{}", workflow["name"].as_str().expect("a name"));
        assert_eq!(server.ask(axios(get(&path))).await.expect(200).json(), workflow);
        server.ask(axios(delete(&path))).await.expect(204);
    }
    assert!(list(&server, "/workflows").await.is_empty());
}

#[tokio::test]
async fn an_event_is_emitted_with_its_tags_and_answered() {
    let server = Server::start().await;
    let event = json!({"value": "deployed by hand", "tags": ["a:b", "c"]});
    let answer = server.ask(with(post("/events", ""), &event)).await.expect(201).json();
    assert_eq!(answer["value"], "deployed by hand");
    // Without tags the CLI sends none, which the original refuses, too.
    let refused = server.ask(with(post("/events", ""), &json!({"value": "x", "tags": []}))).await.refused(400);
    assert!(!refused.text("/message").is_empty());
}

#[tokio::test]
async fn a_host_that_ends_in_a_slash_begins_every_path_with_two() {
    let server = created().await;
    // `http://localhost/` and `/api/v1/` are put together as they are.
    assert_eq!(
        server.ask(axios(get("//api/v1/blueprints").at_root())).await.expect(200).json().as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn an_address_with_more_slashes_than_it_needs_is_understood() {
    let server = created().await;
    for path in ["/blueprints/", "//blueprints", "/blueprints//"] {
        assert_eq!(list(&server, path).await.len(), 2, "{path}");
    }
    let path = "/deployments//sava/?as_blueprint=false";
    server.ask(axios(get(path))).await.refused(404);
    deploy(&server, "sava:1.0").await;
    server.ask(axios(get(path))).await.expect(200);
}
