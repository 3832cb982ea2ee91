//! [`Containers`]: instances that exist as values only.

use crate::{
    Error, ErrorKind, Result,
    driver::{
        Address, Capabilities, ContainerDriver, Cursor, Exposure, Instance, InstanceState, Node, Observation, Observed,
        Retire, Scope, Template, Workload, WorkloadId,
    },
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    num::NonZeroU16,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

const DRIVER: &str = "memory";

/// A platform in memory. An instance is healthy as soon as it is wanted and gone as soon as it is not, unless a test
/// says otherwise: [`start_as`](Self::start_as), [`hold_stops`](Self::hold_stops), [`set`](Self::set),
/// [`kill`](Self::kill), [`fail`](Self::fail).
///
/// A clone is the same driver on the same platform.
#[derive(Clone, Debug)]
pub struct Containers {
    platform: Arc<Platform>,
    incarnation: u64,
}

#[derive(Debug)]
struct Platform {
    state: Mutex<State>,
    /// Counts the changes.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    workloads: BTreeMap<WorkloadId, Deployed>,
    exposed: Vec<Exposure>,
    /// Instances so far: an id is never used again.
    created: u64,
    start_as: InstanceState,
    hold_stops: bool,
    failing: bool,
}

#[derive(Debug)]
struct Deployed {
    template: Template,
    wanted: u32,
    grace: Duration,
    instances: Vec<Instance>,
    removed: bool,
}

impl Default for Containers {
    fn default() -> Self {
        Self::new()
    }
}

impl Containers {
    /// The template setting ([`Template::dialect`]) of an instance that ignores the polite signal: it is gone only
    /// after the grace.
    pub const STUBBORN: &str = "stubborn";

    /// The template setting of a [run-once](Template::run_once) instance that ends as it should not.
    pub const FAILS: &str = "fails";

    /// An empty platform.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            workloads: BTreeMap::new(),
            exposed: Vec::new(),
            created: 0,
            start_as: InstanceState::Healthy,
            hold_stops: false,
            failing: false,
        };
        let platform = Platform { state: Mutex::new(state), changes: watch::Sender::new(0) };
        Self::over(Arc::new(platform))
    }

    /// Another driver on the same platform, as after a restart of the server.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self::over(Arc::clone(&self.platform))
    }

    fn over(platform: Arc<Platform>) -> Self {
        static INCARNATIONS: AtomicU64 = AtomicU64::new(0);
        Self { platform, incarnation: INCARNATIONS.fetch_add(1, Ordering::Relaxed) }
    }

    /// From now on an instance begins in this state, and stays there until [`set`](Self::set).
    pub fn start_as(&self, state: InstanceState) {
        self.lock().start_as = state;
    }

    /// From now on an instance that is to go stays [`Stopping`](InstanceState::Stopping) until [`kill`](Self::kill),
    /// or, with `false`, goes at once.
    pub fn hold_stops(&self, hold: bool) {
        self.lock().hold_stops = hold;
    }

    /// From now on every call fails with [`Unavailable`](ErrorKind::Unavailable), or, with `false`, works again.
    pub fn fail(&self, failing: bool) {
        self.lock().failing = failing;
    }

    /// Puts an instance into a state. Answers whether there is such an instance.
    pub fn set(&self, instance: &str, state: InstanceState, reason: Option<&str>) -> bool {
        let mut platform = self.lock();
        let found =
            platform.workloads.values_mut().flat_map(|workload| &mut workload.instances).find(|i| i.id == instance);
        let Some(found) = found else { return false };
        found.state = state;
        found.reason = reason.map(str::to_owned);
        drop(platform);
        self.platform.touch();
        true
    }

    /// Ends an instance; a new one with a new id takes its place where it was wanted. Answers whether there was such
    /// an instance.
    pub fn kill(&self, instance: &str) -> bool {
        self.platform.end(instance)
    }

    /// What is asked to run.
    #[must_use]
    pub fn templates(&self) -> BTreeMap<WorkloadId, Template> {
        let platform = self.lock();
        let asked = platform.workloads.iter().filter(|(_, workload)| !workload.removed);
        asked.map(|(id, workload)| (id.clone(), workload.template.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.platform.lock()
    }

    fn available(&self, operation: &'static str, subject: &str) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.failing {
            return Err(Error::new(ErrorKind::Unavailable, DRIVER, operation, subject).because("told to fail"));
        }
        Ok(state)
    }

    fn cursor(&self, change: u64) -> Cursor {
        Cursor([self.incarnation.to_be_bytes(), change.to_be_bytes()].concat().into())
    }

    /// The change a cursor stands for; `None` = not a cursor of this incarnation.
    fn change_of(&self, cursor: &Cursor) -> Option<u64> {
        let (incarnation, change) = cursor.0.split_first_chunk::<8>()?;
        let change = <[u8; 8]>::try_from(change).ok()?;
        (u64::from_be_bytes(*incarnation) == self.incarnation).then_some(u64::from_be_bytes(change))
    }

    /// Lets go of instances: at once, or after `grace` where the template says so.
    fn stop(&self, departure: Departure) {
        if departure.grace.is_zero() {
            for instance in &departure.instances {
                self.platform.end(instance);
            }
            return;
        }
        let platform = Arc::clone(&self.platform);
        tokio::spawn(async move {
            tokio::time::sleep(departure.grace).await;
            for instance in &departure.instances {
                platform.end(instance);
            }
        });
    }
}

