//! [`HostDomain`]: the names that gateways get by themselves.

use super::is_virtual_host;
use crate::{
    digest,
    model::{GatewayName, ParseTextError},
};
use std::{borrow::Cow, fmt, str::FromStr};

/// The longest domain, in bytes: with the longest labels before it a name is still one that DNS allows.
const LONGEST_DOMAIN: usize = 60;
/// The longest label that is made of a part of a gateway's name, in bytes.
const LONGEST_LABEL: usize = 40;
/// So much of a part stays when its digest has to tell it from others.
const KEPT: usize = LONGEST_LABEL - 9;

/// A domain below which every gateway has a host name: the parts of its own name, in reverse order.
///
/// Two gateways never have the same name: a part that is no label as it stands (it has capitals, dots or signs, or is
/// too long) becomes one with a digest of the part at its end.
///
/// ```
/// # use vamp_core::routing::HostDomain;
/// let domain: HostDomain = "vamp".parse()?;
/// assert_eq!(domain.host(&"sava/web/http".parse()?), "http.web.sava.vamp");
/// assert_eq!(domain.host(&"shop".parse()?), "shop.vamp");
/// assert_ne!(domain.host(&"a.b".parse()?), domain.host(&"a-b".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostDomain(String);

impl HostDomain {
    /// The name of a gateway, in lower case.
    #[must_use]
    pub fn host(&self, gateway: &GatewayName) -> String {
        let mut labels: Vec<Cow<'_, str>> = gateway.segments().map(label).collect();
        labels.reverse();
        [labels.join(".").as_str(), ".", &self.0].concat()
    }
}

impl FromStr for HostDomain {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("domain of host names", text, reason);
        let is_domain = is_virtual_host(text) && text.split('.').all(|label| !label.is_empty() && label != "*");
        if !is_domain {
            return Err(refuse("write a domain, such as `vamp` or `gateways.example.com`"));
        }
        if text.len() > LONGEST_DOMAIN {
            return Err(refuse("it has more than 60 characters"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for HostDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn label(part: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let at_an_end = part.starts_with('-') || part.ends_with('-');
    if part.len() <= LONGEST_LABEL && !at_an_end && !part.is_empty() && part.bytes().all(plain) {
        return Cow::Borrowed(part);
    }
    let kept = part.to_ascii_lowercase().replace(|char: char| !char.is_ascii_alphanumeric(), "-");
    let kept = kept.get(..KEPT).unwrap_or(&kept).trim_matches('-');
    let digest = digest::of(part.as_bytes());
    let digest = digest.get(..8).unwrap_or(&digest);
    Cow::Owned(if kept.is_empty() { digest.to_owned() } else { [kept, "-", digest].concat() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_that_look_alike_have_hosts_of_their_own_and_every_host_is_one() {
        let domain: HostDomain = "Vamp.Example".parse().expect("a domain");
        let long = "x".repeat(80);
        let names =
            ["a", "A", "a_b", "a-b", "a.b", "-a", "a-", "é", "ä", &long, &long[1..], "a/b", "b/a", "a/b/c", "_"];
        let hosts: BTreeSet<String> = names
            .iter()
            .map(|name| domain.host(&name.parse().unwrap_or_else(|error| panic!("{name}: {error}"))))
            .inspect(|host| assert!(is_virtual_host(host) && *host == host.to_ascii_lowercase(), "{host}"))
            .collect();
        assert_eq!(hosts.len(), names.len(), "{hosts:?}");
        assert!(hosts.contains("c.b.a.vamp.example") && hosts.contains("a-b.vamp.example"), "{hosts:?}");
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let long = "a".repeat(61);
        for bad in ["", ".", "a.", ".a", "a..b", "*.a", "a b", "a:80", "$gateway.vamp", &long] {
            assert!(bad.parse::<HostDomain>().is_err(), "{bad}");
        }
    }
}
