//! `vamp describe`.

use super::{
    Ended, Trouble, Verdict,
    client::{Client, Reach, encoded},
    kind::Kind,
    screen::{Output, Tone, table, yaml},
    shape::{self, State, cell, entries, items, name, text},
};
use clap::Args as ClapArgs;
use comfy_table::Cell;
use serde_json::Value;

#[derive(Debug, ClapArgs)]
pub(crate) struct DescribeArgs {
    /// What it is
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &DescribeArgs) -> Ended {
    let found = one(&args.reach.client()?, args.kind, &args.name).await?;
    let as_yaml = yaml(&found)?;
    args.output.show(&found, |found| match args.kind {
        Kind::Deployments => deployment(found),
        Kind::Gateways => gateway(found),
        _ => as_yaml,
    })?;
    Ok(Verdict::Yes)
}

/// One artifact, which has to be there.
pub(super) async fn one(client: &Client, kind: Kind, name: &str) -> Result<Value, Trouble> {
    let found = client.get(format!("{}/{}", kind.plural(), encoded(name))).await?;
    found.map(|reply| reply.value).ok_or_else(|| missing(kind, name))
}

pub(super) fn missing(kind: Kind, name: &str) -> Trouble {
    let (singular, plural) = (kind.singular(), kind.plural());
    Trouble::Failed(format!("there is no {singular} `{name}`; `vamp list {plural}` shows what there is"))
}

/// The services of a deployment, then its routes, and why it waits if it does.
fn deployment(one: &Value) -> String {
    let head = [
        "SERVICE",
        "DEPLOYABLE",
        "STATUS",
        "CLUSTER",
        "CPU",
        "MEM",
        "INSTANCES",
        "RUNNING",
        "STAGED",
        "HEALTHY",
        "UNHEALTHY",
    ];
    let mut parts = vec![table(&head, shape::services(one).map(|(cluster, service)| service_row(cluster, service)))];
    let mut routes = Vec::new();
    for (cluster, value) in entries(one, "/clusters") {
        for (port, gateway) in entries(value, "/gateways") {
            let gateway_name = format!("{}/{cluster}/{port}", name(one));
            routes.extend(entries(gateway, "/routes").map(|(path, route)| {
                let mut row = route_cells(path, route);
                row.push(cell(&gateway_name));
                row
            }));
        }
    }
    if !routes.is_empty() {
        parts.push(table(&["ROUTE", "WEIGHT", "CONDITION", "STRENGTH", "GATEWAY"], routes));
    }
    let notes: Vec<String> = shape::services(one).filter_map(|(_, service)| note(service)).collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

fn service_row(cluster: &str, service: &Value) -> Vec<Cell> {
    let count = |state: &str| cell(text(service, &format!("/health/{state}")));
    vec![
        cell(text(service, "/breed/name")),
        cell(text(service, "/breed/deployable/definition")),
        State::of_service(service).cell(),
        cell(cluster),
        cell(text(service, "/scale/cpu")),
        cell(text(service, "/scale/memory")),
        cell(text(service, "/scale/instances")),
        count("running"),
        count("staged"),
        count("healthy"),
        count("unhealthy"),
    ]
}

/// Why a service is not as it should be.
fn note(service: &Value) -> Option<String> {
    let breed = text(service, "/breed/name");
    let why = text(service, "/status/phase/notification");
    let reasons = items(service, "/instances").map(|instance| text(instance, "/reason"));
    let reason = reasons.into_iter().find(|reason| !reason.is_empty());
    let why = if why.is_empty() { reason? } else { why };
    Some(format!("{breed}: {}", Tone::Busy.paint(why)))
}

/// What the gateway is, then its routes.
pub(super) fn gateway(one: &Value) -> String {
    let hosts: Vec<String> = items(one, "/virtual_hosts").chain(one.get("generated_host")).map(shape::plain).collect();
    let service = match (text(one, "/service/host"), text(one, "/service/port")) {
        (host, _) if host.is_empty() => String::new(),
        // It is reached only through other gateways.
        (_, port) if port.split('/').next() == Some("0") => String::new(),
        (host, port) => format!("{host}:{port}"),
    };
    let lines = [
        ("name", name(one)),
        ("port", text(one, "/port")),
        ("service", service),
        ("sticky", text(one, "/sticky")),
        ("virtual hosts", hosts.join(", ")),
        ("deployed", text(one, "/deployed")),
    ];
    let said = lines.iter().filter(|(_, text)| !text.is_empty());
    let lines: Vec<String> = said.map(|(label, text)| format!("{label:14} {text}")).collect();
    let rows = entries(one, "/routes").map(|(path, route)| {
        let mut row = route_cells(path, route);
        row.push(cell(targets(route)));
        row
    });
    let head = ["ROUTE", "WEIGHT", "CONDITION", "STRENGTH", "TARGETS"];
    format!("{}\n\n{}", lines.join("\n"), table(&head, rows))
}

fn route_cells(path: &str, route: &Value) -> Vec<Cell> {
    let strength = text(route, "/condition_strength");
    vec![cell(path), cell(text(route, "/weight")), cell(shape::condition(route)), cell(strength)]
}

/// The addresses that a route leads to.
fn targets(route: &Value) -> String {
    let address = |target: &Value| match (text(target, "/host"), text(target, "/port")) {
        // It is reached only through other gateways.
        (_, port) if port == "0" => text(target, "/name"),
        (host, _) if host.is_empty() => text(target, "/url"),
        (host, port) => format!("{host}:{port}"),
    };
    items(route, "/targets").map(address).collect::<Vec<String>>().join(", ")
}
