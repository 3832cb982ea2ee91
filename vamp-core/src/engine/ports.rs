//! Ports that gateways get by themselves.

use super::{
    Engine, Failure,
    records::{Present, Update},
    world::World,
};
use crate::{
    Violation,
    model::{Gateway, ParseTextError},
};
use std::{collections::BTreeSet, fmt, num::NonZeroU16, str::FromStr, time::Duration};

/// What failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(2);

/// The numbers that gateways without a port get, written `30000-32767`; both ends belong to them.
///
/// The default lies below the ports that Linux gives to outgoing connections (from 32768 on), which could be in use when
/// a gateway wants to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayPorts {
    first: NonZeroU16,
    last: NonZeroU16,
}

impl Default for GatewayPorts {
    fn default() -> Self {
        let number = |number| NonZeroU16::new(number).unwrap_or(NonZeroU16::MAX);
        Self { first: number(30_000), last: number(32_767) }
    }
}

impl FromStr for GatewayPorts {
    type Err = ParseTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| ParseTextError::new("range of ports", text, reason);
        let (first, last) = text.split_once('-').ok_or_else(|| refuse("write two numbers, such as `30000-32767`"))?;
        let number = |text: &str| text.trim().parse().map_err(|_| refuse("a port is between 1 and 65535"));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(refuse("the first is larger than the last"));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for GatewayPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Gives numbers to gateways that have none: the lowest of the range that no other gateway has or is about to have.
#[derive(Debug)]
pub(super) struct Numbers<'w> {
    world: &'w World,
    range: Option<GatewayPorts>,
    taken: BTreeSet<NonZeroU16>,
    /// Whether `taken` has what is stored: only who needs a number looks through all gateways.
    looked: bool,
}

impl<'w> Numbers<'w> {
    /// Beside those of the stored gateways, and those that are `declared` by what is about to be stored.
    pub(super) fn beside(
        world: &'w World,
        range: Option<GatewayPorts>,
        declared: impl IntoIterator<Item = NonZeroU16>,
    ) -> Self {
        Self { world, range, taken: declared.into_iter().collect(), looked: false }
    }

    /// Whoever has a number keeps it; `path` is where the document says what becomes of the gateway.
    pub(super) fn give(&mut self, gateway: &mut Gateway, before: Option<&Gateway>, path: &str) -> Result<(), Failure> {
        let number = gateway.port.number.or_else(|| before?.port.number);
        gateway.port.number = match (number, self.range) {
            (Some(number), _) => Some(number),
            (None, None) => None,
            (None, Some(range)) => Some(self.lowest(range).ok_or_else(|| full(range, gateway, path))?),
        };
        self.taken.extend(gateway.port.number);
        Ok(())
    }

    fn lowest(&mut self, range: GatewayPorts) -> Option<NonZeroU16> {
        if !std::mem::replace(&mut self.looked, true) {
            let stored = self.world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.values());
            self.taken.extend(stored.filter_map(|gateway| gateway.value.port.number));
        }
        let mut numbers = (range.first.get()..=range.last.get()).filter_map(NonZeroU16::new);
        numbers.find(|number| !self.taken.contains(number))
    }
}

fn full(range: GatewayPorts, gateway: &Gateway, path: &str) -> Failure {
    let message = format!("no port is left for gateway `{}`: all of {range} are taken", gateway.name);
    let hint = "give it a port of its own, remove gateways, or start the server with a larger range of gateway ports";
    Failure::Conflict(Violation::new("NoAvailablePortError", path, message).hint(hint))
}

impl Engine {
    /// See [`Numbers::beside`].
    pub(super) fn numbers<'w>(&self, world: &'w World, declared: impl IntoIterator<Item = NonZeroU16>) -> Numbers<'w> {
        Numbers::beside(world, self.shared.gateway_ports, declared)
    }

    /// Gives numbers to gateways that were stored without: by a server that gave none, or when none was left.
    pub(super) async fn give_ports(&self) {
        self.loaded().await;
        loop {
            let pause = match self.give_all().await {
                Ok(()) => self.shared.settings.resync,
                Err(Failure::Driver(error)) => {
                    tracing::warn!(error = %error.report(), "gateways without a port get none for now; tried again");
                    RETRY
                }
                Err(failure) => {
                    tracing::warn!(%failure, "a gateway stays without a port");
                    self.shared.settings.resync
                }
            };
            self.shared.clock.sleep(pause).await;
        }
    }

    async fn give_all(&self) -> Result<(), Failure> {
        if self.shared.gateway_ports.is_none() || without_port(&self.shared.world.borrow()).is_empty() {
            return Ok(());
        }
        let _structure = self.shared.structure.lock().await;
        let world = self.loaded().await;
        let mut numbers = self.numbers(&world, []);
        for name in without_port(&world) {
            let give = |present: &Present<Gateway>| {
                let Some(mut gateway) = present.readable()?.cloned() else { return Ok(Update::Keep) };
                if gateway.port.number.is_some() {
                    return Ok(Update::Keep);
                }
                numbers.give(&mut gateway, None, "port")?;
                Ok(Update::Put(gateway))
            };
            self.update(&name, None, give).await?;
        }
        Ok(())
    }
}

fn without_port(world: &World) -> Vec<String> {
    let gateways = world.artifacts.iter().flat_map(|artifacts| artifacts.gateways.iter());
    gateways.filter(|(_, gateway)| gateway.value.port.number.is_none()).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Port;

    #[test]
    fn a_range_reads_as_it_is_written() {
        assert_eq!(GatewayPorts::default().to_string(), "30000-32767");
        assert_eq!("30000 - 32767".parse(), Ok(GatewayPorts::default()));
        for bad in ["", "1", "0-5", "2-1", "1-65536", "a-b", "1-2-3"] {
            assert!(bad.parse::<GatewayPorts>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_lowest_number_is_given_that_nobody_has_or_declares() {
        let range = "9050-9052".parse().ok();
        let world = World::default();
        let mut numbers = Numbers::beside(&world, range, NonZeroU16::new(9_051));
        let mut give = |before: Option<&Gateway>, port: &str| {
            let mut gateway = Gateway::new("a".parse().expect("a name"), port.parse().expect("a port"));
            numbers.give(&mut gateway, before, "port").map(|()| gateway.port.to_string())
        };
        let before = Gateway::new("a".parse().expect("a name"), Port { number: NonZeroU16::new(7), ..Port::default() });
        assert_eq!(give(None, "0/tcp").expect("is left"), "9050/tcp");
        assert_eq!(give(None, "80").expect("is its own"), "80/http");
        assert_eq!(give(Some(&before), "0").expect("is kept"), "7/http");
        assert_eq!(give(None, "0").expect("is left"), "9052/http");
        let Err(Failure::Conflict(violation)) = give(None, "0") else { panic!("none is left") };
        assert_eq!((&*violation.code, violation.path.as_str()), ("NoAvailablePortError", "port"));
        assert!(violation.hint.is_some());
    }
}
