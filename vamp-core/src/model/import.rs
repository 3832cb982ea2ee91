//! `import`: what a document takes over from templates and other artifacts, before it is read.
//!
//! Imports are laid over each other from left to right, and the document over them. Maps are joined; of two lists the
//! items of both are kept, each once; of anything else the later wins. What is wrong with a part that was imported is
//! told at the `import` that brought it.

use super::{
    Name, Stored, expand,
    read::{Artifact, Kind},
    write,
};
use crate::{
    violation::{Violation, Violations},
    yaml::{self, Content, Entry, Limits, Node, Position},
};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// A document has at most so many imports.
const MOST: usize = 16;
const HINT: &str = "write the name of a template, or `kind/name` of another artifact";

/// What a document imports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The kind; a template's where only a name is written.
    pub kind: Kind,
    /// The name.
    pub name: String,
}

/// Everything that the documents of a text import: what [`applied`] has to find.
///
/// # Errors
///
/// When the text is no YAML, or an import says nothing that can be found.
pub fn imports(source: &str) -> Result<BTreeSet<Import>, Violations> {
    let documents = yaml::documents(source, Limits::default())?;
    let mut found = BTreeSet::new();
    for document in documents.iter().flat_map(artifacts) {
        found.extend(of_node(document)?.into_iter().map(|(import, _)| import));
    }
    Ok(found)
}

/// The text with its imports in place: the same text when it has none, else JSON.
///
/// # Errors
///
/// As [`imports`], and when something is not found.
pub fn applied<'s>(source: &'s str, stored: &dyn Stored) -> Result<Cow<'s, str>, Violations> {
    if !source.contains("import") {
        return Ok(Cow::Borrowed(source));
    }
    let documents = yaml::documents(source, Limits::default())?;
    let nodes: Vec<&Node> = documents.iter().flat_map(artifacts).collect();
    if nodes.iter().all(|node| node.get("import").is_none()) {
        return Ok(Cow::Borrowed(source));
    }
    let json: Result<Vec<Value>, Violations> =
        nodes.into_iter().map(|node| Ok(into_node(node.clone(), stored)?.to_json())).collect();
    let json = json?;
    Ok(Cow::Owned(match json.as_slice() {
        [one] => one.to_string(),
        several => Value::from(several).to_string(),
    }))
}

/// The artifacts of a document: it, or the items of a list.
pub(super) fn artifacts(document: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    super::read::flatten(document, &mut found);
    found
}

/// The document with its imports in place, and without `import`.
pub(super) fn into_node(mut document: Node, stored: &dyn Stored) -> Result<Node, Violations> {
    let imports = of_node(&document)?;
    let Content::Map(entries) = &mut document.content else { return Ok(document) };
    let before = entries.len();
    entries.retain(|entry| entry.key != "import");
    if entries.len() == before {
        return Ok(document);
    }
    let mut missing = Vec::new();
    let mut parts = Vec::new();
    for (Import { kind, name }, at) in imports {
        match stored.artifact(kind, &name) {
            Some(artifact) => parts.push(placed(&content(artifact, stored), at)),
            None => {
                let message = format!("there is no `{name}` among the {kind}");
                missing.push(violation("ImportReferenceError", message, at));
            }
        }
    }
    if !missing.is_empty() {
        return Err(Violations(missing));
    }
    let position = document.position;
    parts.push(document);
    let mut all = parts.into_iter().reduce(joined).unwrap_or_else(|| Node::from(&Value::Null));
    if let Content::Map(entries) = &mut all.content {
        entries.retain(|entry| entry.key != "import");
    }
    all.position = position;
    Ok(all)
}

fn violation(code: &'static str, message: impl Into<String>, at: Position) -> Violation {
    Violation::new(code, "import", message).at(at.line, at.column).hint(HINT)
}

