//! Shares of traffic, exact to one millionth.
//!
//! A [`Weight`] is parts per million. The laws:
//!
//! - [`split()`] gives routes without a weight what is left of 100 %, and the result sums to exactly 0 or 100 %;
//! - [`rescale()`] keeps proportions and sums to exactly the total asked for;
//! - [`shift()`] moves traffic between two routes and leaves the sum and every other route alone.
//!
//! Where parts do not divide evenly, the largest remainder gets the extra part, the earlier route on a tie (Hamilton's
//! method).
//!
//! ```
//! use vamp_core::weight::{Weight, split};
//!
//! let thirds: Vec<String> = split(&[None, None, None])?.iter().map(Weight::to_string).collect();
//! assert_eq!(thirds, ["33.3334%", "33.3333%", "33.3333%"]);
//! # Ok::<(), vamp_core::weight::WeightError>(())
//! ```

mod ppm;
mod rescale;
mod shift;
mod split;

pub use ppm::{ParseWeightError, Weight};
pub use rescale::rescale;
pub use shift::shift;
pub use split::{WeightError, split};

#[cfg(test)]
mod laws;
