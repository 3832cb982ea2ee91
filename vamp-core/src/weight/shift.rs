//! Moving traffic from one route to another.

use super::Weight;

/// Moves up to `amount` from the route at index `from` to the route at index `to`; answers what was moved, which is
/// less when `from` has less. Indexes outside, or twice the same, move nothing.
pub fn shift(weights: &mut [Weight], from: usize, to: usize, amount: Weight) -> Weight {
    let (Some(&source), Some(&sink)) = (weights.get(from), weights.get(to)) else { return Weight::ZERO };
    let moved = source.min(amount).min(sink.complement());
    if from == to {
        return Weight::ZERO;
    }
    // Both stay between 0 and 100 %, by the two minima above.
    weights[from] = Weight::from_ppm(source.ppm() - moved.ppm()).unwrap_or_default();
    weights[to] = Weight::from_ppm(sink.ppm() + moved.ppm()).unwrap_or_default();
    moved
}
