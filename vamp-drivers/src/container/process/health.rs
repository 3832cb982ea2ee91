//! Tells a healthy instance from a running one.

use std::{io, net::Ipv4Addr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use vamp_core::driver::{HealthProbe, InstanceState, Template};

/// Between two requests until the first success, so that an instance serves soon after it can.
const STARTING: Duration = Duration::from_millis(100);
/// No interval and no timeout is shorter than this.
const SHORTEST: Duration = Duration::from_millis(50);
/// Bytes of an answer that are read: a status line is shorter.
const STATUS_LINE: usize = 256;

/// What one check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet, and why.
    Open(Option<String>),
    Good,
    Bad(String),
}

/// One check of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    probe: HealthProbe,
    /// Ends with the first success: it waits for the instance to listen, nobody asked for more.
    once: bool,
}

/// The checks of an instance: its probes; without any, that each of its ports accepts a connection.
pub(super) fn checks(template: &Template) -> Vec<Check> {
    if !template.health.is_empty() {
        return template.health.iter().map(|probe| Check { probe: probe.clone(), once: false }).collect();
    }
    let listens = |port: &String| HealthProbe {
        port: port.clone(),
        path: None,
        initial_delay: Duration::ZERO,
        timeout: Duration::from_secs(1),
        interval: Duration::from_secs(1),
        failures: u32::MAX,
    };
    template.ports.keys().map(|port| Check { probe: listens(port), once: true }).collect()
}

/// The state of a started instance, by all its checks.
pub(super) fn state(verdicts: &[Verdict]) -> (InstanceState, Option<String>) {
    let bad = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Bad(reason) => Some(reason.clone()),
        _ => None,
    });
    if bad.is_some() {
        return (InstanceState::Unhealthy, bad);
    }
    let open = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Open(reason) => Some(reason.clone()),
        _ => None,
    });
    open.map_or((InstanceState::Healthy, None), |reason| (InstanceState::Running, reason))
}

/// Counts failures in a row.
#[derive(Debug)]
struct Streak {
    good: bool,
    failures: u32,
    since: Option<Instant>,
}

impl Streak {
    fn verdict(&mut self, probe: &HealthProbe, answer: Result<(), String>, now: Instant) -> Verdict {
        let Err(reason) = answer else {
            *self = Self { good: true, failures: 0, since: None };
            return Verdict::Good;
        };
        self.failures = self.failures.saturating_add(1);
        let lasting = now.duration_since(*self.since.get_or_insert(now));
        // As long as so many failures take at the interval: the first requests follow each other faster.
        let enough = probe.interval.saturating_mul(probe.failures.saturating_sub(1));
        if self.failures >= probe.failures && lasting >= enough {
            self.good = false;
            return Verdict::Bad(reason);
        }
        if self.good { Verdict::Good } else { Verdict::Open(Some(reason)) }
    }
}

impl Check {
    /// The name of the port it asks.
    pub(super) fn port(&self) -> &str {
        &self.probe.port
    }

    /// Checks until it is dropped, and tells each new verdict; `before` is what was known when it begins.
    pub(super) async fn watch(self, port: u16, before: Verdict, tell: impl Fn(Verdict) + Send) {
        let Self { mut probe, once } = self;
        probe.interval = probe.interval.max(SHORTEST);
        probe.timeout = probe.timeout.max(SHORTEST);
        let mut streak = Streak { good: before == Verdict::Good, failures: 0, since: None };
        let mut started = streak.good;
        if !started {
            sleep(probe.initial_delay).await;
        }
        let mut last = before;
        loop {
            let verdict = streak.verdict(&probe, ask(&probe, port).await, Instant::now());
            started |= verdict == Verdict::Good;
            if verdict != last {
                tell(verdict.clone());
                last = verdict;
            }
            if once && started {
                return;
            }
            sleep(if started { probe.interval } else { probe.interval.min(STARTING) }).await;
        }
    }
}

/// One request; `Err` is for people.
async fn ask(probe: &HealthProbe, port: u16) -> Result<(), String> {
    let what = match &probe.path {
        Some(path) => format!("GET {path} on port {}", probe.port),
        None => format!("connection to port {}", probe.port),
    };
    match timeout(probe.timeout, request(probe.path.as_deref(), port)).await {
        Err(_) => Err(format!("{what}: no answer within {:?}", probe.timeout)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(format!("{what}: connection refused"))
        }
        Ok(Err(error)) => Err(format!("{what}: {error}")),
        Ok(Ok(None | Some(200..=399))) => Ok(()),
        Ok(Ok(Some(status))) => Err(format!("{what}: status {status}")),
    }
}

/// The status of the answer; `None` without a path: the connection is enough.
async fn request(path: Option<&str>, port: u16) -> io::Result<Option<u16>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let Some(path) = path else { return Ok(None) };
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: vamp\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut limited = stream.take(STATUS_LINE as u64);
    while !answer.contains(&b'\n') && limited.read_buf(&mut answer).await? > 0 {}
    let not_http = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    status(&answer).map(Some).ok_or_else(not_http)
}

/// The number in `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.split(|byte| *byte == b'\r' || *byte == b'\n').next()?).ok()?;
    let mut words = line.strip_prefix("HTTP/1.")?.split(' ');
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> HealthProbe {
        HealthProbe {
            port: "web".to_owned(),
            path: None,
            initial_delay: Duration::ZERO,
            timeout: Duration::from_secs(1),
            interval: Duration::from_secs(2),
            failures: 3,
        }
    }

    #[test]
    fn the_status_is_the_second_word() {
        assert_eq!(status(b"HTTP/1.1 204 No Content\r\nX: y"), Some(204));
        assert_eq!(status(b"HTTP/1.0 503"), Some(503));
        assert_eq!(status(b"SSH-2.0-OpenSSH\r\n"), None);
        assert_eq!(status(b""), None);
    }

    #[test]
    fn only_enough_failures_in_a_row_over_their_time_are_bad() {
        let (probe, begin) = (probe(), Instant::now());
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let fail = || Err("x".to_owned());
        let mut streak = Streak { good: false, failures: 0, since: None };
        assert_eq!(streak.verdict(&probe, fail(), at(0)), Verdict::Open(Some("x".to_owned())));
        assert_eq!(streak.verdict(&probe, Ok(()), at(1)), Verdict::Good);
        for (second, expected) in [(2, Verdict::Good), (3, Verdict::Good), (4, Verdict::Good)] {
            assert_eq!(streak.verdict(&probe, fail(), at(second)), expected, "three failures in two seconds");
        }
        assert_eq!(streak.verdict(&probe, fail(), at(6)), Verdict::Bad("x".to_owned()));
    }

    #[test]
    fn an_instance_is_as_well_as_its_worst_check() {
        let (good, open, bad) = (Verdict::Good, Verdict::Open(None), Verdict::Bad("x".to_owned()));
        assert_eq!(state(&[]), (InstanceState::Healthy, None));
        assert_eq!(state(std::slice::from_ref(&good)), (InstanceState::Healthy, None));
        assert_eq!(state(&[good.clone(), open.clone()]), (InstanceState::Running, None));
        assert_eq!(state(&[good, open, bad]), (InstanceState::Unhealthy, Some("x".to_owned())));
    }
}
