//! Short content digests: to notice change, not to keep secrets.

use serde::Serialize;

/// The first 16 hexadecimal digits of the SHA-1 of `bytes`.
#[must_use]
pub fn of(bytes: &[u8]) -> String {
    let [a, b, c, d, e, f, g, h, ..] = sha1_smol::Sha1::from(bytes).digest().bytes();
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// The digest of a value's JSON. Equal values have equal digests as long as their maps are sorted.
#[must_use]
pub(crate) fn of_json<T: Serialize>(value: &T) -> String {
    // Our own types with string keys always serialise; an empty text would only make a digest that never matches.
    of(&serde_json::to_vec(value).unwrap_or_default())
}
