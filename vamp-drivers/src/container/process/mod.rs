//! [`ProcessDriver`]: an instance is a native process of this host.
//!
//! Each instance has a process group, free loopback ports and an output file of its own. Its environment is a part of
//! the server's (`PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `LANGUAGE`, `LC_ALL`, `TZ`, `TMPDIR`,
//! `XDG_RUNTIME_DIR`), the template's, `PORT_<NAME>` for each port ([`Template::port_variable`]), `VAMP_INSTANCE` and
//! `VAMP_DATA`. A port's number in the template is ignored: several instances share one host, so each port is picked.
//!
//! Instances outlive the server. What is to run is recorded before it is started, and the id is in the environment of
//! the process: so the next server on the folder finds each again, by pid, start time and boot, or by the id where
//! the record was not written in time.
//!
//! An instance whose first process ends is over: what is left of it is killed, and another with another id takes its
//! place after a [`Backoff`].
//!
//! [`Template::port_variable`]: vamp_core::driver::Template::port_variable

mod check;
mod config;
mod context;
mod health;
mod keeper;
mod latecomers;
mod output;
mod ports;
mod procfs;
mod record;
mod spawn;
mod stop;
mod store;
mod watch;

pub use check::DIRECTORY;
pub use config::{Backoff, ProcessConfig};
pub use stop::stop_folder;

use async_trait::async_trait;
use context::Context;
use keeper::{Keeper, Message, Refusal, Reply};
use procfs::Carrier;
use record::Stored;
use rustix::process::Signal;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};
use store::Store;
use tokio::{sync::oneshot, task::AbortHandle};
use vamp_core::{
    Error, ErrorKind, Result,
    driver::{
        Address, Capabilities, ContainerDriver, Cursor, Exposure, Node, Observation, Retire, Scope, Workload,
        WorkloadId,
    },
};

const DRIVER: &str = "process";

/// Runs instances as processes of this host. Dropping it leaves them running; the next one on the folder goes on.
#[derive(Debug)]
pub struct ProcessDriver {
    context: Arc<Context>,
    /// Trimming outputs, and looking for latecomers.
    chores: [AbortHandle; 2],
}

impl ProcessDriver {
    /// Opens the folder, and finds again what runs. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Conflict` when another server uses the folder; `Denied` and `Internal` when it cannot be read: what it says may
    /// be running.
    pub async fn open(config: ProcessConfig) -> Result<Self> {
        let folder = config.folder.display().to_string();
        Self::find(config).await.map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::WouldBlock => ErrorKind::Conflict,
                io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Internal,
            };
            Error::new(kind, DRIVER, "open", folder).because(error)
        })
    }

    async fn find(config: ProcessConfig) -> io::Result<Self> {
        let read = tokio::task::spawn_blocking(move || -> io::Result<_> {
            let store = Store::open(&config.folder, config.lock_patience)?;
            let (known, carriers) = (store.load()?, procfs::carriers(&store.data)?);
            Ok((Context::new(config, store)?, known, carriers))
        });
        let (context, known, carriers) = read.await.map_err(io::Error::other)??;
        let context = Arc::new(context);
        let strays = strays(&known, &carriers);
        context.blocking(move |_| strays.into_iter().try_for_each(|s| procfs::signal(s.seen, Signal::KILL))).await??;
        let mut given_up = BTreeSet::new();
        for stored in known {
            let mut keeper = Keeper::new(Arc::clone(&context), stored);
            given_up.extend(keeper.adopt(&carriers));
            context.keepers().employ(keeper);
        }
        let trimming = tokio::spawn(output::keep_small(Arc::clone(&context))).abort_handle();
        let late = tokio::spawn(latecomers::kill(Arc::clone(&context), given_up)).abort_handle();
        Ok(Self { context, chores: [trimming, late] })
    }

    /// Stops every process of this folder, and starts nothing any more; answers how many there were. What was deployed
    /// stays recorded: the next driver on this folder starts it again.
    ///
    /// # Errors
    /// `TimedOut` when some do not die.
    pub async fn stop_all(&self, grace: Duration) -> Result<usize> {
        let halted: Vec<_> = {
            let mut keepers = self.context.keepers();
            keepers.closed = true;
            let halt = |desk: &context::Desk| {
                let (reply, halted) = oneshot::channel();
                desk.mail.send(Message::Halt(reply)).ok().map(|()| halted)
            };
            keepers.by_id.values().filter_map(halt).collect()
        };
        for halted in halted {
            // One that left in between has halted too.
            let _ = halted.await;
        }
        let stopped = self.context.blocking(move |context| stop::stop(&context.store, grace)).await;
        stop::finish(stopped.and_then(|stopped| stopped), self.context.config.folder.display().to_string())
    }

    /// Asks the keeper of a workload, and waits for its answer.
    async fn ask(
        &self,
        operation: &'static str,
        id: &WorkloadId,
        message: impl FnOnce(Reply) -> Message,
    ) -> Result<()> {
        let error = |kind| Error::new(kind, DRIVER, operation, id.to_string());
        let (reply, answer) = oneshot::channel();
        {
            let mut keepers = self.context.keepers();
            if keepers.closed {
                return Err(error(ErrorKind::Unavailable).because("the driver was stopped"));
            }
            let message = message(reply);
            if let (false, Message::Apply(workload, _)) = (keepers.by_id.contains_key(id), &message) {
                let stored = Stored::new(Workload::clone(workload));
                keepers.employ(Keeper::new(Arc::clone(&self.context), stored));
            }
            let Some(desk) = keepers.by_id.get(id) else { return Ok(()) };
            desk.mail.send(message).map_err(|_| error(ErrorKind::Internal).because("its keeper is gone"))?;
        }
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Refusal::OtherTemplate)) => {
                Err(error(ErrorKind::Conflict).because("this id already runs another template"))
            }
            Ok(Err(Refusal::Io(cause))) => Err(error(ErrorKind::of_file(&cause)).because(cause)),
            Err(gone) => Err(error(ErrorKind::Ambiguous).because(gone)),
        }
    }
}

