//! Addresses: of hosts that are given by name, and of ports before HAProxy is asked to take them.

use super::{complaint, failure::Failure, values};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpSocket, lookup_host},
    time::timeout,
};
use vamp_core::{ErrorKind, driver::Document};

/// How long the resolver may take for one name.
const LOOKUP: Duration = Duration::from_secs(5);

/// The address of every host of a document that is given by name.
pub(super) async fn resolve(document: &Document) -> Result<BTreeMap<String, IpAddr>, Failure> {
    let servers = values::servers(&document.values).map_err(Failure::invalid)?;
    let hosts: BTreeSet<String> = servers.into_values().map(|server| server.host).collect();
    let mut found = BTreeMap::new();
    for host in hosts {
        if host.parse::<IpAddr>().is_err() {
            found.insert(host.clone(), lookup(&host).await?);
        }
    }
    Ok(found)
}

async fn lookup(host: &str) -> Result<IpAddr, Failure> {
    let answer = match timeout(LOOKUP, lookup_host((host, 0))).await {
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect::<Vec<_>>(),
        Ok(Err(error)) => return Err(Failure::unavailable(format!("host `{host}` does not resolve: {error}"))),
        Err(_) => {
            let reason = format!("host `{host}` does not resolve: no answer within {} s", LOOKUP.as_secs());
            return Err(Failure::new(ErrorKind::TimedOut, reason));
        }
    };
    let preferred = answer.iter().find(|ip| ip.is_ipv4()).or_else(|| answer.first());
    preferred.copied().ok_or_else(|| Failure::unavailable(format!("host `{host}` has no address")))
}

/// Whether a program could listen there now.
pub(super) fn free(address: SocketAddr) -> Result<(), Failure> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Connections that linger after their end do not matter; a listener does.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        // Bound is not listening: nobody can connect to this probe.
        Ok::<(), io::Error>(())
    };
    bind().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(ErrorKind::Conflict, complaint::port_in_use(&address.to_string())),
        io::ErrorKind::PermissionDenied => {
            let port = address.port();
            Failure::new(ErrorKind::Denied, format!("port {port} needs a permission that this user does not have"))
        }
        _ => Failure::invalid(format!("cannot listen on {address}: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_with_a_listener_is_not_free() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let failure = free(address).unwrap_err();
        assert_eq!(failure.reason, format!("port {} is in use by another program", address.port()));
        drop(listener);
        assert!(free(address).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_told() {
        let failure = lookup("no-such-host.invalid").await.unwrap_err();
        assert!(failure.reason.starts_with("host `no-such-host.invalid` does not resolve"), "{failure}");
    }
}
