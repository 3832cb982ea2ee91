//! [`Ports`]: a free port for each port of an instance.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The ports of this driver's instances, the leaving ones included.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    taken: Mutex<BTreeSet<u16>>,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self { range, taken: Mutex::default() }
    }

    /// A port that no instance of ours has and nobody listens on. The search begins anywhere, so that two drivers on
    /// one host seldom meet.
    pub(super) fn take(&self) -> io::Result<u16> {
        let mut taken = self.lock();
        let (first, count) = (u64::from(*self.range.start()), self.range.len() as u64);
        let begin = RandomState::new().hash_one("port").checked_rem(count).unwrap_or(0);
        let candidates = (0..count).filter_map(|n| u16::try_from(first + (begin + n) % count).ok());
        for port in candidates {
            if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                taken.insert(port);
                return Ok(port);
            }
        }
        let range = format!("no port is free between {} and {}", self.range.start(), self.range.end());
        Err(io::Error::new(ErrorKind::AddrInUse, range))
    }

    /// Takes a port that an instance has already.
    pub(super) fn keep(&self, port: u16) {
        self.lock().insert(port);
    }

    /// Gives ports back, once nothing of their instance is left.
    pub(super) fn release(&self, ports: impl IntoIterator<Item = u16>) {
        let mut taken = self.lock();
        for port in ports {
            taken.remove(&port);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u16>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_listens_on_is_not_given() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let busy = listener.local_addr().unwrap().port();
        assert_eq!(Ports::new(busy..=busy).take().unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_port_is_given_once_until_it_is_released() {
        let ports = Ports::new(20_000..=29_999);
        let first = ports.take().unwrap();
        ports.keep(first);
        let again = Ports { range: first..=first, taken: Mutex::new(ports.lock().clone()) };
        assert_eq!(again.take().unwrap_err().kind(), ErrorKind::AddrInUse, "an instance has it");
        again.release([first]);
        assert!(again.lock().is_empty());
    }
}
