//! The ways to the API and through it beside plain requests: the proxy, WebSockets.

use crate::server_support::{
    DEADLINE,
    http::{delete, get, post, put},
    memory::Server,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

/// A client of WebSockets that can do as much as these tests need.
struct Socket(BufReader<TcpStream>);

impl Socket {
    /// Answers the status when the server does not open one.
    async fn open(address: SocketAddr, path: &str, more: &str) -> Result<Self, String> {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sends");
        let mut stream = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            timeout(DEADLINE, stream.read_line(&mut line)).await.expect("in time").expect("a line");
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_ascii_lowercase());
        }
        // The answer to the key of RFC 6455, section 1.3.
        let accepted = lines.iter().any(|line| line == "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=");
        if accepted { Ok(Self(stream)) } else { Err(lines.swap_remove(0)) }
    }

    async fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len()).expect("a short message");
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        // A mask of zeros leaves the text as it is.
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).await.expect("sends");
    }

    async fn receive(&mut self) -> Value {
        let receiving = async {
            let head = self.0.read_u16().await.expect("a head");
            assert_eq!(head >> 8, 0x81, "a whole text");
            let length = match head & 0x7f {
                126 => u64::from(self.0.read_u16().await.expect("a length")),
                127 => self.0.read_u64().await.expect("a length"),
                short => u64::from(short),
            };
            let mut text = vec![0; usize::try_from(length).expect("a length")];
            self.0.read_exact(&mut text).await.expect("a text");
            serde_json::from_slice(&text).expect("JSON")
        };
        timeout(DEADLINE, receiving).await.expect("in time")
    }

    async fn ask(&mut self, action: &str, path: &str, parameters: Value, data: &str) -> Value {
        let message = json!({"api": "v1", "path": path, "action": action, "accept": "JSON", "content": "YAML",
            "transaction": path, "parameters": parameters, "data": data});
        self.send(&message.to_string()).await;
        let answer = self.receive().await;
        assert_eq!(answer["transaction"], path, "{answer}");
        answer
    }
}

const SCALE: &str = "name: small\ncpu: 1\nmemory: 1GB\ninstances: 1\n";

async fn talk(socket: &mut Socket) {
    let stored = socket.ask("Put", "/scales/small", json!({}), SCALE).await;
    assert_eq!(stored["status"], "OK", "{stored}");
    let read = socket.ask("peek", "scales/small", json!({}), "").await;
    let content: Value = serde_json::from_str(read["data"].as_str().expect("a text")).expect("JSON");
    assert_eq!(content["name"], "small");
    assert_eq!((read["action"].as_str(), read["content"].as_str()), (Some("PEEK"), Some("JSON")));
    let page = socket.ask("Peek", "scales", json!({"per_page": 1}), "").await;
    assert_eq!(page["parameters"]["x-total-count"], "1");
    let dry = socket
        .ask("Put", "scales", json!({"validate_only": true}), "name: x\ncpu: 1\nmemory: 1GB\ninstances: 1\n")
        .await;
    assert_eq!(dry["status"], "OK", "{dry}");
    assert_eq!(socket.ask("Remove", "scales/small", json!({}), "").await["status"], "NOCONTENT");
    assert_eq!(socket.ask("Peek", "scales/small", json!({}), "").await["status"], "ERROR");
    assert_eq!(socket.ask("Put", "deployments/x", json!({}), "name: none").await["status"], "ERROR");
}

