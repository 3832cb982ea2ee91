//! `vamp diff`: what a file would change against the server, without changing it.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, encoded},
    input,
    kind::Kind,
    screen::{Format, Output, Tone, say, yaml},
    shape::{entries, items, plain, text},
    store::{Document, documents},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};
use std::path::PathBuf;

/// So many lines that stay are shown around those that change.
const CONTEXT: usize = 3;

#[derive(Debug, ClapArgs)]
pub(crate) struct DiffArgs {
    /// The files; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// What a document is that has no `kind`
    #[arg(value_enum, long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Compare blueprints with this deployment: what merging them would change
    #[arg(long, value_name = "NAME")]
    deployment: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

/// One artifact before and after; `None` = it is not there.
struct Change {
    kind: Kind,
    name: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// The lines that the proxy loses and gains for one gateway.
struct Lines {
    gateway: String,
    change: Value,
}

pub(super) async fn run(args: &DiffArgs) -> Ended {
    let client = args.reach.client()?;
    let (mut changes, mut proxy) = (Vec::new(), Vec::new());
    for source in input::read_all(&args.files)? {
        // A blueprint that is deployed need not say that it is one.
        let kind = args.kind.or(args.deployment.is_some().then_some(Kind::Blueprints));
        let found = documents(&source, kind, None)?;
        let alone = found.len() == 1;
        for document in found {
            let ask = target(&document, args.deployment.as_deref());
            let json = document.json();
            let ask = if alone { ask.text(&source) } else { ask.json(&json) };
            let (change, told) = change(&client, ask, &document, args.deployment.as_deref()).await?;
            let along = others(&change, &told);
            changes.push(change);
            changes.extend(along);
            let lines = entries(&told, "/proxy");
            proxy.extend(lines.map(|(name, change)| Lines { gateway: name.clone(), change: change.clone() }));
        }
    }
    let differs = changes.iter().any(Change::differs);
    if args.output.output == Format::Text {
        for change in &changes {
            say(change.words()?)?;
        }
        proxy.iter().try_for_each(|lines| say(lines.words()))?;
    } else {
        let proxy: Map<String, Value> = proxy.into_iter().map(|lines| (lines.gateway, lines.change)).collect();
        let changes: Vec<Value> = changes.iter().map(Change::to_json).collect();
        args.output.show(&json!({"differs": differs, "artifacts": changes, "proxy": proxy}), Value::to_string)?;
    }
    Ok(if differs { Verdict::No } else { Verdict::Yes })
}

/// The deployment that a document is merged into, if it is.
fn deployed<'d>(document: &Document, deployment: Option<&'d str>) -> Option<&'d str> {
    deployment.filter(|_| document.kind == Kind::Blueprints)
}

fn target(document: &Document, deployment: Option<&str>) -> Ask<'static> {
    let path = match deployed(document, deployment) {
        Some(name) => format!("deployments/{}", encoded(name)),
        None => document.path(),
    };
    Ask::new(Method::PUT, path).query("validate_only", "true")
}

/// What would become of the document's artifact, and what the server tells beyond that.
async fn change(
    client: &Client,
    ask: Ask<'_>,
    document: &Document,
    deployment: Option<&str>,
) -> Result<(Change, Value), Trouble> {
    let (kind, name) = match deployed(document, deployment) {
        Some(name) => (Kind::Deployments, name.to_owned()),
        None => (document.kind, document.name.clone()),
    };
    let before = client.get(format!("{}/{}", kind.plural(), encoded(&name))).await?.map(|reply| reply.value);
    let mut after = client.send(ask).await?.value;
    // The original answers with lists, what was stored with it first.
    while let Value::Array(list) = &mut after {
        after = list.pop().unwrap_or_default();
    }
    let told = after.as_object_mut().and_then(|after| after.shift_remove("changes")).unwrap_or_default();
    Ok((Change::new(kind, name, before, Some(after)), told))
}

/// The gateways that would change along with the artifact.
fn others(change: &Change, told: &Value) -> Vec<Change> {
    let itself = |name: &String| change.kind == Kind::Gateways && *name == change.name;
    let some = |value: &Value, key: &str| value.get(key).filter(|value| !value.is_null()).cloned();
    let gateways = entries(told, "/gateways").filter(|(name, _)| !itself(name));
    gateways
        .map(|(name, of)| Change::new(Kind::Gateways, name.clone(), some(of, "before"), some(of, "after")))
        .collect()
}

/// What changes by itself is no difference that a file makes.
fn forget_what_is_observed(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for key in ["lookup_name", "instances", "health", "since", "targets", "deployed", "service"] {
                // The wanted number of instances stays; what runs is a list.
                if map.get(key).is_some_and(|value| key != "instances" || value.is_array()) {
                    map.shift_remove(key);
                }
            }
            map.values_mut().for_each(forget_what_is_observed);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_what_is_observed),
        _ => {}
    }
}

