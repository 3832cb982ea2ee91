//! Gateways with a text of a stranger in every field.

use crate::random::Random;
use serde_json::{Map, Value, json};

/// The fields that take text, with what is harmless there.
pub(crate) const FIELDS: [&str; 13] = [
    "gateway name",
    "deployment name",
    "service name",
    "port name",
    "host",
    "user agent",
    "header name",
    "header value",
    "cookie name",
    "cookie value",
    "path",
    "pattern",
    "rewrite",
];
const REWRITE: usize = FIELDS.len() - 1;

/// What strangers write.
const HOSTILE: [&str; 40] = [
    "'",
    "\"",
    "\\",
    "\\\"",
    "#",
    "$HOME",
    "${HOME}",
    "\"$HOME\"",
    "%[env(HOME)]",
    "%",
    " ",
    "\t",
    "  or TRUE",
    "\n",
    "\n  use_backend other",
    "\r\n  http-request deny",
    "\u{2028}",
    "\0",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "!",
    "||",
    " if ",
    " or ",
    " -f /etc/passwd",
    " -M -f /etc/passwd",
    "lua.x",
    "--",
    "é",
    "日本",
    "<",
    ">",
    "*",
    "/",
];

/// A text for every field.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    fields: [String; FIELDS.len()],
    /// Whether the field's text is a stranger's.
    hostile: [bool; FIELDS.len()],
    sticky: bool,
}

impl Texts {
    /// One to three fields are hostile: with more of them, hardly any gateway would be accepted.
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut texts = Self {
            fields: std::array::from_fn(harmless),
            hostile: [false; FIELDS.len()],
            sticky: random.below(2) == 0,
        };
        for _ in 0..=random.below(3) {
            let field = random.below(FIELDS.len());
            texts.hostile[field] = true;
            texts.fields[field] = hostile(field, random);
        }
        texts
    }

    /// The same with a harmless text in every field.
    pub(crate) fn harmless(&self) -> Self {
        Self { fields: std::array::from_fn(harmless), ..self.clone() }
    }

    pub(crate) fn hostile_fields(&self) -> impl Iterator<Item = usize> {
        self.hostile.iter().enumerate().filter(|(_, hostile)| **hostile).map(|(field, _)| field)
    }

    /// The gateway as it is sent to the API.
    pub(crate) fn artifact(&self, port: u16) -> String {
        let [name, deployment, service, port_name, rest @ ..] = &self.fields;
        let [host, agent, header, header_value, cookie, cookie_value, path, pattern, _] =
            rest.each_ref().map(|text| quoted(text));
        let condition = format!(
            "host == {host} or user-agent has {agent} and header {header} == {header_value} \
             or not (cookie {cookie} starts with {cookie_value} and path ends with {path}) or path matches {pattern}"
        );
        let rewrite = format!("{} if has header {header}", self.fields[REWRITE]);
        let mut routes = Map::new();
        for (version, weight) in [("1", "75%"), ("2", "25%")] {
            let key = format!("{deployment}/web/{service}:{version}/{port_name}");
            let mut route = json!({ "weight": weight });
            if version == "2" {
                route["condition"] = condition.clone().into();
                route["rewrites"] = json!([{ "path": rewrite }]);
                route["timeout"] = json!({ "server": "9s" });
                route["maxqueue"] = 8.into();
                route["outlier"] = json!({ "errors": 5 });
            }
            routes.insert(key, route);
        }
        let mut gateway = json!({ "name": name, "port": format!("{port}/http"), "routes": Value::Object(routes) });
        if self.sticky {
            gateway["sticky"] = "instance".into();
            gateway["rate_limit"] = 50.into();
        }
        gateway.to_string()
    }
}

/// In quotes, as every user writes it who has read how.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text that differs from those of the other fields.
fn harmless(field: usize) -> String {
    if field == REWRITE { "/new".to_owned() } else { format!("text{field}") }
}

/// Some of what strangers write, between harmless letters or alone; a rewrite goes on beginning as a path.
fn hostile(field: usize, random: &mut Random) -> String {
    let mut text = if field == REWRITE { "/new" } else { random.pick(&["a", ""]) }.to_owned();
    for _ in 0..=random.below(2) {
        text.push_str(random.pick(&HOSTILE));
        text.push_str(random.pick(&["", "b"]));
    }
    text
}
