//! [`Prefixes`]: which of many texts a value begins with.

/// Texts in order, each with the longest other one that it begins with: a trie without nodes.
///
/// Everything between a prefix of a value and that value, in order, begins with that prefix. So the texts that a value
/// begins with are found from the last one that is not greater, by going from text to prefix.
#[derive(Debug, Default)]
pub(super) struct Prefixes<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    text: Box<str>,
    item: T,
    /// The place of the longest other text that this one begins with.
    shorter: Option<usize>,
}

impl<T> Prefixes<T> {
    /// The texts, sorted and different, each with what it stands for.
    pub(super) fn new(sorted: impl IntoIterator<Item = (Box<str>, T)>) -> Self {
        let mut entries: Vec<Entry<T>> = Vec::new();
        for (text, item) in sorted {
            let mut shorter = entries.len().checked_sub(1);
            while let Some(entry) = shorter.and_then(|at| entries.get(at))
                && !text.starts_with(&*entry.text)
            {
                shorter = entry.shorter;
            }
            entries.push(Entry { text, item, shorter });
        }
        Self { entries }
    }

    /// What stands for each text that `value` begins with, the longest first.
    pub(super) fn of<'a>(&'a self, value: &'a [u8]) -> impl Iterator<Item = &'a T> {
        let not_greater = self.entries.partition_point(|entry| entry.text.as_bytes() <= value);
        let mut at = not_greater.checked_sub(1);
        std::iter::from_fn(move || {
            loop {
                let entry = self.entries.get(at?)?;
                at = entry.shorter;
                if value.starts_with(entry.text.as_bytes()) {
                    return Some(&entry.item);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Prefixes;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn found(texts: &BTreeSet<String>, value: &str) -> Vec<String> {
        let prefixes = Prefixes::new(texts.iter().map(|text| (text.as_str().into(), text.clone())));
        prefixes.of(value.as_bytes()).cloned().collect()
    }

    #[test]
    fn the_longest_comes_first_and_what_lies_between_is_no_obstacle() {
        let texts = ["/a", "/a/b", "/a/b/a", "/a/b/c", "/a/c", "/b"].map(str::to_owned).into();
        assert_eq!(found(&texts, "/a/b/bz"), ["/a/b", "/a"]);
        assert_eq!(found(&texts, "/a/b/c"), ["/a/b/c", "/a/b", "/a"]);
        assert!(found(&texts, "/").is_empty());
    }

    proptest! {
        #[test]
        fn exactly_the_prefixes_are_found(texts: BTreeSet<String>, value: String) {
            let mut wanted: Vec<String> = texts.iter().filter(|text| value.starts_with(*text)).cloned().collect();
            wanted.reverse();
            prop_assert_eq!(found(&texts, &value), wanted);
        }

        #[test]
        fn exactly_the_prefixes_are_found_among_many(texts in prop::collection::btree_set("[ab]{1,4}", 0..20), value in "[ab]{0,6}") {
            let mut wanted: Vec<String> = texts.iter().filter(|text| value.starts_with(*text)).cloned().collect();
            wanted.reverse();
            prop_assert_eq!(found(&texts, &value), wanted);
        }
    }
}
