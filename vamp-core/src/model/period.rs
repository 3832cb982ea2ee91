//! [`Period`]: an ISO 8601 period such as `P1DT12H`.

use super::text::{ParseTextError, serde_as_text};
use std::{fmt, str::FromStr};

/// The time between two runs, in the calendar's own units: a month is not a number of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Period {
    /// Years.
    pub years: u32,
    /// Months.
    pub months: u32,
    /// Days; a week is seven.
    pub days: u32,
    /// Hours.
    pub hours: u32,
    /// Minutes.
    pub minutes: u32,
    /// Seconds.
    pub seconds: u32,
}

impl Period {
    /// Whether no time passes.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The fields of the date with their letters, then those of the time.
    const fn fields(&mut self) -> [[(char, &mut u32); 3]; 2] {
        [
            [('Y', &mut self.years), ('M', &mut self.months), ('D', &mut self.days)],
            [('H', &mut self.hours), ('M', &mut self.minutes), ('S', &mut self.seconds)],
        ]
    }
}

impl FromStr for Period {
    type Err = ParseTextError;

    /// `P1Y2M3DT4H5M6S`, any part of it, or `P2W`; an empty text is one second, as the original has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("period", text, reason);
        let mut period = Self::default();
        if text.is_empty() {
            return Ok(Self { seconds: 1, ..period });
        }
        let upper = text.to_ascii_uppercase();
        let rest = upper.strip_prefix('P').ok_or_else(|| refuse("it begins with `P`, as in `P1D` or `PT5M`"))?;
        let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
        let [mut of_date, mut of_time] = period.fields();
        if let Some(weeks) = date.strip_suffix('W').filter(|_| time.is_none()) {
            period.days = number(weeks).and_then(|weeks| weeks.checked_mul(7)).ok_or_else(|| refuse(EXPECTED))?;
        } else {
            read(date, &mut of_date).map_err(refuse)?;
            time.map_or(Ok(()), |time| read(time, &mut of_time)).map_err(refuse)?;
        }
        if period.is_zero() || time == Some("") {
            return Err(refuse("no time passes in it"));
        }
        Ok(period)
    }
}

const EXPECTED: &str = "write numbers and letters in order, such as `P1Y2M3DT4H5M6S`, `P2W` or `PT5M`";

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn read(text: &str, fields: &mut [(char, &mut u32)]) -> Result<(), &'static str> {
    let mut rest = text;
    for (letter, field) in fields {
        if let Some((digits, after)) = rest.split_once(*letter) {
            **field = number(digits).ok_or(EXPECTED)?;
            rest = after;
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(EXPECTED) }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = *self;
        let [date, time] = copy.fields();
        let write = |f: &mut fmt::Formatter<'_>, fields: &[(char, &mut u32)]| {
            let mut said = fields.iter().filter(|(_, field)| **field > 0);
            said.try_for_each(|(letter, field)| write!(f, "{field}{letter}"))
        };
        f.write_str("P")?;
        write(f, &date)?;
        if time.iter().any(|(_, field)| **field > 0) || self.is_zero() {
            f.write_str("T")?;
            write(f, &time)?;
        }
        if self.is_zero() { f.write_str("0S") } else { Ok(()) }
    }
}

serde_as_text!(Period);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_reads_and_is_written_in_the_order_of_its_units() {
        for (text, shown) in [
            ("", "PT1S"),
            ("P1Y2M3DT4H5M6S", "P1Y2M3DT4H5M6S"),
            ("PT5M", "PT5M"),
            ("pt90s", "PT90S"),
            ("P2W", "P14D"),
            ("P1M", "P1M"),
            ("P0DT1S", "PT1S"),
        ] {
            assert_eq!(text.parse::<Period>().expect(text).to_string(), shown, "{text}");
        }
        for bad in
            ["P", "PT", "5M", "P5", "PT5", "P1D2Y", "P-1D", "P1.5D", "PT0S", "P1DT", "P99999999999D", "PT1W", "P1S"]
        {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }
}
