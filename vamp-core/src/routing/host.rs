//! Virtual hosts: the names under which gateways share one port.
//!
//! A name means itself; `*.example.com` means every name below it, of up to [`WILDCARD_LABELS`] more labels. The whole
//! name wins over every wildcard, and the longest wildcard over the others.

/// How many labels the `*` of a wildcard stands for, at most: one lookup each.
pub const WILDCARD_LABELS: usize = 8;
/// The longest name, in bytes: what DNS allows.
pub(super) const LONGEST_HOST: usize = 253;

/// Whether this can be a virtual host: letters, digits, `-`, `_` and `.`, after `*.` for a wildcard.
///
/// ```
/// # use vamp_core::routing::is_virtual_host;
/// assert!(is_virtual_host("shop.example") && is_virtual_host("*.example"));
/// assert!(!is_virtual_host("shop.*") && !is_virtual_host("*") && !is_virtual_host("shop.example:80"));
/// ```
#[must_use]
pub fn is_virtual_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= LONGEST_HOST && name.bytes().all(allowed)
}

/// What stands behind the first label, for each label that a wildcard can stand for.
pub(super) fn parents(host: &[u8]) -> impl Iterator<Item = &[u8]> {
    let dots = host.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    dots.take(WILDCARD_LABELS).filter_map(|(dot, _)| host.get(dot + 1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_need_quotes_anywhere_is_no_host() {
        for text in ["", "*", "*.", "a b", "a\nb", "a;b", "#a", "a*.b", "**.a", "é.example", "[::1]", "a/b"] {
            assert!(!is_virtual_host(text), "{text}");
        }
        assert!(is_virtual_host("A_b-9.example.") && !is_virtual_host(&"a".repeat(254)));
    }

    #[test]
    fn the_parents_of_a_host_come_longest_first_and_end() {
        assert_eq!(parents(b"a.b.c").collect::<Vec<_>>(), [b"b.c".as_slice(), b"c"]);
        assert_eq!(parents(b"localhost").count(), 0);
        assert_eq!(parents("a.".repeat(20).as_bytes()).count(), WILDCARD_LABELS);
    }
}
