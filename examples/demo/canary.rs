//! The steps of the release, from the first version to the second.

use crate::{
    Settings,
    api::{Agents, Api},
    load::Load,
    problem::Problem,
    progress::Progress,
    report::{Report, Step, percent},
    server::Server,
    statistics::{Share, fraction, with_strength},
    traffic::{Population, Window},
};
use serde_json::{Value, json};
use std::{future::Future, time::Duration};
use tokio::{
    net::TcpStream,
    time::{Instant, interval},
};
use vamp_core::weight::Weight;

pub(crate) const DEPLOYMENT: &str = "sava";
/// The gateway inside the deployment that shares the traffic between the versions.
pub(crate) const GATEWAY: &str = "sava/sava/web";
const OLD_ROUTE: &str = "sava/sava/sava:1.0/web";
const NEW_ROUTE: &str = "sava/sava/sava:1.1/web";
const CONDITION: &str = "User-Agent == Chrome";
/// How many users put load on the gateway.
const USERS: usize = 32;
/// How long a step may take to count its requests.
const PATIENCE: Duration = Duration::from_secs(180);

/// The release under way.
#[derive(Debug)]
pub(crate) struct Canary<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) server: &'a mut Server,
    pub(crate) api: Api,
    pub(crate) load: Load,
    pub(crate) progress: Progress,
    pub(crate) report: &'a mut Report,
}

/// What a step is called, what it must show and whether its change is one of the structure.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) wanted: Wanted,
    pub(crate) may_reload: bool,
}

/// The share of the new version.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// For everybody.
    All(f64),
    /// For users of Chrome, and for all others.
    Each(f64, f64),
}

/// Where the counting of a step begins.
pub(crate) struct Start {
    before: Agents,
    failed: u64,
    took: Duration,
    at_s: f64,
}

/// Goes all steps of the release.
pub(crate) async fn release(settings: &Settings, server: &mut Server, report: &mut Report) -> Result<(), Problem> {
    let progress = Progress::new();
    let api = Api { server: settings.listen };
    let (old, new) = (settings.blueprint("sava-1.0.yml")?, settings.blueprint("sava-1.1.yml")?);

    progress.line("deploying sava:1.0");
    let deploying = Instant::now();
    api.merge(DEPLOYMENT, &old).await?;
    let took = deploying.elapsed();
    connects(settings).await?;
    let load = Load::start(settings.gateway(), USERS)?;
    let mut canary = Canary { settings, server, api, load, progress, report };

    let deployed = Plan { name: "sava:1.0 deployed".to_owned(), wanted: Wanted::All(0.0), may_reload: true };
    let start = Start { before: Agents::default(), failed: 0, took, at_s: 0.0 };
    canary.progress.begin(&deployed.name, settings.requests);
    canary.count(deployed, start).await?;

    let merged = Plan { name: "sava:1.1 merged at 0 %".to_owned(), wanted: Wanted::All(0.0), may_reload: true };
    canary.step(merged, api.merge(DEPLOYMENT, &new)).await?;
    canary.shift(Weight::from_ppm(1_000)).await?;
    let tenth = Weight::from_percent(10);
    if settings.kill_server {
        canary.shift_and_kill_the_server(tenth).await?;
    } else {
        canary.shift(tenth).await?;
    }
    canary.condition(tenth).await?;
    canary.shift(Weight::from_percent(50)).await?;
    canary.shift_and_remove(Weight::FULL, &old).await?;

    canary.close().await
}

