//! The readers, each with what must hold for its answer.

use std::{fmt::Debug, str::FromStr};
use vamp_core::{
    Violations,
    condition::Condition,
    model::{
        Artifacts, GatewayName, Name, Period, Port, RoutePath, Selector, Source, compose, format_timestamp, import,
        parse_timestamp,
        read::{self, Document, Kind},
        validate, write,
    },
    yaml::{self, Limits},
};

/// A reader.
pub(super) struct Target {
    /// Its name.
    pub(super) name: &'static str,
    /// Reads an input: a digest of how it was answered, or what is wrong with the answer.
    pub(super) run: fn(&[u8]) -> Result<u64, String>,
}

macro_rules! artifacts {
    ($($name:ident: $kind:ident),+ $(,)?) => {
        $(fn $name(input: &[u8]) -> Result<u64, String> {
            artifact(input, Kind::$kind)
        })+
    };
}

artifacts! {
    breed: Breed, blueprint: Blueprint, gateway: Gateway, workflow: Workflow, sla: Sla, scale: Scale,
    escalation: Escalation, route: Route, condition_artifact: Condition, rewrite: Rewrite, template: Template,
}

pub(super) static TARGETS: [Target; 21] = [
    Target { name: "yaml", run: nodes },
    Target { name: "breed", run: breed },
    Target { name: "blueprint", run: blueprint },
    Target { name: "gateway", run: gateway },
    Target { name: "workflow", run: workflow },
    Target { name: "sla", run: sla },
    Target { name: "scale", run: scale },
    Target { name: "escalation", run: escalation },
    Target { name: "route", run: route },
    Target { name: "condition-artifact", run: condition_artifact },
    Target { name: "rewrite", run: rewrite },
    Target { name: "template", run: template },
    Target { name: "deployment", run: deployment },
    Target { name: "validate", run: several },
    Target { name: "compose", run: compose_file },
    Target { name: "condition", run: condition },
    Target { name: "selector", run: selector },
    Target { name: "interpolation", run: interpolation },
    Target { name: "units", run: units },
    Target { name: "name", run: names },
    Target { name: "http", run: super::http::run },
];

/// FNV-1a: short, and the same everywhere.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn text(input: &[u8]) -> Result<&str, u64> {
    yaml::utf8(input).map_err(|refused| refusal(&refused))
}

/// The rules that were broken, which is as much as two refusals have to differ in.
fn refusal(Violations(found): &Violations) -> u64 {
    let mut codes: Vec<String> = found.iter().map(|one| format!("{}{}", one.code, one.message.len() / 8)).collect();
    codes.sort();
    codes.dedup();
    digest(codes.join(" ").as_bytes())
}

