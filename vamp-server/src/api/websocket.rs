//! The API over a WebSocket: each message is a request, and is answered by a message with the same `transaction`.

use super::{
    Api,
    error::Problem,
    event::Feed,
    log::{self, Follow},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{Method, Request, header},
    response::Response,
};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use tokio::{sync::mpsc, task::JoinHandle};
use vamp_core::yaml::{self, Limits, Node};

/// The longest message, in bytes; an answer may be longer.
const LONGEST: usize = 1 << 20;
/// The longest answer.
const LONGEST_ANSWER: usize = 16 << 20;
/// Events that wait for a slow client; then its stream ends.
const WAITING: usize = 256;

/// What a connection needs: the API itself, to ask it.
#[derive(Clone, Debug)]
pub(super) struct Sockets {
    pub(super) api: Api,
    pub(super) router: Router,
}

/// One request in a message.
#[derive(Debug, Deserialize)]
struct Ask {
    api: String,
    path: String,
    action: String,
    accept: String,
    content: String,
    transaction: Value,
    parameters: Map<String, Value>,
    #[serde(default)]
    data: Option<String>,
}

pub(super) async fn open(State(sockets): State<Sockets>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LONGEST).on_upgrade(|socket| async move { sockets.serve(socket).await })
}

impl Sockets {
    async fn serve(&self, mut socket: WebSocket) {
        let (to_send, mut waiting) = mpsc::channel::<String>(WAITING);
        let mut stream: Option<JoinHandle<()>> = None;
        loop {
            let text = tokio::select! {
                received = socket.recv() => match received {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => continue,
                },
                Some(event) = waiting.recv() => {
                    if socket.send(Message::Text(event.into())).await.is_err() {
                        break;
                    }
                    continue;
                }
            };
            for answer in self.answer_all(&text, &to_send, &mut stream).await {
                if socket.send(Message::Text(answer.to_string().into())).await.is_err() {
                    break;
                }
            }
        }
        stream.iter().for_each(JoinHandle::abort);
    }

    async fn answer_all(
        &self,
        text: &str,
        to_send: &mpsc::Sender<String>,
        stream: &mut Option<JoinHandle<()>>,
    ) -> Vec<Value> {
        let documents = match yaml::documents(text, Limits::default()) {
            Ok(documents) => documents,
            Err(error) => return vec![refusal(&error.to_string())],
        };
        let mut answers = Vec::new();
        for document in &documents {
            match read(document) {
                Ok(ask) if is_stream(&ask) => match self.follow(&ask, to_send.clone()).await {
                    Ok(task) => {
                        // One stream per connection: another takes its place.
                        stream.replace(task).iter().for_each(JoinHandle::abort);
                    }
                    Err(error) => answers.push(refusal(&error)),
                },
                Ok(ask) => answers.push(self.answer(ask).await),
                Err(error) => answers.push(refusal(&error)),
            }
        }
        answers
    }

    async fn answer(&self, ask: Ask) -> Value {
        let request = match request(&ask) {
            Ok(request) => request,
            Err(error) => return refusal(&error),
        };
        let answered: Result<Response, Infallible> = TowerToHyperService::new(self.router.clone()).call(request).await;
        let Ok(response) = answered;
        let status = match response.status().as_u16() {
            200 | 201 => "OK",
            202 => "ACCEPTED",
            204 => "NOCONTENT",
            _ => "ERROR",
        };
        let headers = response.headers().iter();
        let parameters: Map<String, Value> =
            headers.filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?)))).collect();
        match to_bytes(response.into_body(), LONGEST_ANSWER).await {
            Ok(body) => reply(&ask, status, &String::from_utf8_lossy(&body), &parameters),
            Err(error) => refusal(&error.to_string()),
        }
    }

    /// Sends events or records of the log as they happen, with the transaction of the request for them.
    async fn follow(&self, ask: &Ask, to_send: mpsc::Sender<String>) -> Result<JoinHandle<()>, String> {
        let told = |problem: Problem| problem.message().to_owned();
        let document = ask.data.as_deref().map(str::trim).filter(|data| !data.is_empty());
        let mut stream = match document {
            _ if is_log(ask) => {
                let text = |key: &str| ask.parameters.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let which = log::Which { level: text("level"), logger: text("logger") };
                Stream::Log(Follow::open(&self.api, which, None).map_err(told)?)
            }
            Some(document) => Stream::Events(Feed::of_document(&self.api, document).await.map_err(told)?),
            None => Stream::Events(Feed::of_parameters(&self.api, &pairs(&ask.parameters)).await.map_err(told)?),
        };
        let head = reply(ask, "OK", "", &Map::new());
        Ok(tokio::spawn(async move {
            while let Some(shown) = stream.next().await {
                let mut message = head.clone();
                message["data"] = json!(shown.to_string());
                // A client that does not read loses its stream, not this server its memory.
                if to_send.try_send(message.to_string()).is_err() {
                    break;
                }
            }
        }))
    }
}

