//! `vamp emit`.

use super::{
    Ended, Verdict,
    client::{Ask, Reach},
    screen::Output,
    shape::{items, plain},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, ClapArgs)]
pub(crate) struct EmitArgs {
    /// The value: JSON, or else a text
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// What it is about, with `,` between several
    #[arg(short, long, value_name = "TAG,…", value_delimiter = ',', required = true)]
    tags: Vec<String>,
    /// The type of the event
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &EmitArgs) -> Ended {
    let value = serde_json::from_str(&args.value).unwrap_or_else(|_| Value::String(args.value.clone()));
    let mut event = json!({"tags": args.tags, "value": value});
    if let Some(kind) = &args.kind {
        event["type"] = json!(kind);
    }
    let stored = args.reach.client()?.send(Ask::new(Method::POST, "events").json(&event)).await?.value;
    args.output.show(&stored, |stored| {
        let tags: Vec<String> = items(stored, "/tags").map(plain).collect();
        format!("event stored: {}", tags.join(", "))
    })?;
    Ok(Verdict::Yes)
}
