//! What the listener refuses, and with which words: `cargo test --test listener -- --nocapture` prints the table.

#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod server_support;

use server_support::{
    DEADLINE,
    http::{Ask, Reply, get, put},
    memory::Server,
};
use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};
use vamp_server::config::Given;

const BLUEPRINT: &str = include_str!("../examples/artifacts/sava-1.0.yml");

/// A mistake, and what it is answered with: status, code, path and line.
struct Mistake {
    name: &'static str,
    ask: Ask,
    answer: (u16, &'static str, &'static str, &'static str),
}

impl Mistake {
    fn new(name: &'static str, ask: Ask, answer: (u16, &'static str, &'static str, &'static str)) -> Self {
        Self { name, ask, answer }
    }
}

fn route(settings: &str) -> Ask {
    let gateway =
        format!("name: web\nport: 9060/http\nroutes:\n  '[127.0.0.1:9101]':\n    weight: 100%\n    {settings}\n");
    put("/gateways/web", gateway)
}

/// Nine levels of nine aliases each.
fn bomb() -> String {
    let mut text = "name: web\nmetadata:\n  a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (before, after) in ('a'..='h').zip('b'..='i') {
        let aliases = [format!("*{before}").as_str(); 9].join(", ");
        text.push_str(&format!("  {after}: &{after} [{aliases}]\n"));
    }
    text
}

fn mistakes() -> Vec<Mistake> {
    let unknown_route = "name: sava/sava/web\nport: 0/http\nroutes:\n  sava/sava/sava:1.0/web:\n    weight: 100%\n  sava/sava/sava:9.9/web:\n    weight: 0%\n";
    let weights = "name: web\nport: 9060/http\nroutes:\n  '[127.0.0.1:9101]': {weight: 60%}\n  '[127.0.0.1:9102]': {weight: 30%}\n";
    vec![
        Mistake::new(
            "syntax error in a condition",
            route("condition: User-Agent == Chrome or or Host == a"),
            (400, "ParserError", "routes/[127.0.0.1:9101]/condition", "6"),
        ),
        Mistake::new("weights of 90 %", put("/gateways/web", weights), (400, "GatewayRouteWeightError", "routes", "4")),
        Mistake::new(
            "unknown route",
            put("/gateways/sava/sava/web", unknown_route),
            (400, "InternalGatewayUpdateError", "routes/sava/sava/sava:9.9/web", "6"),
        ),
        Mistake::new(
            "duplicate port",
            put("/gateways/web", "name: web\nport: 9050/http\nroutes:\n  '[127.0.0.1:9101]': {}\n"),
            (409, "UnavailableGatewayPortError", "port", "2"),
        ),
        Mistake::new(
            "foreign Origin",
            route("balance: first").header("origin", "https://evil.example"),
            (403, "ForeignOriginError", "Origin", "-"),
        ),
        Mistake::new(
            "foreign Host",
            route("balance: first").header("host", "evil.example"),
            (403, "ForeignHostError", "Host", "-"),
        ),
        Mistake::new(
            "text/plain body",
            route("balance: first").header("content-type", "text/plain"),
            (415, "UnsupportedContentTypeError", "Content-Type", "-"),
        ),
        Mistake::new(
            "native condition with -f",
            route("condition: < src -f /etc/shadow >"),
            (400, "ParserError", "routes/[127.0.0.1:9101]/condition", "6"),
        ),
        Mistake::new("YAML bomb", put("/gateways/web", bomb()), (400, "YamlParsingError", "metadata/e", "7")),
    ]
}

/// Status, code, path and line of the first violation.
fn answer(reply: &Reply) -> (u16, String, String, String) {
    let json = reply.json();
    let first = &json["errors"][0];
    let text = |key: &str| first[key].as_str().unwrap_or("-").to_owned();
    (reply.status, text("code"), text("path"), first["line"].as_u64().map_or("-".to_owned(), |line| line.to_string()))
}

