//! `vamp validate`: what is wrong with artifacts, without a server.

use super::{
    Ended, Trouble, Verdict, input, report,
    screen::{Format, Output, say},
};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use std::path::PathBuf;
use vamp_core::{
    Violation,
    model::{Source, read::Kind, validate},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    /// The files; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// What a document is that has no `kind`, e.g. blueprint or blueprints
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &ValidateArgs) -> Ended {
    let sources = input::read_all(&args.files)?;
    let found = check(&sources, args.kind);
    let mistakes = found.iter().map(Vec::len).sum::<usize>();
    if args.output.output != Format::Text {
        args.output.show(&answer(&sources, &found), Value::to_string)?;
        return Ok(if mistakes == 0 { Verdict::Yes } else { Verdict::Invalid });
    }
    if mistakes > 0 {
        let shown = sources.iter().zip(&found).filter(|(_, found)| !found.is_empty());
        let shown: Vec<String> = shown.map(|(source, found)| report::violations(source, found)).collect();
        return Err(Trouble::Usage(format!("{}\n{}", report::mistakes(mistakes), shown.join("\n"))));
    }
    for source in &sources {
        say(format!("{}: valid", source.name))?;
    }
    Ok(Verdict::Yes)
}

/// Everything that is wrong with the artifacts of each text; they may refer to each other.
fn check(sources: &[input::Source], kind: Option<Kind>) -> Vec<Vec<Violation>> {
    let texts: Vec<Source<'_>> =
        sources.iter().map(|source| Source { name: &source.name, text: &source.text }).collect();
    let found = validate(&texts, kind).err().map(|found| found.0).unwrap_or_default();
    let of = |source: &input::Source| {
        let own = found.iter().filter(|one| one.file.as_deref() == Some(source.name.as_str()));
        own.map(|one| name_the_flag(Violation { file: None, ..one.clone() })).collect()
    };
    sources.iter().map(of).collect()
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
fn answer(sources: &[input::Source], found: &[Vec<Violation>]) -> Value {
    let several = sources.len() > 1;
    let error = |source: &input::Source, one: &Violation| {
        let file = if several { format!("{}: ", source.name) } else { String::new() };
        json!({
            "code": one.code,
            "path": one.path,
            "line": one.line,
            "column": one.column,
            "message": format!("{file}{}", one.message),
            "hint": one.hint,
        })
    };
    let errors = sources.iter().zip(found).flat_map(|(source, found)| found.iter().map(move |one| error(source, one)));
    let errors: Vec<Value> = errors.collect();
    json!({"valid": errors.is_empty(), "errors": errors})
}