impl Drop for ProcessDriver {
    fn drop(&mut self) {
        self.chores.iter().for_each(AbortHandle::abort);
        self.context.keepers().by_id.values().for_each(|desk| desk.task.abort());
    }
}

/// Who carries the id of an instance that no record knows: parts of former instances.
fn strays(known: &[Stored], carriers: &[Carrier]) -> Vec<Carrier> {
    let records = known.iter().flat_map(|stored| &stored.records);
    let instances: BTreeSet<&str> = records.map(|record| record.id.as_str()).collect();
    carriers.iter().filter(|carrier| !instances.contains(carrier.instance.as_str())).cloned().collect()
}

#[async_trait]
impl ContainerDriver for ProcessDriver {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(Retire::Exact, Duration::from_secs(1));
        capabilities.run_once = true;
        capabilities
    }

    async fn apply(&self, workload: &Workload) -> Result<()> {
        if let Some(violations) = check::violations(&workload.template) {
            return Err(Error::new(ErrorKind::Invalid, DRIVER, "apply", workload.id.to_string()).because(violations));
        }
        self.ask("apply", &workload.id, |reply| Message::Apply(Box::new(workload.clone()), reply)).await
    }

    async fn remove(&self, id: &WorkloadId) -> Result<()> {
        self.ask("remove", id, Message::Remove).await
    }

    async fn observe(&self, scope: &Scope) -> Result<Observation> {
        if self.context.keepers().closed {
            return Err(
                Error::new(ErrorKind::Unavailable, DRIVER, "observe", "instances").because("the driver was stopped")
            );
        }
        let cursor = self.context.feed.cursor();
        let workloads = self.context.observed(|id| match scope {
            Scope::Owned { namespace } => id.namespace == *namespace,
            Scope::Everything => true,
        });
        Ok(Observation { workloads, cursor })
    }

    async fn changed(&self, after: &Cursor) -> Result<Cursor> {
        Ok(self.context.feed.changed(|_| true, after).await.cursor)
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        Err(Error::new(ErrorKind::Unsupported, DRIVER, "nodes", self.context.node.clone()))
    }

    async fn expose(&self, _gateways: &[Exposure]) -> Result<BTreeMap<String, Address>> {
        Err(Error::new(ErrorKind::Unsupported, DRIVER, "expose", "gateways"))
    }
}