#[tokio::test]
async fn nine_mistakes_are_answered_with_status_code_path_and_line_and_store_nothing() {
    let server = Server::start().await;
    server.ask(put("/deployments/sava?wait=60", BLUEPRINT)).await.expect(202);
    println!("| mistake | status | code | path | line |\n|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for Mistake { name, ask, answer: expected } in mistakes() {
        let reply = server.refused(expected.0, ask).await;
        let (status, code, path, line) = answer(&reply);
        println!("| {name} | {status} | `{code}` | `{path}` | {line} |");
        if (status, code.as_str(), path.as_str(), line.as_str()) != expected {
            wrong.push(format!("{name}: expected {expected:?}, answered {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// === the token ===

/// A file with a secret, removed at the end.
struct Secret(PathBuf);

impl Secret {
    fn new(test: &str, secret: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vamp-listener-{}-{test}", std::process::id()));
        let mut file = fs::File::create(&path).expect("a file");
        writeln!(file, "{secret}").expect("written");
        Self(path)
    }

    fn given(&self) -> Given {
        Given { token_file: Some(self.0.clone()), ..Given::default() }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_listener_with_a_token_answers_only_to_it() {
    let secret = Secret::new("answers", "s3cret");
    let server = Server::start_with(secret.given()).await;
    for wrong in ["", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret1", "Basic s3cret", "s3cret", "Bearer S3CRET"]
    {
        for ask in [get("/info"), put("/gateways/web", "name: web\nport: 9060/http\n"), get("/nothing")] {
            let reply = server.refused(401, ask.header("authorization", wrong)).await;
            assert_eq!(reply.codes(), ["MissingTokenError"], "{wrong}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            assert!(!reply.body.contains("s3cret"), "{reply:?}");
        }
    }
    server.refused(401, get("/info")).await;
    server.ask(get("/info").header("authorization", "Bearer s3cret")).await.expect(200);
    server.ask(get("/info").header("authorization", "bearer s3cret")).await.expect(200);
}

#[test]
fn a_listener_that_others_can_reach_needs_a_token() {
    for listen in ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080", "[2001:db8::1]:8080"] {
        let given = || Given { listen: Some(listen.parse().expect("an address")), ..Given::default() };
        let refused = given().complete().expect_err(listen).to_string();
        assert!(refused.contains("--token-file") && refused.contains(listen), "{refused}");
        let secret = Secret::new("others", "s3cret");
        let config = Given { listen: given().listen, ..secret.given() }.complete().expect("a token is enough");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
    for empty in ["", "  \t "] {
        let secret = Secret::new("empty", empty);
        assert!(secret.given().complete().is_err());
    }
}

#[tokio::test]
async fn a_listener_that_others_can_reach_has_any_name_and_still_no_foreign_pages_forms_or_strangers() {
    let secret = Secret::new("names", "s3cret");
    let given = Given { listen: Some("0.0.0.0:8080".parse().expect("an address")), ..secret.given() };
    let server = Server::start_with(given).await;
    let ask = |ask: Ask| ask.header("host", "vamp.example").header("authorization", "Bearer s3cret");
    server.ask(ask(get("/info"))).await.expect(200);
    server.refused(401, get("/info").header("host", "vamp.example")).await;
    server.refused(403, ask(get("/info")).header("origin", "https://evil.example")).await;
    server.ask(ask(get("/info")).header("origin", "https://vamp.example")).await.expect(200);
    server.refused(415, ask(put("/gateways/web", "name: web")).header("content-type", "text/plain")).await;
}

// === what costs more than it should ===

/// Asks, and holds the answer to a status and a time.
async fn quickly_refused(server: &Server, status: u16, ask: Ask) -> Reply {
    let started = Instant::now();
    let reply = server.refused(status, ask).await;
    assert!(started.elapsed() < DEADLINE / 6, "{:?}: {reply:?}", started.elapsed());
    reply
}

#[tokio::test]
async fn what_nests_too_deep_is_refused() {
    let server = Server::start().await;
    let indented = (0..1_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
    let conditions = [
        format!("{}User-Agent == a{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}true", "not ".repeat(10_000)),
    ];
    for deep in ["[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000), "{\"a\":".repeat(10_000), indented] {
        let reply = quickly_refused(&server, 400, put("/gateways/web", &deep)).await;
        assert_eq!(reply.codes(), ["YamlParsingError"], "{}", &deep[..20]);
        quickly_refused(&server, 400, put("/gateways/web", format!("name: web\nmetadata: {deep}"))).await;
    }
    for deep in conditions {
        let reply = quickly_refused(&server, 400, route(&format!("condition: '{deep}'"))).await;
        assert_eq!(reply.codes(), ["ParserError"]);
    }
}

#[tokio::test]
async fn what_is_no_text_is_refused_with_its_place() {
    let server = Server::start().await;
    let reply = quickly_refused(&server, 400, put("/gateways/web", b"name: web\nport: \xff\xfe\n")).await;
    assert_eq!(
        (reply.codes(), reply.json()["errors"][0]["line"].as_u64()),
        (vec!["YamlParsingError".to_owned()], Some(2))
    );
    for bytes in [&b"\x00\x01\x02"[..], b"name: \x00", b"\xef\xbb\xbf\xff", b"\xfe\xff\x00n", b"name: \xed\xa0\x80"] {
        quickly_refused(&server, 400, put("/gateways/web", bytes)).await;
    }
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let server = Server::start().await;
    let long = "x".repeat(10 << 20);
    quickly_refused(&server, 413, put("/gateways/web", format!("name: {long}"))).await;
    quickly_refused(&server, 413, put("/deployments/sava", &long)).await;
    quickly_refused(&server, 413, put("/breeds/x", &long).header("content-type", "application/json")).await;
    // Within the limit of bytes, and still more than anybody means.
    let routes: String = (0..20_000).map(|n| format!("  '[127.0.0.1:{}]': {{}}\n", n + 1)).collect();
    quickly_refused(&server, 400, put("/gateways/web", format!("name: web\nport: 1\nroutes:\n{routes}"))).await;
    let wrong: String = (0..9_000).map(|n| format!("a{n}: x\n")).collect();
    let reply = quickly_refused(&server, 400, put("/gateways/web", format!("name: web\n{wrong}"))).await;
    assert!(reply.codes().len() <= 1_000 && reply.body.len() < 2 << 20, "{}", reply.body.len());
}

#[tokio::test]
async fn what_is_said_twice_is_refused_with_its_place() {
    let server = Server::start().await;
    let yaml = "name: web\nport: 9060/http\nname: other\n";
    let reply = quickly_refused(&server, 400, put("/gateways/web", yaml)).await;
    assert_eq!(reply.json()["errors"][0]["line"].as_u64(), Some(3), "{reply:?}");
    let json = put("/gateways/web", "{\"name\": \"web\", \"port\": 1, \"port\": 2}")
        .header("content-type", "application/json");
    quickly_refused(&server, 400, json).await;
    quickly_refused(&server, 400, put("/gateways/web", "---\nname: web\n---\nname: web\n")).await;
    quickly_refused(&server, 400, put("/gateways/web", "name: !!python/object web\nport: 1\n")).await;
}

#[tokio::test]
async fn a_client_that_is_slow_or_silent_keeps_nobody_else_waiting() {
    let server = Server::start().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("connects");
        let head = format!("PUT /api/v1/gateways/web HTTP/1.1\r\nhost: {}\r\ncontent-length: 100\r\n", server.address);
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.expect("writes");
        silent.push(stream);
    }
    let started = Instant::now();
    server.ask(get("/info")).await.expect(200);
    assert!(started.elapsed() < Duration::from_secs(5));
}