/// Instances that are to go.
#[derive(Debug)]
struct Departure {
    instances: Vec<String>,
    grace: Duration,
}

impl Platform {
    fn lock(&self) -> MutexGuard<'_, State> {
        super::lock(&self.state)
    }

    fn touch(&self) {
        self.changes.send_modify(|change| *change += 1);
    }

    fn end(&self, instance: &str) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut ended = false;
        for (id, workload) in &mut state.workloads {
            let before = workload.instances.len();
            workload.instances.retain(|i| i.id != instance);
            ended |= workload.instances.len() < before;
            workload.fill(id, &mut state.created, state.start_as);
        }
        state.workloads.retain(|_, workload| !workload.removed || !workload.instances.is_empty());
        drop(guard);
        if ended {
            self.touch();
        }
        ended
    }
}

impl Deployed {
    fn staying(&self) -> usize {
        self.instances.iter().filter(|i| i.state != InstanceState::Stopping).count()
    }

    /// Makes what is missing.
    fn fill(&mut self, id: &WorkloadId, created: &mut u64, start_as: InstanceState) {
        for _ in self.staying()..self.wanted as usize {
            *created += 1;
            self.instances.push(instance(id, &self.template, *created, start_as));
        }
    }

    /// Marks what is too much: those named first, then the youngest.
    fn thin(&mut self, retire: &[String]) -> Departure {
        let mut surplus = self.staying().saturating_sub(self.wanted as usize);
        let mut instances = Vec::new();
        for named_only in [true, false] {
            for instance in self.instances.iter_mut().rev() {
                let candidate = !named_only || retire.contains(&instance.id);
                if surplus > 0 && candidate && instance.state != InstanceState::Stopping {
                    instance.state = InstanceState::Stopping;
                    instances.push(instance.id.clone());
                    surplus -= 1;
                }
            }
        }
        let stubborn = self.template.dialect.contains_key(Containers::STUBBORN);
        Departure { instances, grace: if stubborn { self.grace } else { Duration::ZERO } }
    }
}

fn sorted(instances: &[Instance]) -> Vec<Instance> {
    let mut sorted = instances.to_vec();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    sorted
}

fn instance(id: &WorkloadId, template: &Template, number: u64, start_as: InstanceState) -> Instance {
    let picked = |offset: usize| 20_000 + ((number as usize * 8 + offset) % 40_000) as u16;
    let port = |(offset, (name, fixed)): (usize, (&String, &Option<NonZeroU16>))| {
        (name.clone(), fixed.map_or_else(|| picked(offset), NonZeroU16::get))
    };
    let state = match (template.run_once, template.dialect.contains_key(Containers::FAILS)) {
        (false, _) => start_as,
        (true, false) => InstanceState::Completed,
        (true, true) => InstanceState::Failed,
    };
    Instance {
        id: format!("{}-{number}", id.name),
        state,
        reason: (template.run_once && state == InstanceState::Failed).then(|| "ended with status 1".to_owned()),
        host: "127.0.0.1".to_owned(),
        ports: template.ports.iter().enumerate().map(port).collect(),
        node: Some(DRIVER.to_owned()),
    }
}

