//! The last step: the old version is removed while long responses and streams are open on it.

use crate::{
    canary::{Canary, DEPLOYMENT, Plan, Wanted, set_weight},
    hold::Held,
    problem::Problem,
    report::Drain,
    traffic::VERSIONS,
};
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, interval},
};
use vamp_core::weight::Weight;

const RESPONSES: usize = 5;
const STREAMS: usize = 2;
/// How long a held response takes at least, and at least this much of it must be left when the removal begins.
const RESPONSE_SECONDS: u64 = 8;
const LEFT_SECONDS: u64 = 4;
/// How long after the last response the removal may take.
const TO_GO: Duration = Duration::from_secs(90);

impl Canary<'_> {
    /// Moves all traffic to the new version and removes the old one, with connections open on it from before.
    pub(crate) async fn shift_and_remove(&mut self, share: Weight, old: &str) -> Result<(), Problem> {
        let seconds = RESPONSE_SECONDS.max(self.seconds_to_count() + LEFT_SECONDS);
        let held = Held::open(self.settings.gateway(), VERSIONS[0], RESPONSES, seconds, STREAMS).await?;
        let api = self.api;
        self.step(Plan::shift(share), set_weight(api, share)).await?;

        let instances = self.instances_of_the_old_version().await?;
        let (responses_open, streams_open) = held.still_open();
        let plan = Plan { name: "sava:1.0 removed".to_owned(), wanted: Wanted::All(1.0), may_reload: true };
        let start = self.begin(&plan, api.remove(DEPLOYMENT, old)).await?;
        let removed = Instant::now();

        self.progress.line(&format!(
            "sava:1.0 is leaving: {responses_open} responses of {seconds} s and {streams_open} streams are open on it"
        ));
        let mut stopping = JoinSet::new();
        for &instance in &instances {
            stopping.spawn(stopped(instance, removed + Duration::from_secs(seconds) + TO_GO));
        }
        let (endings, window) = tokio::join!(held.finish(), self.until(&plan, self.settings.requests));
        window?;
        let stops = stopping.join_all().await;
        self.until_forgotten().await?;

        let after = |at: Instant| at.saturating_duration_since(removed).as_secs_f64() * 1_000.0;
        // One that did not stop leaves the last unknown.
        let all: Option<Vec<Instant>> = stops.iter().copied().collect();
        self.report.drain = Some(Drain {
            response_seconds: seconds,
            responses: RESPONSES,
            responses_open_at_removal: responses_open,
            responses_completed: endings.responses.iter().flatten().count(),
            streams: STREAMS,
            streams_open_at_removal: streams_open,
            streams_completed: endings.streams.iter().flatten().count(),
            broken: endings.broken().cloned().collect(),
            last_ended_after_ms: endings.last().map(after),
            instances: instances.len(),
            first_stopped_after_ms: all.as_ref().and_then(|all| all.iter().min().copied()).map(after),
            last_stopped_after_ms: all.as_ref().and_then(|all| all.iter().max().copied()).map(after),
        });
        let window = self.load.traffic.window();
        self.note(plan, start, &window).await
    }

    /// How long the next step will count, as far as the last one tells.
    fn seconds_to_count(&self) -> u64 {
        let rate = self.report.steps.last().map_or(1.0, |step| step.per_second.max(1.0));
        // Requests and rate are small numbers: nothing is lost.
        (self.settings.requests as f64 / rate).ceil() as u64
    }

    async fn instances_of_the_old_version(&self) -> Result<Vec<SocketAddr>, Problem> {
        let deployment = self.api.deployment(DEPLOYMENT).await?.unwrap_or_default();
        let instances = instances(&deployment, "sava:1.0");
        if instances.is_empty() {
            return Err(Problem::new(format!("the deployment shows no instance of sava:1.0: {deployment}")));
        }
        Ok(instances)
    }

    /// Waits until the deployment does not show the old version any more.
    async fn until_forgotten(&self) -> Result<(), Problem> {
        let deadline = Instant::now() + TO_GO;
        let mut every = interval(Duration::from_millis(100));
        loop {
            every.tick().await;
            let deployment = self.api.deployment(DEPLOYMENT).await?.unwrap_or_default();
            if service(&deployment, "sava:1.0").is_none() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Problem::new(format!("sava:1.0 is still in the deployment: {deployment}")));
            }
        }
    }
}

/// When the instance refused a connection; `None` when it never did.
async fn stopped(instance: SocketAddr, deadline: Instant) -> Option<Instant> {
    let mut every = interval(Duration::from_millis(50));
    loop {
        let now = every.tick().await;
        if TcpStream::connect(instance).await.is_err() {
            return Some(Instant::now());
        }
        if now > deadline {
            return None;
        }
    }
}

/// The service of this breed, in any cluster.
fn service<'a>(deployment: &'a Value, breed: &str) -> Option<&'a Value> {
    let clusters = deployment.get("clusters").and_then(Value::as_object)?;
    let mut services = clusters.values().filter_map(|cluster| cluster.get("services")?.as_array()).flatten();
    services.find(|service| service.pointer("/breed/name").or_else(|| service.get("breed")) == Some(&breed.into()))
}

/// Where the instances of the service listen.
fn instances(deployment: &Value, breed: &str) -> Vec<SocketAddr> {
    let found = service(deployment, breed).and_then(|service| service.get("instances")?.as_array());
    let address = |instance: &Value| {
        let host = instance.get("host")?.as_str()?.parse().ok()?;
        let port = instance.get("ports")?.as_object()?.values().next()?;
        let port = port.as_u64().or_else(|| port.as_str()?.split('/').next()?.parse().ok())?;
        Some(SocketAddr::new(host, u16::try_from(port).ok()?))
    };
    found.into_iter().flatten().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment() -> Value {
        json!({ "clusters": { "sava": { "services": [
            { "breed": { "name": "sava:1.0" }, "instances": [
                { "name": "a", "host": "127.0.0.1", "ports": { "web": 4001 }, "deployed": true },
                { "name": "b", "host": "127.0.0.1", "ports": { "web": "4002/http" }, "deployed": true } ] },
            { "breed": { "name": "sava:1.1" }, "instances": [] } ] } } })
    }

    #[test]
    fn the_instances_of_one_version_are_found_with_their_ports() {
        let expected: Vec<SocketAddr> =
            ["127.0.0.1:4001", "127.0.0.1:4002"].iter().map(|text| text.parse().expect("an address")).collect();
        assert_eq!(instances(&deployment(), "sava:1.0"), expected);
        assert!(instances(&deployment(), "sava:1.1").is_empty());
        assert!(instances(&deployment(), "sava:2.0").is_empty());
    }

    #[test]
    fn a_version_that_is_gone_is_not_found() {
        assert!(service(&deployment(), "sava:1.1").is_some());
        assert!(service(&deployment(), "sava:2.0").is_none());
        assert!(service(&Value::Null, "sava:1.0").is_none());
    }
}
