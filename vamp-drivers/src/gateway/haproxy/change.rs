//! What a set of changes does: at run time where it can, with one reload for the rest.

use super::{
    actor::{Actor, Answers, Changes, ended},
    address, certificates,
    complaint::{self, Complaint},
    failure::Failure,
    outline::Outline,
    owners,
    plan::{Live, Plan},
    reload::{Gateways, Refusal},
    store, sync,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use vamp_core::driver::{Applied, Document};

/// How long it takes at most until the end of a process is noticed.
const NOTICE: Duration = Duration::from_millis(50);
/// How long a structural change waits for a leaving worker before it is refused for now.
const LEAVING_WAIT: Duration = Duration::from_secs(2);

impl Actor {
    /// Applies changes and answers for each. What failed because HAProxy ended meanwhile is made with the next one.
    pub(super) async fn change(&mut self, mut changes: Changes) -> Answers {
        let mut answers = self.change_once(changes.clone()).await;
        if answers.values().any(Result::is_err) && self.has_ended().await {
            self.process = None;
            changes.retain(|name, _| answers.get(name).is_none_or(Result::is_err));
            answers.extend(self.change_once(changes).await);
        }
        answers
    }

    async fn has_ended(&self) -> bool {
        timeout(NOTICE, ended(self.process.as_ref())).await.is_ok()
    }

    async fn change_once(&mut self, mut changes: Changes) -> Answers {
        if self.stopped {
            let stopped = Failure::unavailable("HAProxy has been stopped");
            return changes.into_keys().map(|name| (name, Err(stopped.clone()))).collect();
        }
        if self.process.is_none()
            && let Err(failure) = self.revive().await
        {
            return changes.into_keys().map(|name| (name, Err(failure.clone()))).collect();
        }
        if self.adrift
            && let Err(failure) = self.verify().await
        {
            return changes.into_keys().map(|name| (name, Err(failure.clone()))).collect();
        }
        let mut answers = Answers::new();
        self.refuse_hosts(&mut changes, &mut answers);
        let mut structural: BTreeMap<String, Option<Live>> = BTreeMap::new();
        for (name, document) in changes {
            let Some(document) = document else {
                if self.live.contains_key(&name) {
                    structural.insert(name, None);
                } else {
                    answers.insert(name, Ok(Applied::Unchanged));
                }
                continue;
            };
            let sure = !self.unsure.contains(&name);
            if sure && self.live.get(&name).is_some_and(|live| *live.document == document) {
                answers.insert(name, Ok(Applied::Unchanged));
                continue;
            }
            let only_values = !self.changes_structure(&name, Some(&document));
            match self.prepared(&name, document).await {
                Err(failure) => drop(answers.insert(name, Err(failure))),
                Ok(live) if only_values => {
                    let answer = self.change_values(live).await;
                    answers.insert(name, answer.map(|()| Applied::AtRunTime));
                }
                Ok(live) => drop(structural.insert(name, Some(live))),
            }
        }
        if !structural.is_empty() {
            self.restructure(structural, &mut answers).await;
            certificates::sweep(&self.shared.folder, &self.live).await;
        }
        answers
    }

    fn refuse_hosts(&self, changes: &mut Changes, answers: &mut Answers) {
        let served = |name: &str| self.live.get(name).map(|live| &*live.document);
        let all = self.live.iter().map(|(name, live)| (name, &*live.document));
        for (name, reason) in owners::hosts_taken(changes, served, all) {
            changes.remove(&name);
            answers.insert(name, Err(Failure::invalid(reason)));
        }
    }

    async fn prepared(&self, name: &str, document: Document) -> Result<Live, Failure> {
        let hosts = address::resolve(&document).await?;
        let certificate = certificates::find(&self.shared.config, self.live.get(name), &document).await?;
        let live = Live { gateway: name.to_owned(), document: Arc::new(document), hosts, certificate };
        // A document that cannot be taken apart is refused before anything is tried.
        Plan::of(&live)?;
        Ok(live)
    }

    /// What a gateway is to serve, in place of what it serves.
    fn plan_of(&self, next: &Live) -> Result<Plan, Failure> {
        let mut plan = Plan::of(next)?;
        if let Some(last) = self.live.get(&next.gateway) {
            plan.entries.instead_of(&Plan::of(last)?.entries);
        }
        Ok(plan)
    }

    /// Makes every worker serve other values of a gateway; on failure those of before.
    pub(super) async fn change_values(&mut self, next: Live) -> Result<(), Failure> {
        let name = next.gateway.clone();
        let plan = self.plan_of(&next)?;
        // Before the change: a crash in between is healed towards what was asked for.
        store::keep_values(&self.shared.folder, &next).await?;
        let changed =
            self.unsure.contains(&name) || self.live.get(&name).is_none_or(|last| last.certificate != next.certificate);
        let done = async {
            if changed {
                // First, because it is what may be refused.
                certificates::serve(&self.shared.master, &next).await?;
                certificates::keep(&self.shared.folder, iter::once(&next)).await?;
            }
            sync::everywhere(&self.shared.master, &plan).await
        };
        if let Err(failure) = done.await {
            self.take_back(&name, &plan).await;
            return Err(failure);
        }
        self.unsure.remove(&name);
        self.remember(&name, Some(next));
        self.uncounted = true;
        self.shared.change(|view| view.counters.runtime_changes += 1);
        Ok(())
    }

    async fn take_back(&mut self, name: &str, tried: &Plan) {
        let Some(last) = self.live.get(name) else { return };
        let back = async {
            store::keep_values(&self.shared.folder, last).await?;
            let mut plan = Plan::of(last)?;
            plan.entries.instead_of(&tried.entries);
            certificates::serve(&self.shared.master, last).await?;
            certificates::keep(&self.shared.folder, iter::once(last)).await?;
            sync::everywhere(&self.shared.master, &plan).await
        };
        if let Err(failure) = back.await {
            tracing::warn!(gateway = name, %failure, "what the gateway serves is not certain");
            self.unsure.insert(name.to_owned());
        }
    }

    /// Reloads once for all of these; those that cannot be served are left out, each with its reason.
    async fn restructure(&mut self, mut changes: BTreeMap<String, Option<Live>>, answers: &mut Answers) {
        self.refuse_ports(&mut changes, answers);
        let refuse_all = |changes: BTreeMap<String, Option<Live>>, failure: &Failure, answers: &mut Answers| {
            answers.extend(changes.into_keys().map(|name| (name, Err(failure.clone()))));
        };
        if changes.is_empty() {
            return;
        }
        if let Err(failure) = self.wait_for_room().await {
            return refuse_all(changes, &failure, answers);
        }
        // HAProxy does not name everybody at once; each round loses at least one, so there is an end.
        while !changes.is_empty() {
            match self.try_structures(&changes).await {
                Ok(down) => return self.reloaded(changes, &down, answers).await,
                Err(Refusal::Failed(failure)) => return refuse_all(changes, &failure, answers),
                Err(Refusal::Unknown(failure)) => {
                    self.adrift = true;
                    return refuse_all(changes, &failure, answers);
                }
                Err(Refusal::Configuration(complaints)) => {
                    for (name, failure) in self.find_refused(&changes, &complaints).await {
                        changes.remove(&name);
                        answers.insert(name, Err(failure));
                    }
                }
            }
        }
    }

    /// Refuses gateways whose port is not to be had, before HAProxy tries and disturbs the others.
    fn refuse_ports(&self, changes: &mut BTreeMap<String, Option<Live>>, answers: &mut Answers) {
        let bind = |live: &Live| Outline::read(&live.document.structure).bind;
        let ours: Vec<_> = self.live.values().filter_map(bind).collect();
        let staying = self.live.iter().filter(|(name, _)| !changes.contains_key(*name));
        let mut taken: BTreeMap<_, _> = staying.filter_map(|(name, live)| Some((bind(live)?, name.clone()))).collect();
        changes.retain(|name, live| {
            let Some(wanted) = live.as_ref().and_then(bind) else { return true };
            let answer = match taken.get(&wanted) {
                Some(other) => Err(Failure::invalid(format!("{wanted} is already the port of gateway `{other}`"))),
                None if ours.contains(&wanted) => Ok(()),
                None => address::free(wanted),
            };
            match answer {
                Ok(()) => drop(taken.insert(wanted, name.clone())),
                Err(failure) => {
                    answers.insert(name.clone(), Err(failure));
                    return false;
                }
            }
            true
        });
    }

    /// Waits until few enough workers are leaving.
    async fn wait_for_room(&self) -> Result<(), Failure> {
        let most = self.shared.config.max_leaving_workers.max(1);
        let deadline = Instant::now() + LEAVING_WAIT;
        loop {
            let leaving = self.shared.master.processes().await?.leaving.len();
            if leaving < most {
                self.shared.change(|view| view.waiting = None);
                return Ok(());
            }
            let reason = format!("{leaving} replaced workers still finish connections; a reload waits for one to end");
            self.shared.change(|view| view.waiting = Some(reason.clone()));
            if Instant::now() >= deadline {
                return Err(Failure::unavailable(reason));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn with(&self, changes: &BTreeMap<String, Option<Live>>) -> Gateways {
        let mut next = self.live.clone();
        for (name, change) in changes {
            match change {
                Some(live) => drop(next.insert(name.clone(), live.clone())),
                None => drop(next.remove(name)),
            }
        }
        next
    }

    async fn try_structures(
        &mut self,
        changes: &BTreeMap<String, Option<Live>>,
    ) -> Result<BTreeSet<SocketAddr>, Refusal> {
        let next = self.with(changes);
        self.shared.reloader().check(&next).await?;
        let tried = async {
            // Before the change: a crash in between is healed towards what was asked for.
            for (name, change) in changes {
                store::keep(&self.shared.folder, name, change.as_ref()).await?;
            }
            self.reload(&next).await
        };
        let tried = tried.await;
        if tried.is_err() {
            self.take_back_states(changes).await;
        }
        tried
    }

    /// Replaces the workers by one that serves `next`. Who waits for a HAProxy that has ended keeps it from being started
    /// again.
    pub(super) async fn reload(&self, next: &Gateways) -> Result<BTreeSet<SocketAddr>, Refusal> {
        let reloader = self.shared.reloader();
        tokio::select! {
            reloaded = reloader.reload(&self.live, next) => reloaded,
            () = ended(self.process.as_ref()) => {
                Err(Refusal::Unknown(Failure::unavailable("HAProxy ended while it was to reload")))
            }
        }
    }

    /// Keeps on disk again what was served before these changes.
    async fn take_back_states(&mut self, changes: &BTreeMap<String, Option<Live>>) {
        for name in changes.keys() {
            if let Err(failure) = store::keep(&self.shared.folder, name, self.live.get(name)).await {
                tracing::warn!(gateway = name, %failure, "the state on disk is not what is served");
                self.unsure.insert(name.clone());
            }
        }
    }

    /// Which of the changes HAProxy does not take, at least one: those that it names, else those that fail alone, else all.
    async fn find_refused(
        &self,
        changes: &BTreeMap<String, Option<Live>>,
        complaints: &[Complaint],
    ) -> Vec<(String, Failure)> {
        let named = |name: &&String| complaints.iter().any(|found| found.gateway.as_ref() == Some(name));
        let mut refused: Vec<(String, Failure)> = Vec::new();
        for name in changes.keys().filter(named) {
            refused.push((name.clone(), refusal(complaints, name)));
        }
        if !refused.is_empty() {
            return refused;
        }
        for (name, change) in changes {
            let alone = self.with(&BTreeMap::from([(name.clone(), change.clone())]));
            if let Err(Refusal::Configuration(complaints)) = self.shared.reloader().check(&alone).await {
                refused.push((name.clone(), refusal(&complaints, name)));
            }
        }
        if refused.is_empty() {
            refused.extend(changes.keys().map(|name| (name.clone(), refusal(complaints, name))));
        }
        refused
    }

    /// Keeps and counts what a reload brought, and tells the workers that leave.
    async fn reloaded(
        &mut self,
        changes: BTreeMap<String, Option<Live>>,
        down: &BTreeSet<SocketAddr>,
        answers: &mut Answers,
    ) {
        self.confirm_others(&changes, down).await;
        let reasons: Vec<String> = changes.iter().map(|(name, change)| self.why(name, change.as_ref())).collect();
        for (name, change) in changes {
            self.unsure.remove(&name);
            let plan = change.as_ref().map(|next| self.plan_of(next));
            self.remember(&name, change);
            let confirmed = match plan {
                None => Ok(()),
                Some(Ok(plan)) => sync::everywhere(&self.shared.master, &plan).await,
                Some(Err(failure)) => Err(failure),
            };
            if confirmed.is_err() {
                self.unsure.insert(name.clone());
            }
            answers.insert(name, confirmed.map(|()| Applied::Reloaded));
        }
        self.read_version().await;
        self.count(|counters| {
            let changed = reasons.len() as u64;
            counters.reloads += 1;
            counters.structural_changes += changed;
            counters.coalesced += if changed > 1 { changed } else { 0 };
            counters.reload_reasons.extend(reasons);
        })
        .await;
    }

    /// Confirms that gateways that did not change have left no server in maintenance for having been down.
    async fn confirm_others(&mut self, changes: &BTreeMap<String, Option<Live>>, down: &BTreeSet<SocketAddr>) {
        for (name, live) in self.live.iter().filter(|(name, _)| !changes.contains_key(*name)) {
            let Ok(plan) = Plan::of(live) else { continue };
            if plan.down_commands(down).is_empty() {
                continue;
            }
            if let Err(failure) = sync::everywhere(&self.shared.master, &plan).await {
                tracing::warn!(gateway = name, %failure, "what the gateway serves is not certain");
                self.unsure.insert(name.clone());
            }
        }
    }

    /// Why this change needs a reload, for people.
    fn why(&self, name: &str, change: Option<&Live>) -> String {
        let what = match (self.live.get(name), change) {
            (None, _) => "new",
            (_, None) => "removed",
            (Some(last), Some(next)) => different(&last.document, &next.document),
        };
        format!("gateway `{name}`: {what}")
    }
}

fn different(last: &Document, next: &Document) -> &'static str {
    let (last, next) = (Outline::read(&last.structure), Outline::read(&next.structure));
    if last.bind != next.bind {
        "another port"
    } else if last.servers() != next.servers() {
        "more instances than it had places for"
    } else if last.backends.len() != next.backends.len() {
        "more routes than it had places for"
    } else {
        "other conditions or settings"
    }
}

fn refusal(complaints: &[Complaint], name: &str) -> Failure {
    Failure::invalid(complaint::reason(complaints, name).unwrap_or_else(|| "HAProxy refuses it".to_owned()))
}
