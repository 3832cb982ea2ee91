//! [`Context`]: what the keepers of all workloads share.

use super::{
    ProcessConfig,
    keeper::{Keeper, Message},
    ports::Ports,
    procfs,
    store::Store,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc::UnboundedSender, task::AbortHandle};
use vamp_core::{
    driver::{Observed, WorkloadId},
    memory::ChangeFeed,
};

#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: ProcessConfig,
    pub(super) store: Store,
    pub(super) boot: String,
    /// The name of this host.
    pub(super) node: String,
    pub(super) ports: Ports,
    pub(super) feed: ChangeFeed,
    view: Mutex<BTreeMap<WorkloadId, Observed>>,
    keepers: Mutex<Keepers>,
}

/// Who keeps which workload.
#[derive(Debug, Default)]
pub(super) struct Keepers {
    /// Nothing is started any more.
    pub(super) closed: bool,
    pub(super) by_id: BTreeMap<WorkloadId, Desk>,
}

/// How to reach a keeper.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) mail: UnboundedSender<Message>,
    pub(super) task: AbortHandle,
}

impl Keepers {
    /// Lets a keeper work.
    pub(super) fn employ(&mut self, keeper: Keeper) {
        let (id, mail) = (keeper.id().clone(), keeper.mail());
        let task = tokio::spawn(keeper.run()).abort_handle();
        self.by_id.insert(id, Desk { mail, task });
    }
}

impl Context {
    pub(super) fn new(config: ProcessConfig, store: Store) -> io::Result<Self> {
        Ok(Self {
            ports: Ports::new(config.ports.clone()),
            config,
            store,
            boot: procfs::boot_id()?,
            node: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            feed: ChangeFeed::new(),
            view: Mutex::default(),
            keepers: Mutex::default(),
        })
    }

    pub(super) fn keepers(&self) -> MutexGuard<'_, Keepers> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> MutexGuard<'_, BTreeMap<WorkloadId, Observed>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs, of those workloads.
    pub(super) fn observed(&self, of: impl Fn(&WorkloadId) -> bool) -> Vec<Observed> {
        self.view().iter().filter(|(id, _)| of(id)).map(|(_, observed)| observed.clone()).collect()
    }

    /// The ids of all instances.
    pub(super) fn instances(&self) -> BTreeSet<String> {
        self.view().values().flat_map(|observed| &observed.instances).map(|instance| instance.id.clone()).collect()
    }

    /// Shows what runs of a workload, `None` = nothing; tells those who wait if that is new.
    pub(super) fn publish(&self, id: &WorkloadId, observed: Option<Observed>) {
        let mut view = self.view();
        let known = view.get(id);
        let same = known.map(|known| (known.wanted, &known.instances))
            == observed.as_ref().map(|observed| (observed.wanted, &observed.instances));
        if same {
            return;
        }
        match observed {
            Some(observed) => drop(view.insert(id.clone(), observed)),
            None => drop(view.remove(id)),
        }
        drop(view);
        self.feed.record([id.to_string()]);
    }

    /// Does file and process work off the asynchronous threads. It is finished even when nobody waits any more, and
    /// the folder stays locked until then.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> io::Result<T> {
        let context = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&context)).await.map_err(io::Error::other)
    }
}
