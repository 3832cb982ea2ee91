//! `vamp deploy`, `vamp merge` and `vamp undeploy`.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, encoded, seconds},
    describe, input,
    kind::Kind,
    progress::Progress,
    screen::Output,
    shape::{self, State},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::{Map, Value, json};
use std::{path::PathBuf, time::Duration};

#[derive(Debug, ClapArgs)]
pub(crate) struct DeployArgs {
    /// A stored blueprint, unless -f names a file
    #[arg(value_name = "BLUEPRINT", required_unless_present = "file")]
    first: Option<String>,
    /// The deployment; by default it is called like the blueprint
    #[arg(value_name = "DEPLOYMENT")]
    second: Option<String>,
    /// A file with the blueprint; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "second")]
    file: Option<PathBuf>,
    /// Check only, and show what would be deployed
    #[arg(long)]
    validate_only: bool,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct UndeployArgs {
    /// The deployment
    #[arg(value_name = "DEPLOYMENT")]
    name: String,
    /// Only this service (a breed) or what this stored blueprint names; may be given several times
    #[arg(short, long = "service", value_name = "SERVICE")]
    services: Vec<String>,
    /// Only what the blueprint in this file names; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "services")]
    file: Option<PathBuf>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Wait {
    /// Wait until it has taken effect, so many seconds at most
    #[arg(long = "wait", value_name = "SECONDS", num_args = 0..=1, default_missing_value = "120", require_equals = true,
          value_parser = seconds)]
    pub(crate) wait: Option<Duration>,
}

pub(super) async fn deploy(args: &DeployArgs) -> Ended {
    let client = args.reach.client()?;
    let first = args.first.as_deref();
    let source = args.file.as_deref().map(input::read).transpose()?;
    let reference = json!({"name": first});
    // A file is deployed as the first name, a stored blueprint as the second.
    let name = if source.is_some() { first } else { args.second.as_deref().or(first) };
    let ask = match name {
        Some(name) => Ask::new(Method::PUT, format!("deployments/{}", encoded(name))),
        None => Ask::new(Method::POST, "deployments"),
    };
    let ask = match &source {
        Some(source) => ask.text(source),
        None => ask.json(&reference),
    };
    let ask = if args.validate_only { ask.query("validate_only", "true") } else { ask };
    let wait = args.wait.wait.filter(|_| !args.validate_only);
    let deployment = change(&client, ask, name, wait).await?;
    let done = match (args.validate_only, wait) {
        (true, _) => "would be deployed",
        (false, Some(_)) => "is deployed",
        (false, None) => "is being deployed",
    };
    args.output.show(&deployment, |deployment| sentence(deployment, done))?;
    Ok(Verdict::Yes)
}

pub(super) async fn undeploy(args: &UndeployArgs) -> Ended {
    let client = args.reach.client()?;
    let path = format!("deployments/{}", encoded(&args.name));
    let found = describe::one(&client, Kind::Deployments, &args.name).await?;
    let name = Some(args.name.as_str());
    let wait = args.wait.wait;
    let source = args.file.as_deref().map(input::read).transpose()?;
    let mut deployment = Value::Null;
    if args.services.is_empty() {
        let ask = Ask::new(Method::DELETE, &path);
        let ask = source.iter().fold(ask, Ask::text);
        deployment = change(&client, ask, name, wait).await?;
    }
    for service in &args.services {
        let body = service_body(&found, service).unwrap_or_else(|| json!({"name": service}));
        deployment = change(&client, Ask::new(Method::DELETE, &path).json(&body), name, wait).await?;
    }
    let done = if wait.is_some() { "is taken down" } else { "is being taken down" };
    args.output.show(&deployment, |_| format!("{} {done}", what(&args.name, &args.services)))?;
    Ok(Verdict::Yes)
}

fn what(name: &str, services: &[String]) -> String {
    match services {
        [] => format!("deployment `{name}`"),
        some => format!("{} of deployment `{name}`", some.join(", ")),
    }
}

/// The part of a deployment that is this service; `None` if it has no such service.
fn service_body(deployment: &Value, service: &str) -> Option<Value> {
    let mut found = shape::services(deployment).filter(|(_, one)| shape::text(one, "/breed/name") == service);
    let (cluster, _) = found.next()?;
    let services = json!({"services": [{"breed": {"reference": service}}]});
    let clusters: Map<String, Value> = [(cluster.clone(), services)].into_iter().collect();
    Some(json!({"name": shape::name(deployment), "clusters": clusters}))
}

/// Sends a change of a deployment, and shows how far it is while the server waits for it; answers the deployment.
async fn change(client: &Client, ask: Ask<'_>, name: Option<&str>, wait: Option<Duration>) -> Result<Value, Trouble> {
    let sent = client.send(ask.wait(wait));
    let reply = match (wait, name) {
        (Some(_), Some(name)) => Progress::new(name).until(client, sent).await?,
        _ => sent.await?,
    };
    Ok(match reply.value {
        // The original answers with the stored breeds, then with a list of one.
        Value::Array(mut list) => match list.pop().unwrap_or_default() {
            Value::Array(mut inner) => inner.pop().unwrap_or_default(),
            one => one,
        },
        one => one,
    })
}

/// What became of a deployment: its services, and how many of each are up.
fn sentence(deployment: &Value, done: &str) -> String {
    let services = shape::services(deployment).map(|(_, service)| {
        let (up, wanted) = shape::health(service);
        format!("{} {up}/{wanted} {:?}", shape::text(service, "/breed/name"), State::of_service(service))
    });
    let services: Vec<String> = services.collect();
    format!("deployment `{}` {done}: {}", shape::name(deployment), services.join(", "))
}