impl Canary<'_> {
    async fn close(self) -> Result<(), Problem> {
        let agents = self.api.agents().await?;
        let traffic = std::sync::Arc::clone(&self.load.traffic);
        self.load.stop().await;
        self.report.answered = traffic.answered();
        self.report.failed = traffic.failed();
        self.report.failures = traffic.failures();
        self.report.samples = traffic.samples();
        self.report.proxy = agents.proxy;
        self.report.reloads = agents.reloads;
        self.report.runtime_changes = agents.runtime_changes;
        self.report.structural_changes = agents.structural_changes;
        Ok(())
    }

    /// Gives the new version this share of everybody.
    async fn shift(&mut self, share: Option<Weight>) -> Result<(), Problem> {
        let share = valid(share)?;
        let api = self.api;
        self.step(Plan::shift(share), set_weight(api, share)).await
    }

    /// Sets the condition without strength, gives it strength, and clears it again.
    async fn condition(&mut self, weight: Option<Weight>) -> Result<(), Problem> {
        let (weight, strength) = (valid(weight)?, valid(Weight::from_percent(50))?);
        let api = self.api;
        let plain = fraction(weight);
        let set = |strength: Weight| {
            set_route(api, json!({ "condition": CONDITION, "condition_strength": strength.to_string() }))
        };

        let plan = Plan { name: format!("{CONDITION} at 0 %"), wanted: Wanted::Each(plain, plain), may_reload: true };
        self.step(plan, set(Weight::ZERO)).await?;
        let wanted = Wanted::Each(with_strength(strength, weight), plain);
        let plan = Plan { name: format!("{CONDITION} at {strength}"), wanted, may_reload: false };
        self.step(plan, set(strength)).await?;
        let plan = Plan { name: "condition cleared".to_owned(), wanted: Wanted::All(plain), may_reload: true };
        self.step(plan, set_route(api, json!({ "condition": null }))).await
    }

    /// Makes the change, then counts from its acknowledgement on.
    pub(crate) async fn step(
        &mut self,
        plan: Plan,
        change: impl Future<Output = Result<(), Problem>>,
    ) -> Result<(), Problem> {
        let start = self.begin(&plan, change).await?;
        self.count(plan, start).await
    }

    /// Makes the change; from its acknowledgement on, requests are counted.
    pub(crate) async fn begin(
        &mut self,
        plan: &Plan,
        change: impl Future<Output = Result<(), Problem>>,
    ) -> Result<Start, Problem> {
        self.progress.begin(&plan.name, self.settings.requests);
        let before = self.api.agents().await?;
        let failed = self.load.traffic.failed();
        let changing = Instant::now();
        change.await?;
        let took = changing.elapsed();
        self.load.traffic.count_from_now();
        Ok(Start { before, failed, took, at_s: self.load.traffic.seconds() })
    }

    /// Waits until enough requests are counted and notes the step.
    pub(crate) async fn count(&mut self, plan: Plan, start: Start) -> Result<(), Problem> {
        let window = self.until(&plan, self.settings.requests).await?;
        self.note(plan, start, &window).await
    }

    /// Waits until so many requests are counted, of each population when they are told apart.
    pub(crate) async fn until(&self, plan: &Plan, requests: u64) -> Result<Window, Problem> {
        let deadline = Instant::now() + PATIENCE;
        let mut every = interval(Duration::from_millis(50));
        loop {
            every.tick().await;
            let window = self.load.traffic.window();
            let counted = plan.wanted.counted(&window);
            let shares: Vec<String> = plan.wanted.shares(&window).iter().map(Share::in_words).collect();
            self.progress.update(counted, format!("{} · {:.0}/s", shares.join(" · "), window.per_second()));
            if counted >= requests {
                return Ok(window);
            }
            if Instant::now() > deadline {
                let failures = self.load.traffic.failures().join("; ");
                return Err(Problem::new(format!(
                    "{}: only {counted} of {requests} requests were answered within {PATIENCE:?}; {} failed: {failures}",
                    plan.name,
                    self.load.traffic.failed()
                )));
            }
        }
    }

    /// Compares the agents' counters with those before the change and adds the step to the report.
    pub(crate) async fn note(&mut self, plan: Plan, start: Start, window: &Window) -> Result<(), Problem> {
        let after = self.api.agents().await?;
        let reloads = after.reloads.saturating_sub(start.before.reloads);
        let skipped = after.reasons.len().saturating_sub(usize::try_from(reloads).unwrap_or(usize::MAX));
        let step = Step {
            name: plan.name,
            began_s: start.at_s,
            changed_in_ms: start.took.as_secs_f64() * 1_000.0,
            shares: plan.wanted.shares(window),
            per_second: window.per_second(),
            p50_ms: window.milliseconds_at(0.5),
            p99_ms: window.milliseconds_at(0.99),
            failed: self.load.traffic.failed() - start.failed,
            may_reload: plan.may_reload,
            reloads,
            reload_reasons: after.reasons.into_iter().skip(skipped).collect(),
        };
        self.progress.line(&step.in_words());
        self.report.steps.push(step);
        // A run that ends early shows them, too.
        self.report.answered = self.load.traffic.answered();
        self.report.failed = self.load.traffic.failed();
        self.report.failures = self.load.traffic.failures();
        self.report.samples = self.load.traffic.samples();
        Ok(())
    }
}

