//! `vamp list`.

use super::{
    Ended, Verdict,
    client::Reach,
    kind::Kind,
    screen::{Output, Tone, table},
    shape::{self, State, cell, entries, items, keys, name, short, text},
};
use clap::Args as ClapArgs;
use comfy_table::Cell;
use serde_json::Value;

#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// What to list
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &ListArgs) -> Ended {
    let all = args.reach.client()?.list(args.kind.plural()).await?;
    args.output.show(&Value::Array(all), |all| words(args.kind, all))?;
    Ok(Verdict::Yes)
}

fn words(kind: Kind, all: &Value) -> String {
    let (head, row) = columns(kind);
    table(head, items(all, "").map(row))
}

/// A row of an artifact.
type Row = fn(&Value) -> Vec<Cell>;

/// The columns of the original first.
fn columns(kind: Kind) -> (&'static [&'static str], Row) {
    match kind {
        Kind::Deployments => (&["NAME", "CLUSTERS", "PORTS", "STATUS", "HEALTHY"], deployment),
        Kind::Gateways => (&["NAME", "PORT", "SERVICE HOST", "SERVICE PORT", "STICKY", "TYPE", "ROUTES"], gateway),
        Kind::Blueprints => (&["NAME", "CLUSTERS", "GATEWAYS"], blueprint),
        Kind::Breeds => (&["NAME", "DEPLOYABLE", "TYPE", "PORTS"], breed),
        Kind::Workflows => (&["NAME", "SCHEDULE", "STATUS", "BREED"], workflow),
        Kind::Scales => (&["NAME", "CPU", "MEMORY", "INSTANCES"], scale),
        Kind::Conditions => (&["NAME", "CONDITION"], condition),
        Kind::Rewrites => (&["NAME", "PATH"], rewrite),
        Kind::Routes => (&["NAME", "WEIGHT", "CONDITION", "STRENGTH"], route),
        Kind::Slas | Kind::Escalations => (&["NAME", "TYPE"], typed),
        Kind::Templates => (&["NAME"], named),
    }
}

fn deployment(one: &Value) -> Vec<Cell> {
    let (mut up, mut wanted) = (0, 0);
    for (_, service) in shape::services(one) {
        let (healthy, instances) = shape::health(service);
        (up, wanted) = (up + healthy, wanted + instances);
    }
    let ports = entries(one, "/ports").map(|(_, port)| shape::plain(port));
    // A cluster that is reached only through other gateways has no port of its own.
    let ports: Vec<String> = ports.filter(|port| port != "0").collect();
    let status = State::of_deployment(one).map_or_else(|| cell(""), State::cell);
    vec![
        cell(name(one)),
        cell(keys(one, "/clusters").join(", ")),
        cell(ports.join(", ")),
        status,
        shape::health_cell(up, wanted),
    ]
}

fn gateway(one: &Value) -> Vec<Cell> {
    let internal = one.pointer("/internal").and_then(Value::as_bool).unwrap_or_default();
    let share = |(path, route): (&String, &Value)| format!("{} {}", short(path), text(route, "/weight"));
    let routes: Vec<String> = entries(one, "/routes").map(share).map(|text| text.trim().to_owned()).collect();
    vec![
        cell(name(one)),
        cell(text(one, "/port")),
        cell(text(one, "/service/host")),
        cell(text(one, "/service/port")),
        cell(text(one, "/sticky")),
        cell(if internal { "internal" } else { "external" }),
        cell(routes.join(", ")),
    ]
}

fn blueprint(one: &Value) -> Vec<Cell> {
    vec![cell(name(one)), cell(keys(one, "/clusters").join(", ")), cell(keys(one, "/gateways").join(", "))]
}

fn breed(one: &Value) -> Vec<Cell> {
    let ports = entries(one, "/ports").map(|(name, port)| format!("{name} {}", shape::plain(port)));
    let (definition, kind) = (text(one, "/deployable/definition"), text(one, "/deployable/type"));
    vec![cell(name(one)), cell(definition), cell(kind), cell(ports.collect::<Vec<_>>().join(", "))]
}

fn workflow(one: &Value) -> Vec<Cell> {
    let schedule = one.pointer("/schedule").map(shape::plain).unwrap_or_default();
    let breed = [text(one, "/breed/name"), text(one, "/breed/reference")].concat();
    vec![cell(name(one)), cell(schedule), cell(text(one, "/status")), cell(breed)]
}

fn scale(one: &Value) -> Vec<Cell> {
    vec![cell(name(one)), cell(text(one, "/cpu")), cell(text(one, "/memory")), cell(text(one, "/instances"))]
}

fn condition(one: &Value) -> Vec<Cell> {
    vec![cell(name(one)), cell(text(one, "/condition"))]
}

fn rewrite(one: &Value) -> Vec<Cell> {
    vec![cell(name(one)), cell(text(one, "/path"))]
}

fn route(one: &Value) -> Vec<Cell> {
    let strength = text(one, "/condition_strength");
    vec![cell(name(one)), cell(text(one, "/weight")), cell(shape::condition(one)), cell(strength)]
}

fn typed(one: &Value) -> Vec<Cell> {
    vec![cell(name(one)), cell(text(one, "/type"))]
}

fn named(one: &Value) -> Vec<Cell> {
    vec![Tone::Plain.cell(name(one))]
}
