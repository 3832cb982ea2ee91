//! Proportional scaling by largest remainder.

use super::Weight;

/// Scales weights so that they sum to exactly `total`, keeping proportions to within one millionth.
///
/// All zero stays all zero: there are no proportions to keep.
#[must_use]
pub fn rescale(weights: &[Weight], total: Weight) -> Vec<Weight> {
    let parts: Vec<u64> = weights.iter().map(|weight| u64::from(weight.ppm())).collect();
    apportion(&parts, total.ppm()).into_iter().filter_map(Weight::from_ppm).collect()
}

/// Hamilton's method: floors first, then one more part to the largest remainders, the earlier on a tie.
pub(super) fn apportion(parts: &[u64], total: u32) -> Vec<u32> {
    let sum: u64 = parts.iter().sum();
    if sum == 0 {
        return vec![0; parts.len()];
    }
    // A quotient never exceeds `total`, which is a u32.
    let quotient = |part: u64| (part * u64::from(total) / sum) as u32;
    let remainder = |part: u64| part * u64::from(total) % sum;
    let mut shares: Vec<u32> = parts.iter().map(|&part| quotient(part)).collect();
    let missing = total - shares.iter().sum::<u32>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(remainder(parts[index])));
    for &index in order.iter().take(missing as usize) {
        shares[index] += 1;
    }
    shares
}
