//! The REST API of the server, as far as the demo needs it.

use crate::{load::explain, problem::Problem};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{fmt::Write, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// A plain answer comes within this time; one with `wait` within `wait` and this.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a change may take until every agent serves it.
const WAIT: Duration = Duration::from_secs(60);

/// A client of one server; every call is a connection of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    pub(crate) server: SocketAddr,
}

/// The counters of all agents together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    pub(crate) proxy: String,
    pub(crate) reloads: u64,
    pub(crate) reasons: Vec<String>,
    pub(crate) runtime_changes: u64,
    pub(crate) structural_changes: u64,
}

enum Body<'a> {
    None,
    Yaml(&'a str),
    Json(&'a Value),
}

impl Api {
    /// Whether the server answers.
    pub(crate) async fn answers(self) -> bool {
        matches!(self.call(Method::GET, "info", Body::None, Duration::ZERO).await, Ok(Some(_)))
    }

    /// Merges a blueprint into the deployment, and waits until it is served.
    pub(crate) async fn merge(self, deployment: &str, blueprint: &str) -> Result<(), Problem> {
        self.wait(Method::PUT, &format!("deployments/{deployment}"), Body::Yaml(blueprint)).await
    }

    /// Begins to remove the services of a blueprint from the deployment.
    pub(crate) async fn remove(self, deployment: &str, blueprint: &str) -> Result<(), Problem> {
        let path = format!("deployments/{deployment}");
        self.call(Method::DELETE, &path, Body::Yaml(blueprint), Duration::ZERO).await.map(drop)
    }

    /// Replaces a gateway, and waits until every agent serves it.
    pub(crate) async fn put_gateway(self, name: &str, gateway: &Value) -> Result<(), Problem> {
        self.wait(Method::PUT, &format!("gateways/{name}"), Body::Json(gateway)).await
    }

    pub(crate) async fn gateway(self, name: &str) -> Result<Value, Problem> {
        let found = self.get(&format!("gateways/{name}")).await?;
        found.ok_or_else(|| Problem::new(format!("the server does not know the gateway {name}")))
    }

    /// `None` when there is no such deployment.
    pub(crate) async fn deployment(self, name: &str) -> Result<Option<Value>, Problem> {
        self.get(&format!("deployments/{name}")).await
    }

    pub(crate) async fn agents(self) -> Result<Agents, Problem> {
        let list = self.get("agents").await?.unwrap_or_default();
        let mut sum = Agents::default();
        for agent in list.as_array().into_iter().flatten() {
            let status = agent.get("status").unwrap_or(&Value::Null);
            let count = |name: &str| status.get(name).and_then(Value::as_u64).unwrap_or_default();
            sum.reloads += count("reloads");
            sum.runtime_changes += count("runtime_changes");
            sum.structural_changes += count("structural_changes");
            let reasons = status.get("reload_reasons").and_then(Value::as_array).into_iter().flatten();
            sum.reasons.extend(reasons.filter_map(Value::as_str).map(str::to_owned));
            if let Some(proxy) = status.get("proxy").and_then(Value::as_str) {
                proxy.clone_into(&mut sum.proxy);
            }
        }
        if sum.proxy.is_empty() {
            return Err(Problem::new("no agent reports its proxy"));
        }
        Ok(sum)
    }

    async fn get(self, path: &str) -> Result<Option<Value>, Problem> {
        self.call(Method::GET, path, Body::None, Duration::ZERO).await
    }

    async fn wait(self, method: Method, path: &str, body: Body<'_>) -> Result<(), Problem> {
        let found = self.call(method, &format!("{path}?wait={}", WAIT.as_secs()), body, WAIT).await?;
        found.map(drop).ok_or_else(|| Problem::new(format!("the server does not know {path}")))
    }

    /// One request; `None` = 404.
    async fn call(self, method: Method, path: &str, body: Body<'_>, wait: Duration) -> Result<Option<Value>, Problem> {
        let what = format!("{method} /api/v1/{path}");
        let asking = self.exchange(method, path, body);
        let (status, text) = match timeout(PATIENCE + wait, asking).await {
            Ok(answer) => answer.map_err(|error| Problem::new(format!("{what}: {error}")))?,
            Err(_) => return Err(Problem::new(format!("{what}: no answer within {:?}", PATIENCE + wait))),
        };
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(Problem::new(format!("{what}: {status}: {}", in_words(&text))));
        }
        if text.is_empty() {
            return Ok(Some(Value::Null));
        }
        let value = serde_json::from_str(&text).map_err(|error| Problem::new(format!("{what}: not JSON: {error}")))?;
        Ok(Some(value))
    }

    async fn exchange(self, method: Method, path: &str, body: Body<'_>) -> Result<(StatusCode, String), String> {
        let stream = TcpStream::connect(self.server).await.map_err(|error| format!("{}: {error}", self.server))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| explain(&error))?;
        tokio::spawn(connection);
        let (kind, bytes) = match body {
            Body::None => (None, Bytes::new()),
            Body::Yaml(text) => (Some("application/x-yaml"), Bytes::copy_from_slice(text.as_bytes())),
            Body::Json(value) => (Some("application/json"), Bytes::from(value.to_string())),
        };
        let mut builder = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(HOST, self.server.to_string())
            .header(ACCEPT, "application/json");
        if let Some(kind) = kind {
            builder = builder.header(CONTENT_TYPE, kind);
        }
        let request = builder.body(Full::new(bytes)).map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| explain(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| explain(&error))?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The message of an error answer, and each violation on a line of its own.
fn in_words(text: &str) -> String {
    let Ok(answer) = serde_json::from_str::<Value>(text) else {
        return text.trim().to_owned();
    };
    let part = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let mut words = part(&answer, "message");
    for violation in answer.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let place = format!("{} line {}", part(violation, "path"), part(violation, "line"));
        // Writing to a string cannot fail.
        let _ = write!(words, "\n  {place}: {}", part(violation, "message"));
        let hint = part(violation, "hint");
        if !hint.is_empty() {
            let _ = write!(words, " ({hint})");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_answer_is_told_with_place_and_hint() {
        let answer = r#"{"message":"2 mistakes","errors":[
            {"code":"X","path":"routes.a.weight","line":4,"column":1,"message":"not a weight","hint":"write 50%"},
            {"code":"Y","path":"port","line":1,"column":1,"message":"in use"}]}"#;
        assert_eq!(
            in_words(answer),
            "2 mistakes\n  routes.a.weight line 4: not a weight (write 50%)\n  port line 1: in use"
        );
    }

    #[test]
    fn an_answer_that_is_no_json_is_told_as_it_is() {
        assert_eq!(
            in_words("The requested resource could not be found.\n"),
            "The requested resource could not be found."
        );
    }
}
