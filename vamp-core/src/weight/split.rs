//! What undeclared weights become.

use super::{Weight, rescale::apportion};

/// Why declared weights cannot be completed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the declared weights sum to {}, but must sum to 0% or 100%", percent(*.sum))]
pub struct WeightError {
    /// What they sum to, in parts per million.
    pub sum: u64,
}

fn percent(ppm: u64) -> String {
    match u32::try_from(ppm).ok().and_then(Weight::from_ppm) {
        Some(weight) => weight.to_string(),
        None => format!("{}.{:04}%", ppm / 10_000, ppm % 10_000).replace(".0000", ""),
    }
}

/// Completes weights: routes without one share evenly what the declared ones leave of 100 %.
///
/// # Errors
///
/// When the declared weights sum to neither 0 nor 100 %.
pub fn split(declared: &[Option<Weight>]) -> Result<Vec<Weight>, WeightError> {
    let sum = Weight::sum(declared.iter().flatten());
    if sum != 0 && sum != u64::from(Weight::FULL.ppm()) {
        return Err(WeightError { sum });
    }
    let left = if sum == 0 { Weight::FULL } else { Weight::ZERO };
    let open = declared.iter().filter(|weight| weight.is_none()).count();
    let mut shares = apportion(&vec![1; open], left.ppm()).into_iter().filter_map(Weight::from_ppm);
    Ok(declared.iter().map(|weight| weight.or_else(|| shares.next()).unwrap_or_default()).collect())
}
