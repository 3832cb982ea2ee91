//! What the API makes of requests, over a real listener and memory drivers.
#![cfg(feature = "http")]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use serde_json::Value;
use std::{future::pending, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use vamp_core::{engine::Engine, memory};
use vamp_drivers::SystemClock;
use vamp_server::{
    api,
    config::{Config, Given},
    log::Log,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// A listening API.
struct Server(SocketAddr);

/// What it answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, by its name in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The status of a problem document, which has a message.
    fn problem(&self) -> u16 {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.json()["status"], self.status, "{self:?}");
        assert!(self.json()["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        self.status
    }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(SystemClock::new());
        let engine = Engine::builder()
            .containers("memory", Arc::new(memory::Containers::new()))
            .key_value(Arc::new(memory::KeyValue::new(Arc::clone(&clock) as _)))
            .persistence(Arc::new(memory::Persistence::new(Arc::clone(&clock) as _)))
            .events(Arc::new(memory::Events::default()))
            .clock(clock)
            .build()
            .expect("every driver is there");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut config = Given::default().complete().expect("the defaults");
        config.listen = listener.local_addr().expect("its address");
        change(&mut config);
        tokio::spawn(engine.clone().run(pending()));
        let parts = api::Parts { log: Some(Log::of_process()), ..api::Parts::default() };
        tokio::spawn(api::serve(listener, api::router_with(&engine, &config, parts), pending()));
        Self(config.listen)
    }

    /// One request with these header lines, on a connection of its own.
    async fn ask(&self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        let host = format!("Host: {}", self.0);
        let length = format!("Content-Length: {}", body.len());
        let lines = [&[request, &host, "Connection: close", &length], headers].concat();
        let head = lines.join("\r\n").replacen('\r', " HTTP/1.1\r", 1) + "\r\n\r\n";
        let exchange = async {
            let mut stream = TcpStream::connect(self.0).await.expect("connects");
            stream.write_all(&[head.as_bytes(), body].concat()).await.expect("sends");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("answers");
            String::from_utf8(answer).expect("text")
        };
        let answer = timeout(DEADLINE, exchange).await.expect("in time");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.replace("\r\n", "\n"), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET /api/v1/{path}"), &[], b"").await
    }

    async fn yaml(&self, method: &str, path: &str, body: &str, headers: &[&str]) -> Answer {
        let headers = [&["Content-Type: application/x-yaml"], headers].concat();
        self.ask(&format!("{method} /api/v1/{path}"), &headers, body.as_bytes()).await
    }
}

const GATEWAY: &str = "name: a\nport: 9050/http\nroutes: {'[127.0.0.1:9101]': {}}\n";

#[tokio::test]
async fn whatever_is_wrong_with_a_request_is_answered_as_a_problem_document() {
    let server = Server::start().await;
    let put = "PUT /api/v1/gateways/a";
    let kind = ["Content-Type: application/x-yaml"];
    assert_eq!(server.get("gateways?page=x").await.problem(), 400);
    assert_eq!(server.get("gateways/%ff").await.problem(), 400);
    assert_eq!(server.get("nothing").await.problem(), 404);
    assert_eq!(server.ask("PATCH /api/v1/gateways", &[], b"").await.problem(), 405);
    assert_eq!(server.ask(put, &kind, &vec![b' '; (1 << 20) + 1]).await.problem(), 413);
    assert_eq!(server.ask(put, &kind, b"name: \xff").await.problem(), 400);
    for wait in ["abc", "-1", "601", "NaN", "inf", ""] {
        let answer = server.yaml("PUT", &format!("gateways/a?wait={wait}"), GATEWAY, &[]).await;
        assert_eq!(answer.problem(), 400, "{wait}");
        assert!(answer.body.contains("wait"), "{answer:?}");
    }
    assert_eq!(server.get("gateways").await.body, "[]", "nothing was stored");
}

#[tokio::test]
async fn answers_are_not_kept_by_whoever_passes_them_on() {
    let server = Server::start().await;
    assert_eq!(server.get("info").await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn without_native_conditions_no_artifact_with_one_is_stored() {
    let server = Server::start_with(|config| config.native_conditions = false).await;
    let blueprint = "
name: b
gateways:
  9050:
    routes:
      sava/web: {condition: < src 10.0.0.1 >}
clusters:
  sava:
    services:
      breed: {name: x, deployable: {type: command, definition: x}, ports: {web: 8080/http}}
";
    let gateway = "name: a\nport: 9050/http\nroutes:\n  '[127.0.0.1:9101]': {condition: < src 10.0.0.1 >}\n";
    let table = [
        ("PUT", "gateways/a", gateway, Some(4)),
        ("PUT", "conditions/c", "name: c\ncondition: < src 10.0.0.1 >\n", Some(2)),
        ("POST", "blueprints", blueprint, Some(6)),
        ("PUT", "deployments/d", blueprint, Some(6)),
    ];
    for (method, path, body, line) in table {
        let answer = server.yaml(method, path, body, &[]).await;
        assert_eq!(answer.problem(), 400, "{path}");
        let error = &answer.json()["errors"][0];
        assert_eq!(error["code"], "NativeConditionError", "{path}: {answer:?}");
        assert_eq!(error["line"].as_u64(), line, "{path}: {answer:?}");
    }
    for kind in ["gateways", "conditions", "blueprints", "deployments"] {
        assert_eq!(server.get(kind).await.body, "[]", "{kind}");
    }
}

#[tokio::test]
async fn a_body_may_leave_out_the_name_that_the_path_says_and_not_say_another() {
    let server = Server::start().await;
    let put = async |path: &str, body: &str| server.yaml("PUT", path, body, &[]).await;
    assert_eq!(put("gateways/a/b", "port: 9050/http\nroutes: {'[127.0.0.1:9101]': {}}\n").await.status, 202);
    assert_eq!(server.get("gateways/a%2Fb").await.json()["name"], "a/b");
    assert_eq!(put("breeds/x", "deployable: {type: command, definition: x}\n").await.status, 200);
    assert_eq!(put("conditions/c", "condition: User-Agent == Chrome\n").await.status, 200);
    let other = put("gateways/b", GATEWAY).await;
    assert_eq!((other.problem(), &other.json()["errors"][0]["line"]), (400, &Value::from(1)));
    assert_eq!(server.get("gateways/b").await.problem(), 404);
}

#[tokio::test]
async fn nobody_changes_or_removes_what_they_have_not_seen() {
    let server = Server::start().await;
    let put = async |tag: &str| server.yaml("PUT", "gateways/a", GATEWAY, &[&format!("If-Match: {tag}")]).await;
    assert_eq!(put("*").await.problem(), 412, "there is nothing yet");
    let first = server.yaml("PUT", "gateways/a", GATEWAY, &[]).await;
    let seen = first.header("etag").expect("a tag").to_owned();
    let second = put(&seen).await;
    assert_eq!(second.status, 202, "{second:?}");
    assert_eq!(put(&seen).await.problem(), 412, "it was changed in the meantime");

    let remove = async |tag: &str| server.ask("DELETE /api/v1/gateways/a", &[&format!("If-Match: {tag}")], b"").await;
    assert_eq!(remove(&seen).await.problem(), 412);
    let stored = second.header("etag").expect("a tag").trim_end_matches('"');
    assert!(
        server.get("gateways/a").await.header("etag").is_some_and(|tag| tag.starts_with(stored)),
        "it is untouched"
    );
    assert_eq!(remove(second.header("etag").expect("a tag")).await.status, 204);
    assert_eq!(server.get("gateways/a").await.problem(), 404);
}

#[tokio::test]
async fn a_precondition_that_cannot_be_kept_is_refused_rather_than_ignored() {
    let server = Server::start().await;
    assert_eq!(server.yaml("POST", "", GATEWAY, &["If-Match: *"]).await.problem(), 400);
    assert_eq!(server.yaml("PUT", "gateways/a", GATEWAY, &["If-None-Match: *"]).await.problem(), 400);
}

#[tokio::test]
async fn a_client_that_takes_neither_format_is_told_before_anything_is_done() {
    let server = Server::start().await;
    let answer = server.yaml("PUT", "gateways/a", GATEWAY, &["Accept: text/html"]).await;
    assert_eq!(answer.problem(), 406);
    assert_eq!(server.get("gateways/a").await.problem(), 404);
}

#[tokio::test]
async fn yaml_that_was_answered_reads_back_to_the_same_artifact() {
    let server = Server::start().await;
    // Texts that a careless writer turns into numbers, truth values or nothing.
    let gateway = "port: 9050/http
metadata: {a: '1.10', b: 'yes', c: 'true', d: '', e: '~', f: '0777', g: 'x: y', h: \"two\\nlines\", i: '- x', j: 5, k: true}
routes:
  '[127.0.0.1:9101]': {condition: User-Agent == Chrome}
";
    let first = server.yaml("PUT", "gateways/a", gateway, &[]).await;
    assert_eq!(first.status, 202, "{first:?}");
    let shown = server.ask("GET /api/v1/gateways/a", &["Accept: application/x-yaml"], b"").await;
    assert_eq!(shown.header("content-type"), Some("application/x-yaml"));
    let second = server.yaml("PUT", "gateways/a", &shown.body, &[]).await;
    assert_eq!(second.json(), first.json(), "{}", shown.body);
}

#[tokio::test]
async fn who_does_not_show_the_token_is_told_which_kind_it_is() {
    let file = std::env::temp_dir().join(format!("vamp-requests-token-{}", std::process::id()));
    std::fs::write(&file, "a-secret-of-some-length").expect("a file");
    let given = Given { token_file: Some(file.clone()), ..Given::default() };
    let token = given.complete().expect("a token").token;
    std::fs::remove_file(file).expect("it is there");
    let server = Server::start_with(|config| config.token = token).await;
    let refused = server.get("info").await;
    assert_eq!((refused.problem(), refused.header("www-authenticate")), (401, Some("Bearer")));
    let shown = ["Authorization: Bearer a-secret-of-some-length"];
    assert_eq!(server.ask("GET /api/v1/info", &shown, b"").await.status, 200);
}

/// Writes to the log of the process, as its command line has set it up.
fn write(what: &str) {
    use tracing_subscriber::layer::SubscriberExt as _;
    let subscriber = tracing_subscriber::registry().with(Log::of_process());
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("beside {what}");
        tracing::warn!(gateway = "a", "{what}");
    });
}

#[tokio::test]
async fn the_log_is_sent_as_it_is_written_and_from_where_a_client_was() {
    let server = Server::start().await;
    let follow = async |headers: &str| {
        let mut stream = TcpStream::connect(server.0).await.expect("connects");
        let head = format!("GET /api/v1/logs?logger=requests HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", server.0);
        stream.write_all(head.as_bytes()).await.expect("sends");
        BufReader::new(stream).lines()
    };
    let record = async |lines: &mut tokio::io::Lines<BufReader<TcpStream>>, key: &str| {
        let found = async {
            loop {
                let line = lines.next_line().await.expect("reads").expect("goes on");
                if let Some(value) = line.strip_prefix(key) {
                    return value.to_owned();
                }
            }
        };
        timeout(DEADLINE, found).await.expect("in time")
    };
    let mut lines = follow("").await;
    // Once the head is there, everything is sent.
    assert_eq!(record(&mut lines, "content-type: ").await, "text/event-stream");
    write("first");
    let id = record(&mut lines, "id: ").await;
    let shown: Value = serde_json::from_str(&record(&mut lines, "data: ").await).expect("JSON");
    assert_eq!((&shown["level"], &shown["message"]), (&"WARN".into(), &"first gateway=a".into()));
    assert!(shown["logger"].as_str().is_some_and(|logger| logger.starts_with("requests")), "{shown}");
    drop(lines);
    write("second");
    let mut lines = follow(&format!("Last-Event-ID: {id}\r\n")).await;
    assert!(record(&mut lines, "data: ").await.contains("second gateway=a"));
    assert_eq!(server.get("logs?level=loud").await.problem(), 400);
}
