//! [`Cidr`]: a network, or one address.

use std::{
    fmt::{self, Display},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A network of addresses: `10.0.0.0/8`, `2001:db8::/32`, `127.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

/// What [`Cidr::from_str`] says of anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address, or an address and a number of bits, such as 10.0.0.0/8")]
pub struct InvalidCidr;

impl Cidr {
    /// The first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits all addresses share.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether `client` is in it.
    ///
    /// As in HAProxy, an IPv4 address is also looked for as `::ffff:a.b.c.d`, and an IPv6 address that carries an IPv4
    /// address (mapped, compatible or 6to4) also as that.
    #[must_use]
    pub fn contains(&self, client: IpAddr) -> bool {
        match (self.address, client) {
            (IpAddr::V4(network), IpAddr::V4(client)) => self.holds_v4(network, client),
            (IpAddr::V4(network), IpAddr::V6(client)) => carried(client).is_some_and(|v4| self.holds_v4(network, v4)),
            (IpAddr::V6(network), IpAddr::V6(client)) => self.holds_v6(network, client),
            (IpAddr::V6(network), IpAddr::V4(client)) => self.holds_v6(network, client.to_ipv6_mapped()),
        }
    }

    fn holds_v4(&self, network: Ipv4Addr, client: Ipv4Addr) -> bool {
        (network.to_bits() ^ client.to_bits()).leading_zeros() >= u32::from(self.bits)
    }

    fn holds_v6(&self, network: Ipv6Addr, client: Ipv6Addr) -> bool {
        (network.to_bits() ^ client.to_bits()).leading_zeros() >= u32::from(self.bits)
    }
}

/// The IPv4 address inside an IPv6 address.
fn carried(client: Ipv6Addr) -> Option<Ipv4Addr> {
    match client.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidCidr)?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= most).ok_or(InvalidCidr)?
            }
            Some(_) => return Err(InvalidCidr),
        };
        Ok(Self { address: first(address, bits), bits })
    }
}

/// `address` without what follows its first `bits`.
fn first(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !u32::MAX.checked_shr(bits).unwrap_or(0)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::MAX.checked_shr(bits).unwrap_or(0)).into(),
    }
}

impl Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = if self.address.is_ipv4() { 32 } else { 128 };
        match self.bits {
            bits if bits == one => write!(f, "{}", self.address),
            bits => write!(f, "{}/{bits}", self.address),
        }
    }
}
