use crate::server_support::{
    eventually,
    http::{Ask, delete, get, post, put},
    memory::Server,
};
use serde_json::{Value, json};
use std::time::Instant;

/// A gateway that shares requests between two addresses.
fn gateway(name: &str, port: u16, weights: [u32; 2]) -> String {
    let [old, new] = weights;
    format!(
        "name: {name}\nport: {port}/http\nroutes:\n  '[127.0.0.1:9101]': {{weight: {old}%}}\n  '[127.0.0.1:9102]': {{weight: {new}%}}\n"
    )
}

fn web(weights: [u32; 2]) -> Ask {
    put("/gateways/web", gateway("web", 9050, weights))
}

#[tokio::test]
async fn a_gateway_is_taken_and_shown_as_yaml_and_as_json() {
    let server = Server::start().await;
    server.ask(put("/gateways/web?wait=60", gateway("web", 9050, [90, 10]))).await.expect(202);
    let shown = server.ask(get("/gateways/web")).await.expect(200);
    assert_eq!(shown.header("content-type"), Some("application/json"));
    assert_eq!(shown.json().pointer("/routes/[127.0.0.1:9102]/weight"), Some(&json!("10%")));

    let mut changed = shown.json();
    changed["routes"]["[127.0.0.1:9101]"]["weight"] = json!("60%");
    changed["routes"]["[127.0.0.1:9102]"]["weight"] = json!("40%");
    let as_json = put("/gateways/web?wait=60", changed.to_string()).header("content-type", "application/json");
    server.ask(as_json).await.expect(202);

    let yaml = server.ask(get("/gateways/web").header("accept", "application/x-yaml")).await.expect(200);
    assert_eq!(yaml.header("content-type"), Some("application/x-yaml"));
    assert!(yaml.body.starts_with("name: web\n") && yaml.body.contains("weight: 40%\n"), "{}", yaml.body);
    // What is shown is what can be sent.
    let again = server.ask(put("/gateways/web?wait=60", &yaml.body)).await.expect(202);
    assert_eq!(again.json(), changed);
}

#[tokio::test]
async fn what_was_created_is_found_until_it_is_deleted() {
    let server = Server::start().await;
    server.ask(post("/gateways", gateway("web", 9050, [100, 0]))).await.expect(202);
    server.ask(get("/gateways/web")).await.expect(200);
    server.ask(delete("/gateways/web")).await.expect(204);
    server.refused(404, get("/gateways/web")).await;
    server.ask(delete("/gateways/web")).await.expect(204);
}

#[tokio::test]
async fn a_name_with_a_slash_is_found_as_it_is_and_encoded() {
    let server = Server::start().await;
    server.ask(put("/gateways/shop/web", gateway("shop/web", 9050, [100, 0]))).await.expect(202);
    for path in ["/gateways/shop/web", "/gateways/shop%2Fweb", "/gateways/shop%2fweb"] {
        assert_eq!(server.ask(get(path)).await.expect(200).text("/name"), "shop/web");
    }
    server.ask(put("/gateways/shop%2Fweb", gateway("shop/web", 9050, [50, 50]))).await.expect(202);
    server.ask(delete("/gateways/shop%2Fweb")).await.expect(204);
    server.refused(404, get("/gateways/shop/web")).await;
}

