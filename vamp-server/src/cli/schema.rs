//! `vamp schema`.

use super::{
    Ended, Verdict,
    screen::{Format, Output, say},
};
use clap::Args as ClapArgs;
use serde_json::Value;
use vamp_core::model::{read::Kind, schema};

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// The kind, e.g. blueprint or blueprints
    #[arg(value_name = "KIND")]
    kind: Kind,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &SchemaArgs) -> Ended {
    let schema = schema(args.kind);
    match args.output.output {
        // A schema has no other words.
        Format::Text => say(format!("{schema:#}"))?,
        _ => args.output.show(&schema, Value::to_string)?,
    }
    Ok(Verdict::Yes)
}
