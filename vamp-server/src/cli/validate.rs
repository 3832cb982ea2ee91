//! `vamp validate`: what is wrong with artifacts, without a server.

use super::{
    Ended, Trouble, Verdict,
    input::{self, Source},
    report,
    screen::{Format, Output, say},
};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use std::path::PathBuf;
use vamp_core::{
    Violation,
    model::{
        read::{Document, Kind},
        validate,
    },
};

#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    /// The files; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// What a document is that has no `kind`, e.g. blueprint; by default what its keys say
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &ValidateArgs) -> Ended {
    let sources = input::read_all(&args.files)?;
    let found = check(&sources, args.kind).err().unwrap_or_default();
    if args.output.output != Format::Text {
        args.output.show(&answer(&found, sources.len() > 1), Value::to_string)?;
        return Ok(if found.is_empty() { Verdict::Yes } else { Verdict::Invalid });
    }
    if !found.is_empty() {
        return Err(Trouble::Usage(report::in_files(&sources, &found)));
    }
    for source in &sources {
        say(format!("{}: valid", source.name))?;
    }
    Ok(Verdict::Yes)
}

/// The documents of these texts, which may refer to each other; or everything that is wrong with them.
pub(super) fn check(sources: &[Source], kind: Option<Kind>) -> Result<Vec<Document>, Vec<Violation>> {
    let texts: Vec<_> = sources.iter().map(Source::as_text).collect();
    validate(&texts, kind).map_err(|found| found.0.into_iter().map(name_the_flag).collect())
}

/// Here, a missing kind can be told in another way than in the document.
fn name_the_flag(violation: Violation) -> Violation {
    match &violation.hint {
        Some(hint) if violation.path == "kind" && violation.code == "MissingPathValueError" => {
            let hint = format!("{hint}, or name it with --kind");
            violation.hint(hint)
        }
        _ => violation,
    }
}

/// Every key is there, `null` where there is nothing to say. With several files, the message begins with the file's name.
fn answer(found: &[Violation], several: bool) -> Value {
    let error = |one: &Violation| {
        let file = one.file.as_deref().filter(|_| several).map(|file| format!("{file}: "));
        json!({
            "code": one.code,
            "path": one.path,
            "line": one.line,
            "column": one.column,
            "message": format!("{}{}", file.unwrap_or_default(), one.message),
            "hint": one.hint,
        })
    };
    json!({"valid": found.is_empty(), "errors": found.iter().map(error).collect::<Vec<Value>>()})
}
