//! `vamp simulate`: who would have gone where, before anything is changed.
//!
//! The gateways of files, compiled as a server would, with every instance alive; each request of a log is decided as
//! HAProxy would, but for the draw, which follows from the seed.

mod log;

use super::{
    Ended, Trouble, Verdict, input, report,
    screen::{Output, Tone, table},
    validate,
};
use clap::Args as ClapArgs;
use log::Recorded;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    path::PathBuf,
    sync::Arc,
};
use vamp_core::{
    Violation, Violations,
    model::{
        Artifacts, Gateway, expand,
        read::{Artifact, Document, Kind},
    },
    routing::{
        Instance, Router, RoutingTable, ServicePath, Services, Traffic, compile_one,
        router::{Entry, Simulation, simulate},
    },
};

#[derive(Debug, ClapArgs)]
pub(crate) struct SimulateArgs {
    /// Files with gateways, and with what they refer to; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// The requests: a HAR, or an object with `path`, `method`, `host`, `headers` and `client` on each line
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// The gateway where requests come in; by default that of the host or port that they are for, or the only one
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// Where draws begin: the same seed gives the same result
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// What a document is that has no `kind`; by default what its keys say
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &SimulateArgs) -> Ended {
    if args.log.as_os_str() == "-" && args.files.iter().any(|file| file.as_os_str() == "-") {
        return Err(Trouble::Usage("`-` is named twice, and standard input can be read only once".to_owned()));
    }
    let (router, only) = router(args)?;
    let entries = Entries::of(&router, args.gateway.as_deref(), only.as_deref())?;
    let mut trouble = None;
    let requests = log::requests(&args.log)?.map_while(|read| read.map_err(|found| trouble = Some(found)).ok());
    let requests = requests.map(|request| (entries.entry(&request), request));
    let simulation = simulate(&router, requests, args.seed, |_| true);
    if let Some(trouble) = trouble {
        return Err(trouble);
    }
    args.output.show(&shown(&simulation, args.seed), |_| words(&simulation))?;
    Ok(Verdict::Yes)
}

/// The gateways of the files, compiled, and the one behind which all others stand, if there is one.
fn router(args: &SimulateArgs) -> Result<(Router, Option<String>), Trouble> {
    let sources = input::read_all(&args.files)?;
    let refuse = |found: &[Violation]| Trouble::Usage(report::in_files(&sources, found));
    let documents = validate::check(&sources, args.kind).map_err(|found| refuse(&found))?;
    let mut parts = Artifacts::default();
    let mut gateways = Vec::new();
    for document in documents {
        match document {
            Document::Artifact(Artifact::Gateway(gateway)) => gateways.push(*gateway),
            Document::Artifact(part) => parts.insert(part),
            Document::Deployment { .. } => {}
        }
    }
    if gateways.is_empty() {
        return Err(Trouble::Usage("there is no gateway in the files; name one with -f".to_owned()));
    }
    let (table, first) = table_of(gateways, &parts).map_err(|Violations(found)| refuse(&found))?;
    let router = Router::compile(&table).map_err(|error| Trouble::Usage(error.to_string()))?;
    Ok((router, first))
}

/// What agents would be told of these gateways, and the only one that stands behind no other. Nothing listens here, so
/// that those without a port get one.
fn table_of(gateways: Vec<Gateway>, parts: &Artifacts) -> Result<(RoutingTable, Option<String>), Violations> {
    let mut taken: Vec<u16> = gateways.iter().filter_map(|one| one.port.number).map(NonZeroU16::get).collect();
    let mut known = BTreeMap::new();
    for gateway in gateways {
        if gateway.selector.is_some() || gateway.routes.iter().any(|route| route.selector.is_some()) {
            let message = format!("gateway `{}`: what a selector selects is known where it runs only", gateway.name);
            return Err(Violation::new("InvalidSelectorError", "", message).hint("list the routes").into());
        }
        let expanded = expand::gateway(&gateway, parts);
        if !expanded.open.is_empty() {
            return Err(Violations(expanded.open.iter().map(Violation::from).collect()));
        }
        let mut gateway = expanded.value;
        if gateway.port.number.is_none() {
            let free = (1..=u16::MAX).rev().find(|port| !taken.contains(port));
            taken.extend(free);
            gateway.port.number = free.and_then(NonZeroU16::new);
        }
        known.insert(gateway.name.to_string(), Arc::new(gateway));
    }
    let find = |name: &str| match known.get(name) {
        Some(gateway) => Ok(Some(Arc::clone(gateway))),
        None => Err(format!("it leads to gateway `{name}`, which is in none of the files; name its file, too")),
    };
    let (mut table, mut behind) = (RoutingTable::default(), BTreeSet::new());
    for (name, gateway) in &known {
        let Some(one) = compile_one(gateway, &find, &Alive) else { continue };
        let refused = |reason| Violation::new("GatewayNotCompiled", "", format!("gateway `{name}`: {reason}"));
        table.gateways.insert(name.clone(), one.gateway.map_err(refused)?);
        behind.extend(one.crossed.into_iter().filter(|crossed| crossed != name));
    }
    let mut first = known.into_keys().filter(|name| !behind.contains(name));
    let only = first.next().filter(|_| first.next().is_none());
    Ok((table, only))
}

