//! `vamp condition explain`: what a condition means, and whether a request meets it.

mod request;
mod tree;

use super::{
    Ended, Trouble, Verdict,
    screen::{Output, Tone},
};
use clap::{Args as ClapArgs, Subcommand};
use request::RequestArgs;
use serde_json::{Map, Value, json};
use tree::Branch;
use vamp_core::condition::{Condition, RequestParts};
#[cfg(feature = "haproxy")]
use vamp_drivers::gateway::haproxy::condition_lines;

#[derive(Debug, ClapArgs)]
pub(crate) struct ConditionArgs {
    #[command(subcommand)]
    command: ConditionCommand,
}

#[derive(Debug, Subcommand)]
enum ConditionCommand {
    /// Print a condition as a tree, as lines of HAProxy, and whether a request meets it.
    ///
    /// The request is what the flags say, and nothing else: without them nothing is decided. The exit status is 0 if it
    /// matches, 1 if it does not, 2 if the condition cannot be read or only HAProxy knows.
    #[command(after_help = "Examples:\n  vamp condition explain 'host == shop.example and has cookie beta'\n  \
        vamp condition explain 'User-Agent == Chrome or header X-Team == qa' --header 'X-Team: qa'\n  \
        vamp condition explain 'path starts with /api and method != GET' --path /api/a --method POST")]
    Explain(ExplainArgs),
}

#[derive(Debug, ClapArgs)]
struct ExplainArgs {
    /// The condition
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    condition: String,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &ConditionArgs) -> Ended {
    let ConditionCommand::Explain(args) = &args.command;
    explain(args)
}

fn explain(args: &ExplainArgs) -> Ended {
    let refuse = |error: vamp_core::condition::ParseError| Trouble::Usage(format!("not a condition: {error}"));
    let condition = Condition::parse(&args.condition).map_err(refuse)?;
    let parts = args.request.parts()?;
    let view = parts.as_ref().map(|parts| args.request.view(parts));
    let tree = Branch::grow(condition.expression(), view.as_ref());
    args.output.show(&document(&condition, &tree, view.as_ref()), |_| words(&condition, &tree, view.as_ref()))?;
    match view.map(|view| condition.matches(&view)) {
        None | Some(Some(true)) => Ok(Verdict::Yes),
        Some(Some(false)) => Ok(Verdict::No),
        Some(None) => Err(Trouble::Usage(
            "whether it matches depends on a test in HAProxy's own language, which only HAProxy can make".to_owned(),
        )),
    }
}

fn document(condition: &Condition, tree: &Branch, request: Option<&RequestParts<'_>>) -> Value {
    let mut json = Map::new();
    json.insert("condition".to_owned(), json!(condition.to_string()));
    json.insert("tree".to_owned(), tree.to_json());
    if let Some((acls, rules)) = haproxy(condition) {
        json.insert("haproxy".to_owned(), json!({"acls": acls, "rules": rules}));
    }
    if let Some(request) = request {
        json.insert("matches".to_owned(), json!(condition.matches(request)));
        json.insert("decided_by".to_owned(), json!(tree.decisive()));
    }
    Value::Object(json)
}

fn words(condition: &Condition, tree: &Branch, request: Option<&RequestParts<'_>>) -> String {
    let mut text = tree.draw();
    if let Some((acls, rules)) = haproxy(condition) {
        text.push_str("\nHAProxy:\n");
        for line in acls.iter().chain(&rules) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    if let Some(request) = request {
        let verdict = match condition.matches(request) {
            Some(true) => Tone::Good.paint("matches"),
            Some(false) => Tone::Bad.paint("does not match"),
            None => Tone::Busy.paint("unknown"),
        };
        let decisive = tree.decisive().join("; ");
        let because = if decisive.is_empty() { String::new() } else { format!(", decided by: {decisive}") };
        text.push_str(&format!("\n{verdict}{because}\n"));
    }
    text
}

/// The lines that would set a variable for requests that match.
#[cfg(feature = "haproxy")]
fn haproxy(condition: &Condition) -> Option<(Vec<String>, Vec<String>)> {
    let lines = condition_lines("http-request", "c", "set-var(txn.matches) bool(true)", condition);
    Some((lines.acls, lines.rules))
}

#[cfg(not(feature = "haproxy"))]
const fn haproxy(_: &Condition) -> Option<(Vec<String>, Vec<String>)> {
    None
}
