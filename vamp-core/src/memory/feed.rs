//! [`ChangeFeed`]: who waits for changed keys, for stores that see every write themselves.

use super::lock;
use crate::driver::{Changes, Cursor, What};
use std::{
    collections::{BTreeSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::Mutex,
};
use tokio::sync::watch;

/// Remembered changes: a cursor older than these gets [`What::All`].
const REMEMBERED: usize = 4096;

/// The changes of one incarnation of a store, and those who wait for them.
///
/// A store calls [`record`](Self::record) after a write is visible to readers and before it acknowledges it, and takes
/// the [`cursor`](Self::cursor) of a read before it reads; so no change falls between.
#[derive(Debug)]
pub struct ChangeFeed {
    incarnation: u64,
    /// The number of the last change; a waiter sleeps on it.
    last: watch::Sender<u64>,
    remembered: Mutex<VecDeque<(u64, String)>>,
}

impl Default for ChangeFeed {
    fn default() -> Self {
        Self::new()
    }
}

impl ChangeFeed {
    /// Of a new incarnation: every cursor from before is answered with [`What::All`] (W3).
    #[must_use]
    pub fn new() -> Self {
        Self {
            incarnation: RandomState::new().hash_one("incarnation"),
            last: watch::Sender::new(0),
            remembered: Mutex::default(),
        }
    }

    /// A number that no other incarnation has.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Everything recorded so far is seen.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor_at(*self.last.borrow())
    }

    /// Tells whoever waits that these keys changed.
    pub fn record(&self, keys: impl IntoIterator<Item = String>) {
        let mut remembered = lock(&self.remembered);
        let mut last = *self.last.borrow();
        for key in keys {
            last += 1;
            remembered.push_back((last, key));
        }
        let surplus = remembered.len().saturating_sub(REMEMBERED);
        remembered.drain(..surplus);
        self.last.send_replace(last);
    }

    /// Returns when a key that `concerns` the caller changed after the cursor (W1, W2, W3).
    pub async fn changed(&self, concerns: impl Fn(&str) -> bool + Send, after: &Cursor) -> Changes {
        let mut last = self.last.subscribe();
        let mut seen = self.number(after);
        loop {
            let now = *last.borrow_and_update();
            let Some(what) = self.since(seen, now, &concerns) else {
                seen = Some(now);
                // An error means that the feed is gone, and it is borrowed here.
                let _woken = last.changed().await;
                continue;
            };
            return Changes { cursor: self.cursor_at(now), what };
        }
    }

    /// What concerns the caller among the changes `seen < change <= now`; `None` = nothing.
    fn since(&self, seen: Option<u64>, now: u64, concerns: &impl Fn(&str) -> bool) -> Option<What> {
        let Some(seen) = seen.filter(|seen| *seen <= now) else { return Some(What::All) };
        let remembered = lock(&self.remembered);
        let forgotten = remembered.front().is_some_and(|(first, _)| *first > seen + 1);
        if forgotten {
            return Some(What::All);
        }
        let keys: BTreeSet<&str> = remembered
            .iter()
            .filter(|(change, key)| (seen + 1..=now).contains(change) && concerns(key))
            .map(|(_, key)| key.as_str())
            .collect();
        (!keys.is_empty()).then(|| What::Keys(keys.into_iter().map(str::to_owned).collect()))
    }

    fn cursor_at(&self, change: u64) -> Cursor {
        Cursor([self.incarnation.to_be_bytes(), change.to_be_bytes()].concat().into())
    }

    fn number(&self, cursor: &Cursor) -> Option<u64> {
        let (incarnation, change) = cursor.0.split_first_chunk()?;
        let ours = u64::from_be_bytes(*incarnation) == self.incarnation;
        change.try_into().ok().map(u64::from_be_bytes).filter(|_| ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cursor_older_than_what_is_remembered_means_everything() {
        let feed = ChangeFeed::new();
        let old = feed.cursor();
        feed.record((0..=REMEMBERED).map(|n| format!("/{n}")));
        assert_eq!(feed.changed(|_| true, &old).await.what, What::All);
        assert!(lock(&feed.remembered).len() <= REMEMBERED);
    }

    #[tokio::test]
    async fn a_cursor_at_the_edge_of_what_is_remembered_gets_every_key() {
        let feed = ChangeFeed::new();
        let old = feed.cursor();
        feed.record((0..REMEMBERED).map(|n| format!("/{n}")));
        let What::Keys(keys) = feed.changed(|_| true, &old).await.what else { panic!("every key is remembered") };
        assert_eq!(keys.len(), REMEMBERED);
    }
}
