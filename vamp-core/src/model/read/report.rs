//! [`Report`]: collects violations, and finds the place of each in the document.

use super::suggest::closest;
use crate::{
    model::Metadata,
    violation::{Violation, Violations},
    yaml::{Entry, MOST_VIOLATIONS, Node, Position, entries_to_json},
};
use std::{fmt::Display, str::FromStr};

/// The code of a key that nobody knows.
const UNKNOWN_KEY: &str = "UnexpectedElement";

/// The keys of what other parts of a document refer to, and of what refers to them.
const OTHERS_RELY_ON: [&str; 16] = [
    "breed",
    "clusters",
    "dependencies",
    "env",
    "environment_variables",
    "escalations",
    "gateways",
    "health_checks",
    "name",
    "port",
    "ports",
    "ref",
    "reference",
    "routes",
    "services",
    "target",
];

/// The keys that lead to a value.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(Vec<String>);

impl Path {
    pub(super) fn join(&self, key: impl Display) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_string());
        Self(keys)
    }
}

impl<S: ToString> FromIterator<S> for Path {
    fn from_iter<I: IntoIterator<Item = S>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| key.to_string()).collect())
    }
}

/// The violations of one document: the first thousand.
#[derive(Debug)]
pub(super) struct Report<'n> {
    root: Option<&'n Node>,
    violations: Vec<Violation>,
    /// Whether something may be missing in what was read.
    gaps: bool,
}

impl<'n> Report<'n> {
    pub(super) const fn new(root: Option<&'n Node>) -> Self {
        Self { root, violations: Vec::new(), gaps: false }
    }

    /// Adds a violation at the value that `path` leads to, or as far as the document goes; an empty hint is none.
    pub(super) fn refuse(&mut self, path: &Path, code: &'static str, message: impl Into<String>, hint: &str) {
        let at = self.has_room().then(|| self.place(path)).flatten();
        self.add(path, at.map(|(_, value)| value), code, message.into(), hint);
    }

    /// Adds a violation at a key.
    pub(super) fn refuse_key(&mut self, path: &Path, code: &'static str, message: impl Into<String>, hint: &str) {
        let at = self.has_room().then(|| self.place(path)).flatten();
        self.add(path, at.map(|(key, _)| key), code, message.into(), hint);
    }

    /// Adds a violation at a place that the caller knows better.
    pub(super) fn refuse_at(&mut self, path: &Path, at: Position, code: &'static str, message: String, hint: &str) {
        self.add(path, Some(at), code, message, hint);
    }

    const fn has_room(&self) -> bool {
        self.violations.len() < MOST_VIOLATIONS
    }

    fn add(&mut self, path: &Path, at: Option<Position>, code: &'static str, message: String, hint: &str) {
        self.gaps |= code != UNKNOWN_KEY;
        if !self.has_room() {
            return;
        }
        let mut violation = Violation::new(code, path.0.join("/"), message);
        if let Some(at) = at.filter(|at| at.line > 0) {
            violation = violation.at(at.line, at.column);
        }
        if !hint.is_empty() {
            violation = violation.hint(hint);
        }
        self.violations.push(violation);
    }

    /// The places of the key and of the value; of the nearest value around it where the document is shorter.
    fn place(&self, path: &Path) -> Option<(Position, Position)> {
        let mut node = self.root?;
        let mut place = (node.position, node.position);
        for key in &path.0 {
            if let Some(entry) = node.entries().and_then(|all| all.iter().find(|entry| entry.key == *key)) {
                place = (entry.position, entry.value.position);
                node = &entry.value;
            } else if let Some(item) = key.parse().ok().and_then(|index: usize| node.items()?.get(index)) {
                place = (item.position, item.position);
                node = item;
            } else {
                break;
            }
        }
        Some(place)
    }

    /// What stood somewhere was not read.
    pub(super) const fn note_gap(&mut self) {
        self.gaps = true;
    }

    /// Whether all that is there was read, whatever stands beside it: a key that nobody knows leaves no gap, unless it is
    /// one that is known, mistyped.
    pub(super) const fn is_whole(&self) -> bool {
        !self.gaps
    }

    /// The value if nothing is wrong, else everything that is, in order of place.
    pub(super) fn conclude<T>(mut self, value: Option<T>) -> Result<T, Violations> {
        self.violations.sort_by_key(|violation| (violation.line, violation.column));
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ if self.violations.is_empty() => Err(Violation::new("UnexpectedTypeError", "", "nothing to read").into()),
            _ => Err(Violations(self.violations)),
        }
    }
}

/// A value of the document, and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'n> {
    pub(super) node: &'n Node,
    pub(super) path: Path,
}

impl<'n> Cursor<'n> {
    pub(super) fn root(node: &'n Node) -> Self {
        Self { node, path: Path::default() }
    }

    fn child(&self, key: impl Display, node: &'n Node) -> Self {
        Self { node, path: self.path.join(key) }
    }

    pub(super) fn unexpected(&self, report: &mut Report<'_>, wanted: &str, hint: &str) {
        let message = format!("{} where {wanted} is expected", self.node.kind());
        report.refuse(&self.path, "UnexpectedTypeError", message, hint);
    }

