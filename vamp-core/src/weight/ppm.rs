//! [`Weight`]: parts per million, written as percent.

use serde::{Deserialize, Serialize, de};
use std::{fmt, str::FromStr};

/// A share between 0 and 100 %, in parts per million. Written `50%`, `0.1%`, `33.3333%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u32);

impl Weight {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything: 100 %.
    pub const FULL: Self = Self(1_000_000);

    /// So many parts per million; `None` above 100 %.
    #[must_use]
    pub const fn from_ppm(parts: u32) -> Option<Self> {
        if parts <= Self::FULL.0 { Some(Self(parts)) } else { None }
    }

    /// So many whole percent; `None` above 100.
    #[must_use]
    pub const fn from_percent(percent: u32) -> Option<Self> {
        if percent <= 100 { Some(Self(percent * 10_000)) } else { None }
    }

    /// Parts per million.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// What is missing to 100 %.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(Self::FULL.0 - self.0)
    }

    /// The sum, which may be more than 100 %, in parts per million.
    #[must_use]
    pub fn sum<'a>(weights: impl IntoIterator<Item = &'a Self>) -> u64 {
        weights.into_iter().map(|weight| u64::from(weight.0)).sum()
    }
}

/// Why a text is not a weight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a weight: {reason}; write a percentage between 0% and 100%, such as `50%` or `0.1%`")]
pub struct ParseWeightError {
    text: String,
    reason: &'static str,
}

impl FromStr for Weight {
    type Err = ParseWeightError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).map_err(|reason| ParseWeightError { text: text.to_owned(), reason })
    }
}

fn parse(text: &str) -> Result<Weight, &'static str> {
    let number = text.strip_suffix('%').ok_or("the % sign is missing")?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (number.contains('.') && fraction.is_empty()) {
        return Err("not a number");
    }
    if fraction.len() > 4 {
        return Err("more than four decimals (one millionth is the smallest share)");
    }
    let whole: u32 = whole.parse().map_err(|_| "above 100%")?;
    // At most four digits, so neither the parse nor the padding can fail or overflow.
    let parts = format!("{fraction:0<4}").parse::<u32>().map_err(|_| "not a number")?;
    whole.checked_mul(10_000).and_then(|ppm| ppm.checked_add(parts)).and_then(Weight::from_ppm).ok_or("above 100%")
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, parts) = (self.0 / 10_000, self.0 % 10_000);
        if parts == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{parts:04}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

impl Serialize for Weight {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
