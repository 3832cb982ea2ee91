//! [`Tls`]: what a gateway shows to clients that want to be sure whom they talk to.

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// A gateway is reached over TLS only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The name of a file with the certificate, those that vouch for it, and its key, in PEM: relative to a folder that
    /// the proxy knows, so that nobody who may store a gateway gets hold of another file. Its content never travels.
    pub certificate: String,
}

/// Whether this can name a certificate: letters, digits, `-`, `_` and `.`, with `/` between folders; nothing begins with
/// a dot.
///
/// ```
/// # use vamp_core::routing::is_certificate;
/// assert!(is_certificate("shop.pem") && is_certificate("shop.example/all.pem"));
/// assert!(!is_certificate("/etc/shadow") && !is_certificate("../shop.pem") && !is_certificate("a//b"));
/// ```
#[must_use]
pub fn is_certificate(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed);
    name.len() <= LONGEST && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder_and_needs_no_quotes() {
        for name in
            ["", ".", "..", "a/..", "a/../b", "/a", "a/", ".hidden", "a/.b", "a b", "a\nb", "a;b", "a\\b", "~", "é"]
        {
            assert!(!is_certificate(name), "{name}");
        }
        assert!(is_certificate("A_b-9.x..pem") && !is_certificate(&"a".repeat(256)));
    }
}
