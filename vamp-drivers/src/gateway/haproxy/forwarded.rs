//! The networks of trusted proxies, as the configuration has them.

use vamp_core::routing::TrustedProxies;

/// So many networks stand in one line; HAProxy takes 64 words.
const ON_A_LINE: usize = 50;

/// The networks in groups that fit on a line.
pub(super) fn groups(trusted: &TrustedProxies) -> Vec<String> {
    let group = |networks: &[_]| networks.iter().map(ToString::to_string).collect::<Vec<String>>().join(" ");
    trusted.networks().chunks(ON_A_LINE).map(group).collect()
}
