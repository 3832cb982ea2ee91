//! Light load that remembers every failure.

use crate::{haproxy_support::Client, server_support::eventually};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Seen {
    answered: u64,
    failures: Vec<(Instant, String)>,
}

impl Seen {
    fn note(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.answered += 1,
            Err(failure) => self.failures.push((Instant::now(), failure)),
        }
    }
}

/// Clients that ask until this is dropped: some keep their connection, others open one for each request.
#[derive(Debug)]
pub struct Load {
    seen: Arc<Mutex<Seen>>,
    stopping: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    pub fn start(port: u16, keeping: usize, fresh: usize) -> Self {
        let (seen, stopping) = (Arc::<Mutex<Seen>>::default(), Arc::new(AtomicBool::new(false)));
        let mut clients = JoinSet::new();
        let all = (0..keeping).map(|_| Client::new(port)).chain((0..fresh).map(|_| Client::fresh(port)));
        for client in all {
            clients.spawn(act(client, Arc::clone(&seen), Arc::clone(&stopping)));
        }
        Self { seen, stopping, clients }
    }

    pub fn answered(&self) -> u64 {
        lock(&self.seen).answered
    }

    /// Waits for so many more answers.
    pub async fn answers(&self, more: u64) {
        let enough = self.answered() + more;
        eventually("more answers", async || self.answered() >= enough).await;
    }

    /// How long nobody was answered after this moment, as far as failures tell.
    pub fn outage_since(&self, moment: Instant) -> Option<Duration> {
        let seen = lock(&self.seen);
        let last = seen.failures.iter().map(|(at, _)| *at).filter(|at| *at > moment).max()?;
        Some(last - moment)
    }

    /// Lets every client finish its request; the failures in words.
    pub async fn stop(mut self) -> Vec<String> {
        self.stopping.store(true, Ordering::Relaxed);
        while self.clients.join_next().await.is_some() {}
        lock(&self.seen).failures.iter().map(|(_, failure)| failure.clone()).collect()
    }
}

async fn act(mut client: Client, seen: Arc<Mutex<Seen>>, stopping: Arc<AtomicBool>) {
    while !stopping.load(Ordering::Relaxed) {
        let outcome = match client.get().await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status)),
            Err(error) => Err(error.to_string()),
        };
        lock(&seen).note(outcome);
        tokio::time::sleep(PAUSE).await;
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many of `total` requests each version answered.
pub async fn versions(port: u16, total: u64) -> BTreeMap<String, u64> {
    let mut client = Client::new(port);
    let mut counts = BTreeMap::new();
    for _ in 0..total {
        let version = match client.get().await {
            Ok(answer) => answer.header("x-version").map_or_else(|| answer.status.to_string(), str::to_owned),
            Err(error) => error.to_string(),
        };
        *counts.entry(version).or_insert(0) += 1;
    }
    counts
}
