//! [`GatewayRouter`]: one published gateway, compiled.

use super::{
    choice::{Choice, choices},
    decide::{Found, Walk},
    error::{RouterError, Unrouted},
    program::{Code, FEW, MANY, MOST, Tester},
    routed::Routed,
};
use crate::{
    condition::Request,
    routing::{Gateway, Instance},
};
use std::num::NonZeroU16;

/// A published gateway with all that stands behind it, ready to decide.
#[derive(Debug)]
pub struct GatewayRouter {
    name: Box<str>,
    port: NonZeroU16,
    hosts: Box<[String]>,
    choices: Box<[Choice]>,
    code: Code,
}

impl GatewayRouter {
    /// Compiles a gateway.
    ///
    /// # Errors
    ///
    /// What of it cannot be routed by in this process, above all a native condition.
    pub fn compile(gateway: &Gateway) -> Result<Self, RouterError> {
        let (choices, code) = choices(&gateway.name, &gateway.decision)?;
        let hosts = gateway.virtual_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { name: gateway.name.as_str().into(), port: gateway.port, hosts, choices, code })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port that it listens on, if anything listens for it.
    #[must_use]
    pub const fn port(&self) -> NonZeroU16 {
        self.port
    }

    /// Its virtual hosts, in lower case.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Where this request goes. The seed stands for the request's draws (see [`draw`](super::draw)): the same seed
    /// decides the same. `live` says of an instance that gets new requests whether it can answer.
    ///
    /// # Errors
    ///
    /// Why it goes nowhere.
    #[inline]
    pub fn decide(
        &self,
        request: &impl Request,
        seed: u64,
        live: impl Fn(&Instance) -> bool,
    ) -> Result<Routed<'_>, Unrouted<'_>> {
        let words = (self.code.shared as usize).div_ceil(64);
        let found = if words <= FEW {
            self.walk::<_, _, FEW>(request, seed, &live)
        } else if words <= MANY {
            self.walk::<_, _, MANY>(request, seed, &live)
        } else {
            self.walk::<_, _, MOST>(request, seed, &live)
        };
        match found {
            Found::Live(spot) => Ok(Routed::new(self, spot, seed)),
            Found::Dead(spot) => {
                let dead = Routed::new(self, spot, seed);
                Err(Unrouted::NoneLive { gateway: dead.gateway(), route: dead.route() })
            }
            Found::NoShare(number) => {
                Err(Unrouted::NoShare { gateway: self.choice(number).map_or(&self.name, |choice| &choice.gateway) })
            }
        }
    }

    fn walk<R: Request, L: Fn(&Instance) -> bool, const WORDS: usize>(
        &self,
        request: &R,
        seed: u64,
        live: &L,
    ) -> Found {
        let tester = Tester::<R, WORDS>::new(&self.code, request);
        Walk { gateway: self, tester, seed, live }.choose(0)
    }

    #[inline]
    pub(super) fn choice(&self, number: u32) -> Option<&Choice> {
        self.choices.get(number as usize)
    }
}
