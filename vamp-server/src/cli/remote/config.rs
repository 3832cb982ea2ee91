//! `vamp config`.

use super::{
    Ended, Verdict,
    client::{Ask, Reach, encoded},
    screen::{Output, table},
    shape::{cell, entries, plain},
};
use clap::{Args as ClapArgs, ValueEnum};
use hyper::Method;
use serde_json::Value;

/// A layer of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layer {
    /// What counts: all layers together
    Applied,
    /// What was set while the server runs
    Dynamic,
    /// What the server was started with
    System,
    /// The same, under the original's name
    Application,
    /// What the environment of the server says
    Environment,
    /// The defaults
    Reference,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigArgs {
    /// One setting, by its dotted name
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Which layer
    #[arg(long = "type", value_enum, value_name = "LAYER", default_value = "applied")]
    layer: Layer,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &ConfigArgs) -> Ended {
    let path = args.key.as_deref().map_or_else(|| "config".to_owned(), |key| format!("config/{}", encoded(key)));
    let layer = args.layer.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let ask = Ask::new(Method::GET, path).query("type", layer).query("flatten", "true");
    let found = args.reach.client()?.send(ask).await?.value;
    args.output.show(&found, |found| match found {
        Value::Object(_) => {
            table(&["SETTING", "VALUE"], entries(found, "").map(|(key, value)| vec![cell(key), cell(plain(value))]))
        }
        one => plain(one),
    })?;
    Ok(Verdict::Yes)
}