#[tokio::test]
async fn the_api_is_spoken_over_a_web_socket_message_by_message() {
    let server = Server::start().await;
    let mut socket = Socket::open(server.address, "/websocket", "").await.expect("opens");
    talk(&mut socket).await;
    for wrong in [
        "{",
        "{api: v1}",
        "{api: v2, path: x, action: Peek, accept: JSON, content: JSON, transaction: 1, parameters: {}}",
    ] {
        socket.send(wrong).await;
        let answer = socket.receive().await;
        assert_eq!(answer["status"], "ERROR", "{answer}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    let foreign = Socket::open(server.address, "/websocket", "origin: http://evil.example\r\n").await;
    assert!(foreign.is_err_and(|status| status.contains("403")));
}

#[tokio::test]
async fn events_come_over_a_web_socket_as_they_happen() {
    let server = Server::start().await;
    let mut socket = Socket::open(server.address, "/default/websocket", "").await.expect("opens");
    let follow = json!({"api": "v1", "path": "events/stream", "action": "Peek", "accept": "JSON", "content": "JSON",
        "transaction": "t", "parameters": {"tag": ["x"]}});
    socket.send(&follow.to_string()).await;
    // What is answered after it shows that it is followed.
    socket.ask("Peek", "info", json!({"on": "process"}), "").await;
    for tag in ["y", "x:1"] {
        server.ask(post("/events", format!("tags: '{tag}'\nvalue: 1\n"))).await.expect(201);
    }
    let event = socket.receive().await;
    assert_eq!(event["transaction"], "t");
    assert!(event["data"].as_str().is_some_and(|data| data.contains("x:1")), "{event}");
}

#[tokio::test]
async fn requests_are_passed_on_to_a_host_and_through_a_gateway() {
    let (server, behind) = (Server::start().await, Server::start().await);
    let port = behind.address.port();
    let own = behind.ask(get("/info?on=process")).await.expect(200).text("/uuid");
    let way = format!("/proxy/host/127.0.0.1/port/{port}/api/v1");
    let passed = server.ask(get(&format!("{way}/info?on=process")).at_root()).await.expect(200);
    assert_eq!(passed.text("/uuid"), own);
    assert!(passed.header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")), "{passed:?}");
    server.ask(put(&format!("{way}/scales/small"), SCALE).at_root()).await.expect(200);
    behind.ask(get("/scales/small")).await.expect(200);
    server.ask(delete(&format!("/default{way}/scales/small")).at_root()).await.expect(204);
    behind.refused(404, get("/scales/small")).await;

    let gateway =
        |name: &str, port: &str| format!("name: {name}\nport: {port}\nroutes: {{'[127.0.0.1:9101]': {{}}}}\n");
    server.ask(put("/gateways/a", gateway("a", "1/http"))).await.expect(202);
    server.ask(put("/gateways/a/b", gateway("a/b", &format!("{port}/http")))).await.expect(202);
    for name in ["a/b", "a%2Fb"] {
        let path = format!("/proxy/gateways/{name}/api/v1/info?on=process");
        assert_eq!(server.ask(get(&path).at_root()).await.expect(200).text("/uuid"), own);
    }
    server.ask(put("/gateways/tcp", gateway("tcp", "9070/tcp"))).await.expect(202);
    for nowhere in [
        "gateways/none/x",
        "gateways/tcp/x",
        "gateways/a/x",
        "host/127.0.0.1/port/1/x",
        "host/x/port/y/z",
        "workflows/a/instances/b/ports/c/d",
    ] {
        server.ask(get(&format!("/proxy/{nowhere}")).at_root()).await.refused(502);
    }
    server.ask(get("/proxy/x").at_root()).await.refused(404);
    let foreign = get(&format!("{way}/info")).at_root().header("origin", "http://evil.example");
    server.ask(foreign).await.refused(403);
}

#[tokio::test]
async fn a_web_socket_is_passed_on_as_well() {
    let (server, behind) = (Server::start().await, Server::start().await);
    let path = format!("/proxy/host/127.0.0.1/port/{}/websocket", behind.address.port());
    let mut socket = Socket::open(server.address, &path, "").await.expect("opens");
    talk(&mut socket).await;
}

#[tokio::test]
async fn a_program_becomes_a_breed_and_a_workflow_has_a_status() {
    let server = Server::start().await;
    let program = put("/breeds/count", "import x from 'y';\n").header("content-type", "application/javascript");
    server.ask(program).await.expect(200);
    let breed = server.ask(get("/breeds/count")).await.expect(200);
    assert_eq!(
        (breed.text("/deployable/type"), breed.text("/deployable/definition")),
        ("application/javascript".to_owned(), "import x from 'y';\n".to_owned())
    );
    let elsewhere = put("/scales/x", "x").header("content-type", "application/javascript");
    server.ask(elsewhere).await.refused(415);
    server.ask(put("/workflows/w", "name: w\nbreed: count\nschedule: daemon\n")).await.expect(200);
    assert_eq!(server.ask(get("/workflows/w/status")).await.expect(200).json(), "starting");
    server.ask(put("/workflows/w/status", "suspended")).await.expect(202);
    server.ask(put("/workflows/w/status", "\"suspended\"")).await.expect(202);
    assert_eq!(server.ask(get("/workflows/w")).await.expect(200).text("/status"), "suspended");
    assert_eq!(
        server.ask(put("/workflows/w/status", "sleeping")).await.refused(400).codes(),
        ["IllegalWorkflowStatus"]
    );
    server.ask(get("/workflows/none/status")).await.refused(404);
}

#[tokio::test]
async fn more_connections_than_there_may_be_wait_their_turn() {
    let server = Server::start().await;
    let mut idle = Vec::new();
    for _ in 0..600 {
        idle.push(TcpStream::connect(server.address).await.expect("connects"));
    }
    drop(idle);
    server.ask(get("/info?on=process")).await.expect(200);
}
