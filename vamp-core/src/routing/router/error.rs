//! Why a table cannot be routed by, and why a request goes nowhere.

use std::num::NonZeroU16;

/// Why a [`RoutingTable`](crate::routing::RoutingTable) cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterError {
    /// A condition is HAProxy's own.
    #[error(
        "route `{route}` of `{gateway}`: the condition `{condition}` has a native test, which only HAProxy can evaluate; \
         write it with tests such as `header`, `cookie` or `path`"
    )]
    NativeCondition {
        /// The gateway that decides.
        gateway: String,
        /// The route with the condition, or with the rewrite that has it.
        route: String,
        /// The condition as written.
        condition: String,
    },
    /// Nobody could tell which one is meant.
    #[error("two routes of `{gateway}` have the same name, `{route}`")]
    DoubledRoute {
        /// The gateway that decides.
        gateway: String,
        /// The name.
        route: String,
    },
    /// More than everything.
    #[error("the weights of `{gateway}` sum to more than 100 %")]
    Overweight {
        /// The gateway that decides.
        gateway: String,
    },
    /// Too many gateways stand behind each other.
    #[error("more than {most} gateways stand behind each other, from `{gateway}` on")]
    TooDeep {
        /// The published gateway.
        gateway: String,
        /// How many may.
        most: usize,
    },
    /// Too many different tests of a gateway are shared by several of its routes.
    #[error("`{gateway}` has more than {most} different tests that several of its routes share")]
    TooManyTests {
        /// The published gateway.
        gateway: String,
        /// How many it may have.
        most: usize,
    },
    /// The texts that routes look for do not fit into one search.
    #[error("`{gateway}` looks for too many texts: {reason}")]
    TooManyTexts {
        /// The gateway that decides.
        gateway: String,
        /// What the search says.
        reason: String,
    },
    /// Two gateways want the same port.
    #[error("port {port} of gateway `{gateway}` is already the port of gateway `{other}`")]
    PortTaken {
        /// The one that is refused.
        gateway: String,
        /// The one that has it.
        other: String,
        /// The port.
        port: NonZeroU16,
    },
    /// Two gateways want the same host.
    #[error("host `{host}` of gateway `{gateway}` is already a host of gateway `{other}`")]
    HostTaken {
        /// The one that is refused.
        gateway: String,
        /// The one that has it.
        other: String,
        /// The host.
        host: String,
    },
}

/// Why a request goes nowhere; a proxy answers 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unrouted<'r> {
    /// No gateway has that name, port or host.
    #[error("no gateway has that name, port or host")]
    NoGateway,
    /// No route has a share of this request.
    #[error("no route of gateway `{gateway}` has a share of this request")]
    NoShare {
        /// The gateway that decided last.
        gateway: &'r str,
    },
    /// Nothing lives that could answer.
    #[error("no instance of route `{route}` of gateway `{gateway}` lives, nor of another route with a share")]
    NoneLive {
        /// The gateway that decided last.
        gateway: &'r str,
        /// The route that the request would have taken.
        route: &'r str,
    },
}