#[tokio::test]
async fn the_name_in_the_path_is_the_name_in_the_body() {
    let server = Server::start().await;
    let reply = server.refused(400, put("/gateways/other", gateway("web", 9050, [100, 0]))).await;
    assert_eq!(reply.codes(), ["InconsistentArtifactName"]);
    assert_eq!(reply.json().pointer("/errors/0/line"), Some(&json!(1)));
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_it_does_not_take_405() {
    let server = Server::start().await;
    for path in ["/gateways/none", "/breeds/none", "/deployments/none", "/nothing", "/gateways/web/x/y/z"] {
        server.refused(404, get(path)).await;
    }
    for (method, path) in
        [("PATCH", "/gateways/web"), ("POST", "/gateways/web"), ("DELETE", "/gateways"), ("PUT", "/info")]
    {
        let reply = server.refused(405, get(path).method(method)).await;
        assert!(reply.header("allow").is_some_and(|allowed| allowed.contains("GET")), "{reply:?}");
    }
}

#[tokio::test]
async fn a_path_or_a_query_that_cannot_be_read_is_a_problem_like_any_other() {
    let server = Server::start().await;
    server.refused(400, get("/gateways/%ff%fe")).await;
    server.refused(400, get("/breeds/%ff")).await;
    for query in ["page=x", "per_page=-1", "page=99999999999999999999999"] {
        server.refused(400, get(&format!("/gateways?{query}"))).await;
    }
    for query in ["wait=soon", "wait=-1", "validate_only=perhaps", "delete=x"] {
        server.refused(400, put(&format!("/gateways/web?{query}"), gateway("web", 9050, [100, 0]))).await;
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let server = Server::start().await;
    let long = format!("{}#{}", gateway("web", 9050, [100, 0]), "x".repeat(1 << 20));
    server.refused(413, put("/gateways/web", long)).await;
    let chunked = put("/gateways/web", "x".repeat(2 << 20)).header("transfer-encoding", "chunked");
    // A length beside chunks is not HTTP; either way nothing gets through.
    assert!(chunked.send(server.address).await.is_ok_and(|reply| (400..500).contains(&reply.status)));
    server.refused(404, get("/gateways/web")).await;
}

#[tokio::test]
async fn a_change_of_what_somebody_else_changed_is_refused() {
    let server = Server::start().await;
    let first = server.ask(web([100, 0])).await.expect(202).header("etag").expect("a version").to_owned();
    let second = server.ask(web([90, 10]).header("if-match", &first)).await.expect(202);
    let second = second.header("etag").expect("a version").to_owned();
    assert_ne!(first, second);
    // What is read has a tag that also changes with what runs; either one says what was seen.
    let read = server.ask(get("/gateways/web")).await.header("etag").expect("a version").to_owned();
    assert!(read.starts_with(second.trim_end_matches('"')), "{read} {second}");
    let again = server.ask(web([90, 10]).header("if-match", &read)).await.expect(202);
    let second = again.header("etag").expect("a version").to_owned();
    server.refused(412, web([80, 20]).header("if-match", &first)).await;
    server.refused(412, put("/gateways/new", gateway("new", 9051, [100, 0])).header("if-match", &first)).await;
    server.refused(412, delete("/gateways/web").header("if-match", &first)).await;
    for wrong in ["12", "\"x\"", "\"é\"", "\"", "W/\"12\""] {
        server.refused(412, web([80, 20]).header("if-match", wrong)).await;
    }
    server.ask(delete("/gateways/web").header("if-match", &second)).await.expect(204);
}

#[tokio::test]
async fn a_dry_run_answers_like_the_change_and_stores_nothing() {
    let server = Server::start().await;
    let before = server.stored().await;
    let dry = server.ask(put("/gateways/web?validate_only=true", gateway("web", 9050, [90, 10]))).await.expect(202);
    server.ask(post("/gateways?validate_only=true", gateway("web", 9050, [90, 10]))).await.expect(202);
    server.refused(400, put("/gateways/web?validate_only=true", gateway("web", 9050, [90, 20]))).await;
    assert_eq!(server.stored().await, before);
    let mut would_be = dry.json();
    let changes = would_be.as_object_mut().and_then(|one| one.remove("changes")).expect("what would change");
    assert_eq!(changes["gateways"]["web"]["before"], Value::Null);
    assert_eq!(changes["gateways"]["web"]["after"]["name"], "web");
    // The proxy beside it would be told of a gateway that it has not served.
    assert_eq!(changes["proxy"]["web"]["reload"], true);
    assert!(changes["proxy"]["web"]["added"].to_string().contains("10%"), "{changes}");
    assert_eq!(server.ask(web([90, 10])).await.expect(202).json(), would_be);
    server.ask(put("/gateways/web?wait=60", gateway("web", 9050, [90, 10]))).await.expect(202);
    let dry =
        server.ask(put("/gateways/web?validate_only=true", gateway("web", 9050, [80, 20]))).await.expect(202).json();
    let lines = &dry["changes"]["proxy"]["web"];
    assert_eq!((&lines["reload"], lines["added"].as_array().map(Vec::len)), (&json!(false), Some(2)), "{lines}");
    server.ask(delete("/gateways/web?validate_only=true")).await.expect(204);
    server.ask(get("/gateways/web")).await.expect(200);
    let taken = put("/gateways/other?validate_only=true", gateway("other", 9050, [100, 0]));
    server.refused(409, taken).await;
}

#[tokio::test]
async fn a_change_that_is_waited_for_is_served_when_it_is_answered() {
    let server = Server::start().await;
    for weights in [[100, 0], [90, 10], [0, 100]] {
        server.ask(put("/gateways/web?wait=60", gateway("web", 9050, weights))).await.expect(202);
        let served = format!("{:?}", server.proxy.serving().get("web"));
        assert!(served.contains(&format!("\\\"{}%\\\"", weights[1])), "{served}");
    }
}

#[tokio::test]
async fn a_change_that_is_not_served_in_time_is_504_with_the_reason() {
    let server = Server::start().await;
    server.ask(put("/gateways/web?wait=60", gateway("web", 9050, [100, 0]))).await.expect(202);
    server.proxy.set_away(true);
    let started = Instant::now();
    let reply = server.ask(put("/gateways/web?wait=1", gateway("web", 9050, [90, 10]))).await.refused(504);
    assert!((1..10).contains(&started.elapsed().as_secs()));
    assert!(reply.text("/message").contains("`web`") && reply.text("/message").contains("test"), "{reply:?}");
    server.proxy.set_away(false);
    // It was stored, so it is served as soon as it can be.
    eventually("it is served", async || format!("{:?}", server.proxy.serving()).contains("\\\"10%\\\"")).await;
}

#[tokio::test]
async fn a_change_that_the_proxy_refuses_is_409_with_the_reason() {
    let server = Server::start().await;
    server.proxy.refuse("web", true);
    let reply = server.ask(put("/gateways/web?wait=60", gateway("web", 9050, [90, 10]))).await.refused(409);
    assert!(reply.text("/message").contains("refused by the test"), "{reply:?}");
    let agents = server.ask(get("/agents")).await.expect(200).json();
    assert!(agents[0]["refused"]["web"].to_string().contains("refused by the test"), "{agents}");
    server.proxy.refuse("web", false);
    server.ask(put("/gateways/web?wait=60", gateway("web", 9050, [80, 20]))).await.expect(202);
}

#[tokio::test]
async fn a_list_is_sorted_and_comes_in_pages() {
    let server = Server::start().await;
    for number in (0..35).rev() {
        let name = format!("web{number:02}");
        server.ask(put(&format!("/gateways/{name}"), gateway(&name, 9000 + number, [100, 0]))).await.expect(202);
    }
    let names = |json: &Value| -> Vec<String> {
        let all = json.as_array().expect("a list").iter();
        all.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    let expected = |numbers: std::ops::Range<u16>| numbers.map(|number| format!("web{number:02}")).collect::<Vec<_>>();
    let first = server.ask(get("/gateways")).await.expect(200);
    assert_eq!(names(&first.json()), expected(0..30));
    assert_eq!(first.header("x-total-count"), Some("35"));
    let page = server.ask(get("/gateways?page=3&per_page=10")).await.expect(200);
    assert_eq!(names(&page.json()), expected(20..30));
    let link = page.header("link").expect("links");
    for (page, relation) in [(1, "first"), (2, "prev"), (4, "next"), (4, "last")] {
        assert!(link.contains(&format!("</api/v1/gateways?page={page}&per_page=10>; rel=\"{relation}\"")), "{link}");
    }
    assert_eq!(names(&server.ask(get("/gateways?page=9")).await.expect(200).json()), Vec::<String>::new());
    assert_eq!(names(&server.ask(get("/gateways?page=0&per_page=500")).await.expect(200).json()).len(), 30);
}

#[tokio::test]
async fn every_violation_is_told_at_once_with_its_place() {
    let server = Server::start().await;
    let wrong = "name: web
port: 99999
sticky: maybe
routes:
  '[127.0.0.1:9101]': {weight: 90%, condition: 'User-Agent == Chrome or'}
  '[127.0.0.1:9102]': {weight: 20%, ballance: leastconn}
";
    let reply = server.refused(400, put("/gateways/web", wrong)).await;
    let expected = [
        "InvalidGatewayPortError",
        "IllegalGatewayStickyValue",
        "GatewayRouteWeightError",
        "ParserError",
        "UnexpectedElement",
    ];
    let mut codes = reply.codes();
    codes.sort_by_key(|code| expected.iter().position(|other| other == code));
    assert_eq!(codes, expected);
    let json = reply.json();
    for error in json["errors"].as_array().expect("a list") {
        assert!(error["line"].is_u64() && error["column"].is_u64() && error["path"].is_string(), "{error}");
        assert!(json["message"].as_str().is_some_and(|all| all.contains(error["message"].as_str().expect("text"))));
    }
}

#[tokio::test]
async fn what_the_server_is_and_who_serves_is_told() {
    let server = Server::start().await;
    server.ask(put("/gateways/web?wait=60", gateway("web", 9050, [100, 0]))).await.expect(202);
    let info = server.ask(get("/info")).await.expect(200).json();
    assert_eq!(info["namespace"], "default");
    assert_eq!(info["gateway_driver"]["showing_life"], 1, "{info}");
    let agents = server.ask(get("/agents")).await.expect(200).json();
    assert_eq!((&agents[0]["agent"], &agents[0]["alive"]), (&json!("test"), &json!(true)));
    assert!(agents[0]["gateways"]["web"].is_string(), "{agents}");
    server.refused(404, delete("/agents/nobody")).await;
}
