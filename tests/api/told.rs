//! What the server tells of itself, and what happens: events, health, metrics, settings.

use crate::server_support::{
    DEADLINE,
    http::{Ask, Reply, get, post, put},
    memory::Server,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use vamp_core::model::read::Kind;

const BLUEPRINT: &str = include_str!("../../examples/artifacts/sava-1.0.yml");

async fn tell(server: &Server, tags: &str, value: Value) -> Reply {
    let event = json!({"tags": tags.split(',').collect::<Vec<_>>(), "value": value, "type": "test"});
    server.ask(post("/events", event.to_string()).header("content-type", "application/json")).await.expect(201)
}

/// The ids of events, in the order that they came.
fn ids(events: &Value) -> Vec<String> {
    events.as_array().expect("a list").iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn events_are_told_and_found_again_newest_first() {
    let server = Server::start().await;
    let first = tell(&server, "a:b,c", json!(1)).await.json();
    assert_eq!((&first["tags"], &first["value"]), (&json!(["a:b", "a", "c"]), &json!(1)));
    let second = tell(&server, "c", json!({"x": "y"})).await.json();
    let all = server.ask(get("/events?tag=c&type=test")).await.expect(200);
    assert_eq!(all.json(), json!([second, first]));
    assert_eq!(all.header("x-total-count"), Some("2"));
    for (query, expected) in
        [("tag=a", 1), ("tag=a:b&tag=c", 1), ("tag=b", 0), ("type=other", 0), ("tag=c&to=now-1h", 0)]
    {
        let found = server.ask(get(&format!("/events?{query}"))).await.expect(200).json();
        assert_eq!(found.as_array().map(Vec::len), Some(expected), "{query}");
    }
    let page = server.ask(get("/events?type=test&per_page=1&page=2")).await.expect(200);
    assert_eq!(page.json(), json!([first]));
    assert!(page.header("link").is_some_and(|link| link.contains("per_page=1&type=test>; rel=\"last\"")), "{page:?}");
    // The original also asks with a document in the body.
    let document = "tags: c\ntimestamp: {gte: now-1h}\n";
    assert_eq!(server.ask(get("/events").body(document)).await.expect(200).json(), all.json());
}

#[tokio::test]
async fn events_become_one_number_and_nothing_is_not_zero() {
    let server = Server::start().await;
    for value in [1, 2, 6] {
        tell(&server, "m", json!(value)).await;
    }
    for (by, expected) in [("count", 3), ("min", 1), ("max", 6), ("average", 3), ("sum", 9)] {
        let value = server.ask(get(&format!("/events?tag=m&aggregator={by}"))).await.expect(200).json();
        assert_eq!(value, json!({"value": expected}), "{by}");
    }
    let document = "tags: m\naggregator: {type: max, field: value}\n";
    assert_eq!(server.ask(get("/events").body(document)).await.expect(200).json(), json!({"value": 6}));
    assert_eq!(server.ask(get("/events?tag=none&aggregator=average")).await.json(), json!({"value": null}));
    assert_eq!(server.ask(get("/events?tag=none&aggregator=count")).await.json(), json!({"value": 0}));
    assert_eq!(server.ask(get("/events?aggregator=median")).await.refused(400).codes(), ["UnsupportedAggregatorError"]);
    let wrong = post("/events", "tags: []\ntype: a b\n");
    assert_eq!(server.ask(wrong).await.refused(400).codes(), ["NoTagEventError", "EventTypeError"]);
}

/// A stream of events that is read line by line.
struct Stream(BufReader<TcpStream>);

impl Stream {
    async fn open(server: &Server, query: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).await.expect("connects");
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /api/v1/events/stream?{query} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n{last}\r\n",
            server.address
        );
        stream.write_all(head.as_bytes()).await.expect("sends");
        let mut stream = Self(BufReader::new(stream));
        assert!(stream.line().await.contains("200 OK"));
        while !stream.line().await.is_empty() {}
        stream
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(DEADLINE, self.0.read_line(&mut line)).await.expect("in time").expect("a line");
        line.trim_end().to_owned()
    }

    /// The next event: its type, its id and its content.
    async fn event(&mut self) -> (String, String, Value) {
        let (mut kind, mut id) = (String::new(), String::new());
        loop {
            let line = self.line().await;
            match line.split_once(": ") {
                Some(("event", text)) => kind = text.to_owned(),
                Some(("id", text)) => id = text.to_owned(),
                Some(("data", text)) => return (kind, id, serde_json::from_str(text).expect("JSON")),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn events_are_sent_as_they_happen_and_those_that_were_missed_when_the_client_comes_back() {
    let server = Server::start().await;
    tell(&server, "before", json!(0)).await;
    let mut stream = Stream::open(&server, "tag=x", None).await;
    tell(&server, "y", json!(1)).await;
    tell(&server, "x:1", json!(2)).await;
    let (kind, id, event) = stream.event().await;
    assert_eq!((kind.as_str(), &event["value"], &event["id"]), ("test", &json!(2), &json!(id)));
    drop(stream);
    for value in [3, 4] {
        tell(&server, "x", json!(value)).await;
    }
    let mut stream = Stream::open(&server, "tag=x", Some(&id)).await;
    tell(&server, "x", json!(5)).await;
    for expected in [3, 4, 5] {
        assert_eq!(stream.event().await.2["value"], expected);
    }
    // What the engine does is an event as well.
    let mut stream = Stream::open(&server, "type=archive", None).await;
    server.ask(put("/scales/small", "name: small\ncpu: 1\nmemory: 1GB\ninstances: 1\n")).await.expect(200);
    let (kind, _, event) = stream.event().await;
    assert_eq!((kind.as_str(), event["tags"].to_string().contains("scales:small")), ("archive", true), "{event}");
}

#[tokio::test]
async fn health_and_metrics_are_the_last_value_that_was_told() {
    let server = Server::start().await;
    server.ask(put("/deployments/sava?wait=60", BLUEPRINT)).await.expect(202);
    // Nobody told, but the instances are healthy.
    for path in ["sava", "sava/clusters/sava", "sava/clusters/sava/services/sava:1.0"] {
        assert_eq!(
            server.ask(get(&format!("/health/deployments/{path}"))).await.expect(200).json(),
            json!(1),
            "{path}"
        );
    }
    tell(&server, "deployments:sava,deployment,health", json!(0.25)).await;
    assert_eq!(server.ask(get("/health/deployments/sava")).await.expect(200).json(), json!(0.25));
    tell(&server, "gateways:sava/sava/web,gateway,metrics:rate", json!(17)).await;
    tell(&server, "gateways:sava/sava/web,routes:sava/sava/sava:1.0,metrics:rate", json!(3)).await;
    for (path, expected) in [
        ("gateways/sava%2Fsava%2Fweb/rate", 3),
        ("gateways/sava/sava/web/routes/sava/sava/sava:1.0/rate", 3),
        ("deployments/sava/clusters/sava/ports/web/rate", 3),
        ("deployments/sava/clusters/sava/services/sava:1.0/ports/web/rate?window=60", 3),
    ] {
        assert_eq!(server.ask(get(&format!("/metrics/{path}"))).await.expect(200).json(), json!(expected), "{path}");
    }
    for nothing in [
        "/metrics/gateways/none/rate",
        "/metrics/rate",
        "/health/gateways/sava/sava/web",
        "/health/deployments/none",
        "/health/x",
    ] {
        server.ask(get(nothing)).await.refused(404);
    }
    server.ask(get("/health/deployments/sava/clusters/sava/services/sava:1.0/instances/1")).await.refused(404);
}

#[tokio::test]
async fn a_server_tells_how_it_and_its_parts_are() {
    let server = Server::start().await;
    let all = server.ask(get("/info")).await.expect(200).json();
    for part in ["process", "persistence", "key_value", "pulse", "gateway_driver", "container_driver"] {
        assert!(all[part].is_object() && all[part].get("error").is_none(), "{part}: {all}");
    }
    assert!(all["process"]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{all}");
    let some = server.ask(get("/information?on=jvm&on=key_value")).await.expect(200).json();
    assert!(some["process"].is_object() && some["key_value"].is_object() && some.get("pulse").is_none(), "{some}");
    for always in ["message", "version", "uuid", "running_since"] {
        assert_eq!(some[always], all[always]);
    }
    server.ask(put("/deployments/sava?wait=60", BLUEPRINT)).await.expect(202);
    let stats = server.ask(get("/stats")).await.expect(200).json();
    assert_eq!((&stats["persistence"]["deployments"], &stats["persistence"]["services"]), (&json!(1), &json!(1)));
    assert_eq!(server.ask(get("/scheduler/nodes")).await.expect(200).json().as_array().map(|_| ()), Some(()));
}

#[tokio::test]
async fn settings_are_told_by_layer_and_by_key() {
    let server = Server::start().await;
    let applied = server.ask(get("/config")).await.expect(200).json();
    assert_eq!(applied["vamp"]["namespace"], "default");
    let flat = server.ask(get("/configuration?flatten=true&type=reference")).await.expect(200).json();
    assert_eq!(flat["vamp.http-api.port"], 8080);
    assert_eq!(server.ask(get("/config/vamp.namespace")).await.expect(200).json(), "default");
    assert!(server.ask(get("/config/reference?flatten=true")).await.expect(200).json()["vamp.namespace"].is_string());
    server.ask(get("/config/vamp.none")).await.refused(404);
    server.ask(put("/config", "vamp: {namespace: x}")).await.refused(405);
}

#[tokio::test]
async fn what_is_not_here_says_what_to_do_instead() {
    let server = Server::start().await;
    for path in ["/logs", "/mesosconfig", "/scheduler/routing", "/vga/haproxy/1.8/template"] {
        assert!(server.ask(get(path)).await.refused(501).text("/message").len() > 20, "{path}");
    }
    server
        .ask(put("/gateways/web?wait=60", "name: web\nport: 9050/http\nroutes: {'[127.0.0.1:9101]': {}}"))
        .await
        .expect(202);
    for path in ["/haproxy", "/haproxy/2.6", "/vga/haproxy/2.6/configuration"] {
        let shown = server.ask(get(path).header("accept", "text/plain")).await.expect(200);
        assert!(shown.body.contains("=== gateway web ===") && shown.body.contains("9101"), "{shown:?}");
    }
}

#[tokio::test]
async fn a_request_has_an_id_that_its_answer_repeats() {
    let server = Server::start().await;
    let own = |id: &str| -> Ask { get("/info").header("x-request-id", id) };
    assert_eq!(server.ask(own("my-1")).await.header("x-request-id"), Some("my-1"));
    let first = server.ask(get("/info")).await;
    let second = server.ask(get("/gateways/none")).await;
    assert!(first.header("x-request-id").is_some_and(|id| !id.is_empty()));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let long = "x".repeat(200);
    assert_ne!(server.ask(own(&long)).await.header("x-request-id"), Some(long.as_str()));
    let events = server.ask(get("/events")).await.expect(200);
    assert_eq!(ids(&events.json()).len(), 0);
}

#[tokio::test]
async fn the_api_describes_itself_and_every_operation_that_it_describes_is_there() {
    let server = Server::start().await;
    let document = server.ask(get("/openapi.json")).await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().expect("a map") {
        let path = path.replace("{of}", "gateways/x").replace(['{', '}'], "");
        for method in methods.as_object().expect("a map").keys() {
            let method = ["GET", "PUT", "POST", "DELETE"].into_iter().find(|known| known.eq_ignore_ascii_case(method));
            if path == "/events/stream" {
                continue;
            }
            let reply = server.ask(get(&path).method(method.expect("a method"))).await;
            let absent = reply.status == 405 || reply.body.contains("there is nothing at");
            assert!(!absent, "{method:?} {path}: {reply:?}");
            operations += 1;
        }
    }
    assert!(operations > 80, "{operations}");
    let page = server.ask(get("/openapi").header("accept", "text/html")).await.expect(200);
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert!(page.body.contains("/deployments/{name}"), "{page:?}");
}

#[tokio::test]
async fn the_api_describes_the_bodies_of_every_kind_by_the_schema_of_that_kind() {
    let server = Server::start().await;
    let document = server.ask(get("/openapi.json")).await.expect(200).json();
    let named = |place: &Value| place["content"]["application/json"]["schema"]["$ref"].as_str().map(str::to_owned);
    let schema = |name: &str| Some(format!("#/components/schemas/{name}"));
    for kind in Kind::ALL {
        let (item, of) = (&document["paths"][format!("/{}/{{name}}", kind.plural())], kind.singular());
        assert_eq!(named(&item["put"]["requestBody"]), schema(&format!("{of}.unnamed")));
        assert_eq!(named(&item["get"]["responses"]["200"]), schema(of));
        let described = &document["components"]["schemas"][of];
        assert_eq!(described["title"], format!("Vamp {of}"));
    }
    let deploy = &document["paths"]["/deployments/{name}"]["put"];
    assert_eq!(named(&deploy["requestBody"]), schema("deployment.request"));
}