/// Of every service one instance lives.
struct Alive;

impl Services for Alive {
    fn instances(&self, path: &ServicePath) -> Result<Vec<Instance>, String> {
        let (id, host) = (path.service_key(), "service".to_owned());
        Ok(vec![Instance { id, host, port: NonZeroU16::MIN, traffic: Traffic::Ready }])
    }

    fn leaving(&self, _: &str, _: &str, _: &str) -> Vec<ServicePath> {
        Vec::new()
    }
}

/// Where requests come in.
struct Entries<'r> {
    router: &'r Router,
    /// Where all of them do, or those that say nothing else.
    forced: Option<Entry<'r>>,
    only: Option<Entry<'r>>,
}

impl<'r> Entries<'r> {
    fn of(router: &'r Router, gateway: Option<&str>, only: Option<&str>) -> Result<Self, Trouble> {
        let named = |name: &str| router.find(Entry::Gateway(name)).map(|found| Entry::Gateway(found.name()));
        let forced = match gateway {
            None => None,
            Some(name) => {
                let missing = || Trouble::Usage(format!("--gateway {name}: there is no such gateway in the files"));
                Some(named(name).ok_or_else(missing)?)
            }
        };
        Ok(Self { router, forced, only: only.and_then(named) })
    }

    fn entry(&self, request: &Recorded) -> Entry<'r> {
        let found = |entry: Entry<'_>| self.router.find(entry).map(|gateway| Entry::Gateway(gateway.name()));
        let named = || found(Entry::Gateway(request.gateway.as_deref()?));
        let at_host = || found(Entry::Host(request.host()?));
        let at_port = || found(Entry::Port(NonZeroU16::new(request.port?)?));
        let entry = self.forced.or_else(named).or_else(at_host).or_else(at_port).or(self.only);
        // No gateway has an empty name: what comes in nowhere goes nowhere.
        entry.unwrap_or(Entry::Gateway(""))
    }
}

fn shown(simulation: &Simulation<'_>, seed: u64) -> Value {
    let steps = simulation.steps.iter().map(|(step, count)| {
        let share = share(*count, of_gateway(simulation, step.gateway));
        json!({
            "gateway": step.gateway, "route": step.route, "requests": count, "share": share, "why": step.why.to_string(),
        })
    });
    let nowhere = simulation.nowhere.iter().map(|(why, count)| json!({"requests": count, "why": why.to_string()}));
    json!({
        "requests": simulation.requests,
        "seed": seed,
        "steps": steps.collect::<Vec<Value>>(),
        "nowhere": nowhere.collect::<Vec<Value>>(),
    })
}

/// All requests that a gateway sent on.
fn of_gateway(simulation: &Simulation<'_>, gateway: &str) -> u64 {
    simulation.steps.iter().filter(|(step, _)| step.gateway == gateway).map(|(_, count)| count).sum()
}

fn share(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

fn words(simulation: &Simulation<'_>) -> String {
    let percent = |share: f64| format!("{:.2}%", share * 100.0);
    let steps = simulation.steps.iter().map(|(step, count)| {
        let share = percent(share(*count, of_gateway(simulation, step.gateway)));
        [step.gateway.to_owned(), step.route.to_owned(), count.to_string(), share, step.why.to_string()]
            .map(|text| Tone::Plain.cell(text))
            .into()
    });
    let nowhere = simulation.nowhere.iter().map(|(why, count)| {
        let share = percent(share(*count, simulation.requests));
        ["-".to_owned(), "-".to_owned(), count.to_string(), share, why.to_string()]
            .map(|text| Tone::Bad.cell(text))
            .into()
    });
    table(&["GATEWAY", "ROUTE", "REQUESTS", "SHARE", "WHY"], steps.chain(nowhere))
}
