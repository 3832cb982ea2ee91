//! [`TrustedProxies`]: whose word about a client is taken.

use crate::{condition::Cidr, model::ParseTextError};
use std::{
    fmt,
    net::{IpAddr, SocketAddrV4},
    str::FromStr,
};

/// So many networks at most.
const MOST: usize = 1_024;
/// So many trusted proxies may stand behind each other.
const HOPS: usize = 4;

/// The networks of proxies that may say for whom they ask, written `10.0.0.0/8,192.0.2.7`; nobody by default.
///
/// A proxy appends the address of its own client to `X-Forwarded-For`. So the client is the last address there that is no
/// trusted proxy's; whatever stands further left, anybody may have written.
///
/// ```
/// # use vamp_core::routing::TrustedProxies;
/// let trusted: TrustedProxies = "10.0.0.0/8".parse()?;
/// let client = |peer: &str, header: &str| trusted.client(peer.parse().unwrap(), header.split(',').rev());
/// assert_eq!(client("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2").to_string(), "192.0.2.7");
/// assert_eq!(client("192.0.2.8", "6.6.6.6").to_string(), "192.0.2.8");
/// # Ok::<(), vamp_core::model::ParseTextError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Cidr>);

impl TrustedProxies {
    /// The networks.
    #[must_use]
    pub fn networks(&self) -> &[Cidr] {
        &self.0
    }

    /// Who asks on a connection from `peer`: to be given to [`Request::from_client`](crate::condition::RequestParts::from_client).
    /// `forwarded` are the elements of all `X-Forwarded-For` headers, the last one first. Up to four trusted proxies may
    /// stand behind each other; what is no address ends the search.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl IntoIterator<Item = &'a str>) -> IpAddr {
        let mut said = forwarded.into_iter().take(HOPS).map_while(|text| address(text.trim()));
        let mut client = peer;
        while self.0.iter().any(|network| network.contains(client)) {
            match said.next() {
                Some(next) => client = next,
                None => break,
            }
        }
        client
    }
}

/// With or without a port, as HAProxy reads it: of an IPv6 address the brackets and the port are not known.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddrV4| IpAddr::V4(*with_port.ip())))
}

impl FromStr for TrustedProxies {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("list of trusted proxies", text, reason);
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| part.parse().map_err(|_| refuse("write networks, such as `10.0.0.0/8,192.0.2.7`"));
        let networks: Vec<Cidr> = parts.map(network).collect::<Result<_, _>>()?;
        if networks.len() > MOST {
            return Err(refuse("it has more than 1024 networks"));
        }
        Ok(Self(networks))
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<String> = self.0.iter().map(Cidr::to_string).collect();
        f.write_str(&networks.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxys() {
        let trusted: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().expect("networks");
        for (peer, header, expected) in [
            ("192.0.2.1", "6.6.6.6", "192.0.2.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "6.6.6.6,192.0.2.1:4711", "192.0.2.1"),
            ("fd00::1", "6.6.6.6,2001:db8::1", "2001:db8::1"),
            ("10.0.0.1", "6.6.6.6,192.0.2.1,10.0.0.3, 10.0.0.2", "192.0.2.1"),
            ("10.0.0.1", "6.6.6.6,unknown", "10.0.0.1"),
            ("10.0.0.1", "6.6.6.6,[2001:db8::1]:80", "10.0.0.1"),
            ("10.0.0.1", "6.6.6.6,unknown,10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "6.6.6.6,10.0.0.5,10.0.0.4,10.0.0.3,10.0.0.2", "10.0.0.5"),
        ] {
            let client = trusted.client(peer.parse().expect(peer), header.split(',').rev());
            assert_eq!(client.to_string(), expected, "{peer} {header}");
        }
    }

    #[test]
    fn a_list_reads_as_it_is_written() {
        let trusted: TrustedProxies = " 10.1.2.3/8 , 192.0.2.7,".parse().expect("networks");
        assert_eq!(trusted.to_string(), "10.0.0.0/8,192.0.2.7");
        assert_eq!(TrustedProxies::default().to_string(), "");
        for bad in ["lb.example", "10.0.0.0/33", "10.0.0.0/8 10.0.0.1"] {
            assert!(bad.parse::<TrustedProxies>().is_err(), "{bad}");
        }
    }
}
