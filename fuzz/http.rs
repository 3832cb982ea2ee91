//! The API itself, over a connection: whatever is sent, it answers, and never with a defect of its own.

use super::targets::digest;
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use vamp_core::{engine::Engine, memory};
use vamp_drivers::SystemClock;
use vamp_server::{api, config::Given};

/// Longer than any answer takes that does not wait for something.
const PATIENCE: Duration = Duration::from_secs(20);
/// So much of an answer is looked at.
const LOOKED_AT: usize = 64 * 1024;
/// Where bodies go that come without a head.
const PLACES: [&str; 6] = [
    "PUT /api/v1/breeds/a",
    "PUT /api/v1/blueprints/a?validate_only=true",
    "PUT /api/v1/gateways/a?validate_only=true",
    "POST /api/v1",
    "DELETE /api/v1",
    "POST /api/v1/events",
];

/// Sends a head as it is, with the length of its body, or a body to one of several places.
pub(super) fn run(input: &[u8]) -> Result<u64, String> {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) if starts_with_method(input) => (input[..end].to_vec(), &input[end + 2..]),
        _ => {
            let place = PLACES[digest(input) as usize % PLACES.len()];
            (format!("{place} HTTP/1.1\ncontent-type: application/x-yaml").into_bytes(), input)
        }
    };
    let address = server()?;
    let mut request = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    let more = format!("host: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    request.extend_from_slice(more.as_bytes());
    request.extend_from_slice(body);
    let answer = exchange(address, &request).map_err(|error| format!("no answer: {error}"))?;
    judge(&answer)
}

fn starts_with_method(input: &[u8]) -> bool {
    ["GET ", "PUT ", "POST ", "DELETE ", "HEAD ", "OPTIONS ", "PATCH "]
        .iter()
        .any(|it| input.starts_with(it.as_bytes()))
}

/// Statuses and codes of violations tell answers apart.
fn judge(answer: &[u8]) -> Result<u64, String> {
    let text = String::from_utf8_lossy(answer);
    if text.is_empty() {
        // What is no HTTP at all may be answered by closing the connection.
        return Ok(0);
    }
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).ok_or("the answer is no HTTP")?;
    if status == "500" {
        return Err(format!("a defect: {text}"));
    }
    let codes = text.split("\"code\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let told = codes.fold(status.to_owned(), |told, code| format!("{told} {code}"));
    Ok(digest(told.as_bytes()))
}

fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server that has seen enough answers and closes before everything is sent.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            // It does what it was asked for.
            Err(_) if request.windows(5).any(|at| at == b"wait=") => break,
            Err(error) => return Err(error),
        }
        // Streams of events do not end.
        let is_stream = answer.windows(17).any(|at| at == b"text/event-stream");
        if answer.len() > LOOKED_AT || (is_stream && answer.windows(4).any(|at| at == b"\r\n\r\n")) {
            break;
        }
    }
    Ok(answer)
}

/// A server over memory, for the life of the process.
fn server() -> Result<SocketAddr, String> {
    static SERVER: OnceLock<Result<(SocketAddr, Runtime), String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| start().map_err(|error| error.to_string()));
    server.as_ref().map(|(address, _)| *address).map_err(Clone::clone)
}

fn start() -> Result<(SocketAddr, Runtime), Box<dyn std::error::Error>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let mut config = Given::default().complete()?;
    config.listen = listener.local_addr()?;
    let clock = Arc::new(SystemClock::new());
    let engine = Engine::builder()
        .containers("memory", Arc::new(memory::Containers::new()))
        .key_value(Arc::new(memory::KeyValue::new(Arc::clone(&clock) as _)))
        .persistence(Arc::new(memory::Persistence::new(Arc::clone(&clock) as _)))
        .events(Arc::new(memory::Events::default()))
        .clock(clock)
        .build()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let router = api::router(&engine, &config);
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    runtime.spawn(engine.run(std::future::pending()));
    runtime.spawn(api::serve(listener, router, std::future::pending()));
    Ok((config.listen, runtime))
}
