//! What the proxy beside this server is configured with.

use super::{Api, error::Problem, extract::Path};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::fmt::Write as _;
use vamp_core::driver::Document;

/// The configuration of the proxy as it serves now, one part for each gateway.
pub(super) async fn configuration(State(api): State<Api>) -> Result<Response, Problem> {
    let absent =
        || Problem::new(StatusCode::NOT_FOUND, "no proxy runs beside this server; see `/agents` for those elsewhere");
    let local = api.parts.local.as_ref().ok_or_else(absent)?;
    let serving = local.proxy.target().await?.serving;
    let text = serving.iter().map(|(name, document)| part(name, document)).collect::<String>();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// One gateway: what only a reload changes, and what changes at run time.
pub(super) fn part(name: &str, document: &Document) -> String {
    let mut text = format!("# === gateway {name} ===\n\n{}\n", document.structure.trim_end());
    if !document.values.is_empty() {
        text.push_str("\n# what changes at run time\n");
    }
    for (key, value) in &document.values {
        for line in value.lines() {
            // To a text it can always be written.
            let _ = writeln!(text, "# {key}: {line}");
        }
    }
    text.push('\n');
    text
}

/// The template is part of this program.
pub(super) async fn template(Path((kind, name)): Path<(String, String)>) -> Problem {
    let message = format!(
        "the template of {kind} {name} is a part of this program and is not replaced; what it could be changed for is a \
         setting of the gateway: `sticky`, `virtual_hosts`, and per route `balance`, `condition`, `rewrites`"
    );
    Problem::new(StatusCode::NOT_IMPLEMENTED, message)
}
