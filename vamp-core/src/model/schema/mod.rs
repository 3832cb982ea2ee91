//! JSON Schema of every kind of artifact, for editors and other programs.
//!
//! It says which keys there are and what stands under them, in every short form. What holds between parts of an artifact
//! (weights that sum up, ports that exist) only the reader says: what it accepts is valid here, what is valid here it may
//! still refuse.

mod parts;

use super::read::Kind;
use serde_json::{Map, Value, json};

/// The JSON Schema (draft 2020-12) of a kind.
#[must_use]
pub fn schema(kind: Kind) -> Value {
    let mut schema = whole(kind);
    let title = format!("Vamp {}", kind.singular());
    if let Value::Object(keys) = &mut schema {
        keys.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        keys.insert("title".to_owned(), json!(title));
        keys.insert("$defs".to_owned(), Value::Object(parts::all()));
    }
    schema
}

/// An artifact of its own: a part with name, kind and metadata, or one whose rest is imported. Some have several forms.
fn whole(kind: Kind) -> Value {
    let forms = match kind {
        Kind::Breed => vec![parts::breed()],
        Kind::Blueprint => vec![parts::blueprint()],
        Kind::Gateway => vec![parts::gateway()],
        Kind::Workflow => vec![parts::workflow()],
        Kind::Sla => parts::slas(),
        Kind::Scale => vec![parts::scale()],
        Kind::Escalation => parts::escalations(),
        Kind::Route => vec![parts::route()],
        Kind::Condition => vec![parts::condition()],
        Kind::Rewrite => vec![parts::rewrite()],
        Kind::Template => vec![parts::template()],
    };
    let mut forms: Vec<Value> = forms.into_iter().map(|form| with_name(kind, form).importing()).collect();
    if forms.len() == 1 { forms.remove(0) } else { json!({"anyOf": forms}) }
}

fn with_name(kind: Kind, form: Keys) -> Keys {
    let name = if kind == Kind::Gateway { reference("gatewayName") } else { reference("name") };
    let texts = json!({"enum": [kind.plural(), kind.singular()]});
    let import = json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 16}]});
    let form = form.required("name", name).optional("kind", texts).optional("import", import);
    form.optional("metadata", json!({"type": "object"}))
}

/// A reference to a part.
fn reference(part: &str) -> Value {
    json!({"$ref": format!("#/$defs/{part}")})
}

fn keywords<const N: usize>(keywords: [(&str, Value); N]) -> Value {
    Value::Object(keywords.into_iter().map(|(keyword, rule)| (keyword.to_owned(), rule)).collect())
}

/// A map whose keys are known.
#[derive(Clone, Debug, Default)]
struct Keys {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    /// Keys that are not known are allowed.
    open: bool,
}

impl Keys {
    fn required(mut self, key: &'static str, schema: Value) -> Self {
        self.required.push(key);
        self.properties.insert(key.to_owned(), schema);
        self
    }

    /// Null is the same as absent.
    fn optional(mut self, key: &'static str, schema: Value) -> Self {
        let null = json!({"type": "null"});
        self.properties.insert(key.to_owned(), keywords([("anyOf", Value::from(vec![schema, null]))]));
        self
    }

    /// Keys that are accepted, and mean nothing.
    fn ignored(mut self, keys: &[&'static str]) -> Self {
        self.properties.extend(keys.iter().map(|key| ((*key).to_owned(), Value::Bool(true))));
        self
    }

    /// The keys of both, none of them required.
    fn or(mut self, other: Self) -> Self {
        self.properties.extend(other.properties);
        self.required.clear();
        self
    }

    fn open(mut self) -> Self {
        self.open = true;
        self
    }

    fn schema(self) -> Value {
        let Self { properties, required, open } = self;
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": open});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// What is required may be imported.
    fn importing(mut self) -> Value {
        let required = std::mem::take(&mut self.required);
        let mut schema = self.schema();
        schema["anyOf"] = json!([{"required": required}, {"required": ["import"]}]);
        schema
    }
}