/// Of an artifact that was read: its keys, not its values.
fn shape(written: &serde_json::Value) -> u64 {
    let letters: Vec<u8> = written.to_string().bytes().filter(|byte| br#"{}[],:""#.contains(byte)).collect();
    digest(&letters)
}

fn same<T: PartialEq + Debug>(read: &T, back: Result<T, impl Debug>, written: &str) -> Result<(), String> {
    match back {
        Ok(back) if back == *read => Ok(()),
        other => Err(format!("{written} reads back as {other:?} and not as {read:?}")),
    }
}

fn nodes(input: &[u8]) -> Result<u64, String> {
    let Ok(text) = text(input) else { return Ok(0) };
    match yaml::documents(text, Limits::default()) {
        Ok(documents) => {
            let json: Vec<serde_json::Value> = documents.iter().map(yaml::Node::to_json).collect();
            let written = serde_json::Value::from(json.clone()).to_string();
            let back =
                yaml::documents(&written, Limits { bytes: usize::MAX, entries: usize::MAX, ..Limits::default() });
            // A list around all documents is one level deeper.
            if let Ok(back) = back {
                same(&serde_json::Value::from(json), Ok::<_, ()>(back[0].to_json()), &written)?;
            }
            Ok(digest(written.as_bytes()))
        }
        Err(refused) => Ok(refusal(&refused)),
    }
}

fn artifact(input: &[u8], kind: Kind) -> Result<u64, String> {
    let text = match text(input) {
        Ok(text) => text,
        Err(refused) => return Ok(refused),
    };
    let artifacts = match read::artifacts(text, Some(kind)) {
        Ok(artifacts) => artifacts,
        Err(refused) => return Ok(refusal(&refused)),
    };
    let mut all = 0;
    for artifact in artifacts {
        let json = write::artifact(&artifact);
        let written = json.to_string();
        same(&artifact, read::artifact(&written, artifact.kind()), &written)?;
        all ^= shape(&json);
    }
    Ok(all)
}

fn deployment(input: &[u8]) -> Result<u64, String> {
    let Ok(text) = text(input) else { return Ok(0) };
    match read::deployment(text) {
        Ok(read::DeploymentRequest::Blueprint(blueprint)) => {
            let json = write::blueprint(&blueprint);
            let written = json.to_string();
            let back = read::deployment(&written);
            same(&read::DeploymentRequest::Blueprint(blueprint), back, &written)?;
            Ok(shape(&json))
        }
        Ok(read::DeploymentRequest::Stored(_)) => Ok(1),
        Err(refused) => Ok(refusal(&refused)),
    }
}

/// Two texts that may import and refer to each other.
fn several(input: &[u8]) -> Result<u64, String> {
    let Ok(text) = text(input) else { return Ok(0) };
    let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
    for sources in [[("a", text), ("b", "")], [("a", first), ("b", second)]] {
        let sources = sources.map(|(name, text)| Source { name, text });
        let read = validate(&sources, Some(Kind::Blueprint));
        if let Err(refused) = &read
            && refused.iter().any(|one| one.file.is_none())
        {
            return Err(format!("a violation without a file: {refused}"));
        }
    }
    match import::applied(text, &Artifacts::default()).and_then(|text| read::documents(&text)) {
        Ok(documents) => {
            let artifacts = documents.iter().filter(|document| matches!(document, Document::Artifact(_)));
            Ok(artifacts.count().try_into().unwrap_or_default())
        }
        Err(refused) => Ok(refusal(&refused)),
    }
}

fn compose_file(input: &[u8]) -> Result<u64, String> {
    let Ok(text) = text(input) else { return Ok(0) };
    match compose::blueprint(text, "compose") {
        Ok(imported) => {
            if imported.comments.iter().any(|comment| comment.contains(['\n', '\r'])) {
                return Err(format!("a comment of several lines: {:?}", imported.comments));
            }
            let json = write::blueprint(&imported.blueprint);
            // A circle of services is only noticed when it is read as a blueprint.
            if let Ok(back) = read::blueprint(&json.to_string()) {
                same(&imported.blueprint, Ok::<_, ()>(back), &json.to_string())?;
            }
            Ok(shape(&json))
        }
        Err(refused) => Ok(refusal(&refused)),
    }
}

fn condition(input: &[u8]) -> Result<u64, String> {
    let Ok(text) = text(input) else { return Ok(0) };
    match Condition::parse(text) {
        Ok(condition) => {
            let written = condition.to_string();
            same(&condition, Condition::parse(&written), &written)?;
            Ok(digest(written.as_bytes()) % 4_096)
        }
        Err(error) => Ok(digest(error.expected().as_bytes())),
    }
}

fn selector(input: &[u8]) -> Result<u64, String> {
    let Ok(text) = text(input) else { return Ok(0) };
    match Selector::parse(text) {
        Ok(selector) => {
            let written = selector.to_string();
            same(&selector, Selector::parse(&written), &written)?;
            Ok(digest(written.as_bytes()) % 4_096)
        }
        Err(error) => Ok(digest(error.expected().as_bytes())),
    }
}

/// A value with references, as a variable of a breed.
fn interpolation(input: &[u8]) -> Result<u64, String> {
    let value = String::from_utf8_lossy(input);
    let breed = serde_json::json!({
        "name": "b", "deployable": "x", "environment_variables": {"A": value}, "dependencies": {"db": "d", "a": "c"},
    });
    artifact(breed.to_string().as_bytes(), Kind::Breed)
}

/// Memory, cpu, times and percentages, each on a line of its own.
fn units(input: &[u8]) -> Result<u64, String> {
    let text = String::from_utf8_lossy(input);
    let mut all = 0;
    for line in text.lines().take(64) {
        let scale = serde_json::json!({"name": "s", "cpu": line, "memory": line});
        let check = serde_json::json!({"port": "p", "initial_delay": line, "timeout": line, "interval": line, "failures": line});
        let breed = serde_json::json!({"name": "b", "deployable": "x", "ports": {"p": line}, "health_checks": check});
        let route = serde_json::json!({"name": "r", "weight": line, "condition_strength": line});
        for (kind, json) in [(Kind::Scale, scale), (Kind::Breed, breed), (Kind::Route, route)] {
            all ^= artifact(json.to_string().as_bytes(), kind)?;
        }
    }
    Ok(all)
}

/// Everything that is written as one word.
fn names(input: &[u8]) -> Result<u64, String> {
    fn back<T: FromStr<Err: Debug> + ToString + PartialEq + Debug>(text: &str) -> Result<u64, String> {
        let Ok(read) = text.parse::<T>() else { return Ok(0) };
        let written = read.to_string();
        same(&read, written.parse::<T>(), &written)?;
        Ok(1)
    }
    let text = String::from_utf8_lossy(input);
    let mut all = 0;
    for word in text.lines().take(64) {
        let answers = [back::<Name>(word)?, back::<GatewayName>(word)?, back::<RoutePath>(word)?, back::<Port>(word)?];
        let time = parse_timestamp(word);
        if let Some(time) = time {
            same(&Some(time), Ok::<_, ()>(parse_timestamp(&format_timestamp(time))), word)?;
        }
        let more = [back::<Period>(word)?, u64::from(time.is_some())];
        all = answers.iter().chain(&more).fold(all, |all, answer| all * 2 + answer) % 65_536;
    }
    Ok(all)
}
