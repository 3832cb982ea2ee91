//! `vamp create` and `vamp update`.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, encoded},
    describe::missing,
    input::{self, Source},
    kind::Kind,
    report,
    screen::{Format, Output, say},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};
use vamp_core::yaml::{self, Limits, Node};

#[derive(Debug, ClapArgs)]
pub(crate) struct StoreArgs {
    /// What it is; without it, every document says so by its `kind`
    #[arg(value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// The name, for a document that has none
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The file; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "stdin")]
    file: Option<PathBuf>,
    /// Read standard input
    #[arg(short, long)]
    stdin: bool,
    /// Check only, and show what would be stored
    #[arg(long)]
    validate_only: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

/// Whether an artifact may be new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Create,
    Update,
}

/// One document of the input, and what it is.
pub(super) struct Document {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Where its keys stand in the source.
    node: Node,
}

impl Document {
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.kind.plural(), encoded(&self.name))
    }

    /// What to send.
    pub(super) fn json(&self) -> Value {
        self.node.to_json()
    }
}

pub(super) async fn run(args: &StoreArgs, mode: Mode) -> Ended {
    let file = args.file.as_deref().or(args.stdin.then_some(Path::new("-")));
    let source = input::read_or_stdin(file, "the artifact")?;
    let documents = documents(&source, args.kind, args.name.as_deref())?;
    let client = args.reach.client()?;
    let mut stored = Vec::new();
    for document in &documents {
        let known = client.get(document.path()).await?.is_some();
        if mode == Mode::Update && !known {
            return Err(missing(document.kind, &document.name));
        }
        stored.push(put(&client, &source, document, documents.len() == 1, args.validate_only).await?);
        if args.output.output == Format::Text {
            let done = match (args.validate_only, known) {
                (true, _) => "valid",
                (false, true) => "updated",
                (false, false) => "created",
            };
            say(format!("{} `{}` {done}", document.kind.singular(), document.name))?;
        }
    }
    let shown = if stored.len() == 1 { stored.remove(0) } else { Value::Array(stored) };
    args.output.show(&shown, |_| String::new())?;
    Ok(Verdict::Yes)
}

/// Stores one document. If it is the only one, the text is sent as it is, so that the server's places are those of the file.
async fn put(
    client: &Client,
    source: &Source,
    document: &Document,
    alone: bool,
    validate_only: bool,
) -> Result<Value, Trouble> {
    let json = document.json();
    let ask = Ask::new(Method::PUT, document.path());
    let ask = if validate_only { ask.query("validate_only", "true") } else { ask };
    let ask = if alone { ask.text(source) } else { ask.json(&json) };
    let answer = client.send(ask).await.map_err(|trouble| match trouble {
        Trouble::Usage(text) if !alone => {
            Trouble::Usage(format!("{} `{}`: {text}", document.kind.singular(), document.name))
        }
        other => other,
    })?;
    Ok(match answer.value {
        // The original answers with a list of what was stored, the artifact last.
        Value::Array(mut list) => list.pop().unwrap_or_default(),
        one => one,
    })
}

/// The documents of a text: each by its own `kind` and `name`, or by those that are given.
pub(super) fn documents(source: &Source, kind: Option<Kind>, name: Option<&str>) -> Result<Vec<Document>, Trouble> {
    let refuse = |found: &[vamp_core::Violation]| Trouble::Usage(report::in_files(std::slice::from_ref(source), found));
    let parsed = yaml::documents(&source.text, Limits::default()).map_err(|found| refuse(&found.0))?;
    let nodes = parsed.into_iter().flat_map(flatten).collect::<Vec<Node>>();
    if nodes.is_empty() {
        return Err(Trouble::Usage(format!("{}: nothing is in it", source.name)));
    }
    if name.is_some() && nodes.len() > 1 {
        return Err(Trouble::Usage(format!("{}: one name for {} artifacts; leave it out", source.name, nodes.len())));
    }
    nodes.into_iter().map(|node| document(source, node, kind, name)).collect()
}

fn flatten(node: Node) -> Vec<Node> {
    match node.items() {
        Some(items) => items.iter().cloned().flat_map(flatten).collect(),
        None if node.is_absent() => Vec::new(),
        None => vec![node],
    }
}

fn document(source: &Source, node: Node, kind: Option<Kind>, name: Option<&str>) -> Result<Document, Trouble> {
    let place = node.position;
    let refuse = |why: &str| Trouble::Usage(format!("{}:{}:{}: {why}", source.name, place.line, place.column));
    let said = node.get("kind").and_then(Node::text);
    let own = said.map(|text| Kind::named(text).ok_or_else(|| refuse(&format!("`{text}` is no kind of artifact"))));
    let Some(kind) = kind.or(own.transpose()?) else {
        return Err(refuse("the document has no `kind`; name it, as in `vamp create blueprint -f …`"));
    };
    let own = node.get("name").and_then(Node::text).map(str::to_owned);
    let name = name.map(str::to_owned).or(own).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| refuse("the document has no `name`; name it behind the kind"))?;
    Ok(Document { kind, name, node })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, kind: Option<Kind>, name: Option<&str>) -> Result<Vec<(Kind, String)>, String> {
        let source = Source { name: "a.yml".to_owned(), text: text.to_owned() };
        match documents(&source, kind, name) {
            Ok(found) => Ok(found.into_iter().map(|one| (one.kind, one.name)).collect()),
            Err(Trouble::Usage(why)) => Err(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn documents_are_known_by_what_they_say_or_by_what_they_are_called() {
        let both = "kind: breeds\nname: a\n---\n- {kind: gateway, name: b/c}\n";
        let expected = vec![(Kind::Breeds, "a".to_owned()), (Kind::Gateways, "b/c".to_owned())];
        assert_eq!(read(both, None, None), Ok(expected));
        assert_eq!(read("port: 1", Some(Kind::Gateways), Some("x")), Ok(vec![(Kind::Gateways, "x".to_owned())]));
        for (text, kind, name, why) in [
            ("name: a", None, None, "a.yml:1:1: the document has no `kind`"),
            ("kind: brood\nname: a", None, None, "`brood` is no kind"),
            ("port: 1", Some(Kind::Gateways), None, "no `name`"),
            (both, None, Some("x"), "one name for 2 artifacts"),
            ("", None, None, "nothing is in it"),
            ("a: [", None, None, "1 mistake"),
        ] {
            assert!(read(text, kind, name).is_err_and(|found| found.contains(why)), "{text:?}");
        }
    }
}
