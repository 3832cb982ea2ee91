use crate::server_support::{
    http::{delete, get, post, put},
    memory::Server,
};
use serde_json::json;

/// One artifact of each kind that is only stored: its path, and its text.
const ARTIFACTS: [(&str, &str, &str); 4] = [
    ("breeds", "sava:1.0", "name: sava:1.0\ndeployable: {type: command, definition: sava}\nports: {web: 8080/http}\n"),
    ("blueprints", "shop", "name: shop\nclusters:\n  sava:\n    services: {breed: {reference: 'sava:1.0'}}\n"),
    ("scales", "small", "name: small\ncpu: 0.1\nmemory: 64MB\ninstances: 2\n"),
    ("conditions", "chrome", "name: chrome\ncondition: User-Agent == Chrome\n"),
];

#[tokio::test]
async fn every_kind_is_stored_shown_in_both_forms_and_removed() {
    let server = Server::start().await;
    for (kind, name, text) in ARTIFACTS {
        let path = format!("/{kind}/{name}");
        server.refused(404, get(&path)).await;
        let stored = server.ask(put(&path, text)).await.expect(200);
        assert_eq!(stored.json().as_array().map(Vec::len), Some(1), "{stored:?}");
        let shown = server.ask(get(&path)).await.expect(200);
        assert_eq!(shown.json(), stored.json()[0]);
        assert_eq!((shown.text("/name").as_str(), shown.text("/kind").as_str()), (name, kind));
        // What is shown reads back to the same, in either form.
        let yaml = server.ask(get(&path).header("accept", "application/x-yaml")).await.expect(200);
        assert_eq!(server.ask(put(&path, &yaml.body)).await.expect(200).json()[0], shown.json());
        let json = put(&path, &shown.body).header("content-type", "application/json");
        assert_eq!(server.ask(json).await.expect(200).json()[0], shown.json());
        let listed = server.ask(get(&format!("/{kind}"))).await.expect(200);
        assert_eq!((listed.json(), listed.header("x-total-count")), (json!([shown.json()]), Some("1")));
        server.ask(delete(&path)).await.expect(204);
        server.refused(404, get(&path)).await;
        server.ask(delete(&path)).await.expect(204);
        server.ask(post(&format!("/{kind}"), text)).await.expect(201);
        server.ask(get(&path)).await.expect(200);
    }
}

