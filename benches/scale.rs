//! What many gateways cost: rendering them, HAProxy's reload and memory, and one change of weights among them.
//!
//! Each gateway has three routes with three instances, which are all the same service; at 10 000 gateways one instance.

mod support;

use std::{
    collections::BTreeMap,
    env, fs,
    net::{Ipv4Addr, TcpListener},
    num::NonZeroU16,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use support::Outcome;
use tokio::runtime::Runtime;
use vamp_core::{
    driver::{Document, GatewayRenderer, Proxy},
    routing::{Decision, Gateway, Instance, Route, RoutingTable, Target, Traffic},
    weight::Weight,
};
use vamp_drivers::gateway::haproxy::{HaproxyConfig, HaproxyProxy, HaproxyRenderer};

/// Gateways, and instances of each route.
const SIZES: [(u16, u16); 3] = [(10, 3), (1_000, 3), (10_000, 1)];
const CHANGES: u16 = 200;
/// The first port of the gateways; `free_port` stays below, and so does everything the system gives out.
const FIRST: u16 = 20_000;

fn main() -> Outcome<()> {
    if !support::is_wanted() {
        return Ok(());
    }
    let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = service.local_addr()?.port();
    thread::spawn(move || service.incoming().for_each(drop));
    println!(
        "  {:>8} {:>10} {:>10} {:>10} {:>12} {:>12} {:>12}",
        "gateways", "render", "reload", "again", "HAProxy", "change p50", "change p99"
    );
    for (gateways, instances) in SIZES {
        let folder = env::temp_dir().join(format!("vamp-scale-{}-{gateways}", std::process::id()));
        let measured = Runtime::new()?.block_on(measure(&folder, gateways, instances, port));
        fs::remove_dir_all(&folder)?;
        let Measured { render, reload, again, resident, changes } = measured?;
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!(
            "  {gateways:>8} {:>10} {:>10} {:>10} {:>9} MB {:>12} {:>12}",
            milliseconds(render),
            milliseconds(reload),
            milliseconds(again),
            resident >> 20,
            milliseconds(changes[changes.len() / 2]),
            milliseconds(changes[changes.len() * 99 / 100]),
        );
    }
    Ok(())
}

struct Measured {
    /// All gateways, for a proxy that serves none.
    render: Duration,
    /// From the first to all but one of them, the check and the new worker included.
    reload: Duration,
    /// One more gateway.
    again: Duration,
    /// Bytes of the worker that serves all.
    resident: u64,
    /// One gateway with other weights: rendered, sent, read back; sorted.
    changes: Vec<Duration>,
}

async fn measure(folder: &Path, count: u16, instances: u16, service: u16) -> Outcome<Measured> {
    let proxy = HaproxyProxy::start(HaproxyConfig::new(folder)).await?;
    let measured = with(&proxy, folder, count, instances, service).await;
    proxy.stop().await?;
    measured
}

async fn with(proxy: &HaproxyProxy, folder: &Path, count: u16, instances: u16, service: u16) -> Outcome<Measured> {
    let gateway = |number: u16, first: u32| -> Outcome<Gateway> {
        let weights = [first, 900_000 - first, 100_000];
        let routes = weights.iter().zip(0..).map(|(ppm, route)| {
            let id = |at| format!("{number}-{route}-{at}");
            let one = |at| {
                Ok(Instance {
                    id: id(at),
                    host: "127.0.0.1".to_owned(),
                    port: service.try_into()?,
                    traffic: Traffic::Ready,
                })
            };
            let target = Target::Instances((0..instances).map(one).collect::<Outcome<_>>()?);
            Ok(Route::new(format!("route-{route}"), Weight::from_ppm(*ppm).unwrap_or_default(), target))
        });
        let name = format!("sava/sava-{number}/web");
        let decision = Decision { gateway: name.clone(), sticky: None, routes: routes.collect::<Outcome<_>>()? };
        Ok(Gateway::new(name, NonZeroU16::MIN.saturating_add(FIRST + number - 1), decision))
    };
    let all: Vec<Gateway> = (0..count).map(|number| gateway(number, 500_000)).collect::<Outcome<_>>()?;
    let (last, others) = all.split_last().ok_or("no gateway")?;
    let began = Instant::now();
    let documents = render(proxy, others).await?;
    let render_took = began.elapsed();
    let began = Instant::now();
    apply(proxy, documents).await?;
    let reload = began.elapsed();
    let began = Instant::now();
    let documents = render(proxy, std::slice::from_ref(last)).await?;
    apply(proxy, documents).await?;
    let again = began.elapsed();
    let mut changes = Vec::new();
    for change in 0..CHANGES {
        let changed = gateway(change % count, 100_000 + u32::from(change))?;
        let began = Instant::now();
        let documents = render(proxy, &[changed]).await?;
        apply(proxy, documents).await?;
        changes.push(began.elapsed());
    }
    changes.sort_unstable();
    Ok(Measured { render: render_took, reload, again, resident: resident(folder)?, changes })
}

type Changes = BTreeMap<String, Option<Document>>;

async fn render(proxy: &HaproxyProxy, gateways: &[Gateway]) -> Outcome<Changes> {
    let gateways = gateways.iter().map(|gateway| (gateway.name.clone(), Arc::new(gateway.clone()))).collect();
    let rendered = HaproxyRenderer.render(&RoutingTable { gateways }, &proxy.target().await?);
    rendered.into_iter().map(|(name, document)| Ok((name, Some(document?)))).collect()
}

async fn apply(proxy: &HaproxyProxy, changes: Changes) -> Outcome<()> {
    for (_, applied) in proxy.apply(&changes).await {
        applied?;
    }
    Ok(())
}

/// What the largest process with that working folder has in memory.
fn resident(folder: &Path) -> Outcome<u64> {
    let folder = fs::canonicalize(folder)?;
    let mut largest = 0;
    for entry in fs::read_dir("/proc")?.flatten() {
        if fs::read_link(entry.path().join("cwd")).is_ok_and(|working| working == folder)
            && let Ok(status) = fs::read_to_string(entry.path().join("status"))
            && let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))
            && let Ok(kilobytes) = line.trim().trim_end_matches(" kB").parse::<u64>()
        {
            largest = largest.max(kilobytes << 10);
        }
    }
    Ok(largest)
}
