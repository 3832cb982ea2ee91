//! Names of artifacts as one segment of a key.

use std::fmt::Write;

/// One segment that every store takes, another one for another name: all but letters, digits, `-`, `_` and an inner `.`
/// become `%` and two hexadecimal digits per byte.
pub(super) fn escape(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => segment.push(char::from(byte)),
            b'.' if at > 0 => segment.push('.'),
            // Writing into a String cannot fail.
            _ => write!(segment, "%{byte:02X}").unwrap_or_default(),
        }
    }
    segment
}

/// The name behind a segment; `None` when [`escape`] never wrote it.
pub(super) fn unescape(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((plain, escaped)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(escaped.get(..2)?, 16).ok()?);
        rest = escaped.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok().filter(|name| escape(name) == segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::is_key;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_is_one_segment_of_a_key_and_comes_back(name in "\\PC{1,12}|[./%]{1,4}|\\x00{1,3}") {
            let segment = escape(&name);
            prop_assert!(!segment.contains('/') && is_key(&format!("/{segment}")), "{segment}");
            prop_assert_eq!(unescape(&segment), Some(name));
        }
    }

    #[test]
    fn a_segment_that_was_never_written_has_no_name() {
        for segment in ["a%", "a%2", "a%zz", "%2e", "%61", "a%+1", "a b", "%FF", ".a"] {
            assert_eq!(unescape(segment), None, "{segment}");
        }
    }
}