fn read(document: &Node) -> Result<Ask, String> {
    let mut json = document.to_json();
    for text in ["api", "path", "action", "accept", "content"] {
        if let Some(other) = json.get(text).filter(|value| value.is_number() || value.is_boolean()) {
            json[text] = json!(other.to_string());
        }
    }
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn is_stream(ask: &Ask) -> bool {
    let is_peek = ask.action.eq_ignore_ascii_case("peek");
    is_peek && (is_log(ask) || ask.path.trim_matches('/').ends_with("events/stream"))
}

fn is_log(ask: &Ask) -> bool {
    ["log", "logs"].contains(&ask.path.trim_matches('/'))
}

/// What goes on.
enum Stream {
    Events(Feed),
    Log(Follow),
}

impl Stream {
    async fn next(&mut self) -> Option<Value> {
        match self {
            Self::Events(feed) => feed.next().await.map(|event| super::event::shown(&event)),
            Self::Log(follow) => follow.next().await.map(|record| log::shown(&record)),
        }
    }
}

fn media_type(name: &str) -> Result<&'static str, String> {
    match name.to_ascii_uppercase().as_str() {
        "JSON" => Ok("application/json"),
        "YAML" => Ok("application/x-yaml"),
        "PLAINTEXT" => Ok("*/*"),
        "JAVASCRIPT" => Ok("application/javascript"),
        _ => Err(format!("`{name}` is none of Json, Yaml, PlainText, JavaScript")),
    }
}

fn request(ask: &Ask) -> Result<Request<Body>, String> {
    if !ask.api.eq_ignore_ascii_case("v1") {
        return Err(format!("`{}` is no version of the API; it is v1", ask.api));
    }
    let path = ask.path.trim_matches('/');
    let method = match ask.action.to_ascii_uppercase().as_str() {
        "PEEK" => Method::GET,
        "PUT" if path.contains('/') => Method::PUT,
        "PUT" => Method::POST,
        "REMOVE" => Method::DELETE,
        _ => return Err(format!("`{}` is none of Peek, Put, Remove", ask.action)),
    };
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = pairs(&ask.parameters);
    let query: Vec<String> = pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    let uri = format!("/api/v1/{path}?{}", query.join("&"));
    Request::builder()
        .method(method)
        .uri(uri.replace("/?", "?"))
        .header(header::ACCEPT, media_type(&ask.accept)?)
        .header(header::CONTENT_TYPE, media_type(&ask.content)?)
        .body(Body::from(ask.data.clone().unwrap_or_default()))
        .map_err(|error| error.to_string())
}

/// Parameters as a query has them: a list is one that is repeated.
fn pairs(parameters: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = parameters.iter().flat_map(|(key, value)| match value {
        Value::Array(items) => items.iter().map(|item| (key.clone(), text(item))).collect(),
        other => vec![(key.clone(), text(other))],
    });
    all.collect()
}

fn reply(ask: &Ask, status: &str, data: &str, parameters: &Map<String, Value>) -> Value {
    json!({
        "api": ask.api,
        "path": ask.path,
        "action": ask.action.to_ascii_uppercase(),
        "content": ask.accept.to_ascii_uppercase(),
        "transaction": ask.transaction,
        "status": status,
        "data": data,
        "parameters": parameters,
    })
}

fn refusal(error: &str) -> Value {
    json!({ "status": "ERROR", "error": error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Result<Ask, String> {
        read(&yaml::documents(text, Limits::default()).unwrap()[0])
    }

    #[test]
    fn a_message_becomes_a_request() {
        let message = "{api: v1, path: /breeds/, action: Put, accept: yaml, content: Json, transaction: 7, \
                       parameters: {validate_only: true, tag: ['a:b', c]}, data: '{}'}";
        let made = request(&ask(message).unwrap()).unwrap();
        assert_eq!(made.method(), Method::POST);
        assert_eq!(made.uri(), "/api/v1/breeds?validate%5Fonly=true&tag=a%3Ab&tag=c");
        assert_eq!(made.headers()[header::ACCEPT], "application/x-yaml");
        let of = |action: &str, path: &str| {
            let text = format!(
                "{{api: V1, path: {path}, action: {action}, accept: JSON, content: JSON, transaction: x, parameters: {{}}}}"
            );
            request(&ask(&text).unwrap()).map(|request| request.method().clone())
        };
        assert_eq!((of("put", "breeds/a"), of("REMOVE", "breeds/a")), (Ok(Method::PUT), Ok(Method::DELETE)));
        assert!(of("look", "breeds").is_err());
    }

    #[test]
    fn what_is_missing_in_a_message_is_told() {
        assert!(ask("{api: v1, path: x}").unwrap_err().contains("action"));
        assert!(ask("[]").is_err());
    }
}