impl Plan {
    pub(crate) fn shift(share: Weight) -> Self {
        let wanted = fraction(share);
        Self { name: format!("sava:1.1 at {}", percent(wanted)), wanted: Wanted::All(wanted), may_reload: false }
    }
}

impl Wanted {
    /// Requests counted; of the smaller population when they are told apart.
    fn counted(self, window: &Window) -> u64 {
        match self {
            Self::All(_) => window.all().0,
            Self::Each(..) => Population::ALL.map(|population| window.of(population).0).into_iter().min().unwrap_or(0),
        }
    }

    fn shares(self, window: &Window) -> Vec<Share> {
        let share = |name, wanted, (n, hits): (u64, u64)| Share::new(name, wanted, hits, n);
        match self {
            Self::All(wanted) => vec![share("all", wanted, window.all())],
            Self::Each(chrome, others) => vec![
                share("Chrome", chrome, window.of(Population::Chrome)),
                share("others", others, window.of(Population::Others)),
            ],
        }
    }
}

/// Waits until the gateway accepts a connection: the deployment is acknowledged, so this must not take long.
async fn connects(settings: &Settings) -> Result<(), Problem> {
    let gateway = settings.gateway();
    match TcpStream::connect(gateway).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::with_hint(
            format!("the deployment is acknowledged, but its gateway {gateway} does not accept a connection: {error}"),
            "see what `GET /api/v1/agents` and the server's log say",
        )),
    }
}

pub(crate) async fn set_weight(api: Api, share: Weight) -> Result<(), Problem> {
    let mut gateway = api.gateway(GATEWAY).await?;
    for (route, weight) in [(OLD_ROUTE, share.complement()), (NEW_ROUTE, share)] {
        merge_into(&mut gateway, route, &json!({ "weight": weight.to_string() }))?;
    }
    api.put_gateway(GATEWAY, &gateway).await
}

async fn set_route(api: Api, fields: Value) -> Result<(), Problem> {
    let mut gateway = api.gateway(GATEWAY).await?;
    merge_into(&mut gateway, NEW_ROUTE, &fields)?;
    api.put_gateway(GATEWAY, &gateway).await
}

/// Overwrites these fields of a route.
fn merge_into(gateway: &mut Value, route: &str, fields: &Value) -> Result<(), Problem> {
    let found = gateway.get_mut("routes").and_then(|routes| routes.get_mut(route)).and_then(Value::as_object_mut);
    let found = found.ok_or_else(|| Problem::new(format!("the gateway {GATEWAY} has no route {route}")))?;
    for (name, value) in fields.as_object().into_iter().flatten() {
        found.insert(name.clone(), value.clone());
    }
    Ok(())
}

pub(crate) fn valid(weight: Option<Weight>) -> Result<Weight, Problem> {
    weight.ok_or_else(|| Problem::new("a weight is at most 100 %"))
}
