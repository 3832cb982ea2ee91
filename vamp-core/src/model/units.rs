//! Quantities as people write them: memory, cpu, time.

use std::time::Duration;

/// No time in an artifact is longer: what is longer is a mistake, and sums of times must not overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

const MEMORY: [(&str, u128); 16] = [
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("ki", 1 << 10),
    ("kib", 1 << 10),
    ("mi", 1 << 20),
    ("mib", 1 << 20),
    ("gi", 1 << 30),
    ("gib", 1 << 30),
    ("ti", 1 << 40),
    ("tib", 1 << 40),
];

/// Bytes: `64MB`, `1.5 GB`, `512Mi`, in any case; `K`, `M`, `G`, `T` are decimal, `Ki`, `Mi`, `Gi`, `Ti` binary.
pub(crate) fn parse_memory(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "write a number and a unit, such as `64MB`, `1.5GB` or `512Mi`";
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or(EXPECTED)?;
    let (number, unit) = text.split_at(split);
    let unit = unit.to_ascii_lowercase();
    let factor = MEMORY.iter().find(|(name, _)| *name == unit).ok_or(EXPECTED)?.1;
    let bytes = decimal(number.trim_end(), factor).ok_or(EXPECTED)?;
    u64::try_from(bytes).map_err(|_| "that is more memory than there is")
}

/// As [`parse_memory`]; a number without a unit are megabytes.
pub(crate) fn parse_megabytes(text: &str) -> Result<u64, &'static str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { parse_memory(&format!("{text}MB")) } else { parse_memory(text) }
}

/// The number that [`parse_megabytes`] reads back exactly.
pub(crate) fn format_megabytes(bytes: u64) -> String {
    fixed(bytes, 6, 0)
}

/// The form that [`parse_memory`] reads back exactly: megabytes with at least two decimals.
pub(crate) fn format_memory(bytes: u64) -> String {
    format!("{}MB", fixed(bytes, 6, 2))
}

/// Thousandths of a cpu: `0.1`, `2`, `500m`.
pub(crate) fn parse_cpu(text: &str) -> Result<u32, &'static str> {
    const EXPECTED: &str = "write a number of cpus, such as `0.5` or `500m`";
    let text = text.trim();
    let millis = match text.strip_suffix('m') {
        Some(millis) => decimal(millis, 1),
        None => decimal(text, 1_000),
    };
    u32::try_from(millis.ok_or(EXPECTED)?).map_err(|_| "those are more cpus than there are")
}

/// The form that [`parse_cpu`] reads back exactly: cpus.
pub(crate) fn format_cpu(millis: u32) -> String {
    fixed(u64::from(millis), 3, 0)
}

/// `5s`, `10 minutes` without the blank, `1h`, `500ms`.
pub(crate) fn parse_time(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "write a number and a unit, such as `5s`, `2m`, `1h` or `500ms`";
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(EXPECTED)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hrs" | "hour" | "hours" => 3_600_000,
        _ => return Err(EXPECTED),
    };
    let time = number.checked_mul(millis).map(Duration::from_millis).filter(|time| *time <= LONGEST);
    time.ok_or("that is longer than a year")
}

/// The form that [`parse_time`] reads back: seconds, or milliseconds where there are fractions.
pub(crate) fn format_time(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

/// A non-negative decimal number times `factor`, rounded to a whole number.
fn decimal(text: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let scaled = digits.parse::<u128>().ok()?.checked_mul(factor)?;
    Some((scaled + scale / 2) / scale)
}

/// `value` divided by 10 to the `places`, exactly, with at least `least` decimals.
fn fixed(value: u64, places: usize, least: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let fraction = format!("{:0<least$}", fraction.trim_end_matches('0'));
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_reads_decimal_and_binary_units() {
        for (text, bytes) in [
            ("64MB", 64_000_000),
            ("64 mb", 64_000_000),
            ("1.5GB", 1_500_000_000),
            ("64.M", 64_000_000),
            (".5K", 500),
            ("1Ki", 1_024),
            ("1Mi", 1_048_576),
            ("2GiB", 2_147_483_648),
            ("0MB", 0),
        ] {
            assert_eq!(parse_memory(text), Ok(bytes), "{text}");
        }
        for bad in ["", "64", "MB", "-1MB", "1e3MB", "1.2.3MB", "64 XB", "99999999999999999TB", ". MB"] {
            assert!(parse_memory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cpu_reads_cpus_and_thousandths() {
        for (text, millis) in [("1", 1_000), ("0.1", 100), ("500m", 500), (".25", 250), ("0.0005", 1), ("0", 0)] {
            assert_eq!(parse_cpu(text), Ok(millis), "{text}");
        }
        for bad in ["", "m", "-1", "one", "1 cpu", "99999999999", "inf", "NaN"] {
            assert!(parse_cpu(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_reads_every_unit() {
        for (text, millis) in
            [("5s", 5_000), ("0s", 0), ("1sec", 1_000), ("2m", 120_000), ("3hours", 10_800_000), ("500ms", 500)]
        {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "5 s", "5S", "-5s", "1.5s", "18446744073709551615h", "9000h"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for bytes in [0, 1, 64_000_000, 1_048_576, 1_234_567_890_123, u64::MAX / 2] {
            assert_eq!(parse_memory(&format_memory(bytes)), Ok(bytes));
        }
        for millis in [0, 1, 100, 1_000, 2_500] {
            assert_eq!(parse_cpu(&format_cpu(millis)), Ok(millis));
        }
        assert_eq!((format_memory(64_000_000), format_cpu(100)), ("64.00MB".to_owned(), "0.1".to_owned()));
        for millis in [0, 500, 1_000, 90_000] {
            let time = Duration::from_millis(millis);
            assert_eq!(parse_time(&format_time(time)), Ok(time));
        }
    }
}
