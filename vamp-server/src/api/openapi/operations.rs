//! Every operation of the API.

use super::kinds;
use std::borrow::Cow;
use vamp_core::model::read::Kind;

/// One operation.
pub(super) struct Operation {
    /// In lower case.
    pub(super) method: &'static str,
    /// Below `/api/v1`.
    pub(super) path: String,
    pub(super) tag: &'static str,
    pub(super) summary: String,
    /// Keys of [`PARAMETERS`].
    pub(super) parameters: Vec<&'static str>,
    pub(super) body: Body,
    pub(super) answers: Vec<(u16, Answer)>,
}

/// What a request brings, by the name of its schema.
pub(super) enum Body {
    None,
    Required(Cow<'static, str>),
    Optional(Cow<'static, str>),
}

/// What an answer brings, by the name of its schema.
pub(super) enum Answer {
    Nothing,
    One(Cow<'static, str>),
    List(Cow<'static, str>),
    /// Of this media type.
    Text(&'static str),
}

/// A parameter that operations refer to.
pub(super) struct Parameter {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) place: &'static str,
    pub(super) text: &'static str,
    pub(super) schema: &'static str,
    pub(super) repeats: bool,
}

const fn query(key: &'static str, text: &'static str, schema: &'static str) -> Parameter {
    Parameter { key, name: key, place: "query", text, schema, repeats: false }
}

const fn place(key: &'static str, text: &'static str) -> Parameter {
    Parameter { key, name: key, place: "path", text, schema: r#"{"type": "string", "minLength": 1}"#, repeats: false }
}

const TRUTH: &str = r#"{"type": "boolean", "default": false}"#;
const TEXT: &str = r#"{"type": "string"}"#;

pub(super) const PARAMETERS: &[Parameter] = &[
    place("name", "The name; slashes in it may be written as %2F."),
    place("cluster", "The name of the cluster."),
    place("service", "The service, by the name of its breed."),
    place("agent", "The name of the agent."),
    place("key", "A layer by its name, or the dotted key of a setting."),
    place("of", "Keys and names in turn, as in gateways/NAME/routes/NAME."),
    place("type", "The kind of proxy."),
    place("version", "The version of the proxy."),
    query("page", "Which page, from 1.", r#"{"type": "integer", "minimum": 0, "maximum": 1000000, "default": 1}"#),
    query("per_page", "How many on a page.", r#"{"type": "integer", "minimum": 0, "maximum": 30, "default": 30}"#),
    query("expand_references", "Show what references stand for.", TRUTH),
    query("only_references", "Show breeds as references.", TRUTH),
    query("as_blueprint", "Show the blueprint that deploys what is deployed.", TRUTH),
    query("validate_only", "Check and answer, but store nothing.", TRUTH),
    query("delete", "Remove what the body names instead of merging it.", TRUTH),
    query(
        "wait",
        "Answer when it has taken effect, after so many seconds at most: 504 with the reason.",
        r#"{"type": "number", "minimum": 0, "maximum": 600}"#,
    ),
    query("window", "How many seconds old a value may be.", r#"{"type": "integer", "minimum": 1, "default": 120}"#),
    Parameter {
        key: "tag",
        name: "tag",
        place: "query",
        text: "Events have all of these.",
        schema: TEXT,
        repeats: true,
    },
    Parameter { key: "kind", name: "type", place: "query", text: "The type of events.", schema: TEXT, repeats: false },
    Parameter {
        key: "layer",
        name: "type",
        place: "query",
        text: "Which layer of settings.",
        schema: r#"{"type": "string", "enum": ["applied", "dynamic", "system", "environment", "application", "reference"]}"#,
        repeats: false,
    },
    query(
        "level",
        "The least level of records; OFF = none.",
        r#"{"type": "string", "enum": ["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"], "default": "INFO"}"#,
    ),
    query("logger", "Only records of this module and of those in it; empty or ROOT = all.", TEXT),
    query("flatten", "Dotted keys instead of maps within each other.", TRUTH),
    query("from", "Not before this time, e.g. 2026-01-31T10:00:00Z or now-10m.", TEXT),
    query("to", "Before this time.", TEXT),
    query(
        "aggregator",
        "One number instead of a list.",
        r#"{"type": "string", "enum": ["count", "min", "max", "average", "sum"]}"#,
    ),
    Parameter { key: "on", name: "on", place: "query", text: "Only these parts.", schema: TEXT, repeats: true },
    Parameter {
        key: "if_match",
        name: "If-Match",
        place: "header",
        text: "The ETag of what is to be changed; 412 when it is not that any more.",
        schema: TEXT,
        repeats: false,
    },
];

impl Operation {
    fn new(method: &'static str, path: impl Into<String>, tag: &'static str, summary: impl Into<String>) -> Self {
        let (path, summary) = (path.into(), summary.into());
        Self { method, path, tag, summary, parameters: Vec::new(), body: Body::None, answers: Vec::new() }
    }

    fn with(mut self, parameters: &[&'static str]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    fn answers(mut self, status: u16, answer: Answer) -> Self {
        self.answers.push((status, answer));
        self
    }

    /// A name of its own.
    pub(super) fn id(&self) -> String {
        let words = self.path.split(['/', '{', '}', '-', '.']).filter(|word| !word.is_empty());
        words.fold(self.method.to_owned(), |id, word| format!("{id}_{word}"))
    }
}

const PAGE: [&str; 2] = ["page", "per_page"];
const SHAPE: [&str; 2] = ["expand_references", "only_references"];

pub(super) fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    Kind::ALL.into_iter().for_each(|kind| all.extend(of_kind(kind)));
    all.extend(workflow_status());
    all.extend(deployments());
    all.extend(several());
    all.extend(events());
    all.extend(server());
    all
}

fn one(schema: impl Into<Cow<'static, str>>) -> Answer {
    Answer::One(schema.into())
}

fn list(schema: impl Into<Cow<'static, str>>) -> Answer {
    Answer::List(schema.into())
}

fn required(schema: impl Into<Cow<'static, str>>) -> Body {
    Body::Required(schema.into())
}

fn of_kind(kind: Kind) -> [Operation; 6] {
    let (tag, is_gateway) = (kind.plural(), kind == Kind::Gateway);
    let collection = format!("/{tag}");
    let item = format!("/{tag}/{{name}}");
    // Gateways take effect, so that it can be waited for.
    let wait: &[&'static str] = if is_gateway { &["wait"] } else { &[] };
    let stores = |method, path: &str, summary: String, status, body: String| {
        Operation::new(method, path, tag, summary)
            .with(&["validate_only"])
            .with(wait)
            .body(required(body))
            .answers(if is_gateway { 202 } else { status }, one(kinds::stored(kind)))
    };
    [
        Operation::new("get", &*collection, tag, format!("List {tag}"))
            .with(&PAGE)
            .with(&SHAPE)
            .answers(200, list(kinds::whole(kind))),
        stores("post", &collection, format!("Store one or several {tag}"), 201, kinds::several(kind))
            .with(&["if_match"]),
        stores("put", &collection, format!("Store several {tag}"), 200, kinds::several(kind)),
        Operation::new("get", &*item, tag, "Read one")
            .with(&["name"])
            .with(&SHAPE)
            .answers(200, one(kinds::whole(kind))),
        stores("put", &item, "Store one; the body may leave out its name".to_owned(), 200, kinds::unnamed(kind))
            .with(&["name", "if_match"]),
        Operation::new("delete", item, tag, "Remove one")
            .with(&["name", "validate_only", "if_match"])
            .with(wait)
            .answers(204, Answer::Nothing),
    ]
}

fn workflow_status() -> [Operation; 2] {
    const PATH: &str = "/workflows/{name}/status";
    let (tag, place) = (Kind::Workflow.plural(), ["name"]);
    [
        Operation::new("get", PATH, tag, "What is meant to happen to a workflow")
            .with(&place)
            .answers(200, one("text")),
        Operation::new("put", PATH, tag, "Start, stop or suspend it")
            .with(&place)
            .with(&["validate_only", "if_match"])
            .body(required("text"))
            .answers(202, one(kinds::stored(Kind::Workflow))),
    ]
}

fn deployments() -> Vec<Operation> {
    const TAG: &str = "deployments";
    const SLA: &str = "/deployments/{name}/clusters/{cluster}/sla";
    const SCALE: &str = "/deployments/{name}/clusters/{cluster}/services/{service}/scale";
    let change = |method, path: &str, summary: &str, body| {
        let parameters = ["validate_only", "wait", "if_match"];
        let changed = Operation::new(method, path, TAG, summary).with(&parameters).body(body);
        changed.answers(202, list("deployment"))
    };
    let sla = |method, summary: &str| change(method, SLA, summary, required("part.sla")).with(&["name", "cluster"]);
    vec![
        Operation::new("get", "/deployments", TAG, "List deployments, with what runs of them")
            .with(&PAGE)
            .with(&SHAPE)
            .with(&["as_blueprint"])
            .answers(200, list("deployment.or.blueprint")),
        change("post", "/deployments", "Deploy a blueprint under its own name", required("deployment.request")),
        Operation::new("get", "/deployments/{name}", TAG, "Read one, with what runs of it")
            .with(&["name", "as_blueprint"])
            .with(&SHAPE)
            .answers(200, one("deployment.or.blueprint")),
        change("put", "/deployments/{name}", "Merge a blueprint into it", required("deployment.request"))
            .with(&["name", "delete"]),
        change(
            "delete",
            "/deployments/{name}",
            "Remove the services that the body names, or all",
            Body::Optional("deployment.request".into()),
        )
        .with(&["name"]),
        Operation::new("get", SLA, TAG, "The service level agreement of a cluster")
            .with(&["name", "cluster"])
            .answers(200, one("part.sla")),
        sla("put", "Set it"),
        sla("post", "Set it"),
        Operation::new("delete", SLA, TAG, "Remove it")
            .with(&["name", "cluster", "validate_only"])
            .answers(204, Answer::Nothing),
        Operation::new("get", SCALE, TAG, "The scale of a service")
            .with(&["name", "cluster", "service"])
            .answers(200, one("part.scale")),
        change("put", SCALE, "Set it", required("part.scale")).with(&["name", "cluster", "service"]),
    ]
}

fn several() -> Vec<Operation> {
    let of = |method, summary: &str| {
        let all = Operation::new(method, "", "documents", summary).with(&["validate_only"]);
        all.body(required("documents")).answers(202, list("artifact"))
    };
    vec![
        of("post", "Do what documents of any kind say, in order"),
        of("put", "Do what documents of any kind say, in order"),
        of("delete", "Remove what documents of any kind name"),
    ]
}

fn events() -> Vec<Operation> {
    const TAG: &str = "events";
    const SPAN: [&str; 4] = ["tag", "kind", "from", "to"];
    let number = |path, summary: &str| {
        Operation::new("get", path, TAG, summary).with(&["of", "window"]).answers(200, one("number"))
    };
    vec![
        Operation::new("get", "/events", TAG, "Find events, newest first, or one number from them")
            .with(&SPAN)
            .with(&["aggregator"])
            .with(&PAGE)
            .answers(200, one("events")),
        Operation::new("post", "/events", TAG, "Tell an event").body(required("event")).answers(201, one("event")),
        Operation::new("get", "/events/stream", TAG, "Events as they happen; Last-Event-ID brings what was missed")
            .with(&SPAN)
            .answers(200, Answer::Text("text/event-stream")),
        number("/health/{of}", "The last health that was told, or the share of healthy instances"),
        number("/metrics/{of}", "The last value of a metric"),
    ]
}

fn server() -> Vec<Operation> {
    const TAG: &str = "server";
    let text = |path: &str| {
        Operation::new("get", path, TAG, "What the proxy beside this server serves")
            .answers(200, Answer::Text("text/plain; charset=utf-8"))
    };
    vec![
        Operation::new("get", "/info", TAG, "What this server is and how its parts are")
            .with(&["on"])
            .answers(200, one("object")),
        Operation::new(
            "get",
            "/logs",
            TAG,
            "What this server logs, as it happens; Last-Event-ID brings what was missed",
        )
        .with(&["level", "logger"])
        .answers(200, Answer::Text("text/event-stream")),
        Operation::new("get", "/stats", TAG, "Counts").answers(200, one("object")),
        Operation::new("get", "/agents", TAG, "Who serves what").answers(200, list("object")),
        Operation::new("delete", "/agents/{agent}", TAG, "Forget an agent that will not come back")
            .with(&["agent"])
            .answers(204, Answer::Nothing),
        Operation::new("get", "/config", TAG, "Settings by layer")
            .with(&["layer", "flatten"])
            .answers(200, one("object")),
        Operation::new("get", "/config/{key}", TAG, "One setting, or one layer")
            .with(&["key", "layer", "flatten"])
            .answers(200, one("anything")),
        Operation::new("get", "/scheduler/nodes", TAG, "Machines that run something").answers(200, list("object")),
        text("/haproxy"),
        text("/vga/{type}/{version}/configuration").with(&["type", "version"]),
    ]
}
