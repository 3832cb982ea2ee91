//! [`HaproxyConfig`].

use super::access::AccessLog;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU16,
    path::PathBuf,
    time::Duration,
};
use vamp_core::routing::TrustedProxies;

/// Which HAProxy to run, where, and within which limits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HaproxyConfig {
    /// The program; by default `haproxy` from the `PATH`, `/usr/local/sbin` or `/usr/sbin`.
    pub program: PathBuf,
    /// Where configuration, maps, socket, log and state are kept. One proxy for one folder.
    pub folder: PathBuf,
    /// The address that gateways listen on; by default loopback.
    pub bind: IpAddr,
    /// The port on that address which gateways share, for requests to their virtual hosts; by default none.
    pub host_port: Option<NonZeroU16>,
    /// Where the certificates are that gateways may name; by default nowhere.
    pub certificates: Option<PathBuf>,
    /// How often the files of certificates are looked at; by default every 5 s.
    pub certificate_check: Duration,
    /// Proxies in front that may say for whom they ask; by default nobody is believed.
    pub trusted_proxies: TrustedProxies,
    /// Where every request is told; by default nowhere.
    pub access_log: Option<AccessLog>,
    /// Connections at the same time, at most; by default 10 000. Fewer when the limit of open files asks for it.
    pub max_connections: u64,
    /// How long a worker that was replaced may finish its connections; by default 15 minutes.
    pub hard_stop_after: Duration,
    /// Structural changes wait while so many workers are leaving; by default 5.
    pub max_leaving_workers: usize,
    /// How long a structural change waits for others to share its reload; by default 200 ms.
    pub coalesce: Duration,
}

impl HaproxyConfig {
    /// The default in this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            program: PathBuf::from("haproxy"),
            folder: folder.into(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host_port: None,
            certificates: None,
            certificate_check: Duration::from_secs(5),
            trusted_proxies: TrustedProxies::default(),
            access_log: None,
            max_connections: 10_000,
            hard_stop_after: Duration::from_secs(15 * 60),
            max_leaving_workers: 5,
            coalesce: Duration::from_millis(200),
        }
    }

    /// Runs this program.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Listens on this address.
    #[must_use]
    pub const fn with_bind(mut self, bind: IpAddr) -> Self {
        self.bind = bind;
        self
    }

    /// Takes requests to virtual hosts on this port.
    #[must_use]
    pub const fn with_host_port(mut self, port: NonZeroU16) -> Self {
        self.host_port = Some(port);
        self
    }

    /// Lets gateways show the certificates in this folder.
    #[must_use]
    pub fn with_certificates(mut self, folder: impl Into<PathBuf>) -> Self {
        self.certificates = Some(folder.into());
        self
    }

    /// Looks at the files of certificates so often.
    #[must_use]
    pub const fn with_certificate_check(mut self, interval: Duration) -> Self {
        self.certificate_check = interval;
        self
    }

    /// Believes these proxies for whom they ask.
    #[must_use]
    pub fn with_trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.trusted_proxies = trusted;
        self
    }

    /// Tells every request there.
    #[must_use]
    pub fn with_access_log(mut self, log: AccessLog) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Where requests to virtual hosts come in.
    pub(super) fn hosts(&self) -> Option<SocketAddr> {
        self.host_port.map(|port| SocketAddr::new(self.bind, port.get()))
    }

    /// Lets a replaced worker finish for so long.
    #[must_use]
    pub const fn with_hard_stop_after(mut self, limit: Duration) -> Self {
        self.hard_stop_after = limit;
        self
    }

    /// Holds structural changes back while so many workers are leaving.
    #[must_use]
    pub const fn with_max_leaving_workers(mut self, limit: usize) -> Self {
        self.max_leaving_workers = limit;
        self
    }

    /// Collects structural changes for so long before a reload.
    #[must_use]
    pub const fn with_coalesce(mut self, window: Duration) -> Self {
        self.coalesce = window;
        self
    }
}
