//! `vamp diff`: what a file would change against the server, without changing it.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, encoded},
    input,
    kind::Kind,
    screen::{Format, Output, Tone, say, yaml},
    store::{Document, documents},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::{Value, json};
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

/// One artifact before and after.
struct Change {
    kind: Kind,
    name: String,
    before: Option<Value>,
    after: Value,
}

pub(super) async fn run(args: &DiffArgs) -> Ended {
    let client = args.reach.client()?;
    let mut changes = Vec::new();
    for source in input::read_all(&args.files)? {
        // A blueprint that is deployed need not say that it is one.
        let kind = args.kind.or(args.deployment.is_some().then_some(Kind::Blueprints));
        let found = documents(&source, kind, None)?;
        let alone = found.len() == 1;
        for document in found {
            let ask = target(&document, args.deployment.as_deref());
            let json = document.json();
            let ask = if alone { ask.text(&source) } else { ask.json(&json) };
            changes.push(change(&client, ask, &document, args.deployment.as_deref()).await?);
        }
    }
    let differs = changes.iter().any(Change::differs);
    if args.output.output == Format::Text {
        for change in &changes {
            say(change.words()?)?;
        }
    } else {
        args.output.show(&changes.iter().map(Change::to_json).collect(), Value::to_string)?;
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

async fn change(
    client: &Client,
    ask: Ask<'_>,
    document: &Document,
    deployment: Option<&str>,
) -> Result<Change, Trouble> {
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
    let (mut before, mut after) = (before, after);
    before.iter_mut().for_each(forget_what_is_observed);
    forget_what_is_observed(&mut after);
    Ok(Change { kind, name, before, after })
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
    fn differs(&self) -> bool {
        self.before.as_ref() != Some(&self.after)
    }

    fn words(&self) -> Result<String, Trouble> {
        let called = format!("{} `{}`", self.kind.singular(), self.name);
        if !self.differs() {
            return Ok(format!("{called}: no change"));
        }
        let before = self.before.as_ref().map(yaml).transpose()?.unwrap_or_default();
        let title = if self.before.is_some() { "would change" } else { "would be new" };
        Ok(format!("{called} {title}\n{}", lines(&before, &yaml(&self.after)?)))
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
    fn lines_that_change_are_shown_with_those_around_them() {
        let before: String = (0..20).map(|number| format!("{number}\n")).collect();
        let after = before.replace("10\n", "ten\n");
        let shown = anstream::adapter::strip_str(&lines(&before, &after)).to_string();
        assert_eq!(shown, "  7\n  8\n  9\n- 10\n+ ten\n  11\n  12\n  13");
    }
}