    pub(super) fn text(&self, report: &mut Report<'_>) -> Option<&'n str> {
        let text = self.node.text();
        if text.is_none() {
            self.unexpected(report, "text", "");
        }
        text
    }

    /// A scalar of a type that is written as text.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, report: &mut Report<'_>, code: &'static str) -> Option<T> {
        let text = self.text(report)?;
        text.parse().map_err(|error: T::Err| report.refuse(&self.path, code, error.to_string(), "")).ok()
    }

    /// A scalar read by `read`, whose error says what to write.
    pub(super) fn read<T>(
        &self,
        report: &mut Report<'_>,
        what: &str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.text(report)?;
        let refuse = |hint| report.refuse(&self.path, "UnexpectedTypeError", format!("`{text}` is not {what}"), hint);
        read(text).map_err(refuse).ok()
    }

    pub(super) fn truth(&self, report: &mut Report<'_>) -> Option<bool> {
        self.read(report, "true or false", |text| text.parse().map_err(|_| "write `true` or `false`"))
    }

    pub(super) fn whole_number(&self, report: &mut Report<'_>) -> Option<u32> {
        self.read(report, "a whole number", |text| text.parse().map_err(|_| "write a number such as `3`"))
    }

    /// The items of a list; anything else is a list of one.
    pub(super) fn items_or_one(&self) -> Vec<Self> {
        match self.node.items() {
            Some(items) => items.iter().enumerate().map(|(index, item)| self.child(index, item)).collect(),
            None => vec![self.clone()],
        }
    }

    pub(super) fn entries(&self, report: &mut Report<'_>) -> Vec<(&'n str, Self)> {
        let entries = self.raw_entries(report).iter();
        entries.map(|entry| (entry.key.as_str(), self.child(&entry.key, &entry.value))).collect()
    }

    fn raw_entries(&self, report: &mut Report<'_>) -> &'n [Entry] {
        let entries = self.node.entries();
        if entries.is_none() {
            self.unexpected(report, "a map", "");
        }
        entries.unwrap_or_default()
    }

    pub(super) fn fields(&self, report: &mut Report<'_>) -> Fields<'n> {
        Fields { entries: self.raw_entries(report), path: self.path.clone(), known: Vec::new() }
    }

    /// As [`fields`](Self::fields), where the place is only on the way to a value.
    pub(super) fn inner_fields(&self, report: &mut Report<'_>) -> Option<Fields<'n>> {
        if self.node.entries().is_none() {
            let message = format!("{} where a map is expected", self.node.kind());
            report.refuse(&self.path, "UnexpectedInnerElementError", message, "");
            return None;
        }
        Some(self.fields(report))
    }

    pub(super) fn metadata(&self, report: &mut Report<'_>) -> Metadata {
        match self.node.entries() {
            Some(entries) => entries_to_json(entries),
            None => {
                let message = format!("{} where a map is expected", self.node.kind());
                report.refuse(&self.path, "UnsupportedMetadata", message, "");
                Metadata::new()
            }
        }
    }
}

/// The entries of a map that is read key by key; what nobody asked for is refused in the end.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    pub(super) path: Path,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value under `key`; null is absent.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Cursor<'n>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (!entry.value.is_absent()).then(|| Cursor { node: &entry.value, path: self.path.join(key) })
    }

    /// The value under the first of two spellings that is there.
    pub(super) fn either(&mut self, key: &'static str, alias: &'static str) -> Option<Cursor<'n>> {
        let (long, short) = (self.get(key), self.get(alias));
        long.or(short)
    }

    pub(super) fn require(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Cursor<'n>> {
        let value = self.get(key);
        if value.is_none() {
            self.missing(report, key);
        }
        value
    }

    pub(super) fn missing(&self, report: &mut Report<'_>, key: &str) {
        report.refuse(&self.path.join(key), "MissingPathValueError", format!("`{key}` is missing"), "");
    }

    /// Accepts keys without reading them.
    pub(super) fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// Accepts every key.
    pub(super) fn ignore_rest(&mut self) {
        self.entries = &[];
    }

    pub(super) fn metadata(&mut self, report: &mut Report<'_>) -> Metadata {
        self.get("metadata").map(|at| at.metadata(report)).unwrap_or_default()
    }

    /// Checks `kind`, if it is there: the plural is the original's, the singular what older documents have.
    pub(super) fn kind(&mut self, report: &mut Report<'_>, expected: &[&str]) {
        let Some(at) = self.get("kind") else { return };
        let Some(found) = at.text(report) else { return };
        if !expected.iter().any(|plural| *plural == found || plural.strip_suffix('s') == Some(found)) {
            let message = format!("the kind is `{found}`, but this is read as `{}`", expected.join("` or `"));
            report.refuse(&at.path, "InconsistentArtifactKind", message, "");
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let near = closest(&entry.key, &self.known);
            report.gaps |= near.is_some_and(|known| OTHERS_RELY_ON.contains(&known));
            let hint = match near {
                Some(known) => format!("did you mean `{known}`?"),
                None if self.known.contains(&"routes") => "routes stand under `routes`".to_owned(),
                None if self.known.contains(&"dialects") => "settings for one driver stand under `dialects`".to_owned(),
                None => String::new(),
            };
            let path = self.path.join(&entry.key);
            report.refuse_key(&path, UNKNOWN_KEY, format!("`{}` is not known here", entry.key), &hint);
        }
    }
}
