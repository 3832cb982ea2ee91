//! Names of gateways as HAProxy and the file system take them.

use std::fmt::Write;
use vamp_core::digest;

/// Longer names are cut and end with a digest: a file name has at most 255 bytes.
const LONGEST: usize = 120;

/// The name of a gateway's frontend, the stem of its backends and of its files. Different gateways have different ones.
///
/// Letters, digits and `-` stay; every other byte becomes `_` and two hexadecimal digits. So `.` is free to separate
/// the stem from what follows it, and `_h` can only come from the cut.
pub(super) fn section(gateway: &str) -> String {
    let mut escaped = String::with_capacity(gateway.len());
    for byte in gateway.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "_{byte:02x}");
        }
    }
    if escaped.len() > LONGEST || escaped.starts_with('-') {
        escaped.truncate(LONGEST - 18);
        return format!("{}_h{}", escaped.trim_start_matches('-'), digest::of(gateway.as_bytes()));
    }
    escaped
}

/// The gateway of a [`section`]; `None` when its name was cut.
pub(super) fn gateway(section: &str) -> Option<String> {
    let mut parts = section.split('_');
    let mut name = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        name.push(u8::from_str_radix(digits, 16).ok()?);
        name.extend(rest.bytes());
    }
    String::from_utf8(name).ok()
}

/// A value for an argument of HAProxy's log-format language, in single quotes; `None` when it cannot be said safely.
pub(super) fn path(path: &str) -> Option<String> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!&()*+,;=:@?%".contains(&byte);
    (path.starts_with('/') && path.bytes().all(safe)).then(|| format!("'{}'", path.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_gateways_have_different_sections() {
        let long = "a".repeat(200);
        let names = ["sava/9050", "sava_2f9050", "sava.9050", "sava:9050", "sava-9050", "Sava/9050", "-c", "c", &long];
        let sections: std::collections::BTreeSet<String> = names.iter().map(|name| section(name)).collect();
        assert_eq!(sections.len(), names.len());
        assert!(sections.iter().all(|name| name.len() <= LONGEST && !name.starts_with('-')));
        assert_eq!(section("sava/9050"), "sava_2f9050");
    }

    #[test]
    fn nothing_of_a_name_reaches_the_configuration_unescaped() {
        let escaped = section("a b\n\"'#\\$%{}é");
        assert!(escaped.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{escaped}");
    }

    #[test]
    fn a_path_is_literal_or_refused() {
        assert_eq!(path("/a%20b?c=d").as_deref(), Some("'/a%%20b?c=d'"));
        for bad in ["/it's", "/a b", "/%[env(HOME)]", "/a\nuse_backend x", "/a\\", "/$HOME", "/a\"", "no-slash"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
