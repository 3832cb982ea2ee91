//! [`ProcessConfig`]: where the driver keeps its state, and its patience.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

/// How [`ProcessDriver`](super::ProcessDriver) works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessConfig {
    /// Where records and output are kept; made when absent, for this user only. One server at a time uses it.
    pub folder: PathBuf,
    /// The ports that instances get. Below the range that the system takes for outgoing connections (32768 and up), so
    /// that none of those sits on a port before its instance listens.
    pub ports: RangeInclusive<u16>,
    /// How long to wait before an instance that ended is replaced.
    pub backoff: Backoff,
    /// Bytes of one output file before it begins anew; the former part is kept beside it, so that an instance takes
    /// about twice as much.
    pub output_bytes: u64,
    /// How long to wait for a server that is just ending to let go of the folder.
    pub lock_patience: Duration,
}

impl ProcessConfig {
    /// Ports 20000 to 29999, [`Backoff::default`], 8 MiB of output, 5 s of patience.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ports: 20_000..=29_999,
            backoff: Backoff::default(),
            output_bytes: 8 << 20,
            lock_patience: Duration::from_secs(5),
        }
    }
}

/// The time between the end of an instance and its replacement: doubles with each failure in a row.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// Never more than this.
    pub longest: Duration,
    /// An instance that was healthy for so long begins with [`first`](Self::first) again.
    pub forgive_after: Duration,
}

impl Default for Backoff {
    /// Half a second, up to 30 s, forgiven after 60 s.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            forgive_after: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The wait after so many failures before this one.
    pub(super) fn after(&self, failures: u32) -> Duration {
        let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let waits: Vec<u64> = (0..9).map(|n| Backoff::default().after(n).as_millis() as u64).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(Backoff::default().after(u32::MAX), Backoff::default().longest);
    }
}
