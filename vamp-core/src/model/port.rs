//! [`Port`].

use super::text::{ParseTextError, serde_as_text};
use crate::routing::Protocol;
use std::{fmt, num::NonZeroU16, str::FromStr};

/// A port: number and protocol, written `8080/http`, `5432/tcp` or `8080` (HTTP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// `None`, written `0`: whoever opens the port picks a free one.
    pub number: Option<NonZeroU16>,
    /// What is spoken on it.
    pub protocol: Protocol,
}

impl FromStr for Port {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("port", text, reason);
        let (number, protocol) = text.split_once('/').unwrap_or((text, "http"));
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http,
            "tcp" => Protocol::Tcp,
            _ => return Err(refuse("the protocol is `http` or `tcp`")),
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse("write a number, such as `8080`, `8080/http` or `5432/tcp`"));
        }
        let number: u16 = number.parse().map_err(|_| refuse("a port is between 0 and 65535"))?;
        Ok(Self { number: NonZeroU16::new(number), protocol })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Http => "http",
            Protocol::Tcp => "tcp",
        };
        write!(f, "{}/{protocol}", self.number.map_or(0, NonZeroU16::get))
    }
}

serde_as_text!(Port);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_reads_with_and_without_protocol() {
        for (text, shown) in [
            ("8080", "8080/http"),
            ("8080/HTTP", "8080/http"),
            ("5432/tcp", "5432/tcp"),
            ("0", "0/http"),
            ("65535", "65535/http"),
        ] {
            assert_eq!(text.parse::<Port>().expect(text).to_string(), shown);
        }
        for bad in ["", "/", "abc/http", "80/udp", "65536", "-1", "+1", "80/", "8 0"] {
            assert!(bad.parse::<Port>().is_err(), "{bad:?}");
        }
    }
}
