//! [`batches`]: many writes in as few transactions as a store takes.

use crate::driver::{Limits, Write};

/// Cuts writes, each with what belongs to it, into transactions; their order stays.
///
/// A store takes one value of [`Limits::value_bytes`] in a transaction, so it takes as many bytes of keys and values
/// together; only a write that is larger than that alone makes a larger one, for the store to refuse.
#[must_use]
pub fn batches<T>(writes: Vec<(T, Write)>, limits: &Limits) -> Vec<Vec<(T, Write)>> {
    let mut batches: Vec<Vec<(T, Write)>> = Vec::new();
    let mut bytes = 0;
    for (what, write) in writes {
        let size = size(&write);
        match batches.last_mut() {
            Some(last) if last.len() < limits.operations && bytes + size <= limits.value_bytes => {
                bytes += size;
                last.push((what, write));
            }
            _ => {
                bytes = size;
                batches.push(vec![(what, write)]);
            }
        }
    }
    batches
}

fn size(write: &Write) -> usize {
    let value = match write {
        Write::Put { value, .. } => value.len(),
        Write::Delete { .. } => 0,
    };
    write.key().len() + value
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn put(bytes: usize) -> Write {
        Write::Put { key: "/k".to_owned(), value: vec![0; bytes], lease: None }
    }

    /// The numbers of the writes in each batch.
    fn cut(writes: impl IntoIterator<Item = Write>) -> Vec<Vec<usize>> {
        let limits = Limits::new(100, 3, Duration::ZERO);
        let batches = batches(writes.into_iter().enumerate().collect(), &limits);
        batches.into_iter().map(|batch| batch.into_iter().map(|(number, _)| number).collect()).collect()
    }

    #[test]
    fn a_batch_has_no_more_operations_and_no_more_bytes_than_the_store_takes() {
        assert_eq!(cut([]), Vec::<Vec<usize>>::new());
        assert_eq!(cut([1, 1, 1, 1].map(put)), [vec![0, 1, 2], vec![3]]);
        assert_eq!(cut([50, 46, 1].map(put)), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn a_write_that_is_too_large_stands_alone() {
        assert_eq!(cut([1, 200, 1].map(put)), [vec![0], vec![1], vec![2]]);
    }
}