#[tokio::test]
async fn versions_and_dry_runs_hold_for_every_kind() {
    let server = Server::start().await;
    for (kind, name, text) in ARTIFACTS {
        let path = format!("/{kind}/{name}");
        let dry = server.ask(put(&format!("{path}?validate_only=true"), text)).await.expect(200);
        server.ask(post(&format!("/{kind}?validate_only=true"), text)).await.expect(201);
        server.refused(404, get(&path)).await;
        let first = server.ask(put(&path, text)).await.expect(200);
        assert_eq!(first.json()[0], dry.json());
        let first = first.header("etag").expect("a version").to_owned();
        let second = server.ask(put(&path, text).header("if-match", &first)).await.expect(200);
        let second = second.header("etag").expect("a version").to_owned();
        server.refused(412, put(&path, text).header("if-match", &first)).await;
        server.refused(412, delete(&path).header("if-match", &first)).await;
        server.ask(delete(&format!("{path}?validate_only=true"))).await.expect(204);
        server.ask(delete(&path).header("if-match", &second)).await.expect(204);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_for_every_kind() {
    let server = Server::start().await;
    for (kind, name, text) in ARTIFACTS {
        let path = format!("/{kind}/{name}");
        let other = server.refused(400, put(&format!("/{kind}/other"), text)).await;
        assert_eq!(other.codes(), ["InconsistentArtifactName"], "{kind}");
        for wrong in ["", "{", "[]", "- 1", "name: [", "just text", "null", "name: x\nunknown: y", "---\n---\n"] {
            let reply = server.refused(400, put(&path, wrong)).await;
            assert!(!reply.codes().is_empty(), "{kind} {wrong:?}: {reply:?}");
        }
        let kind_of_another = format!("{text}kind: workflows\n");
        assert_eq!(server.refused(400, put(&path, kind_of_another)).await.codes(), ["InconsistentArtifactKind"]);
        server.refused(404, get(&path)).await;
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let server = Server::start().await;
    for (kind, name, text) in ARTIFACTS {
        let path = format!("/{kind}/{name}");
        server.ask(put(&path, text)).await.expect(200);
        let tag = server.ask(get(&path)).await.expect(200).header("etag").expect("a version").to_owned();
        let known = server.ask(get(&path).header("if-none-match", &tag)).await.expect(304);
        assert_eq!((known.body.as_str(), known.header("etag")), ("", Some(tag.as_str())));
        server.ask(get(&path).header("if-none-match", "\"00\"")).await.expect(200);
        server.ask(put(&path, text)).await.expect(200);
        server.ask(get(&path).header("if-none-match", &tag)).await.expect(200);
    }
}

#[tokio::test]
async fn several_documents_are_stored_by_one_request_and_none_of_them_when_one_is_wrong() {
    let server = Server::start().await;
    let all: String = ARTIFACTS.iter().map(|(kind, _, text)| format!("---\nkind: {kind}\n{text}")).collect();
    let wrong = format!("{all}---\nkind: scales\nname: x\n---\nkind: nothing\nname: y\n");
    let refused = server.refused(400, post("/", wrong)).await;
    assert!(refused.codes().contains(&"UnexpectedArtifact".to_owned()), "{refused:?}");
    let done = server.ask(post("/", &all)).await.expect(202);
    assert_eq!(done.json().as_array().map(Vec::len), Some(ARTIFACTS.len()));
    for (kind, name, _) in ARTIFACTS {
        server.ask(get(&format!("/{kind}/{name}"))).await.expect(200);
    }
    server.ask(delete("/").body(&all)).await.expect(202);
    assert!(server.stored().await.is_empty());
    // Of one kind also where that kind is, in either form.
    let scales = "[{name: a, cpu: 1, memory: 1GB, instances: 1}, {name: b, cpu: 1, memory: 1GB, instances: 1}]";
    assert_eq!(server.ask(post("/scales", scales)).await.expect(201).json().as_array().map(Vec::len), Some(2));
    server.ask(put("/scales", "name: c\ncpu: 1\nmemory: 1GB\ninstances: 1\n")).await.expect(200);
    assert_eq!(server.ask(get("/scales")).await.header("x-total-count"), Some("3"));
}

#[tokio::test]
async fn artifacts_of_one_body_see_each_other_and_a_conflict_of_the_last_leaves_nothing_of_the_first() {
    let server = Server::start().await;
    let condition = "kind: conditions\nname: beta\ncondition: Cookie beta == 1\n";
    let gateway = |name: &str, port: u16| {
        let routes = "routes: {'[127.0.0.1:8081]': {condition: {reference: beta}}}";
        format!("---\nkind: gateways\nname: {name}\nport: {port}/http\n{routes}\n")
    };
    let taken = [condition, &gateway("one", 9050), &gateway("other", 9050)].concat();
    let refused = server.refused(409, post("/", &taken)).await;
    assert!(refused.codes().contains(&"UnavailableGatewayPortError".to_owned()), "{refused:?}");
    assert!(server.stored().await.is_empty());
    let both = [&gateway("one", 9050), "---\n", condition].concat();
    let checked = server.ask(post("/?validate_only=true", &both)).await.expect(202).json();
    assert!(checked[0]["changes"].is_object(), "{checked}");
    assert!(server.stored().await.is_empty());
    let stored = server.ask(post("/", &both)).await.expect(202).json();
    assert_eq!((&stored[0]["name"], &stored[1]["name"]), (&json!("one"), &json!("beta")));
    server.ask(get("/gateways/one")).await.expect(200);
}

#[tokio::test]
async fn references_are_expanded_or_the_only_thing_that_is_shown() {
    let server = Server::start().await;
    for (kind, name, text) in ARTIFACTS {
        server.ask(put(&format!("/{kind}/{name}"), text)).await.expect(200);
    }
    let breed = async |query: &str| {
        let shown = server.ask(get(&format!("/blueprints/shop{query}"))).await.expect(200).json();
        let listed = server.ask(get(&format!("/blueprints{query}"))).await.expect(200).json();
        assert_eq!(shown, listed[0]);
        shown["clusters"]["sava"]["services"][0]["breed"].clone()
    };
    assert_eq!(breed("").await, json!({"reference": "sava:1.0"}));
    let expanded = breed("?expand_references=true").await;
    assert_eq!(expanded["deployable"]["definition"], "sava");
    assert_eq!(breed("?expand_references=true&only_references=true").await, json!({"reference": "sava:1.0"}));
    let inline = json!({"name": "shop", "clusters": {"sava": {"services": [{"breed": expanded}]}}});
    server.ask(put("/blueprints/shop", inline.to_string())).await.expect(200);
    assert_eq!(breed("?only_references=true").await, json!({"reference": "sava:1.0"}));
    server.ask(put("/blueprints/shop", ARTIFACTS[1].2)).await.expect(200);
    server.ask(delete("/breeds/sava:1.0")).await.expect(204);
    let missing = server.ask(get("/blueprints/shop?expand_references=true")).await.refused(400);
    assert_eq!(missing.codes(), ["ArtifactNotFound"]);
}

#[tokio::test]
async fn a_blueprint_imports_a_template_that_is_stored() {
    let server = Server::start().await;
    let blueprint = "import: web\nname: landing\nmetadata: {owner: me}\n";
    let refused = server.refused(400, put("/blueprints/landing", blueprint)).await;
    assert_eq!(refused.codes(), ["ImportReferenceError"]);
    assert_eq!(refused.json()["errors"][0]["line"], 1);
    let template = "name: web\ndefinition: {metadata: {tier: web}, clusters: {web: {services: ['landing:1']}}}\n";
    server.ask(put("/templates/web", template)).await.expect(200);
    server.ask(put("/blueprints/landing", blueprint)).await.expect(200);
    let stored = server.ask(get("/blueprints/landing")).await.expect(200).json();
    assert_eq!(stored["metadata"], json!({"tier": "web", "owner": "me"}));
    assert_eq!(stored["clusters"]["web"]["services"][0]["breed"], json!({"reference": "landing:1"}));
    assert_eq!(stored.get("import"), None);
}

#[tokio::test]
async fn a_docker_compose_file_becomes_a_blueprint() {
    let server = Server::start().await;
    let file = "version: '3'\nservices:\n  web: {image: 'nginx:1', ports: ['80'], build: .}\n";
    server.refused(400, post("/docker-compose", file)).await;
    let dry = server.ask(post("/docker-compose?name=shop&validate_only=true", file)).await.expect(201);
    assert!(dry.body.starts_with("# ") && dry.body.contains("nginx:1"), "{dry:?}");
    assert!(server.stored().await.is_empty());
    assert_eq!(server.ask(post("/docker-compose?name=shop", file)).await.expect(201).body, dry.body);
    server.ask(put("/blueprints/shop", &dry.body)).await.expect(200);
    server.refused(400, post("/docker-compose?name=shop", "services: 1")).await;
}
