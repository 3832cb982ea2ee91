//! What a request costs on its way: through a gateway of ours, a hand-written configuration of the same function, and
//! the layouts of the original, side by side with `wrk`.
//!
//! Every layout runs at the same time on ports of its own, and is measured in turn, five times; the table has medians.

mod support;

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use support::{Outcome, free_port};
use tokio::runtime::Runtime;
use vamp_core::{
    condition::Condition,
    driver::{GatewayRenderer, Proxy},
    routing::{Decision, Gateway, Instance, Route, RoutingTable, Target, Traffic},
    weight::Weight,
};
use vamp_drivers::gateway::haproxy::{HaproxyConfig, HaproxyProxy, HaproxyRenderer};

const ROUNDS: usize = 5;
const SECONDS: u32 = 4;
const CONNECTIONS: u32 = 16;
/// The ports of many gateways; `free_port` stays below.
const MANY_FROM: u16 = 27_100;
const HOST: &str = "shop.example.com";

fn main() -> Outcome<()> {
    if !support::is_wanted() {
        return Ok(());
    }
    let folder = env::temp_dir().join(format!("vamp-data-path-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path) -> Outcome<()> {
    let (a, b) = (free_port()?, free_port()?);
    let services = [("A", a), ("B", b)];
    let _backends = Running::start(folder, "backends", &services, a)?;
    let by_hand = Layout::of(folder, "hand-written", &services)?;
    let two = Layout::of(folder, "two-hops", &services)?;
    let five = Layout::of(folder, "five-hops", &services)?;
    let runtime = Runtime::new()?;
    let ours = runtime.block_on(Ours::start(&folder.join("vamp"), &two_gateways(a, b)?))?;
    let ways = [
        Way { name: "direct", port: a },
        Way { name: "hand-written, two routes", port: by_hand.port },
        Way { name: "vamp, two routes", port: ours.first },
        Way { name: "original's layout, two routes", port: two.port },
        Way { name: "vamp, host -> external -> internal", port: ours.hosts },
        Way { name: "original's layout, host -> external -> internal", port: five.port },
    ];
    let mut samples: Vec<Vec<Sample>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (way, samples) in ways.iter().zip(&mut samples) {
            samples.push(wrk(way.port)?);
        }
    }
    runtime.block_on(HaproxyProxy::stop_folder(&folder.join("vamp")))?;
    drop((by_hand, two, five));
    println!("{CONNECTIONS} connections, median of {ROUNDS} runs of {SECONDS} s each, in turn:");
    println!("  {:<48} {:>10} {:>9} {:>9} {:>12}", "", "requests/s", "p50", "p99", "of by hand");
    let hand = median(&samples[1], |sample| sample.rate);
    for (way, samples) in ways.iter().zip(&samples) {
        print(way.name, samples, hand);
    }
    let many = [
        ("vamp, one of 10 hosts", many_hosts(10, a)),
        ("vamp, one of 5 000 hosts", many_hosts(5_000, a)),
        ("vamp, one of 10 hosts with conditions", conditioned(10, a)?),
        ("vamp, one of 500 hosts with conditions", conditioned(500, a)?),
    ];
    for (name, gateways) in many {
        print(name, &runtime.block_on(of_many(&folder.join(name), &gateways))?, hand);
    }
    Ok(())
}

/// One of so many hosts, alone: HAProxy checks the instances of all of them meanwhile.
async fn of_many(folder: &Path, gateways: &[Gateway]) -> Outcome<Vec<Sample>> {
    let ours = Ours::start(folder, gateways).await?;
    let samples = (0..ROUNDS).map(|_| wrk(ours.hosts)).collect();
    HaproxyProxy::stop_folder(folder).await?;
    samples
}

fn print(name: &str, samples: &[Sample], hand: f64) {
    let [rate, p50, p99] = [
        median(samples, |sample| sample.rate),
        median(samples, |sample| sample.p50),
        median(samples, |sample| sample.p99),
    ];
    println!("  {name:<48} {rate:>10.0} {p50:>6.0} us {p99:>6.0} us {:>11.2}x", rate / hand);
}

/// Something to measure.
struct Way {
    name: &'static str,
    port: u16,
}

/// A HAProxy with a configuration of this folder, until it is dropped.
struct Running(Child);

impl Running {
    /// Starts it and waits until it listens on `port`.
    fn start(folder: &Path, name: &str, ports: &[(&str, u16)], port: u16) -> Outcome<Self> {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("benches/data_path/{name}.cfg"));
        let own = folder.join(name);
        fs::create_dir_all(&own)?;
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file).current_dir(&own).stdout(Stdio::null()).stderr(Stdio::null());
        command.envs(ports.iter().map(|(variable, port)| (variable, port.to_string())));
        let running = Self(command.spawn().map_err(|error| format!("haproxy: {error}"))?);
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > deadline {
                return Err(format!("{name}: HAProxy does not listen on {port}").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A layout to compare with, running.
struct Layout {
    port: u16,
    _running: Running,
}

impl Layout {
    fn of(folder: &Path, name: &str, services: &[(&'static str, u16)]) -> Outcome<Self> {
        let port = free_port()?;
        let ports: Vec<_> = [("PORT", port), ("INTERNAL", free_port()?)].into_iter().chain(services.to_vec()).collect();
        Ok(Self { port, _running: Running::start(folder, name, &ports, port)? })
    }
}

/// Gateways of ours, served by one HAProxy.
struct Ours {
    /// The port of the first of them.
    first: u16,
    /// The port that virtual hosts share.
    hosts: u16,
    _proxy: HaproxyProxy,
}

impl Ours {
    async fn start(folder: &Path, gateways: &[Gateway]) -> Outcome<Self> {
        let hosts = free_port()?;
        let config = HaproxyConfig::new(folder).with_host_port(hosts.try_into()?);
        let proxy = HaproxyProxy::start(config).await?;
        let first = gateways.first().ok_or("no gateway")?.port.get();
        let gateways = gateways.iter().map(|gateway| (gateway.name.clone(), gateway.clone().into())).collect();
        let rendered = HaproxyRenderer.render(&RoutingTable { gateways }, &proxy.target().await?);
        let documents = rendered.into_iter().map(|(name, document)| Ok((name, Some(document?))));
        for (_, applied) in proxy.apply(&documents.collect::<Outcome<_>>()?).await {
            applied?;
        }
        Ok(Self { first, hosts, _proxy: proxy })
    }
}

/// One with two routes, and one that is reached by a host and leads to another one with two routes.
fn two_gateways(a: u16, b: u16) -> Outcome<[Gateway; 2]> {
    let services = || vec![route("a", 500_000, instances("a", a)), route("b", 500_000, instances("b", b))];
    let internal = Decision { gateway: "internal".to_owned(), sticky: None, routes: services() };
    let external = vec![route("internal", 1_000_000, Target::Chained(internal))];
    let mut chained = gateway("chained", free_port()?, external);
    chained.virtual_hosts.push(HOST.to_owned());
    Ok([gateway("plain", free_port()?, services()), chained])
}

/// So many hosts of at most a hundred gateways with one route each; the last one is asked for.
fn many_hosts(hosts: u16, service: u16) -> Vec<Gateway> {
    let gateways = hosts.min(100);
    let one = |number| {
        let mut gateway = numbered(number, route("a", 1_000_000, instances("a", service)));
        let own = (number..hosts).step_by(gateways.into());
        gateway.virtual_hosts = own.map(|host| format!("h{host}.example.com")).collect();
        gateway
    };
    let mut all: Vec<Gateway> = (0..gateways).map(one).collect();
    if let Some(last) = all.last_mut() {
        last.virtual_hosts.push(HOST.to_owned());
    }
    all
}

/// So many gateways with a host each, and a condition that has to be tried; the last one is asked for.
fn conditioned(gateways: u16, service: u16) -> Outcome<Vec<Gateway>> {
    let one = |number| {
        let mut only = route("a", 1_000_000, instances("a", service));
        only.condition = Some(Condition::parse("user-agent == Firefox and has cookie beta")?);
        only.strength = Weight::FULL;
        let mut gateway = numbered(number, only);
        let last = number + 1 == gateways;
        gateway.virtual_hosts.push(if last { HOST.to_owned() } else { format!("h{number}.example.com") });
        Ok(gateway)
    };
    (0..gateways).map(one).collect()
}

fn numbered(number: u16, only: Route) -> Gateway {
    gateway(&format!("g{number}"), MANY_FROM + number, vec![only])
}

fn gateway(name: &str, port: u16, routes: Vec<Route>) -> Gateway {
    let decision = Decision { gateway: name.to_owned(), sticky: None, routes };
    let port = port.try_into().unwrap_or(std::num::NonZeroU16::MIN);
    Gateway::new(name, port, decision)
}

fn route(name: &str, ppm: u32, target: Target) -> Route {
    Route::new(name, Weight::from_ppm(ppm).unwrap_or_default(), target)
}

/// Two instances, which are the same service: the hand-written configuration has as many servers.
fn instances(name: &str, port: u16) -> Target {
    let instance = |number| Instance {
        id: format!("{name}{number}"),
        host: Ipv4Addr::LOCALHOST.to_string(),
        port: port.try_into().unwrap_or(std::num::NonZeroU16::MIN),
        traffic: Traffic::Ready,
    };
    Target::Instances(vec![instance(1), instance(2)])
}

/// Requests a second; latencies in microseconds.
struct Sample {
    rate: f64,
    p50: f64,
    p99: f64,
}

fn wrk(port: u16) -> Outcome<Sample> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s"), "--latency"])
        .args(["-H", &format!("Host: {HOST}"), &format!("http://127.0.0.1:{port}/")])
        .output()
        .map_err(|error| format!("wrk: {error} (apt-get install wrk)"))?;
    let said = String::from_utf8(output.stdout)?;
    if said.contains("Non-2xx") || said.contains("Socket errors") {
        return Err(format!("port {port}: {said}").into());
    }
    let after = |label: &str| {
        let rest = said.lines().find_map(|line| line.trim().strip_prefix(label));
        rest.map(str::trim).ok_or_else(|| format!("wrk tells no `{label}`: {said}"))
    };
    let (rate, p50, p99) = (after("Requests/sec:")?, after("50%")?, after("99%")?);
    Ok(Sample { rate: rate.parse()?, p50: microseconds(p50)?, p99: microseconds(p99)? })
}

/// `1.23ms`, `87.00us`, `1.10s`.
fn microseconds(text: &str) -> Outcome<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let read = |(unit, factor): &(&str, f64)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor);
    units.iter().find_map(read).ok_or_else(|| format!("`{text}` is no time").into())
}

fn median(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
