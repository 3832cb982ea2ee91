//! Ports, environment variables, constants and arguments: maps of `NAME: value` or `NAME[ALIAS]: value`.

use super::report::{Cursor, Report};
use crate::model::{Argument, Constant, Constants, Environment, Ordered, Port, Variable, interpolation};
use crate::yaml::Content;
use std::collections::BTreeSet;

/// Whose variables are read: only a breed gives them aliases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aliases {
    Kept,
    Dropped,
}

pub(super) fn environment(at: &Cursor<'_>, report: &mut Report<'_>, aliases: Aliases) -> Environment {
    let entries = entries(at, report, false);
    let keep = |alias: Option<String>| alias.filter(|_| aliases == Aliases::Kept);
    entries.into_iter().map(|(name, alias, _, value)| (name, Variable { alias: keep(alias), value })).collect()
}

pub(super) fn constants(at: &Cursor<'_>, report: &mut Report<'_>) -> Constants {
    let mut constants = Constants::new();
    for (name, _, at, value) in entries(at, report, true) {
        match value {
            Some(value) => drop(constants.insert(name, Constant(value))),
            None => refuse_unset(report, &at, "MissingConstantValueError", &name),
        }
    }
    constants
}

pub(super) fn ports(at: &Cursor<'_>, report: &mut Report<'_>) -> Ordered<Port> {
    let mut ports = Ordered::new();
    for (name, _, at, value) in entries(at, report, true) {
        match value {
            Some(_) => drop(at.parse(report, "UnexpectedTypeError").map(|port| ports.insert(name, port))),
            None => refuse_unset(report, &at, "MissingPortValueError", &name),
        }
    }
    ports
}

fn refuse_unset(report: &mut Report<'_>, at: &Cursor<'_>, code: &'static str, name: &str) {
    report.refuse(&at.path, code, format!("`{name}` has no value"), "");
}

/// Name, alias, place and value of each entry; a name appears once.
fn entries<'n>(
    at: &Cursor<'n>,
    report: &mut Report<'_>,
    strict: bool,
) -> Vec<(String, Option<String>, Cursor<'n>, Option<String>)> {
    let mut found: Vec<(String, Option<String>, Cursor<'n>, Option<String>)> = Vec::new();
    let mut names = BTreeSet::new();
    for (key, at) in at.entries(report) {
        let (name, alias) = split_alias(key);
        if !names.insert(name) {
            report.refuse_key(&at.path, "MalformedTraitError", format!("`{name}` is declared twice"), "keep one");
        } else if check_name(&at, report, name, strict)
            && alias.is_none_or(|alias| check_name(&at, report, alias, false))
        {
            let value = value(&at, report);
            found.extend(value.map(|value| (name.to_owned(), alias.map(str::to_owned), at, value)));
        }
    }
    found
}

fn split_alias(key: &str) -> (&str, Option<&str>) {
    match key.strip_suffix(']').and_then(|key| key.split_once('[')) {
        Some((name, alias)) => (name.trim_end(), Some(alias.trim())),
        None => (key, None),
    }
}

fn check_name(at: &Cursor<'_>, report: &mut Report<'_>, name: &str, strict: bool) -> bool {
    if name.parse::<crate::model::Name>().is_err() || name.contains('=') {
        let hint = "blanks, control characters, `/`, `[`, `]` and `=` are not allowed";
        report.refuse_key(&at.path, "IllegalName", format!("`{name}` is not a name"), hint);
        return false;
    }
    if strict && name.contains('.') {
        report.refuse_key(&at.path, "IllegalStrictName", format!("`{name}` has a dot"), "leave the dot out");
        return false;
    }
    true
}

/// The value, if any; `None` when there is something else.
fn value(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Option<String>> {
    match &at.node.content {
        Content::Absent => Some(None),
        Content::Text { text, .. } => references_read(at, report, text).then(|| Some(text.clone())),
        Content::List(_) => {
            report.refuse(&at.path, "MalformedTraitError", "a list where text is expected", "");
            None
        }
        Content::Map(_) => {
            report.refuse(&at.path, "UnexpectedElement", "a map where text is expected", "");
            report.note_gap();
            None
        }
    }
}

fn references_read(at: &Cursor<'_>, report: &mut Report<'_>, text: &str) -> bool {
    let read = interpolation::parse(text);
    if let Err(error) = &read {
        // The message does not show the value, which may be a secret.
        report.refuse(&at.path, "ParserError", "the value has a `$` that begins no reference", error.reason());
    }
    read.is_ok()
}

pub(super) fn arguments(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Argument> {
    if at.node.entries().is_some() {
        return pairs(at, report);
    }
    let mut arguments = Vec::new();
    for item in at.items_or_one() {
        match item.node.entries() {
            Some([_]) => arguments.extend(pairs(&item, report)),
            _ => refuse_argument(&item, report),
        }
    }
    arguments
}

fn refuse_argument(at: &Cursor<'_>, report: &mut Report<'_>) {
    report.refuse(&at.path, "InvalidArgumentError", "an argument is one `key: value`", "write `- key: value`");
}

fn pairs(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Argument> {
    let mut arguments = Vec::new();
    for (key, at) in at.entries(report) {
        let Some(value) = at.node.text() else {
            refuse_argument(&at, report);
            continue;
        };
        if key == "privileged" && !matches!(value, "true" | "false") {
            let message = format!("`privileged` is `{value}`");
            report.refuse(&at.path, "InvalidArgumentValueError", message, "write `true` or `false`");
        }
        arguments.push(Argument { key: key.to_owned(), value: value.to_owned() });
    }
    arguments
}