#[async_trait]
impl ContainerDriver for Containers {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(Retire::Exact, Duration::from_millis(100));
        capabilities.run_once = true;
        capabilities.nodes = true;
        capabilities.expose = true;
        capabilities
    }

    async fn apply(&self, workload: &Workload) -> Result<()> {
        let id = &workload.id;
        let mut guard = self.available("apply", &id.to_string())?;
        let state = &mut *guard;
        let deployed = state.workloads.entry(id.clone()).or_insert_with(|| Deployed {
            template: workload.template.clone(),
            wanted: 0,
            grace: Duration::ZERO,
            instances: Vec::new(),
            removed: false,
        });
        if deployed.template != workload.template {
            return Err(Error::new(ErrorKind::Conflict, DRIVER, "apply", id.to_string())
                .because("this id already runs another template"));
        }
        deployed.wanted = workload.instances;
        deployed.grace = workload.grace;
        deployed.removed = false;
        deployed.fill(id, &mut state.created, state.start_as);
        let departure = deployed.thin(&workload.retire);
        let held = state.hold_stops;
        drop(guard);
        self.platform.touch();
        if !held {
            self.stop(departure);
        }
        Ok(())
    }

    async fn remove(&self, id: &WorkloadId) -> Result<()> {
        let mut guard = self.available("remove", &id.to_string())?;
        let state = &mut *guard;
        let Some(deployed) = state.workloads.get_mut(id) else { return Ok(()) };
        deployed.wanted = 0;
        deployed.removed = true;
        let departure = deployed.thin(&[]);
        if deployed.instances.is_empty() {
            state.workloads.remove(id);
        }
        let held = state.hold_stops;
        drop(guard);
        self.platform.touch();
        if !held {
            self.stop(departure);
        }
        Ok(())
    }

    async fn observe(&self, scope: &Scope) -> Result<Observation> {
        let state = self.available("observe", "workloads")?;
        let in_scope = |id: &WorkloadId| match scope {
            Scope::Owned { namespace } => id.namespace == *namespace,
            Scope::Everything => true,
        };
        let observed = |(id, deployed): (&WorkloadId, &Deployed)| Observed {
            id: Some(id.clone()),
            labels: BTreeMap::new(),
            image: deployed.template.image.clone(),
            wanted: deployed.wanted,
            instances: sorted(&deployed.instances),
        };
        let workloads = state.workloads.iter().filter(|(id, _)| in_scope(id)).map(observed).collect();
        Ok(Observation { workloads, cursor: self.cursor(*self.platform.changes.borrow()) })
    }

    async fn changed(&self, after: &Cursor) -> Result<Cursor> {
        let mut changes = self.platform.changes.subscribe();
        let change = match self.change_of(after) {
            None => *changes.borrow(),
            Some(seen) => *changes
                .wait_for(|change| *change != seen)
                .await
                .map_err(|closed| Error::new(ErrorKind::Internal, DRIVER, "changed", "workloads").because(closed))?,
        };
        Ok(self.cursor(change))
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        drop(self.available("nodes", DRIVER)?);
        Ok(vec![Node { name: DRIVER.to_owned(), cpu_millis: (1_000_000, 0), memory_bytes: (1 << 40, 0) }])
    }

    async fn expose(&self, gateways: &[Exposure]) -> Result<BTreeMap<String, Address>> {
        let mut state = self.available("expose", "gateways")?;
        state.exposed = gateways.to_vec();
        let address = |port| Address { host: "127.0.0.1".to_owned(), port };
        Ok(state.exposed.iter().map(|e| (e.gateway.clone(), address(e.port))).collect())
    }
}