impl Change {
    fn new(kind: Kind, name: String, mut before: Option<Value>, mut after: Option<Value>) -> Self {
        before.iter_mut().chain(&mut after).for_each(forget_what_is_observed);
        Self { kind, name, before, after }
    }

    fn differs(&self) -> bool {
        self.before != self.after
    }

    fn words(&self) -> Result<String, Trouble> {
        let called = format!("{} `{}`", self.kind.singular(), self.name);
        if !self.differs() {
            return Ok(format!("{called}: no change"));
        }
        let title = match (&self.before, &self.after) {
            (None, _) => "would be new",
            (_, None) => "would go",
            _ => "would change",
        };
        let text = |value: &Option<Value>| value.as_ref().map(yaml).transpose().map(Option::unwrap_or_default);
        Ok(format!("{called} {title}\n{}", lines(&text(&self.before)?, &text(&self.after)?)))
    }

    fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.plural(),
            "name": self.name,
            "differs": self.differs(),
            "before": self.before,
            "after": self.after,
        })
    }
}

impl Lines {
    fn words(&self) -> String {
        let of = |pointer: &str| items(&self.change, pointer).map(plain).collect::<Vec<String>>();
        let refused = text(&self.change, "/refused");
        if !refused.is_empty() {
            return format!("the proxy refuses gateway `{}`: {}", self.gateway, Tone::Bad.paint(refused));
        }
        let reloads = self.change.pointer("/reload").and_then(Value::as_bool).unwrap_or_default();
        let how = if reloads { "with a reload" } else { "at run time" };
        let gone = of("/removed").into_iter().map(|line| Tone::Bad.paint(format!("- {line}")));
        let come = of("/added").into_iter().map(|line| Tone::Good.paint(format!("+ {line}")));
        let lines: Vec<String> = gone.chain(come).collect();
        format!("the proxy would change gateway `{}` {how}\n{}", self.gateway, lines.join("\n"))
    }
}

/// The lines that go and come, with some around them.
fn lines(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut shown = Vec::new();
    for (place, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if place > 0 {
            shown.push(Tone::Quiet.paint("  …"));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = change.value().trim_end();
            shown.push(match change.tag() {
                ChangeTag::Delete => Tone::Bad.paint(format!("- {line}")),
                ChangeTag::Insert => Tone::Good.paint(format!("+ {line}")),
                ChangeTag::Equal => format!("  {line}").trim_end().to_owned(),
            });
        }
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_observed_is_no_difference_and_what_is_wanted_is() {
        let mut seen = json!({"lookup_name": "x", "clusters": {"a": {"services": [
            {"instances": [{"name": "i"}], "scale": {"instances": 2}, "health": {"healthy": 1}}]}}});
        forget_what_is_observed(&mut seen);
        assert_eq!(seen, json!({"clusters": {"a": {"services": [{"scale": {"instances": 2}}]}}}));
    }

    #[test]
    fn what_changes_along_is_told_and_the_artifact_itself_only_once() {
        let change = Change::new(Kind::Gateways, "a".to_owned(), None, Some(json!({"name": "a"})));
        let told =
            json!({"gateways": {"a": {"before": null, "after": {}}, "b": {"before": {"port": 1}, "after": null}}});
        let others = others(&change, &told);
        assert_eq!(others.iter().map(|other| other.name.as_str()).collect::<Vec<_>>(), ["b"]);
        let words = anstream::adapter::strip_str(&others[0].words().expect("words")).to_string();
        assert_eq!(words, "gateway `b` would go\n- port: 1");
    }

    #[test]
    fn the_lines_of_the_proxy_say_whether_it_reloads() {
        let words = |change: Value| {
            let lines = Lines { gateway: "a".to_owned(), change };
            anstream::adapter::strip_str(&lines.words()).to_string()
        };
        let change = json!({"removed": ["x: 1"], "added": ["x: 2"], "reload": false});
        assert_eq!(words(change), "the proxy would change gateway `a` at run time\n- x: 1\n+ x: 2");
        assert_eq!(words(json!({"refused": "no"})), "the proxy refuses gateway `a`: no");
    }

    #[test]
    fn lines_that_change_are_shown_with_those_around_them() {
        let before: String = (0..20).map(|number| format!("{number}\n")).collect();
        let after = before.replace("10\n", "ten\n");
        let shown = anstream::adapter::strip_str(&lines(&before, &after)).to_string();
        assert_eq!(shown, "  7\n  8\n  9\n- 10\n+ ten\n  11\n  12\n  13");
    }
}