/// The imports of one document, each once, with their places.
pub(super) fn of_node(document: &Node) -> Result<Vec<(Import, Position)>, Violations> {
    let Some(at) = document.get("import") else { return Ok(Vec::new()) };
    let items = at.items().unwrap_or_else(|| std::slice::from_ref(at));
    if items.len() > MOST {
        let message = format!("{} imports, but at most {MOST} are read", items.len());
        return Err(violation("ImportDefinitionError", message, at.position).into());
    }
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for item in items {
        match import(item) {
            Ok(import) if found.iter().any(|(other, _)| *other == import) => {}
            Ok(import) => found.push((import, item.position)),
            Err(violation) => wrong.push(violation),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(Violations(wrong)) }
}

fn import(item: &Node) -> Result<Import, Violation> {
    let refuse = |code, message: String| violation(code, message, item.position);
    let Some(text) = item.text() else {
        return Err(refuse("ImportDefinitionError", format!("{} where a name is expected", item.kind())));
    };
    if text.trim().is_empty() {
        return Err(refuse("EmptyImportError", "the import is empty".to_owned()));
    }
    let (kind, name) = match text.split_once('/') {
        None => (Kind::Template, text),
        Some((kind, name)) => {
            let kind = kind.parse().map_err(|_| refuse("ImportDefinitionError", format!("`{kind}` is no kind")))?;
            (kind, name)
        }
    };
    // The name of a gateway has slashes of its own.
    if kind != Kind::Gateway && name.parse::<Name>().is_err() {
        return Err(refuse("ImportDefinitionError", format!("`{name}` is not a name")));
    }
    Ok(Import { kind, name: name.to_owned() })
}

/// What an artifact contributes: a template its definition, any other all of it, with its references in place.
fn content(artifact: &Artifact, stored: &dyn Stored) -> Value {
    match artifact {
        Artifact::Template(template) => Value::Object(template.value.definition.clone()),
        other => write::artifact(&expand::artifact(other, stored).value),
    }
}

/// The JSON as a node that stands at one place.
fn placed(json: &Value, at: Position) -> Node {
    let mut node = Node::from(json);
    node.stand_at(at);
    node
}

/// `over` laid over `base`.
fn joined(base: Node, mut over: Node) -> Node {
    let above = std::mem::replace(&mut over.content, Content::Absent);
    over.content = match (base.content, above) {
        (Content::Map(below), Content::Map(above)) => Content::Map(joined_maps(below, above)),
        (Content::List(mut items), Content::List(more)) => {
            let mut seen: BTreeSet<String> = items.iter().map(|item| item.to_json().to_string()).collect();
            items.extend(more.into_iter().filter(|item| seen.insert(item.to_json().to_string())));
            Content::List(items)
        }
        (_, above) => above,
    };
    over
}

fn joined_maps(mut below: Vec<Entry>, above: Vec<Entry>) -> Vec<Entry> {
    let places: BTreeMap<String, usize> =
        below.iter().enumerate().map(|(place, entry)| (entry.key.clone(), place)).collect();
    for entry in above {
        let Some(other) = places.get(&entry.key).and_then(|place| below.get_mut(*place)) else {
            below.push(entry);
            continue;
        };
        let under = std::mem::replace(&mut other.value, Node::from(&Value::Null));
        *other = Entry { value: joined(under, entry.value), ..entry };
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Artifacts, read};

    fn shelf() -> Artifacts {
        let source = "
- {kind: templates, name: small, definition: {scale: {cpu: 1, memory: 1MB}, list: [a, b], x: 1, import: never}}
- {kind: templates, name: big, definition: {scale: {cpu: 2}, list: [b, c]}}
- {kind: conditions, name: ios, condition: host == a}
";
        read::artifacts(source, None).expect(source).into_iter().collect()
    }

    fn json(source: &str) -> Value {
        let text = applied(source, &shelf()).unwrap_or_else(|violations| panic!("{source}\n{violations}"));
        serde_json::from_str(&text).expect("JSON")
    }

    #[test]
    fn imports_are_laid_over_each_other_and_the_document_over_them() {
        let wanted = serde_json::json!({
            "scale": {"cpu": 2, "memory": "2MB"}, "list": ["a", "b", "c", "d"], "x": null, "name": "n",
        });
        assert_eq!(json("import: [small, big]\nname: n\nscale: {memory: 2MB}\nlist: [c, d]\nx: ~\n"), wanted);
        assert_eq!(json("import: templates/big\n"), json("import: big\n"));
        let condition = json("import: conditions/ios\nname: other\n");
        assert_eq!((&condition["condition"], &condition["name"]), (&"host == a".into(), &"other".into()));
    }

    #[test]
    fn a_text_without_imports_stays_as_it_is() {
        for source in ["name: import\n", "a: 1\n", "name: x\nimport: ~\n"] {
            assert_eq!(applied(source, &shelf()), Ok(Cow::Borrowed(source)));
        }
    }

    #[test]
    fn an_import_that_leads_nowhere_is_refused_at_its_place() {
        for (source, code, column) in [
            ("{import: ''}", "EmptyImportError", 10),
            ("{import: [big, '']}", "EmptyImportError", 16),
            ("{import: {a: b}}", "ImportDefinitionError", 10),
            ("{import: a/b/c}", "ImportDefinitionError", 10),
            ("{import: things/b}", "ImportDefinitionError", 10),
            ("{import: [[big]]}", "ImportDefinitionError", 11),
            ("{import: none}", "ImportReferenceError", 10),
            ("{import: [big, breeds/none]}", "ImportReferenceError", 16),
        ] {
            let violations = applied(source, &shelf()).expect_err(source);
            let told: Vec<_> = violations.iter().map(|one| (one.code.as_ref(), one.line, one.column)).collect();
            assert_eq!(told, [(code, Some(1), Some(column))], "{source}");
        }
    }

    #[test]
    fn what_is_imported_can_be_asked_for_first() {
        let found = imports("import: [a, breeds/b]\n---\nimport: a\n").expect("reads");
        let names: Vec<(Kind, &str)> = found.iter().map(|import| (import.kind, import.name.as_str())).collect();
        assert_eq!(names, [(Kind::Breed, "b"), (Kind::Template, "a")]);
    }
}
