//! The REST API as the commands use it: one server, one request after the other.

mod base;
mod problem;
mod settings;
mod sse;
mod transport;

pub(crate) use base::encoded;
pub(crate) use sse::{Sent, Stream};

use super::{Trouble, input::Source};
use base::Base;
use clap::Args as ClapArgs;
use hyper::{
    Method, StatusCode,
    header::{ETAG, HeaderMap},
};
use problem::Problem;
use serde_json::Value;
use settings::Settings;
use std::{fmt, fs, path::PathBuf, time::Duration};

/// A longer answer than this is refused, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;
/// Where a server is when nobody says so.
const HOST: &str = "http://localhost:8080";
/// The most that a server shows on one page.
const PAGE: usize = 30;

/// Where the server is, and how to talk to it.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Server")]
pub(crate) struct Reach {
    /// The server's address [default: that of ~/.vamp, or http://localhost:8080]
    #[arg(long, env = "VAMP_HOST", value_name = "URL")]
    host: Option<String>,
    /// The token to show; better in a file or in VAMP_TOKEN, as others can see the arguments of a program
    #[arg(long, env = "VAMP_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// A file with the token, if none is given
    #[arg(long, env = "VAMP_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The namespace, if it is not the server's own
    #[arg(long, env = "VAMP_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// How long an answer may take, in seconds
    #[arg(long, env = "VAMP_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,
}

/// What nobody else should see: `Debug` does not show it.
#[derive(Clone)]
struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A number of seconds, not zero.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.001..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "write a number of seconds, such as 10 or 0.5".to_owned())
}

impl Reach {
    /// A client of that server.
    pub(crate) fn client(&self) -> Result<Client, Trouble> {
        let written = Settings::of_user().map_err(Trouble::Usage)?;
        let ours = written.host.as_deref().unwrap_or(HOST);
        let host = self.host.as_deref().unwrap_or(ours);
        // What is written down is for that server: no other one gets its token.
        let written = if host == ours { written.clone() } else { Settings::default() };
        let (namespace, file) = (
            self.namespace.as_deref().or(written.namespace.as_deref()),
            self.token_file.as_ref().or(written.token_file.as_ref()),
        );
        let token = match (&self.token, file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(file)) => {
                let refuse = |why: std::io::Error| Trouble::Usage(format!("token file {}: {why}", file.display()));
                Some(Secret::from(fs::read_to_string(file).map_err(refuse)?.as_str()))
            }
            (None, None) => None,
        };
        let base = Base::new(host, namespace).map_err(Trouble::Usage)?;
        Ok(Client { base, token, timeout: self.timeout })
    }
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    base: Base,
    token: Option<Secret>,
    timeout: Duration,
}

/// A request; its path is below `/api/v1`, with every name in it [`encoded`].
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Body<'a>>,
    if_match: Option<String>,
    /// The id of the last event that was seen.
    after: Option<String>,
    /// What the server itself waits for.
    wait: Duration,
}

#[derive(Debug)]
enum Body<'a> {
    /// YAML as somebody wrote it.
    Text(&'a Source),
    Json(&'a Value),
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            if_match: None,
            after: None,
            wait: Duration::ZERO,
        }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn text(self, source: &'a Source) -> Self {
        Self { body: Some(Body::Text(source)), ..self }
    }

    pub(crate) fn json(self, value: &'a Value) -> Self {
        Self { body: Some(Body::Json(value)), ..self }
    }

    /// Only if it is still the version that was seen.
    pub(crate) fn if_match(self, etag: Option<String>) -> Self {
        Self { if_match: etag, ..self }
    }

    /// Only events after the one with this id.
    pub(crate) fn after(self, id: Option<String>) -> Self {
        Self { after: id, ..self }
    }

    /// Verb and path, for people.
    fn what(&self) -> String {
        format!("{} /{}", self.method, self.path)
    }

    /// Lets the server wait until what was asked for has taken effect.
    pub(crate) fn wait(self, wait: Option<Duration>) -> Self {
        match wait {
            Some(wait) => Self { wait, ..self }.query("wait", wait.as_secs_f64().to_string()),
            None => self,
        }
    }
}

/// An answer that is none of the errors.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    /// `null` without a body.
    pub(crate) value: Value,
}

impl Reply {
    /// The version of what was answered.
    pub(crate) fn etag(&self) -> Option<String> {
        self.headers.get(ETAG)?.to_str().ok().map(str::to_owned)
    }
}

impl Client {
    /// The request's answer.
    pub(crate) async fn send(&self, ask: Ask<'_>) -> Result<Reply, Trouble> {
        self.find(ask).await?.map_err(Problem::trouble)
    }

    /// The answer to a GET, or `None` when there is no such thing.
    pub(crate) async fn get(&self, path: impl Into<String>) -> Result<Option<Reply>, Trouble> {
        match self.find(Ask::new(Method::GET, path)).await? {
            Ok(reply) => Ok(Some(reply)),
            Err(problem) if problem.status == StatusCode::NOT_FOUND => Ok(None),
            Err(problem) => Err(problem.trouble()),
        }
    }

    /// The request's answer, or `None` when it was to change what has changed meanwhile.
    pub(crate) async fn unless_changed(&self, ask: Ask<'_>) -> Result<Option<Reply>, Trouble> {
        match self.find(ask).await? {
            Ok(reply) => Ok(Some(reply)),
            Err(problem) if problem.status == StatusCode::PRECONDITION_FAILED => Ok(None),
            Err(problem) => Err(problem.trouble()),
        }
    }

    /// Every item of a list, page after page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let mut all = Vec::new();
        for page in 1_u32.. {
            let ask = Ask::new(Method::GET, path).query("page", page.to_string()).query("per_page", PAGE.to_string());
            let Value::Array(items) = self.send(ask).await?.value else {
                return Err(Trouble::Failed(format!("{}: the answer to /{path} is no list", self.base)));
            };
            let last = items.len() < PAGE;
            all.extend(items);
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// The request's answer, or the problem that the server tells instead.
    async fn find(&self, ask: Ask<'_>) -> Result<Result<Reply, Problem>, Trouble> {
        let source = match &ask.body {
            Some(Body::Text(source)) => Some((*source).clone()),
            _ => None,
        };
        let what = ask.what();
        let (status, headers, bytes) = self.exchange(ask).await?;
        let text = String::from_utf8_lossy(&bytes);
        if !status.is_success() {
            return Ok(Err(Problem::read(status, what, &text, source)));
        }
        let value = match text.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text).map_err(|error| {
                let hint = "is it a Vamp server? name another with --host or VAMP_HOST";
                Trouble::Failed(format!("{}: {what}: the answer is not JSON: {error}; {hint}", self.base))
            })?,
        };
        Ok(Ok(Reply { headers, value }))
    }
}
