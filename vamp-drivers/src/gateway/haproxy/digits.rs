//! Weights as decimal prefixes, so that one map lookup finds the route of a draw.
//!
//! A request draws a number below one million, written as `1` and six digits. Each route owns an interval of the
//! draws, and the interval is covered by the fewest decimal prefixes: at most 54 for each end of an interval.

/// The prefixes of every interval, in order: `(digits after the leading 1, index of the share)`.
pub(super) fn prefixes(shares: &[u32]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    for (index, &share) in shares.iter().enumerate() {
        if share > 0 {
            cover(from, from + i64::from(share), "", 1_000_000, &mut |prefix| found.push((prefix.to_owned(), index)));
        }
        from += i64::from(share);
    }
    found
}

/// Names the largest blocks of `size` draws below `prefix` that lie within `from..to`.
fn cover(from: i64, to: i64, prefix: &str, size: i64, found: &mut dyn FnMut(&str)) {
    if from <= 0 && to >= size {
        return found(prefix);
    }
    let step = size / 10;
    for digit in 0..10 {
        let (low, high) = ((from - digit * step).max(0), (to - digit * step).min(step));
        if low < high {
            cover(low, high, &format!("{prefix}{digit}"), step, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(shares: &[u32]) -> Vec<u32> {
        let mut counts = vec![0; shares.len()];
        for (prefix, index) in prefixes(shares) {
            counts[index] += 10_u32.pow(6 - prefix.len() as u32);
        }
        counts
    }

    #[test]
    fn every_share_is_exact_to_one_millionth() {
        for shares in [[100_000, 300_000, 600_000], [1, 999_998, 1], [333_334, 333_333, 333_333], [0, 0, 1_000_000]] {
            assert_eq!(counts(&shares), shares);
        }
    }

    #[test]
    fn no_prefix_is_the_start_of_another() {
        let found = prefixes(&[123_456, 345_678, 530_866]);
        for (at, (one, _)) in found.iter().enumerate() {
            assert!(!found.iter().enumerate().any(|(other, (two, _))| at != other && two.starts_with(one.as_str())));
        }
    }

    #[test]
    fn everything_is_one_prefix_and_nothing_is_none() {
        assert_eq!(prefixes(&[1_000_000]), [(String::new(), 0)]);
        assert!(prefixes(&[0, 0]).is_empty());
        assert!(prefixes(&[123_456, 876_544]).len() <= 2 * 54);
    }
}
