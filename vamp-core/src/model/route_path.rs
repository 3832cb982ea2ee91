//! [`RoutePath`]: where a route leads, as it is written.

use super::{
    GatewayName, Name,
    name::check_segment,
    text::{ParseTextError, serde_as_text},
};
use crate::driver::Address;
use std::{fmt, num::NonZeroU16, str::FromStr};

/// Where a route leads, by the number of segments between slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoutePath {
    /// `gateway`: to a gateway by its name.
    Gateway(Name),
    /// `deployment/port`: to a gateway of a deployment.
    DeploymentPort {
        /// The deployment; in a blueprint the cluster.
        deployment: Name,
        /// The name of the port.
        port: Name,
    },
    /// `deployment/cluster/port`: to the internal gateway of a cluster.
    ClusterPort {
        /// The deployment.
        deployment: Name,
        /// The cluster.
        cluster: Name,
        /// The name of the port.
        port: Name,
    },
    /// `deployment/cluster/service/port`: to the instances of a service.
    Service {
        /// The deployment.
        deployment: Name,
        /// The cluster.
        cluster: Name,
        /// The service, by the name of its breed.
        service: Name,
        /// The name of the port.
        port: Name,
    },
    /// `[host:port]`: to an address; the text between the brackets. See [`RoutePath::address`].
    External(String),
}

impl RoutePath {
    /// The gateway that this path names, when it names one (one to three segments).
    #[must_use]
    pub fn gateway(&self) -> Option<GatewayName> {
        match self {
            Self::Service { .. } | Self::External(_) => None,
            _ => self.to_string().parse().ok(),
        }
    }

    /// The address of an [external](Self::External) path; `None` for other paths and when the text is no address.
    /// An IPv6 host stands in brackets of its own (`[[::1]:8080]`) and is answered without.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        let Self::External(text) = self else { return None };
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse::<NonZeroU16>().ok())??;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
            None => is_host_name(host).then(|| host.to_owned())?,
        };
        Some(Address { host, port })
    }
}

fn is_host_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !text.is_empty()
        && text.len() <= 253
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(allowed)
}

impl FromStr for RoutePath {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("route path", text, reason);
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(|| refuse("the closing `]` is missing"))?;
            if inner.is_empty() || inner.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(refuse("between the brackets stands `host:port`, without blanks"));
            }
            return Ok(Self::External(inner.to_owned()));
        }
        let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
        segments.iter().copied().try_for_each(check_segment).map_err(refuse)?;
        let name = |segment: &str| segment.parse::<Name>();
        match *segments.as_slice() {
            [gateway] => Ok(Self::Gateway(name(gateway)?)),
            [deployment, port] => Ok(Self::DeploymentPort { deployment: name(deployment)?, port: name(port)? }),
            [deployment, cluster, port] => {
                Ok(Self::ClusterPort { deployment: name(deployment)?, cluster: name(cluster)?, port: name(port)? })
            }
            [deployment, cluster, service, port] => Ok(Self::Service {
                deployment: name(deployment)?,
                cluster: name(cluster)?,
                service: name(service)?,
                port: name(port)?,
            }),
            _ => Err(refuse("it has one to four segments, or is an address in brackets such as `[10.0.0.1:8080]`")),
        }
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(name) => write!(f, "{name}"),
            Self::DeploymentPort { deployment, port } => write!(f, "{deployment}/{port}"),
            Self::ClusterPort { deployment, cluster, port } => write!(f, "{deployment}/{cluster}/{port}"),
            Self::Service { deployment, cluster, service, port } => {
                write!(f, "{deployment}/{cluster}/{service}/{port}")
            }
            Self::External(text) => write!(f, "[{text}]"),
        }
    }
}

serde_as_text!(RoutePath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_segments_says_what_a_path_is() {
        let kind = |text: &str| text.parse::<RoutePath>().expect(text);
        assert!(matches!(kind("a"), RoutePath::Gateway(_)));
        assert!(matches!(kind("a/b"), RoutePath::DeploymentPort { .. }));
        assert!(matches!(kind("a/b/c"), RoutePath::ClusterPort { .. }));
        assert!(matches!(kind("a/b/c/d"), RoutePath::Service { .. }));
        assert!(matches!(kind("[a:1]"), RoutePath::External(_)));
        for bad in ["", "/", "a/b/c/d/e", "[a", "a]", "[]", "[a b:1]", "a b"] {
            assert!(bad.parse::<RoutePath>().is_err(), "{bad:?}");
        }
        assert_eq!(kind("/a//b/").to_string(), "a/b");
    }

    #[test]
    fn an_external_path_gives_its_address() {
        let address = |text: &str| text.parse::<RoutePath>().expect(text).address().map(|a| (a.host, a.port.get()));
        assert_eq!(address("[127.0.0.1:9101]"), Some(("127.0.0.1".to_owned(), 9101)));
        assert_eq!(address("[api.example.com:80]"), Some(("api.example.com".to_owned(), 80)));
        assert_eq!(address("[[::1]:80]"), Some(("::1".to_owned(), 80)));
        for none in ["[external/1/2]", "[host]", "[host:0]", "[host:+1]", "[:80]", "[a;b:80]", "[host:70000]", "a/b"] {
            assert_eq!(address(none), None, "{none}");
        }
    }
}
