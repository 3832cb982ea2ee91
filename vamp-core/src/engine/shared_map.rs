//! [`SharedMap`]: a sorted map of which a clone is cheap.

use std::{collections::BTreeMap, ops::RangeFrom, sync::Arc};

/// A part is cut in two when it has more entries.
const PART: usize = 128;

/// A map by name, sorted. Clones share the parts that did not change since, so that keeping what was is cheap, and the
/// work of a change follows from the part that it is in, not from the number of entries.
#[derive(Clone, Debug)]
pub(crate) struct SharedMap<V> {
    /// Never empty ones, each with greater names than the one before.
    parts: Vec<Arc<BTreeMap<String, V>>>,
}

impl<V> Default for SharedMap<V> {
    fn default() -> Self {
        Self { parts: Vec::new() }
    }
}

impl<V> SharedMap<V> {
    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.parts.get(self.part_of(name)?)?.get(name)
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(name, _)| name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries from this name on.
    pub(crate) fn range(&self, from: RangeFrom<String>) -> impl Iterator<Item = (&String, &V)> {
        let first = self.part_of(&from.start).unwrap_or_default();
        let mut rest = self.parts.iter().skip(first);
        let here = rest.next().into_iter().flat_map(move |part| part.range(from.clone()));
        here.chain(rest.flat_map(|part| part.iter()))
    }

    /// The entries that may differ from those of the other map: what both share is left out.
    pub(crate) fn not_shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a String, &'a V)> {
        let shared: std::collections::BTreeSet<_> = other.parts.iter().map(Arc::as_ptr).collect();
        let own = self.parts.iter().filter(move |part| !shared.contains(&Arc::as_ptr(part)));
        own.flat_map(|part| part.iter())
    }

    /// The part in which this name is, if it is anywhere; `None` = before the first, or there is no part.
    fn part_of(&self, name: &str) -> Option<usize> {
        let begins_before =
            |part: &Arc<BTreeMap<String, V>>| part.first_key_value().is_some_and(|(first, _)| first.as_str() <= name);
        self.parts.partition_point(begins_before).checked_sub(1)
    }
}

impl<V: Clone> SharedMap<V> {
    pub(crate) fn insert(&mut self, name: impl Into<String>, value: V) -> Option<V> {
        let name = name.into();
        let index = self.part_of(&name).unwrap_or_default();
        let Some(part) = self.parts.get_mut(index) else {
            self.parts.push(Arc::new(BTreeMap::from([(name, value)])));
            return None;
        };
        let part = Arc::make_mut(part);
        let before = part.insert(name, value);
        if part.len() > PART {
            let middle = part.keys().nth(PART / 2).cloned().unwrap_or_default();
            let rest = part.split_off(&middle);
            self.parts.insert(index + 1, Arc::new(rest));
        }
        before
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<V> {
        let index = self.part_of(name)?;
        let part = self.parts.get_mut(index).filter(|part| part.contains_key(name))?;
        let part = Arc::make_mut(part);
        let removed = part.remove(name);
        if part.is_empty() {
            self.parts.remove(index);
        }
        removed
    }

    /// Changes the value of a name, or the default one, and drops it if the change says so.
    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut V) -> bool)
    where
        V: Default,
    {
        let mut value = self.get(name).cloned().unwrap_or_default();
        if change(&mut value) {
            self.insert(name, value);
        } else {
            self.remove(name);
        }
    }
}

impl<V: Clone> FromIterator<(String, V)> for SharedMap<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (name, value) in entries {
            map.insert(name, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names in an order that a seed decides.
    fn names(seed: u64, count: usize) -> Vec<String> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("d{}/{}", (state >> 33) % 50, (state >> 40) % 400)
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn it_holds_what_a_sorted_map_holds() {
        let (mut map, mut expected) = (SharedMap::default(), BTreeMap::new());
        for (number, name) in names(7, 5_000).into_iter().enumerate() {
            if number % 3 == 0 {
                assert_eq!(map.remove(&name), expected.remove(&name), "{name}");
            } else {
                assert_eq!(map.insert(name.clone(), number), expected.insert(name, number));
            }
        }
        assert_eq!(map.len(), expected.len());
        assert!(map.iter().eq(expected.iter()));
        for name in names(8, 500) {
            assert_eq!(map.get(&name), expected.get(&name));
            assert!(map.range(name.clone()..).eq(expected.range(name..)));
        }
        assert!(map.range(String::new()..).eq(expected.iter()));
        for name in expected.keys() {
            map.remove(name);
        }
        assert_eq!((map.len(), map.parts.len()), (0, 0));
    }

    #[test]
    fn a_clone_keeps_what_was_and_shares_the_rest() {
        let before: SharedMap<usize> = (0..10_000).map(|number| (format!("{number:05}"), number)).collect();
        let mut after = before.clone();
        after.insert("05000", 1);
        assert_eq!((before.get("05000"), after.get("05000")), (Some(&5_000), Some(&1)));
        assert!(after.not_shared_with(&before).count() <= PART);
        assert_eq!(before.not_shared_with(&before.clone()).count(), 0);
    }
}
